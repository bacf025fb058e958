// SPDX-License-Identifier: MIT
// Attaching to a running program and letting it go again: it must notice neither.
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "live/support/live_test.h"

namespace utrace::live {
namespace {

class Attach : public LiveTest {
  protected:
    // utrace attach on `pid`, attached when this returns.
    static Child attach(pid_t pid, const Words& options = {"-e", "count"}) {
        Child child =
            Child::start({.argv = utrace(Words{"attach", "-p", std::to_string(pid)} + options)});
        child.expect_error_text("attached to " + std::to_string(pid));
        return child;
    }
    // Ctrl-C: it detaches and ends with 0.
    static Result interrupt(Child& client) {
        EXPECT_TRUE(client.signal(SIGINT));
        Result result = client.wait();
        EXPECT_TRUE(result.exited(0)) << result.text();
        return result;
    }
    static void expect_untraced(pid_t pid) {
        for (const pid_t tid : thread_ids(pid)) {
            EXPECT_EQ(tracer_pid(tid), 0) << tid;
            EXPECT_NE(status_field(tid, "State").substr(0, 1), "t") << tid;
            EXPECT_NE(status_field(tid, "State").substr(0, 1), "T") << tid;
        }
    }
    // Until every other thread of `pid` was stopped and resumed a few times: it makes counted
    // calls.
    static void expect_progress(pid_t pid) {
        for (const pid_t tid : thread_ids(pid)) {
            if (tid == pid) continue;
            const auto switches = [tid] {
                return std::atol(status_field(tid, "voluntary_ctxt_switches").c_str());
            };
            const long wanted = switches() + 8;
            const std::uint64_t until = sys::now_ns() + kDeadline;
            while (switches() < wanted && sys::now_ns() < until) ::sched_yield();
            EXPECT_GE(switches(), wanted) << tid;
        }
    }
    static Child busy(int threads = 8) {
        Child child = Child::start(
            {.argv = {program("busy_threads"), std::to_string(threads)}, .keep_input = true});
        child.expect_line("ready");
        return child;
    }
    static void expect_good(Child& program) {
        program.send("end\n");
        const Result result = program.wait();
        EXPECT_TRUE(result.exited(0)) << result.text();
        EXPECT_TRUE(result.out.ends_with("good\n")) << result.text();
    }
};

TEST_F(Attach, BusyThreadsRunOnUnharmed) {
    Child target = busy();
    const std::uint64_t text = text_hash(target.pid());
    for (int round = 0; round < 3; ++round) {
        Child client = attach(target.pid());
        for (const pid_t tid : thread_ids(target.pid())) EXPECT_GT(tracer_pid(tid), 0) << tid;
        expect_progress(target.pid());
        const Result result = interrupt(client);
        EXPECT_NE(result.err.find("9 threads, host ptrace"), std::string::npos) << result.err;
        const Counts counts = count_table(result.err);
        EXPECT_GT(calls_of(counts, "getppid"), 0u);
        EXPECT_EQ(counts.at("close").errors, counts.at("close").calls);
        expect_untraced(target.pid());
        EXPECT_EQ(text_hash(target.pid()), text);
    }
    expect_good(target);
}

TEST_F(Attach, CountsExactlyWhatHappensInBetween) {
    Child target =
        Child::start({.argv = {program("busy_threads"), "4", "steps"}, .keep_input = true});
    target.expect_line("ready");
    target.send("1000\n");  // before anybody looks
    target.expect_line("done");
    Child first = attach(target.pid(), {"-e", "count:trace=getuid", "--ring", "16M"});
    target.send("100\n");
    target.expect_line("done");
    Child second = attach(target.pid(), {"-e", "count:trace=getuid", "--ring", "16M"});
    target.send("50\n");
    target.expect_line("done");
    const Result one = interrupt(first);
    target.send("25\n");
    target.expect_line("done");
    const Result two = interrupt(second);
    target.send("1000\n");
    target.expect_line("done");
    EXPECT_EQ(calls_of(count_table(one.err), "getuid"), 4u * 150) << one.err;
    EXPECT_EQ(calls_of(count_table(two.err), "getuid"), 4u * 75) << two.err;
    EXPECT_EQ(one.err.find("UT-ATTACH-06"), std::string::npos) << one.err;
    EXPECT_NE(two.err.find("UT-ATTACH-06"), std::string::npos) << two.err;
    EXPECT_NE(two.err.find("joined the session of keeper"), std::string::npos) << two.err;
    expect_untraced(target.pid());
    expect_good(target);
}

TEST_F(Attach, TwoAtOnceShareOneKeeper) {
    Child target = busy(4);
    Child one = Child::start(
        {.argv = utrace({"attach", "-p", std::to_string(target.pid()), "-e", "count"})});
    Child two = Child::start(
        {.argv = utrace({"attach", "-p", std::to_string(target.pid()), "-e", "count"})});
    one.expect_error_text("attached to");
    two.expect_error_text("attached to");
    EXPECT_EQ(keepers().size(), 1u);
    const std::string texts = interrupt(one).err + interrupt(two).err;
    EXPECT_NE(texts.find("UT-ATTACH-06"), std::string::npos) << texts;
    EXPECT_EQ(count_tables(texts).size(), 2u);
    expect_untraced(target.pid());
    expect_good(target);
}

TEST_F(Attach, EndsWithTheProgram) {
    Child target = busy(2);
    Child client = attach(target.pid());
    expect_progress(target.pid());
    expect_good(target);
    const Result result = client.wait();
    EXPECT_TRUE(result.exited(0)) << result.text();
    EXPECT_GT(calls_of(count_table(result.err), "getppid"), 0u);
}

TEST_F(Attach, ForALimitedTime) {
    Child target = busy(2);
    const Result result = run({.argv = utrace({"attach", "-p", std::to_string(target.pid()), "-e",
                                               "count", "--for", "300ms"})});
    EXPECT_TRUE(result.exited(0)) << result.text();
    EXPECT_GT(calls_of(count_table(result.err), "getppid"), 0u);
    expect_untraced(target.pid());
    expect_good(target);
}

TEST_F(Attach, ZombieLeaderWithLivingThread) {
    Child target =
        Child::start({.argv = {program("zombie_leader"), "200", "wait"}, .keep_input = true});
    target.expect_line("ready");
    Child client = attach(target.pid());
    target.send("go\n");
    const Result program_result = target.wait();
    EXPECT_TRUE(program_result.exited(6)) << program_result.text();
    const Result result = client.wait();
    EXPECT_TRUE(result.exited(0)) << result.text();
    EXPECT_EQ(calls_of(count_table(result.err), "getppid"), 200u);
}

class AttachFollow : public Attach,
                     public ::testing::WithParamInterface<std::pair<const char*, int>> {};

TEST_P(AttachFollow, SeesWhatWasAskedFor) {
    const auto& [follow, expected] = GetParam();
    Child target = Child::start({.argv = {program("follow_me")}, .keep_input = true});
    target.expect_line("ready");
    Child client = attach(target.pid(), {"-e", "count:trace=getuid", "--follow", follow});
    target.send("go\n");
    target.expect_line("end");
    const Result result = interrupt(client);
    EXPECT_EQ(calls_of(count_table(result.err), "getuid"), static_cast<std::uint64_t>(expected))
        << result.err;
    expect_untraced(target.pid());
    target.send("end\n");
    EXPECT_TRUE(target.wait().exited(0));
}

INSTANTIATE_TEST_SUITE_P(Each, AttachFollow,
                         ::testing::Values(std::pair{"none", 11}, std::pair{"threads", 66},
                                           std::pair{"all", 110}, std::pair{"tree", 110}),
                         [](const auto& test) { return std::string(test.param.first); });

// A call the program is blocked in neither fails nor comes back early, at attach and at detach.
class AttachBlocked : public Attach,
                      public ::testing::WithParamInterface<std::pair<const char*, long>> {};

TEST_P(AttachBlocked, CallGoesOn) {
    const auto& [name, nr] = GetParam();
    Child target = Child::start({.argv = {program("bystander"), name, "1500"}, .keep_input = true});
    target.expect_line("ready");
    ASSERT_TRUE(wait_blocked(target.pid(), nr));
    for (int round = 0; round < 2; ++round) {
        Child client = attach(target.pid(), {"-e", "log", "-e", "count", "-o", path("log")});
        interrupt(client);
        EXPECT_EQ(tracer_pid(target.pid()), 0);
    }
    // Attached while the call ends.
    Child client = attach(target.pid(), {"-e", "count"});
    if (nr == SYS_read) target.send("go\n");
    EXPECT_EQ(target.line(), "as asked");
    target.send("end\n");
    EXPECT_TRUE(target.wait().exited(0));
    EXPECT_TRUE(client.wait().exited(0));
}

INSTANTIATE_TEST_SUITE_P(
    Each, AttachBlocked,
    ::testing::Values(std::pair{"read", SYS_read}, std::pair{"poll", SYS_poll},
                      std::pair{"ppoll", SYS_ppoll}, std::pair{"select", SYS_pselect6},
                      std::pair{"nanosleep", SYS_clock_nanosleep},
                      std::pair{"clock_nanosleep", SYS_clock_nanosleep},
                      std::pair{"epoll_wait", SYS_epoll_wait}, std::pair{"futex", SYS_futex},
                      std::pair{"accept", SYS_accept},
                      std::pair{"sigtimedwait", SYS_rt_sigtimedwait},
                      std::pair{"recv", SYS_recvfrom}, std::pair{"wait4", SYS_wait4}),
    [](const auto& test) { return std::string(test.param.first); });

}  // namespace
}  // namespace utrace::live
