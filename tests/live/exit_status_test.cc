// SPDX-License-Identifier: MIT
// The exit status and the streams of the program are the user's: utrace hands them on as they are.
#include <signal.h>

#include <random>

#include "live/support/live_test.h"

namespace utrace::live {
namespace {

const Words kQuiet = {"run", "-e", "count", "-o", "/dev/null", "--"};

class ExitStatus : public LiveTest {
  protected:
    static Result traced(const std::string& script) {
        return run({.argv = utrace(kQuiet + Words{"sh", "-c", script})});
    }
};

TEST_F(ExitStatus, IsTheProgramsOwn) {
    for (const int code : {0, 1, 42, 255}) {
        const Result result = traced("exit " + std::to_string(code));
        EXPECT_TRUE(result.exited(code)) << result.text();
        EXPECT_EQ(result.out + result.err, "");
    }
}

TEST_F(ExitStatus, DiesOfTheSameSignal) {
    for (const int signo :
         {SIGTERM, SIGSEGV, SIGKILL, SIGABRT, SIGINT, SIGPIPE, SIGUSR1, SIGRTMIN}) {
        const Result result = traced("ulimit -c 0; kill -" + std::to_string(signo) + " $$");
        EXPECT_TRUE(result.killed(signo)) << signo << ": " << result.text();
    }
}

TEST_F(ExitStatus, CommandNotFound) {
    for (const Words& words :
         {Words{"run", "--", "no-such-command-here"}, Words{"no-such-command-here"},
          Words{"run", "--", "/no/such/file"}}) {
        const Result result = run({.argv = utrace(words)});
        EXPECT_TRUE(result.exited(127)) << result.text();
        EXPECT_NE(result.err.find(words.size() == 1 ? "UT-USAGE-02" : "UT-RUN-01"),
                  std::string::npos)
            << result.err;
    }
}

TEST_F(ExitStatus, CommandNotExecutable) {
    write_text(path("plain"), "#!/bin/sh\nexit 0\n", 0644);
    write_text(path("noise"), "\x01\x02\x03 no program\n", 0755);
    for (const std::string& file : {path("plain"), path("noise"), dir()}) {
        const Result result = run({.argv = utrace({"run", "--", file})});
        EXPECT_TRUE(result.exited(126)) << result.text();
        EXPECT_NE(result.err.find("UT-RUN-02"), std::string::npos) << result.err;
    }
}

TEST_F(ExitStatus, BadUsage) {
    for (const Words& words :
         {Words{"run", "--no-such-option", "--", "true"}, Words{"run"}, Words{"attach"},
          Words{"attach", "-p", "abc"}, Words{"run", "-e", "no-such-engine", "--", "true"},
          Words{"run", "-e", "trace=no_such_call", "--", "true"}}) {
        const Result result = run({.argv = utrace(words)});
        EXPECT_TRUE(result.exited(124)) << result.text();
        EXPECT_NE(result.err.find("[UT-"), std::string::npos) << result.err;
    }
}

std::string noise(std::size_t size) {
    std::mt19937 random(4711);  // the same bytes each time
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
}

TEST_F(ExitStatus, BinaryDataGoThroughUntouched) {
    const std::string bytes = noise(3 << 20);
    const Result result = run({.argv = utrace(kQuiet + Words{"cat"}), .input = bytes});
    EXPECT_TRUE(result.exited(0)) << result.err;
    EXPECT_TRUE(result.out == bytes) << result.out.size() << " of " << bytes.size() << " bytes";
    EXPECT_EQ(result.err, "");
}

TEST_F(ExitStatus, ProgramsErrorOutputIsItsOwn) {
    const std::string bytes = noise(1 << 16);
    const Result result =
        run({.argv = utrace(kQuiet + Words{"sh", "-c", "cat >&2"}), .input = bytes});
    EXPECT_TRUE(result.exited(0));
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.err == bytes) << result.err.size() << " of " << bytes.size() << " bytes";
}

TEST_F(ExitStatus, LogToFileTableToStderr) {
    const Result bare = run({.argv = {"bash", "-c", "ls /usr | wc -l"}});
    const Result result = run({.argv = utrace({"-e", "log", "-e", "count", "-o", path("t.log"),
                                               "--", "bash", "-c", "ls /usr | wc -l"})});
    EXPECT_TRUE(result.exited(0)) << result.text();
    EXPECT_EQ(result.out, bare.out);
    const std::string log = read_text(path("t.log"));
    EXPECT_NE(log.find("+++ exited with 0 +++"), std::string::npos);
    EXPECT_EQ(result.err.find("+++"), std::string::npos);
    // What the table says and what the log shows are the same calls.
    const Counts counts = count_table(result.err);
    const auto logged = logged_calls(log);
    EXPECT_EQ(calls_of(counts, "execve"), 3u);
    for (const auto& [name, row] : counts) {
        const auto at = logged.find(name);
        ASSERT_NE(at, logged.end()) << name;
        EXPECT_EQ(row.calls, at->second) << name;
    }
}

TEST_F(ExitStatus, LogToStdoutAndStderr) {
    const Result to_stdout = run({.argv = utrace({"-o", "-", "--", "true"})});
    EXPECT_NE(to_stdout.out.find("+++ exited with 0 +++"), std::string::npos) << to_stdout.text();
    EXPECT_EQ(to_stdout.err, "");
    const Result to_stderr = run({.argv = utrace({"true"})});
    EXPECT_NE(to_stderr.err.find("+++ exited with 0 +++"), std::string::npos) << to_stderr.text();
    EXPECT_EQ(to_stderr.out, "");
}

}  // namespace
}  // namespace utrace::live
