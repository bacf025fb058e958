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

constexpr EventSet kClone{Event::kClone};
constexpr EventSet kEntry{Event::kSyscallEntry};
constexpr std::uint64_t kVfork = 0x4000;

void finish(SimTask& t, std::initializer_list<Probe*> probes) {
    t.death();
    t.reap();
    for (Probe* probe : probes) core::put(**probe);
}

TEST(Clone, U57_TheCallbackStopsTheChildAndTheParentGoesOn) {
    SimTask parent, child(TaskState::kNew);
    Log log;
    Probe e("E", log), c("C", log);
    e.on(Event::kClone, [&](const Told& told) {
        c.attach(*told.child, kEntry);
        EXPECT_EQ(core::control(*c, Resume::kStop), 0);
        return told.pass();
    });
    e.attach(parent, kClone);
    parent.clone(&child.core());
    EXPECT_FALSE(parent.parked());
    child.start();
    EXPECT_TRUE(child.parked());  // not one instruction
    EXPECT_EQ(log, (Log{"E:clone"}));
    EXPECT_EQ(core::control(*c, Resume::kResume), 0);
    EXPECT_TRUE(child.woken());
    child.go_on();
    EXPECT_FALSE(child.parked());
    child.syscall(1);
    EXPECT_EQ(log.back(), "C:entry");
    finish(parent, {&e});
    finish(child, {&c});
}

TEST(Clone, U58_SameOrderOnTheChildAndNothingInherited) {
    SimTask parent, child(TaskState::kNew);
    Log log;
    Probe e("E", log), f("F", log), ce("CE", log), cf("CF", log);
    e.on(Event::kClone, [&](const Told& told) {
        ce.attach(*told.child, {Event::kSyscallExit});
        return told.pass();
    });
    f.on(Event::kClone, [&](const Told& told) {
        cf.attach(*told.child, {Event::kSyscallExit});
        return told.pass();
    });
    e.attach(parent, {Event::kClone, Event::kSyscallExit});
    f.attach(parent, {Event::kClone, Event::kSyscallExit});
    parent.clone(&child.core());
    child.start();
    log.clear();
    child.syscall(1);
    EXPECT_EQ(log, (Log{"CE:exit", "CF:exit"}));
    finish(parent, {&e, &f});
    finish(child, {&ce, &cf});
}

TEST(Clone, U59_OutsidersWaitForTheParentsPass) {
    SimTask parent, child(TaskState::kNew);
    Log log;
    Probe e("E", log), mine("mine", log), other("other", log);
    e.on(Event::kClone, [&](const Told& told) {
        EXPECT_TRUE(told.child->clone_held());
        {
            SimTask::Outsider outsider;
            int waits = 0;
            child.on_wait = [&](core::Waiting& w) {
                EXPECT_EQ(w.what, core::WaitFor::kClonePass);
                return ++waits < 3 ? 0 : -EINTR;
            };
            EXPECT_EQ(other.try_attach(child), -EINTR);
            EXPECT_EQ(waits, 3);
        }
        EXPECT_EQ(mine.try_attach(child), 0);  // in the pass: at once
        return told.pass();
    });
    e.attach(parent, kClone);
    core::hold_clone(child, parent);  // the child was known first
    EXPECT_TRUE(child.core().clone_held());
    EXPECT_EQ(other.try_attach(child), -EINTR);
    parent.clone(&child.core());
    EXPECT_FALSE(child.core().clone_held());
    EXPECT_EQ(other.try_attach(child), 0);
    EXPECT_LT(mine.engine->sequence, other.engine->sequence);
    core::put(*mine);
    core::put(*other);
    child.reap();
    finish(parent, {&e});
}

TEST(Clone, TheHoldEndsEvenIfNobodyWantsTheEvent) {
    SimTask parent, child(TaskState::kNew);
    core::hold_clone(child, parent);
    parent.clone(&child.core());
    EXPECT_FALSE(child.core().clone_held());
}

TEST(Clone, U60_VforkStopComesBeforeTheWaitAndKeepsOthersWishes) {
    SimTask parent, child(TaskState::kNew);
    Log log;
    Probe e("E", log), f("F", log);
    e.on(Event::kClone, Resume::kStop);
    f.on(Event::kClone, Resume::kReport);
    e.attach(parent, kClone);
    f.attach(parent, {Event::kQuiesce, Event::kClone});
    const core::PassResult r = core::report_clone(parent, kVfork, &child.core());
    EXPECT_TRUE(r.stop);  // here, not at the resume point
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    log.clear();
    parent.start();
    EXPECT_EQ(log, (Log{"F:quiesce0"}));  // H6
    finish(parent, {&e, &f});
    child.reap();
}

TEST(Exec, OneReportAndADeferredStop) {
    SimTask t;
    Log log;
    Probe e("E", log), q("Q", log);
    e.on(Event::kExec, Resume::kReport);
    e.attach(t, {Event::kExec, Event::kQuiesce});
    t.exec();
    EXPECT_EQ(log, (Log{"E:quiesce", "E:exec", "E:quiesce0"}));
    finish(t, {&e});
}

TEST(Jctl, StopIsConvertedAndReturnsToTheJobStop) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kJctl});
    core::report_jctl(t, 5, 1);
    t.job_stop();
    EXPECT_EQ(core::control(*e, Resume::kStop), 0);
    t.job_continue();  // SIGCONT runs no user code until released
    EXPECT_TRUE(t.parked());
    EXPECT_EQ(t.core().state(), TaskState::kStopped);
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    EXPECT_EQ(t.core().state(), TaskState::kRunning);
    t.go_on();
    EXPECT_FALSE(t.parked());
    EXPECT_EQ(log, (Log{"E:jctl"}));
    finish(t, {&e});
}

TEST(Jctl, AStopAskedForBeforeTheJobStopHolds) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {});
    EXPECT_EQ(core::control(*e, Resume::kStop), -EINPROGRESS);
    t.job_stop();
    EXPECT_EQ(core::control(*e, Resume::kStop), 0);
    t.job_continue();
    EXPECT_TRUE(t.parked());
    finish(t, {&e});
}

TEST(Exit, U64_LaterEnginesSeeBothCodesAndStopHoldsHere) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.on(Event::kExit, [](const Told& told) {
        *told.code = 7;
        return told.pass();
    });
    f.on(Event::kExit, [](const Told& told) {
        EXPECT_EQ(told.original_code, 3);
        EXPECT_EQ(*told.code, 7);
        return told.action().with(Resume::kStop);
    });
    e.attach(t, {Event::kExit});
    f.attach(t, {Event::kExit});
    t.exit(3);
    EXPECT_TRUE(t.parked());
    EXPECT_EQ(t.exit_code(), 7);
    EXPECT_EQ(core::control(*f, Resume::kResume), 0);
    EXPECT_TRUE(t.woken());
    finish(t, {&e, &f});
}

TEST(Death, U65_ReapDuringTheDeathReportComesAfterIt) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.on(Event::kDeath, [&](const Told& told) {
        SimTask::Outsider outsider;
        EXPECT_FALSE(t.reap());
        EXPECT_EQ(core::set_events(*e, {Event::kDeath}), -ESRCH);  // REAP cannot be called off
        log.push_back("death-returns");
        return told.pass();
    });
    e.attach(t, {Event::kDeath, Event::kReap});
    t.death();
    EXPECT_EQ(log, (Log{"E:death", "death-returns", "E:reap"}));
    EXPECT_TRUE(t.reap());  // nothing more
    EXPECT_EQ(log.size(), 3u);
    core::put(*e);
    EXPECT_EQ(e.released, 1);
}

TEST(Death, U66_DetachFromDeathMeansNoReap) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.on(Event::kDeath, Resume::kDetach);
    e.attach(t, {Event::kDeath, Event::kReap});
    t.death();
    EXPECT_TRUE(t.reap());
    EXPECT_EQ(log, (Log{"E:death"}));
    core::put(*e);
    EXPECT_EQ(e.released, 1);
}

TEST(Death, OnlyDetachMeansSomething) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.on(Event::kDeath, Resume::kStop);
    e.on(Event::kQuiesce, Resume::kReport);
    e.attach(t, {Event::kQuiesce, Event::kDeath});
    t.death();
    EXPECT_EQ(t.core().state(), TaskState::kDead);
    EXPECT_EQ(t.core().attention(), 0u);
    t.reap();
    core::put(*e);
}

TEST(Death, U67_DetachAtEveryPlaceHasOneOwner) {
    // The clean-up goes to the caller (0), to report_death (EALREADY) or to report_reap (ESRCH).
    enum Place { kBefore, kInDeath, kZombie, kInReap, kAfter };
    const int expected[] = {0, -EALREADY, 0, -ESRCH, -ESRCH};
    for (int place = kBefore; place <= kAfter; ++place) {
        SimTask t;
        Log log;
        Probe e("E", log);
        int answer = 1;
        const auto detach = [&](int here) {
            SimTask::Outsider outsider;
            if (place == here) answer = core::control(*e, Resume::kDetach);
        };
        e.on(Event::kDeath, [&](const Told& told) {
            detach(kInDeath);
            return told.pass();
        });
        e.on(Event::kReap, [&](const Told& told) {
            detach(kInReap);
            return told.pass();
        });
        e.attach(t, {Event::kDeath, Event::kReap});
        detach(kBefore);
        t.death();
        detach(kZombie);
        t.reap();
        detach(kAfter);
        EXPECT_EQ(answer, expected[place]) << place;
        const bool reaped = !log.empty() && log.back() == "E:reap";
        EXPECT_EQ(reaped, answer != 0) << place;
        core::put(*e);
        EXPECT_EQ(e.released, 1) << place;
    }
}

TEST(Death, KilledTaskGoesStraightToReap) {
    SimTask t;
    Log log;
    Probe e("E", log), late("late", log);
    e.attach(t, {Event::kReap});
    late.attach(t, {Event::kReap});
    EXPECT_TRUE(t.reap());
    EXPECT_EQ(log, (Log{"E:reap", "late:reap"}));
    core::put(*e);
    core::put(*late);
}

TEST(Death, BarrierWaitsForReap) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.on(Event::kReap, [&](const Told& told) {
        SimTask::Outsider outsider;
        EXPECT_EQ(core::barrier(*e, 0), -EINTR);
        return told.pass();
    });
    e.attach(t, {Event::kReap});
    t.reap();
    EXPECT_EQ(core::barrier(*e, 0), -ESRCH);
    core::put(*e);
}

TEST(Death, EnginesAndTaskMemoryAreAllGivenBack) {
    const auto before = SimTask::live_engines();
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kEntry);
    f.attach(t, kEntry);
    core::control(*f, Resume::kDetach);
    core::put(*f);
    core::put(*e);
    t.death();
    t.reap();
    EXPECT_FALSE(t.unused);
    core::retire(t);
    EXPECT_TRUE(t.unused);
    EXPECT_EQ(SimTask::live_engines(), before);
}

}  // namespace
}  // namespace utrace
