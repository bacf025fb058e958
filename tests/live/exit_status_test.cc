// SPDX-License-Identifier: MIT
// The exit status and the streams of the program are the user's: utrace hands them on as they are.
#include <signal.h>

#include <algorithm>

#include "live/support/live_test.h"

namespace utrace::live {
namespace {

class ExitStatus : public LiveTest {
  protected:
    Result traced(const std::string& script,
                  Words options = {"run", "-e", "count", "-o", "/dev/null"}) {
        return run({.argv = utrace(options + Words{"--", "sh", "-c", script})});
    }
};

TEST_F(ExitStatus, IsTheProgramsOwn) {
    for (const int code : {0, 1, 42, 255}) {
        const Result result = traced("exit " + std::to_string(code));
        EXPECT_TRUE(result.exited(code)) << result.text();
    }
}

TEST_F(ExitStatus, DiesOfTheSameSignal) {
    for (const int signo : {SIGTERM, SIGSEGV, SIGKILL, SIGABRT, SIGUSR1, SIGRTMIN}) {
        const Result result = traced("kill -" + std::to_string(signo) + " $$");
        EXPECT_TRUE(result.killed(signo)) << signo << ": " << result.text();
    }
}

}  // namespace
}  // namespace utrace::live
