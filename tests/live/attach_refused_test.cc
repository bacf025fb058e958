// SPDX-License-Identifier: MIT
// What cannot be attached: the message says why, the status is 125, nobody is harmed.
#include <signal.h>
#include <unistd.h>

#include "live/support/live_test.h"

namespace utrace::live {
namespace {

class Refused : public LiveTest {
  protected:
    static void expect_refused(pid_t pid, const Words& texts) {
        const Result result =
            run({.argv = utrace({"attach", "-p", std::to_string(pid), "-e", "count"})});
        EXPECT_TRUE(result.exited(125)) << result.text();
        for (const std::string& text : texts)
            EXPECT_NE(result.err.find(text), std::string::npos) << text << " in:\n" << result.err;
        EXPECT_TRUE(count_tables(result.err).empty()) << result.err;
    }
    static Child busy() {
        Child child = Child::start({.argv = {program("busy_threads"), "2"}, .keep_input = true});
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

TEST_F(Refused, NoSuchProcess) {
    // The number of a process that has just been reaped.
    Child gone = Child::start({.argv = {"true"}});
    const pid_t pid = gone.pid();
    gone.wait();
    expect_refused(pid, {"UT-ATTACH-01", "no such process"});
}

TEST_F(Refused, ThreadId) {
    Child target = busy();
    for (const pid_t tid : thread_ids(target.pid())) {
        if (tid == target.pid()) continue;
        expect_refused(
            tid, {"UT-ATTACH-01", "it is a thread of process " + std::to_string(target.pid())});
        EXPECT_EQ(tracer_pid(tid), 0);
    }
    expect_good(target);
}

TEST_F(Refused, Zombie) {
    // Its parent, this shell, does not wait for it before it gets a line.
    Child parent = Child::start(
        {.argv = {"perl", "-e", "$|=1; $p = fork; exit 0 if !$p; print \"$p\\n\"; <STDIN>; wait"},
         .keep_input = true});
    const pid_t zombie = std::atoi(parent.line().c_str());
    ASSERT_GT(zombie, 0);
    ASSERT_TRUE(wait_zombie(zombie));
    expect_refused(zombie,
                   {"UT-ATTACH-02", "zombie", "its parent " + std::to_string(parent.pid())});
    parent.send("end\n");
    EXPECT_TRUE(parent.wait().exited(0));
}

// A client would wait for the keeper while the keeper is stopped for the client.
TEST_F(Refused, KeeperTogetherWithItsProcess) {
    Child target = busy();
    const std::string pid = std::to_string(target.pid());
    Child client = Child::start({.argv = utrace({"attach", "-p", pid, "-e", "count"})});
    client.expect_error_text("attached to");
    const auto ours = keepers();
    ASSERT_EQ(ours.size(), 1u);
    const std::string keeper = std::to_string(ours.front());
    for (const std::string& both : {pid + "," + keeper, keeper + "," + pid}) {
        const Result result = run({.argv = utrace({"attach", "-p", both, "-e", "count"})});
        EXPECT_TRUE(result.exited(125)) << result.text();
        EXPECT_NE(result.err.find("cannot attach to " + keeper), std::string::npos) << result.err;
        // A keeper is not dumpable: without root the kernel has refused it before we looked.
        const bool refused_first = ::geteuid() != 0 && both.starts_with(keeper);
        const char* id = refused_first ? "UT-ATTACH-05" : "UT-ATTACH-02";
        EXPECT_NE(result.err.find(id), std::string::npos) << result.err;
        EXPECT_EQ(tracer_pid(target.pid()), ours.front());
        EXPECT_EQ(tracer_pid(ours.front()), 0);
    }
    EXPECT_TRUE(client.signal(SIGINT));
    EXPECT_TRUE(client.wait().exited(0));
    expect_good(target);
}

TEST_F(Refused, TracedByStrace) {
    if (!run({.argv = {"strace", "-V"}}).exited(0)) GTEST_SKIP() << "strace is not installed";
    Child target = busy();
    Child strace = Child::start(
        {.argv = {"strace", "-f", "-o", "/dev/null", "-p", std::to_string(target.pid())}});
    strace.expect_error_text("attached");
    expect_refused(target.pid(), {"UT-ATTACH-03", "it is traced by strace (pid " +
                                                      std::to_string(strace.pid()) + ")"});
    EXPECT_EQ(tracer_pid(target.pid()), strace.pid());
    strace.signal(SIGINT);
    strace.wait();
    EXPECT_EQ(tracer_pid(target.pid()), 0);
    expect_good(target);
}

TEST_F(Refused, TracedByGdb) {
    if (!run({.argv = {"gdb", "--version"}}).exited(0)) GTEST_SKIP() << "gdb is not installed";
    Child target = busy();
    Child gdb = Child::start(
        {.argv = {"gdb", "-nx", "-q", "-p", std::to_string(target.pid()), "-ex", "shell echo held",
                  "-ex", "shell read line", "-ex", "detach", "-ex", "quit"},
         .keep_input = true});
    ASSERT_TRUE(gdb.expect_line("held"));
    expect_refused(target.pid(),
                   {"UT-ATTACH-03", "it is traced by gdb (pid " + std::to_string(gdb.pid()) + ")"});
    EXPECT_EQ(tracer_pid(target.pid()), gdb.pid());
    gdb.send("go on\n");
    EXPECT_TRUE(gdb.wait().exited(0));
    EXPECT_EQ(tracer_pid(target.pid()), 0);
    expect_good(target);
}

// A second tracer of the kernel's kind is refused by the kernel while we hold the process, and the
// session does not mind.
TEST_F(Refused, StraceUnderUsIsToldNo) {
    if (!run({.argv = {"strace", "-V"}}).exited(0)) GTEST_SKIP() << "strace is not installed";
    Child target = busy();
    Child client = Child::start(
        {.argv = utrace({"attach", "-p", std::to_string(target.pid()), "-e", "count"})});
    client.expect_error_text("attached to");
    const Result strace = run({.argv = {"strace", "-p", std::to_string(target.pid())}});
    EXPECT_TRUE(strace.exited(1)) << strace.text();
    EXPECT_NE(strace.err.find("Operation not permitted"), std::string::npos) << strace.err;
    client.signal(SIGINT);
    EXPECT_TRUE(client.wait().exited(0));
    expect_good(target);
}

}  // namespace
}  // namespace utrace::live
