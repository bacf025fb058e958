// SPDX-License-Identifier: MIT
// stress-ng with its own checks on: the verdict of each stressor is that of a run without us.
#include "live/faults/fault_test.h"

namespace utrace::live {
namespace {

struct Stressor {
    const char* name;
    unsigned ops;  // of the quick set
    bool quick;
};

// Without the ptrace stressor: two tools on one program come with the layer for ptrace tools.
constexpr Stressor kStressors[] = {
    {"clone", 30, true},       {"fork", 100, true},      {"vfork", 100, true},
    {"pthread", 100, true},    {"exec", 30, true},       {"kill", 500, true},
    {"sigfd", 300, true},      {"sigsegv", 200, true},   {"futex", 500, true},
    {"pipe", 1000, true},      {"nanosleep", 50, false}, {"wait", 50, false},
    {"zombie", 50, false},     {"daemon", 50, false},    {"sigchld", 50, false},
    {"sigabrt", 50, false},    {"sigfpe", 50, false},    {"sigio", 50, false},
    {"signal", 50, false},     {"signest", 50, false},   {"sigpending", 50, false},
    {"sigpipe", 50, false},    {"sigq", 50, false},      {"sigrt", 50, false},
    {"sigsuspend", 50, false}, {"sigtrap", 50, false},   {"sigxcpu", 50, false},
    {"timer", 50, false},      {"timerfd", 50, false},   {"itimer", 50, false},
    {"poll", 50, false},       {"epoll", 50, false},     {"eventfd", 50, false},
    {"sem", 50, false},        {"msg", 50, false},       {"mq", 50, false},
    {"sock", 50, false},       {"sockpair", 50, false},  {"switch", 50, false},
    {"mmapfork", 5, false},
};
static_assert(sizeof kStressors / sizeof *kStressors == 40);

TEST_F(Fault, F58_StressNgVerdictAsBare) {
    if (!has_tool("stress-ng")) GTEST_SKIP() << "needs the tool stress-ng";
    for (const Stressor& stressor : kStressors) {
        if (!stressor.quick && !long_set()) continue;
        const std::string name = stressor.name;
        SCOPED_TRACE(name);
        Words command{"stress-ng", "--" + name,     "1", "--verify", "--temp-path",
                      dir(),       "--no-rand-seed"};
        if (long_set()) {
            command = command + Words{"--timeout", "10"};
        } else {
            command = command + Words{"--" + name + "-ops", std::to_string(stressor.ops)};
        }
        const Result wanted = run({.argv = command});
        const Result got =
            run({.argv = utrace({"run", "-e", "count", "-o", path("log"), "--"}) + command});
        EXPECT_EQ(got.status, wanted.status) << wanted.text() << '\n' << got.text();
        EXPECT_FALSE(count_table(log()).empty());
    }
}

}  // namespace
}  // namespace utrace::live
