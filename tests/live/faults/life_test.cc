// SPDX-License-Identifier: MIT
// Births, changes and ends of tasks in numbers and orders that break careless tracers.
#include <signal.h>

#include <filesystem>
#include <regex>
#include <sstream>

#include "base/proc.h"
#include "base/sys.h"
#include "live/faults/fault_test.h"

namespace utrace::live {
namespace {

class Life : public Fault {
  protected:
    Spawn attaching(pid_t pid) {
        return {.argv = utrace({"attach", "--stats", "--ring", "32M", "-o", path("log"), "-e",
                                "trace=clone,clone3,prctl,getppid", "-e", "signal=none", "-p",
                                std::to_string(pid)})};
    }
    static std::string number(unsigned n) { return std::to_string(n); }
};

TEST_F(Life, F33_ExecByThread) {
    for (unsigned i = 0; i < repetitions(1000) && !HasFailure(); ++i) {
        const Lives lives = expect_same(mode({"exec-generations", "5", "100"}));
        // Each generation makes 100 threads. The leader's id changes hands once; all others end,
        // those of the caller's own old id excepted, which lives on under the leader's.
        EXPECT_EQ(lives.births, 500u);
        EXPECT_EQ(lives.superseded, 5u);
        EXPECT_EQ(lives.ends + lives.superseded, 501u);
    }
}

TEST_F(Life, F34_ExecStorm) {
    const unsigned many = repetitions(60'000) / 2;
    const Lives lives = expect_same(mode({"exec-storm", number(many)}));
    EXPECT_EQ(lives.births, many);
    EXPECT_EQ(lives.ends, many + 1);
}

TEST_F(Life, F35_Vfork) {
    const unsigned each = long_set() ? 1000 : 25;
    const Lives lives = expect_same(mode({"vfork", "4", number(each)}));
    EXPECT_EQ(lives.births, 4 * each + 4);
    EXPECT_EQ(lives.ends, 4 * each + 5);
}

TEST_F(Life, F36_ThreadStorm) {
    const unsigned many = repetitions(320'000);
    const Lives lives = expect_same(mode({"threads", number(many)}));
    EXPECT_EQ(lives.births, many);
    EXPECT_EQ(lives.ends, many + 1);
}

TEST_F(Life, F37_AttachToManyThreads) {
    const unsigned many = repetitions(10'000) * (long_set() ? 1 : 5);
    Spawn spawn{.argv = mode({"crowd", number(many)})};
    spawn.keep_input = true;
    Child child = Child::start(std::move(spawn));
    ASSERT_TRUE(child.expect_line("begin"));
    Child client = Child::start(attaching(child.pid()));
    ASSERT_TRUE(client.expect_error_text("attached"));
    for (const pid_t tid : thread_ids(child.pid())) EXPECT_GT(tracer_pid(tid), 0) << tid;
    child.send("g");
    ASSERT_TRUE(child.expect_line("done"));
    client.signal(SIGTERM);
    const Result observed = client.wait();
    expect_untraced(child.pid());
    child.send("g");
    const Result got = child.wait();
    EXPECT_TRUE(got.exited(0)) << got.text();
    EXPECT_NE(got.out.find("\nok " + number(many)), std::string::npos) << got.text();
    EXPECT_NE(observed.err.find(", 0 lost"), std::string::npos) << observed.err;
    const Lives lives = lives_of(log());
    EXPECT_EQ(lives.marks.size(), many);
    for (const auto& [mark, times] : lives.marks) EXPECT_EQ(times, 1u) << mark;
    EXPECT_EQ(lives.ends, many);
}

TEST_F(Life, F38_AttachIntoStorm) {
    constexpr unsigned kChains = 4;
    for (unsigned i = 0; i < repetitions(1000) && !HasFailure(); ++i) {
        Spawn spawn{.argv = mode({"chains", number(kChains)})};
        spawn.keep_input = true;
        Child child = Child::start(std::move(spawn));
        ASSERT_TRUE(child.expect_line("begin"));
        wait_random(5'000'000);
        Child client = Child::start(attaching(child.pid()));
        ASSERT_TRUE(client.expect_error_text("attached"));
        child.send("g");
        const Result got = child.wait();
        EXPECT_TRUE(got.exited(0)) << got.text();
        const Result observed = client.wait();
        EXPECT_NE(observed.err.find(", 0 lost"), std::string::npos) << observed.err;
        // Each chain is one life handed on: who misses a link does not see its end.
        const Lives lives = lives_of(log());
        ASSERT_EQ(lives.marks.size(), kChains + 1);
        for (const auto& [mark, times] : lives.marks) EXPECT_EQ(times, 1u) << mark;
    }
}

TEST_F(Life, F39_LeaderExitsFirst) {
    const Words command = mode({"leader-exits"});
    const Result& wanted = bare(command, "ggg");
    expect_same(command, {}, "ggg");
    for (unsigned i = 0; i < repetitions(500) && !HasFailure(); ++i) {
        Spawn spawn{.argv = command};
        spawn.keep_input = true;
        Child child = Child::start(std::move(spawn));
        ASSERT_TRUE(child.expect_line("begin"));
        ASSERT_EQ(status_field(child.pid(), "State").front(), 'Z');
        Child client = Child::start(attaching(child.pid()));
        ASSERT_TRUE(client.expect_error_text("attached"));
        child.send("g");
        ASSERT_TRUE(child.expect_line("step"));
        client.signal(SIGTERM);
        const Result observed = client.wait();
        EXPECT_EQ(logged_calls(log())["getppid"], 20u) << observed.text() << log();
        for (const pid_t tid : thread_ids(child.pid())) EXPECT_LE(tracer_pid(tid), 0) << tid;
        child.send("g");
        ASSERT_TRUE(child.expect_line("step"));
        Child again = Child::start(attaching(child.pid()));
        ASSERT_TRUE(again.expect_error_text("attached"));
        child.send("g");
        const Result got = child.wait();
        EXPECT_EQ(got.status, wanted.status) << got.text();
        EXPECT_EQ(got.out, wanted.out);
        again.wait();
    }
}

TEST_F(Life, F40_ExitGroupInAnyStop) {
    const unsigned many = long_set() ? 2000 : 60;
    expect_same(mode({"exit-group", number(many)}));
    expect_same(mode({"exit-group", number(many)}), {"-e", "signal=all", "-e", "trace=all"});
}

// A pid namespace of our own, in which the numbers come round quickly.
TEST_F(Life, F41_IdentitiesUnderPidReuse) {
    if (!is_root()) GTEST_SKIP() << "needs root for a pid namespace with a small pid_max";
    if (!has_tool("unshare")) GTEST_SKIP() << "needs the tool unshare";
    allow_dead_sockets();  // the keeper may end with its namespace
    // Numbers below 300 are not given out again, so 20 are left.
    // kernel.pid_max belongs to the pid namespace since Linux 6.14: changed only if it does not
    // change ours.
    const std::string before = read_text("/proc/sys/kernel/pid_max");
    const Words alone{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"};
    const std::string set =
        "case $(uname -r) in [0-5].*|6.[0-9].*|6.1[0-3].*) exit 77;; esac\n"
        "echo 320 > /proc/sys/kernel/pid_max || exit 77\n";
    const Result probe = run({.argv = alone + Words{set + "exit 0"}});
    ASSERT_EQ(read_text("/proc/sys/kernel/pid_max"), before);
    if (!probe.exited(0)) GTEST_SKIP() << "needs a pid_max of each pid namespace (Linux 6.14)";
    const unsigned many = repetitions(100'000);
    const Result got = run(
        {.argv = alone + Words{set + utrace_path() + " run --stats --ring 32M -o " + path("log") +
                               " -e trace=clone,clone3,getpid -e signal=none -- " +
                               program("fault_program") + " identities " + number(many)}});
    EXPECT_TRUE(got.exited(0)) << got.text();
    EXPECT_EQ(got.out, bare(mode({"identities", number(many)})).out);
    EXPECT_NE(got.err.find(", 0 lost"), std::string::npos) << got.err;
    EXPECT_EQ(read_text("/proc/sys/kernel/pid_max"), before);
    std::map<std::string, std::uint64_t> seen;
    static const std::regex own(R"(^(\d+) +getpid\(\)\s+= (\d+)$)");
    static const std::regex end(R"(^(\d+) +\+\+\+ exited with (\d+) \+\+\+$)");
    std::istringstream lines(log());
    for (std::string line; std::getline(lines, line);) {
        std::smatch found;
        if (std::regex_match(line, found, own)) {
            EXPECT_EQ(found[1], found[2]) << line;
            ++seen["getpid"];
        } else if (std::regex_match(line, found, end)) {
            ++seen["end"];
            if (found[2] != "0") {
                EXPECT_EQ(std::stol(found[1]) % 199, std::stol(found[2])) << line;
            }
        }
    }
    EXPECT_EQ(seen["getpid"], many);
    EXPECT_EQ(seen["end"], many + 1);
}

TEST_F(Life, F42_OrphansAndWaits) {
    const unsigned many = long_set() ? 1000 : 20;
    const Lives lives = expect_same(mode({"orphans", number(many)}));
    EXPECT_EQ(lives.births, 5 * many);
    EXPECT_EQ(lives.ends, 5 * many + 1);
}

TEST_F(Life, F43_Daemons) {
    const unsigned many = long_set() ? 1000 : 20;
    const Lives lives = expect_same(mode({"daemon", number(many)}));
    EXPECT_EQ(lives.births, 5 * many);
    EXPECT_EQ(lives.ends, 5 * many + 1);
}

TEST_F(Life, F44_NamespacesAndProc) {
    const Words command = mode({"namespaces"});
    const Result probe = run({.argv = command});
    if (!probe.exited(0))
        GTEST_SKIP() << "needs user namespaces with mounts; bare: " << probe.text();
    const Lives lives = expect_same(command);
    EXPECT_EQ(lives.births, 44u);
    EXPECT_EQ(lives.ends, 45u);
}

// utrace itself without /proc: it works or says why not, and the program is not half started.
TEST_F(Life, F44_KeeperWithoutProc) {
    if (!is_root()) GTEST_SKIP() << "needs root to hide /proc";
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers need /proc themselves";
#endif
    const Result probe = run({.argv = {"unshare", "-m", "true"}});
    if (!probe.exited(0)) GTEST_SKIP() << "needs a mount namespace; bare: " << probe.text();
    const Words command{"unshare", "-m", "sh", "-c",
                        "mount -t tmpfs none /proc && exec " + utrace_path() + " run -o " +
                            path("log") + " -- touch " + path("ran")};
    const Result got = run({.argv = command});
    if (got.exited(0)) {
        EXPECT_NE(log().find("+++ exited with 0 +++"), std::string::npos) << log();
    } else {
        // 125: nothing ran, and a message with its id says that something is missing.
        EXPECT_TRUE(got.exited(125)) << got.text();
        EXPECT_NE(got.err.find("[UT-"), std::string::npos) << got.text();
        EXPECT_FALSE(std::filesystem::exists(path("ran")));
    }
}

TEST_F(Life, F45_ContainerStart) {
    if (!has_tool("bwrap")) GTEST_SKIP() << "needs the tool bwrap";
    const Words command =
        Words{"bwrap",         "--bind",        "/", "/", "--dev", "/dev", "--proc", "/proc",
              "--unshare-pid", "--unshare-ipc", "--"} +
        mode({"work", "20"});
    const Result probe = run({.argv = command});
    if (!probe.exited(17)) GTEST_SKIP() << "bwrap does not run here: " << probe.text();
    const Lives lives = expect_same(command);
    EXPECT_EQ(lives.births + 1, lives.ends);
}

}  // namespace
}  // namespace utrace::live
