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

constexpr EventSet kNone{};
constexpr EventSet kQuiesce{Event::kQuiesce};
constexpr EventSet kEntry{Event::kSyscallEntry};
constexpr EventSet kExitCall{Event::kSyscallExit};
constexpr EventSet kQuiesceExit{Event::kQuiesce, Event::kSyscallExit};

void finish(SimTask& t, std::initializer_list<Probe*> probes) {
    t.death();
    EXPECT_TRUE(t.reap());
    for (Probe* probe : probes) {
        core::put(**probe);
        EXPECT_EQ(probe->released, 1);
    }
}

TEST(Control, U20_CheckedBeforeAnythingHappens) {
    SimTask t;
    SimTask poor(TaskState::kRunning, 0);
    Log log;
    Probe e("E", log), p("P", log);
    e.attach(t, kNone);
    EXPECT_EQ(core::control(*e, 7u), -EINVAL);
    EXPECT_EQ(core::control(*e, 4000000000u), -EINVAL);
    EXPECT_EQ(core::control(*e, Resume::kReport), -EINVAL);
    EXPECT_EQ(core::control(*e, Resume::kSingleStep), -EINVAL);
    EXPECT_EQ(core::control(*e, Resume::kBlockStep), -EINVAL);
    EXPECT_TRUE(t.kicks.empty());
    EXPECT_EQ(core::control(*e, Resume::kInterrupt), 0);
    EXPECT_EQ(core::control(*e, Resume::kStop), -EINPROGRESS);
    EXPECT_EQ(t.kicks, (std::vector<Resume>{Resume::kInterrupt, Resume::kStop}));
    p.attach(poor, kQuiesce);
    EXPECT_EQ(core::control(*p, Resume::kInterrupt), -EOPNOTSUPP);
    EXPECT_EQ(core::control(*p, Resume::kSingleStep), -EOPNOTSUPP);
    EXPECT_EQ(core::control(*p, Resume::kReport), 0);
    finish(t, {&e});
    finish(poor, {&p});
}

/// Table 4.6, the rows a single thread can stand in.
TEST(Control, Table46) {
    Log log;
    const Resume loosening[] = {Resume::kInterrupt, Resume::kReport, Resume::kSingleStep,
                                Resume::kBlockStep, Resume::kResume};
    {  // running, no callback of E
        SimTask t;
        Probe e("E", log);
        e.attach(t, kQuiesce);
        EXPECT_EQ(core::control(*e, Resume::kStop), -EINPROGRESS);
        for (Resume r : loosening) EXPECT_EQ(core::control(*e, r), 0);
        EXPECT_EQ(core::set_events(*e, kNone), 0);
        EXPECT_EQ(core::set_events(*e, {Event::kDeath, Event::kQuiesce}), 0);
        EXPECT_EQ(core::control(*e, Resume::kDetach), 0);
        EXPECT_EQ(core::control(*e, Resume::kDetach), -ESRCH);
        for (Resume r : loosening) EXPECT_EQ(core::control(*e, r), -ESRCH);
        EXPECT_EQ(core::control(*e, Resume::kStop), -ESRCH);
        EXPECT_EQ(core::set_events(*e, kNone), -ESRCH);
        finish(t, {&e});
    }
    {  // in a callback of E, and of another engine
        SimTask t;
        Probe e("E", log), f("F", log);
        e.on(Event::kSyscallExit, [&](const Told& told) {
            SimTask::Outsider outsider;
            EXPECT_EQ(core::control(*e, Resume::kStop), -EINPROGRESS);
            for (Resume r : loosening) EXPECT_EQ(core::control(*e, r), 0);
            EXPECT_EQ(core::control(*f, Resume::kDetach), 0);
            EXPECT_EQ(core::control(*e, Resume::kDetach), -EINPROGRESS);
            return told.pass();
        });
        e.attach(t, kQuiesceExit);
        f.attach(t, kExitCall);
        t.syscall(1);
        EXPECT_EQ(core::barrier(*e, 0), -ESRCH);  // cleaned up at the resume point
        finish(t, {&e, &f});
    }
    {  // tracing stop
        SimTask t;
        Probe e("E", log);
        e.attach(t, {Event::kQuiesce, Event::kSyscallEntry});
        e.on(Event::kSyscallEntry, Resume::kStop);
        t.syscall(1);
        ASSERT_TRUE(t.parked());
        EXPECT_EQ(core::control(*e, Resume::kStop), 0);
        EXPECT_EQ(core::set_events(*e, kQuiesce), 0);
        EXPECT_EQ(core::set_events(*e, {Event::kQuiesce, Event::kDeath}), 0);
        EXPECT_FALSE(t.woken());
        EXPECT_EQ(core::control(*e, Resume::kDetach), 0);
        EXPECT_TRUE(t.woken());
        EXPECT_EQ(core::barrier(*e, 0), -ESRCH);
        t.go_on();
        finish(t, {&e});
    }
    {  // job-control stop
        SimTask t;
        Probe e("E", log);
        e.attach(t, kQuiesce);
        t.job_stop();
        EXPECT_EQ(t.core().state(), TaskState::kJobStop);
        EXPECT_EQ(core::control(*e, Resume::kReport), 0);
        EXPECT_EQ(core::control(*e, Resume::kStop), 0);
        EXPECT_EQ(t.core().state(), TaskState::kStopped);
        EXPECT_EQ(core::control(*e, Resume::kReport), 0);
        EXPECT_TRUE(t.woken());
        EXPECT_EQ(t.core().state(), TaskState::kJobStop);  // the group is still stopped
        log.clear();
        t.job_continue();
        EXPECT_EQ(log, (Log{"E:quiesce0"}));  // kept until SIGCONT
        finish(t, {&e});
    }
    {  // zombie, then reaped
        SimTask t;
        Probe e("E", log), f("F", log);
        e.attach(t, kQuiesce);
        f.attach(t, kQuiesce);
        t.death();
        EXPECT_EQ(core::control(*e, Resume::kStop), -ESRCH);
        for (Resume r : loosening) EXPECT_EQ(core::control(*e, r), -ESRCH);
        EXPECT_EQ(core::set_events(*e, kNone), 0);
        EXPECT_EQ(core::set_events(*e, kQuiesce), -EALREADY);
        EXPECT_EQ(core::barrier(*e, 0), 0);
        EXPECT_EQ(core::control(*e, Resume::kDetach), 0);
        EXPECT_EQ(core::barrier(*e, 0), -ESRCH);
        t.reap();
        EXPECT_EQ(core::control(*f, Resume::kDetach), -ESRCH);
        EXPECT_EQ(core::control(*f, Resume::kReport), -ESRCH);
        EXPECT_EQ(core::set_events(*f, kNone), -ESRCH);
        core::put(*e);
        core::put(*f);
    }
}

TEST(Control, Table46_WhileTheDeathReportRuns) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.on(Event::kDeath, [&](const Told& told) {
        SimTask::Outsider outsider;
        for (Resume r : {Resume::kStop, Resume::kInterrupt, Resume::kReport, Resume::kResume})
            EXPECT_EQ(core::control(*e, r), -ESRCH);
        EXPECT_EQ(core::control(*e, Resume::kDetach), -EALREADY);
        EXPECT_EQ(core::set_events(*e, {Event::kQuiesce, Event::kDeath}), 0);
        return told.pass();
    });
    e.attach(t, {Event::kQuiesce, Event::kDeath, Event::kExec});
    finish(t, {&e});
    EXPECT_EQ(log, (Log{"E:quiesce", "E:death"}));
}

TEST(Merge, U21_StopAtSyscallExitStopsOnceAtTheResumePoint) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.on(Event::kSyscallExit, Resume::kStop);
    e.attach(t, kExitCall);
    f.attach(t, kExitCall);
    t.syscall(1);
    EXPECT_TRUE(t.parked());
    EXPECT_EQ(t.core().state(), TaskState::kStopped);
    EXPECT_EQ(log, (Log{"E:exit", "F:exit"}));  // the stop never delays the report to F
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    EXPECT_TRUE(t.woken());
    t.go_on();
    EXPECT_FALSE(t.parked());
    finish(t, {&e, &f});
}

TEST(Merge, U22_TheLastHolderReleases) {
    for (const bool e_first : {true, false}) {
        SimTask t;
        Log log;
        Probe e("E", log), f("F", log);
        for (Probe* p : {&e, &f}) {
            p->on(Event::kSyscallEntry, Resume::kStop);
            p->attach(t, kEntry);
        }
        t.syscall(1);
        ASSERT_TRUE(t.parked());
        EXPECT_EQ(core::control(e_first ? *e : *f, Resume::kResume), 0);
        EXPECT_FALSE(t.woken());
        EXPECT_EQ(core::control(e_first ? *f : *e, Resume::kResume), 0);
        EXPECT_TRUE(t.woken());
        t.go_on();
        EXPECT_FALSE(t.parked());
        EXPECT_EQ(t.calls_made.size(), 1u);
        finish(t, {&e, &f});
    }
}

TEST(Merge, U23_ReportWaitsForTheHolder) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.on(Event::kSyscallExit, Resume::kStop);
    e.attach(t, kExitCall);
    f.attach(t, kQuiesce);
    t.syscall(1);
    ASSERT_TRUE(t.parked());
    log.clear();
    EXPECT_EQ(core::control(*f, Resume::kReport), 0);
    EXPECT_FALSE(t.woken());
    EXPECT_TRUE(log.empty());
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    t.go_on();
    EXPECT_EQ(log, (Log{"F:quiesce0"}));
    EXPECT_FALSE(t.parked());
    finish(t, {&e, &f});
}

TEST(Merge, U24_TheSmallerStepWins) {
    SimTask t(TaskState::kRunning, core::kCanStep | core::kCanBlockStep);
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kQuiesceExit);
    f.attach(t, kQuiesceExit);
    e.on(Event::kSyscallExit, Resume::kBlockStep);
    t.syscall(1);
    EXPECT_EQ(t.mode(), Resume::kBlockStep);
    f.on(Event::kSyscallExit, Resume::kSingleStep);
    t.syscall(1);
    EXPECT_EQ(t.mode(), Resume::kSingleStep);
    f.on(Event::kSyscallExit, Resume::kResume);
    e.on(Event::kSyscallExit, Resume::kResume);
    t.syscall(1);
    EXPECT_EQ(t.mode(), Resume::kResume);
    finish(t, {&e, &f});
}

TEST(Merge, U24_BlockStepDegradesWhereTheHardwareCannot) {
    SimTask t(TaskState::kRunning, core::kCanStep);
    Log log;
    Probe e("E", log);
    e.attach(t, kQuiesce);
    EXPECT_EQ(core::control(*e, Resume::kBlockStep), 0);
    t.start();
    EXPECT_EQ(t.mode(), Resume::kSingleStep);
    EXPECT_TRUE(log.empty());  // only a step: no callback
    finish(t, {&e});
}

TEST(Merge, U25_TheLastPassDecides) {
    SimTask t;
    Log log;
    Probe e("E", log), g("G", log);
    e.attach(t, kQuiesce);
    g.attach(t, {Event::kQuiesce, Event::kSignal});
    EXPECT_EQ(core::control(*e, Resume::kSingleStep), 0);
    EXPECT_EQ(core::control(*g, Resume::kReport), 0);
    t.start();
    EXPECT_EQ(log, (Log{"E:quiesce0", "G:quiesce0"}));
    EXPECT_EQ(t.mode(), Resume::kResume);
    EXPECT_EQ(core::control(*e, Resume::kSingleStep), 0);
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    EXPECT_EQ(t.mode(), Resume::kResume);
    e.on(Event::kQuiesce, Resume::kSingleStep);
    EXPECT_EQ(core::control(*g, Resume::kReport), 0);
    t.start();
    EXPECT_EQ(t.mode(), Resume::kSingleStep);
    finish(t, {&e, &g});
}

TEST(Merge, U26_ReportFromSyscallExitGivesOneQuiesce) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.on(Event::kSyscallExit, Resume::kReport);
    e.attach(t, kQuiesceExit);
    t.syscall(1);
    EXPECT_EQ(log, (Log{"E:quiesce", "E:exit", "E:quiesce0"}));
    EXPECT_EQ(t.core().attention(), 0u);
    finish(t, {&e});
}

TEST(Merge, U28_StopTakenBackBeforeTheTaskReacts) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, kQuiesce);
    EXPECT_EQ(core::control(*e, Resume::kStop), -EINPROGRESS);
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    t.start();
    EXPECT_FALSE(t.parked());
    EXPECT_LE(log.size(), 1u);
    finish(t, {&e});
}

TEST(Merge, AsyncStopIsKeptByTheCallbackThatReturnsStop) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, kQuiesce);
    e.on(Event::kQuiesce, Resume::kStop);
    EXPECT_EQ(core::control(*e, Resume::kStop), -EINPROGRESS);
    t.start();
    EXPECT_TRUE(t.parked());
    EXPECT_EQ(core::control(*e, Resume::kStop), 0);
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    t.go_on();
    EXPECT_FALSE(t.parked());
    EXPECT_EQ(log, (Log{"E:quiesce0"}));
    finish(t, {&e});
}

TEST(Merge, U29_ReleasedBetweenTheAnswerAndTheStop) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.on(Event::kSyscallExit, Resume::kStop);
    // F comes after E in the exit pass; by then E's stop is in force and a controller lets go.
    f.on(Event::kSyscallExit, [&](const Told& told) {
        SimTask::Outsider outsider;
        EXPECT_EQ(core::barrier(*e, 0), 0);
        EXPECT_EQ(core::control(*e, Resume::kResume), 0);
        EXPECT_EQ(told.action().resume(), Resume::kStop);  // merged so far
        return told.pass();
    });
    e.attach(t, kExitCall);
    f.attach(t, kExitCall);
    t.syscall(1);
    EXPECT_FALSE(t.parked());
    EXPECT_EQ(t.core().state(), TaskState::kRunning);
    finish(t, {&e, &f});
}

TEST(Merge, U29_ReleasedBeforeAStopInPlace) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    f.on(Event::kSyscallEntry, Resume::kStop);
    e.on(Event::kSyscallEntry, [&](const Told& told) {
        SimTask::Outsider outsider;
        EXPECT_EQ(core::control(*f, Resume::kResume), 0);
        return told.pass();
    });
    e.attach(t, kEntry);
    f.attach(t, kEntry);
    t.syscall(1);
    EXPECT_FALSE(t.parked());
    EXPECT_EQ(t.calls_made.size(), 1u);
    finish(t, {&e, &f});
}

TEST(Merge, U30_AsyncStopOfAnEngineThatReturnsResume) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kExitCall);
    f.attach(t, kExitCall);
    f.on(Event::kSyscallExit, [&](const Told& told) {
        SimTask::Outsider outsider;
        EXPECT_EQ(core::control(*f, Resume::kStop), -EINPROGRESS);
        return told.pass();  // the answer counts: F does not hold
    });
    t.syscall(1);
    EXPECT_FALSE(t.parked());
    EXPECT_EQ(t.core().state(), TaskState::kRunning);
    finish(t, {&e, &f});
}

TEST(Merge, U31_StopWithoutQuiesceIsEnforced) {
    Log log;
    {
        SimTask t;
        Probe e("E", log);
        e.attach(t, {Event::kExec});
        e.on(Event::kExec, Resume::kStop);
        t.exec();
        EXPECT_TRUE(t.parked());
        finish(t, {&e});
    }
    {
        SimTask t;
        Probe e("E", log);
        e.attach(t, {Event::kClone});
        e.on(Event::kClone, Resume::kStop);
        t.clone(nullptr);
        EXPECT_TRUE(t.parked());
        finish(t, {&e});
    }
    {  // asynchronous, no event at all
        SimTask t;
        Probe e("E", log);
        e.attach(t, kNone);
        EXPECT_EQ(core::control(*e, Resume::kStop), -EINPROGRESS);
        t.start();
        EXPECT_TRUE(t.parked());
        EXPECT_EQ(core::control(*e, Resume::kStop), 0);
        EXPECT_EQ(core::control(*e, Resume::kResume), 0);
        t.go_on();
        EXPECT_FALSE(t.parked());
        finish(t, {&e});
    }
}

TEST(Merge, U32_DetachOfTheOnlyHolderReleases) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    for (Probe* p : {&e, &f}) {
        p->on(Event::kSyscallEntry, Resume::kStop);
        p->attach(t, kEntry);
    }
    t.syscall(1);
    EXPECT_EQ(core::control(*e, Resume::kDetach), 0);
    EXPECT_FALSE(t.woken());
    EXPECT_EQ(core::control(*f, Resume::kDetach), 0);
    EXPECT_TRUE(t.woken());
    t.go_on();
    EXPECT_EQ(t.calls_made.size(), 1u);
    finish(t, {&e, &f});
}

TEST(Merge, U33_DetachByReturnValue) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.on(Event::kQuiesce, Resume::kDetach);
    f.on(Event::kSyscallExit, [&](const Told& told) {
        EXPECT_EQ(e.try_attach(t, kMatchOps), -ENOENT);
        return told.pass();
    });
    e.attach(t, kQuiesceExit);
    f.attach(t, kExitCall);
    core::Engine* const engine = e.engine;
    t.syscall(1);
    EXPECT_EQ(log, (Log{"E:quiesce", "F:exit"}));
    EXPECT_EQ(core::barrier(*engine, 0), -ESRCH);
    core::put(*engine);
    EXPECT_EQ(e.released, 1);
    finish(t, {&f});
}

TEST(Merge, AStepTheEngineTakesBackIsForgotten) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    for (Probe* p : {&e, &f}) {
        p->attach(t, {Event::kQuiesce, Event::kSyscallEntry});
        p->on(Event::kSyscallEntry, Resume::kStop);
    }
    t.syscall(1);
    EXPECT_EQ(core::control(*e, Resume::kSingleStep), 0);
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    EXPECT_EQ(core::control(*f, Resume::kResume), 0);
    t.go_on();
    EXPECT_EQ(t.mode(), Resume::kResume);
    t.syscall(1);
    EXPECT_EQ(core::control(*e, Resume::kSingleStep), 0);
    EXPECT_EQ(core::control(*f, Resume::kResume), 0);  // not F's to take back
    t.go_on();
    EXPECT_EQ(t.mode(), Resume::kSingleStep);
    finish(t, {&e, &f});
}

TEST(Barrier, WaitsUntilTheCallbackIsOver) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.on(Event::kSyscallEntry, [&](const Told& told) {
        SimTask::Outsider outsider;
        t.on_wait = [&](core::Waiting& w) { return w.rounds < 3 ? 0 : -ETIMEDOUT; };
        EXPECT_EQ(core::control(*e, Resume::kDetach), -EINPROGRESS);
        EXPECT_EQ(core::barrier(*e, 10), -ETIMEDOUT);
        return told.pass();
    });
    e.attach(t, kEntry);
    t.syscall(1);
    EXPECT_EQ(core::barrier(*e, 0), -ESRCH);
    finish(t, {&e});
}

TEST(Barrier, H5_DetachedEngineIsNotWaitedFor) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, kEntry);
    t.syscall(1);
    EXPECT_EQ(core::control(*e, Resume::kDetach), 0);
    EXPECT_EQ(core::barrier(*e, 0), 0);  // still listed, but nothing runs
    t.start();
    EXPECT_EQ(core::barrier(*e, 0), -ESRCH);
    finish(t, {&e});
}

}  // namespace
}  // namespace utrace
