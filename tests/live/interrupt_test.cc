// SPDX-License-Identifier: MIT
// Several engines interrupt one blocked call, one after the other: each is heard, the program is
// not disturbed.
#include <sys/syscall.h>

#include "live/support/live_test.h"

namespace utrace::live {
namespace {

class Interrupt : public LiveTest {};

TEST_F(Interrupt, EveryEngineReachesABlockedTask) {
    Child sleeper = Child::start({.argv = {"sleep", "50"}});
    ASSERT_TRUE(wait_blocked(sleeper.pid(), SYS_clock_nanosleep));
    for (int round = 0; round < 2; ++round) {
        const Result result = run(
            {.argv = utrace({"attach", "-p", std::to_string(sleeper.pid()), "-e", "count", "-e",
                             "log:o=" + path("a"), "-e", "log:o=" + path("b"), "--for", "100ms"})});
        EXPECT_TRUE(result.exited(0)) << result.text();
        EXPECT_EQ(result.err.find("UT-ATTACH-07"), std::string::npos) << result.err;
    }
    EXPECT_EQ(tracer_pid(sleeper.pid()), 0);
    EXPECT_TRUE(wait_blocked(sleeper.pid(), SYS_restart_syscall));
}

}  // namespace
}  // namespace utrace::live
