// SPDX-License-Identifier: MIT
// what:     the fixture of the fault tests: bare and traced runs of fault_program, random moments.
// who:      test bodies; one test at a time in a process.
// lifetime: that of the test; LiveTest checks at the end that nothing is left behind.
// cost:     a bare run per kind of program, and the runs themselves.
// see:      docs/design/0001-architecture.md, "Tests".
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "live/support/live_test.h"

namespace utrace::live {

/// UTRACE_TEST_LONG is set: every scenario with its full count.
bool long_set();
/// `full` in the long set, a hundredth of it (at least 1) in the quick one.
unsigned repetitions(unsigned full);

/// What the log of a whole run says about lives.
struct Lives {
    std::uint64_t births = 0;        ///< calls that made a task
    std::uint64_t ends = 0;          ///< exits and deaths by signal
    std::uint64_t superseded = 0;    ///< leaders replaced by an execve
    std::map<long, unsigned> marks;  ///< marked calls (programs/threads.c) by their number
};
Lives lives_of(const std::string& log);

class Fault : public LiveTest {
  protected:
    void SetUp() override;

    /// fault_program with a mode and its numbers.
    static Words mode(Words words);
    /// Stdout and status of the run without us.
    const Result& bare(const Words& command, const std::string& input = {});
    /// utrace run with the log in path("log") and `options` in front of `command`.
    Spawn traced(const Words& command, const Words& options = {});
    /// Bare and traced must agree; nothing may be lost. The lives that the log tells.
    Lives expect_same(const Words& command, const Words& options = {},
                      const std::string& input = {});
    std::string log() const { return read_text(path("log")); }

    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    /// Lets a random time go by, at most `limit_ns`: the fault comes at any moment of a run.
    void wait_random(std::uint64_t limit_ns);

    /// The keeper and the program that the client `pid` started; the test fails when there is none.
    struct Family {
        pid_t keeper = 0, program = 0;
    };
    Family family_of(pid_t client);
    /// Waits until the process is traced by nobody (or gone); fails the test at the deadline.
    static void expect_untraced(pid_t pid);
    /// The wait status of a process that became our child, -1 when somebody else reaped it.
    static int adopted_status(pid_t pid);

    /// SIGKILL by pidfd; false when it is gone already.
    static bool kill_process(pid_t pid);
    static bool is_root();
    static bool has_tool(const std::string& name);

  private:
    std::mt19937_64 random_;
    std::map<std::string, Result> bare_;
};

}  // namespace utrace::live
