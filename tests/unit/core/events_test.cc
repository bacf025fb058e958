// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cerrno>

#include "host/simulated/sim_task.h"
#include "probe.h"

namespace utrace {
namespace {

using core::TaskState;
using sim::SimTask;
using test::Log;
using test::Probe;
using test::Told;

constexpr EventSet kEntry{Event::kSyscallEntry};
constexpr EventSet kBoth{Event::kSyscallEntry, Event::kSyscallExit};

TEST(SetEvents, U12_EnableOnAStoppedTaskReportsTheFirstOccurrence) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, kEntry);
    e.on(Event::kSyscallEntry, Resume::kStop);
    t.syscall(1);
    ASSERT_TRUE(t.parked());
    EXPECT_EQ(core::set_events(*e, {Event::kSyscallExit}), 0);
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    t.go_on();
    EXPECT_EQ(log, (Log{"E:entry", "E:exit"}));
    core::put(*e);
    t.reap();
}

TEST(SetEvents, U13_DisableDuringItsCallbackIsInProgressAndInstalled) {
    SimTask t;
    Log log;
    Probe e("E", log);
    int waits = 0;
    e.on(Event::kSyscallEntry, [&](const Told& told) {
        SimTask::Outsider outsider;
        EXPECT_EQ(core::set_events(*e, {}), -EINPROGRESS);
        t.on_wait = [&](core::Waiting& waiting) {
            EXPECT_EQ(waiting.rounds, 0u);
            ++waits;
            return -EINTR;
        };
        EXPECT_EQ(core::barrier(*e, 0), -EINTR);  // the callback still runs
        return told.pass();
    });
    e.attach(t, kEntry);
    t.syscall(1);
    EXPECT_EQ(waits, 1);
    EXPECT_EQ(core::barrier(*e, 0), 0);
    log.clear();
    t.syscall(1);
    EXPECT_TRUE(log.empty());
    EXPECT_FALSE(t.core().wants(Event::kSyscallEntry));
    core::put(*e);
    t.reap();
}

TEST(SetEvents, U13_OnTheCurrentTaskItIsNeverInProgress) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.on(Event::kSyscallEntry, [&](const Told& told) {
        EXPECT_EQ(core::set_events(*e, {}), 0);
        EXPECT_EQ(core::barrier(*e, 0), 0);
        return told.pass();
    });
    e.attach(t, kEntry);
    t.syscall(1);
    t.syscall(1);
    EXPECT_EQ(log, (Log{"E:entry"}));
    core::put(*e);
    t.reap();
}

TEST(SetEvents, U14_DisableDuringAnotherEnginesCallbackIsDone) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    f.on(Event::kSyscallEntry, [&](const Told& told) {
        SimTask::Outsider outsider;
        EXPECT_EQ(core::set_events(*e, {}), 0);
        EXPECT_GT(t.barriers, 0u);
        return told.pass();
    });
    e.attach(t, kEntry);
    f.attach(t, kEntry);
    t.syscall(1);  // entry: F first; E was disabled before its turn
    EXPECT_EQ(log, (Log{"F:entry"}));
    core::put(*e);
    core::put(*f);
    t.reap();
}

TEST(SetEvents, U15_OnlyAddingIsNeverInProgress) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.on(Event::kSyscallEntry, [&](const Told& told) {
        SimTask::Outsider outsider;
        EXPECT_EQ(core::set_events(*e, kBoth), 0);
        return told.pass();
    });
    e.attach(t, kEntry);
    t.syscall(1);
    EXPECT_EQ(log, (Log{"E:entry", "E:exit"}));
    core::put(*e);
    t.reap();
}

TEST(SetEvents, U16_QuiesceSubscribesToTheCurrentEvent) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, {Event::kQuiesce});
    f.attach(t, kEntry);
    e.on(Event::kQuiesce, [&](const Told& told) {
        EXPECT_EQ(told.mask, bit(Event::kSyscallEntry));
        EXPECT_EQ(core::set_events(*e, {Event::kSyscallEntry}), 0);
        return told.pass();
    });
    t.syscall(1);
    EXPECT_EQ(log, (Log{"F:entry", "E:quiesce", "E:entry"}));
    core::put(*e);
    core::put(*f);
    t.reap();
}

TEST(SetEvents, U16_QuiesceUnsubscribesFromTheCurrentEvent) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kQuiesce, Event::kSyscallEntry});
    e.on(Event::kQuiesce, [&](const Told& told) {
        core::set_events(*e, {Event::kQuiesce});
        return told.pass();
    });
    t.syscall(1);
    EXPECT_EQ(log, (Log{"E:quiesce"}));
    core::put(*e);
    t.reap();
}

TEST(SetEvents, U17_ZeroAfterInProgressMeansDone) {
    SimTask t;
    Log log;
    Probe e("E", log);
    bool running = false;
    e.on(Event::kSyscallEntry, [&](const Told& told) {
        running = true;
        SimTask::Outsider outsider;
        EXPECT_EQ(core::set_events(*e, {Event::kSyscallExit}), -EINPROGRESS);
        EXPECT_EQ(core::set_events(*e, {}), -EINPROGRESS);
        running = false;
        return told.pass();
    });
    e.attach(t, kBoth);
    t.syscall(1);
    EXPECT_EQ(core::set_events(*e, kBoth), 0);
    EXPECT_EQ(core::set_events(*e, {}), 0);
    EXPECT_FALSE(running);
    core::put(*e);
    t.reap();
}

TEST(SetEvents, U18_TheDeathReportCannotBeCalledOff) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.on(Event::kDeath, [&](const Told& told) {
        SimTask::Outsider outsider;
        EXPECT_EQ(core::set_events(*e, {Event::kReap}), -EALREADY);
        EXPECT_EQ(core::set_events(*f, {Event::kDeath}), -EALREADY);
        EXPECT_EQ(core::set_events(*f, {Event::kQuiesce}), -EALREADY);
        // Table 4.6: clearing something else is 0, adding something else too.
        EXPECT_EQ(core::set_events(*e, {Event::kDeath, Event::kReap}), 0);
        return told.pass();
    });
    e.attach(t, {Event::kDeath, Event::kReap, Event::kClone});
    f.attach(t, kEntry);
    t.death();
    t.reap();
    EXPECT_EQ(log, (Log{"E:death", "E:reap"}));
    core::put(*e);
    core::put(*f);
}

TEST(SetEvents, U19_TheStopBitIsIgnored) {
    SimTask t(TaskState::kNew);
    Log log;
    Probe e("E", log);
    e.attach(t, {});
    EXPECT_EQ(core::set_events(*e, EventSet(std::uint64_t{1} << 14)), 0);
    t.start();
    EXPECT_FALSE(t.parked());
    core::put(*e);
    t.reap();
}

TEST(SetEvents, U19_TheStopBitSurvivesSetEvents) {
    SimTask t(TaskState::kNew);
    Log log;
    Probe e("E", log);
    e.attach(t, kEntry);
    EXPECT_EQ(core::control(*e, Resume::kStop), 0);
    EXPECT_EQ(core::set_events(*e, {}), 0);
    t.start();
    EXPECT_TRUE(t.parked());
    core::put(*e);
    t.reap();
}

TEST(SetEvents, UnionsGrowAtOnceAndShrinkAtTheNextPass) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, kBoth);
    EXPECT_TRUE(t.core().wants(Event::kSyscallExit));
    EXPECT_EQ(core::set_events(*e, kEntry), 0);
    EXPECT_TRUE(t.core().wants(Event::kSyscallExit));
    t.syscall(1);
    EXPECT_FALSE(t.core().wants(Event::kSyscallExit));
    EXPECT_EQ(t.armed.back(), kEntry.bits());
    core::put(*e);
    t.reap();
}

TEST(SetSyscalls, U74_UnwantedNumberMakesNoPassAndNoQuiesce) {
    SimTask t;
    Log log;
    Probe e("E", log), q("Q", log);
    e.attach(t, kBoth);
    q.attach(t, {Event::kQuiesce});
    const std::uint64_t bits[2] = {0, 1};  // number 64
    EXPECT_EQ(core::set_syscalls(*e, bits, 2), 0);
    t.syscall(64);
    EXPECT_EQ(log, (Log{"Q:quiesce", "E:entry", "E:exit", "Q:quiesce"}));
    log.clear();
    t.syscall(63);
    t.syscall(65);
    t.syscall(511);
    EXPECT_TRUE(log.empty());
    t.syscall(512);  // numbers from 512 on always match
    EXPECT_EQ(log.size(), 4u);
    log.clear();
    EXPECT_EQ(core::set_syscalls(*e, nullptr, 0), 0);
    t.syscall(63);
    EXPECT_EQ(log.size(), 4u);
    core::put(*e);
    core::put(*q);
    t.reap();
}

TEST(SetSyscalls, U74_NumberRewrittenIntoTheSetIsReportedOnEntryAndExit) {
    SimTask t;
    Log log;
    Probe f("F", log), e("E", log), g("G", log);
    f.attach(t, kBoth, 0);
    e.attach(t, kBoth, 100);
    g.attach(t, kBoth, 200);
    const std::uint64_t seven = std::uint64_t{1} << 7, five = std::uint64_t{1} << 5;
    core::set_syscalls(*f, &seven, 1);
    core::set_syscalls(*g, &five, 1);
    e.on(Event::kSyscallEntry, [](const Told& told) {
        if (told.syscall->nr == 5) told.syscall->nr = 7;
        return told.pass();
    });
    t.syscall(5);
    EXPECT_EQ(log, (Log{"G:entry", "E:entry", "F:entry", "F:exit", "E:exit", "G:exit"}));
    EXPECT_EQ(t.calls_made, std::vector<std::uint32_t>{7});
    log.clear();
    t.syscall(6);  // E's set is everything, F's and G's are not met
    EXPECT_EQ(log, (Log{"E:entry", "E:exit"}));
    for (Probe* p : {&e, &f, &g}) core::put(**p);
    t.reap();
}

TEST(SetSyscalls, ClearingANumberDuringTheCallbackIsInProgress) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.on(Event::kSyscallEntry, [&](const Told& told) {
        SimTask::Outsider outsider;
        const std::uint64_t none = 0;
        EXPECT_EQ(core::set_syscalls(*e, &none, 1), -EINPROGRESS);
        EXPECT_EQ(core::set_syscalls(*e, nullptr, 0), 0);
        return told.pass();
    });
    e.attach(t, kEntry);
    t.syscall(1);
    core::put(*e);
    t.reap();
}

TEST(Order, U73_LevelsAndLatecomers) {
    const std::int32_t orders[6][3] = {{-300, 0, 200}, {-300, 200, 0}, {0, -300, 200},
                                       {0, 200, -300}, {200, -300, 0}, {200, 0, -300}};
    for (const auto& order : orders) {
        SimTask t;
        Log log;
        Probe a("a", log), b("b", log), c("c", log), late("100", log);
        Probe* probes[3] = {&a, &b, &c};
        for (int i = 0; i < 3; ++i) {
            const std::int32_t level = order[i];
            probes[i]->attach(t, kBoth, level);
            for (Event event : {Event::kSyscallEntry, Event::kSyscallExit}) {
                probes[i]->on(event, [&log, level](const Told& told) {
                    log.back() = std::to_string(level);
                    return told.pass();
                });
            }
        }
        t.syscall(1);
        EXPECT_EQ(log, (Log{"200", "0", "-300", "-300", "0", "200"}));
        late.attach(t, {Event::kSyscallExit}, 100);
        log.clear();
        t.syscall(1);
        EXPECT_EQ(log, (Log{"200", "0", "-300", "-300", "0", "100:exit", "200"}));
        for (Probe* p : {&a, &b, &c, &late}) core::put(**p);
        t.reap();
    }
}

TEST(Order, SetLevelWaitsForTheEndOfTheCall) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kBoth);
    f.attach(t, kBoth);
    e.on(Event::kSyscallEntry, [&](const Told& told) {
        EXPECT_EQ(core::set_level(*e, 10), 0);
        return told.pass();
    });
    t.syscall(1);
    EXPECT_EQ(log, (Log{"F:entry", "E:entry", "E:exit", "F:exit"}));
    e.on(Event::kSyscallEntry, Resume::kResume);
    log.clear();
    t.syscall(1);
    EXPECT_EQ(log, (Log{"E:entry", "F:entry", "F:exit", "E:exit"}));
    core::put(*e);
    core::put(*f);
    t.reap();
}

TEST(Order, SetLevelOnAQuiescentTaskIsImmediate) {
    SimTask t(TaskState::kNew);
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kBoth);
    f.attach(t, kBoth);
    EXPECT_EQ(core::set_level(*f, -10), 0);
    EXPECT_EQ(t.core().attention(), 0u);
    t.start();
    t.syscall(1);
    EXPECT_EQ(log, (Log{"E:entry", "F:entry", "F:exit", "E:exit"}));
    core::put(*e);
    core::put(*f);
    t.reap();
}

TEST(Order, DavoliTwoStackedEnginesNest) {
    SimTask t;
    Log log;
    Probe inner("inner", log), outer("outer", log);
    inner.attach(t, kBoth);
    outer.attach(t, kBoth);
    t.syscall(1);
    EXPECT_EQ(log, (Log{"outer:entry", "inner:entry", "inner:exit", "outer:exit"}));
    core::put(*inner);
    core::put(*outer);
    t.reap();
}

TEST(Events, ExtensionEventsFollowTheSameRules) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, EventSet(std::uint64_t{1} << 32));
    core::report_extension(t, 32, nullptr, 0);
    core::report_extension(t, 33, nullptr, 0);
    core::report_extension(t, 7, nullptr, 0);
    EXPECT_EQ(log, (Log{"E:extension"}));
    core::put(*e);
    t.reap();
}

}  // namespace
}  // namespace utrace
