// SPDX-License-Identifier: MIT
// Counts are exact: the program says what it did, the table and the log say the same.
#include <sys/stat.h>

#include "live/support/live_test.h"

namespace utrace::live {
namespace {

class Count : public LiveTest {
  protected:
    // The program under a log and a count engine at once.
    void trace(const Words& command, int status = 0) {
        result_ = run({.argv = utrace(Words{"run", "-e", "log", "-e", "count", "--ring", "64M",
                                            "-o", path("log"), "--"} +
                                      command)});
        EXPECT_TRUE(result_.exited(status)) << result_.text();
        counts_ = count_table(result_.err);
        log_ = read_text(path("log"));
        logged_ = logged_calls(log_);
        said_ = said_counts(result_.out);
        EXPECT_EQ(result_.err.find("UT-DROP"), std::string::npos) << result_.err;
    }
    // Each call the program named was counted and logged that often.
    void expect_as_said() {
        EXPECT_FALSE(said_.empty()) << result_.text();
        for (const auto& [name, calls] : said_) {
            EXPECT_EQ(calls_of(counts_, name), calls) << name;
            EXPECT_EQ(logged_[name], calls) << name;
        }
    }

    Result result_;
    Counts counts_;
    std::string log_;
    std::map<std::string, std::uint64_t> logged_, said_;
};

std::size_t occurrences(const std::string& text, const std::string& of) {
    std::size_t n = 0;
    for (auto at = text.find(of); at != text.npos; at = text.find(of, at + of.size())) ++n;
    return n;
}

TEST_F(Count, Loop) {
    trace({program("getppid_loop"), "20000"});
    expect_as_said();
}

TEST_F(Count, Threads) {
    trace({program("threads_calls"), "8", "500"});
    const std::uint64_t failed = said_["failed_close"];
    said_.erase("failed_close");
    expect_as_said();
    EXPECT_EQ(counts_["close"].errors, failed);
    EXPECT_EQ(occurrences(log_, "-1 EBADF (Bad file descriptor)"), failed);
}

TEST_F(Count, ForkExecChain) {
    trace({program("fork_exec_chain"), "12"});
    expect_as_said();
    EXPECT_EQ(occurrences(log_, "+++ exited with 0 +++"), 13u);
}

TEST_F(Count, ForkTree) {
    trace({program("fork_tree"), "3", "4"});
    EXPECT_EQ(said_["getppid"], 85u);
    expect_as_said();
    EXPECT_EQ(occurrences(log_, "+++ exited with 7 +++"), 84u);
}

TEST_F(Count, SpawnStorm) {
    trace({program("spawn_storm"), "25"});
    EXPECT_EQ(said_["good"], 50u);
    said_.erase("good");
    expect_as_said();
    EXPECT_EQ(calls_of(counts_, "vfork"), 25u);
    EXPECT_EQ(calls_of(counts_, "clone") + calls_of(counts_, "clone3"), 25u);
}

TEST_F(Count, Signals) {
    trace({program("all_signals"), "5"});
    std::uint64_t signals = 0;
    for (auto at = said_.begin(); at != said_.end();) {
        const bool signal = at->first.starts_with("signal_");
        if (signal) {
            EXPECT_EQ(at->second, 5u) << at->first;
        }
        signals += signal ? at->second : 0;
        at = signal ? said_.erase(at) : std::next(at);
    }
    EXPECT_EQ(signals, 300u);
    expect_as_said();
    EXPECT_EQ(occurrences(log_, "--- SIG"), 300u);
    EXPECT_EQ(occurrences(log_, "--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_TKILL"), 5u);
}

TEST_F(Count, ExecOfAThread) {
    trace({program("exec_thread")}, 5);
    EXPECT_EQ(result_.out, "pid kept 1\nleader 1\n");
    EXPECT_EQ(calls_of(counts_, "execve"), 2u);
    EXPECT_EQ(occurrences(log_, "+++ superseded by execve in pid "), 1u);
}

TEST_F(Count, ZombieLeader) {
    trace({program("zombie_leader"), "300"}, 6);
    expect_as_said();
}

TEST_F(Count, ThousandThreads) {
    const Result result = run({.argv = utrace({"run", "-e", "count", "--ring", "64M", "--",
                                               program("threads_calls"), "1000", "10"})});
    EXPECT_TRUE(result.exited(0)) << result.text();
    EXPECT_EQ(result.out, "getppid 10000\nfailed_close 5000\n");
    const Counts counts = count_table(result.err);
    EXPECT_EQ(calls_of(counts, "getppid"), 10000u);
    EXPECT_EQ(counts.at("close").errors, 5000u);
    EXPECT_EQ(calls_of(counts, "clone") + calls_of(counts, "clone3"), 1000u);
}

// The daemon outlives the program: utrace waits for it, its calls count.
TEST_F(Count, OrphanedDaemon) {
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    Child child = Child::start(
        {.argv = utrace({"run", "-e", "count", "--", program("orphan"), path("fifo"), "150"})});
    const Result reader = run({.argv = {"cat", path("fifo")}});
    EXPECT_EQ(reader.out, "done\n");
    const Result result = child.wait();
    EXPECT_TRUE(result.exited(4)) << result.text();
    EXPECT_EQ(calls_of(count_table(result.err), "getppid"), 150u);
}

TEST_F(Count, FourEnginesAgree) {
    const Result result =
        run({.argv = utrace({"run", "-e", "log:o=" + path("a"), "-e", "count:o=" + path("b"), "-e",
                             "log:o=" + path("c"), "-e", "count:o=" + path("d"), "--ring", "64M",
                             "--", program("fork_exec_chain"), "5"})});
    EXPECT_TRUE(result.exited(0)) << result.text();
    EXPECT_EQ(result.err, "");
    const auto said = said_counts(result.out);
    EXPECT_EQ(said.at("getppid"), 18u);
    const auto first = logged_calls(read_text(path("a")));
    EXPECT_EQ(first, logged_calls(read_text(path("c"))));
    const Counts table = count_table(read_text(path("b")));
    EXPECT_EQ(table, count_table(read_text(path("d"))));
    for (const auto& [name, calls] : said) {
        EXPECT_EQ(calls_of(table, name), calls) << name;
        EXPECT_EQ(first.at(name), calls) << name;
    }
    EXPECT_EQ(read_text(path("a")), read_text(path("c")));
}

TEST_F(Count, OnlyTheCallsAskedFor) {
    const Result result = run({.argv = utrace({"run", "-e", "count:trace=getppid+wait4", "--",
                                               program("fork_exec_chain"), "3"})});
    const Counts counts = count_table(result.err);
    EXPECT_EQ(counts.size(), 2u) << result.err;
    EXPECT_EQ(calls_of(counts, "getppid"), 12u);
    EXPECT_EQ(calls_of(counts, "wait4"), 3u);
}

}  // namespace
}  // namespace utrace::live
