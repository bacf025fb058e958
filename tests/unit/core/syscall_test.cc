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
constexpr std::uint32_t kAbortFinal = static_cast<std::uint32_t>(SyscallVerdict::kAbort) | kFinal;

Probe::Handler abort_call(std::uint32_t bits = static_cast<std::uint32_t>(SyscallVerdict::kAbort)) {
    return [bits](const Told&) { return Action(Resume::kResume, bits); };
}
Probe::Handler run_call() {
    return [](const Told&) { return Action(Resume::kResume, SyscallVerdict::kRun); };
}
void finish(SimTask& t, std::initializer_list<Probe*> probes) {
    t.death();
    t.reap();
    for (Probe* probe : probes) core::put(**probe);
}

TEST(Syscall, U37_AbortMakesNoCallAndReportsOneExit) {
    SimTask t;
    Log log;
    Probe e("E", log);
    std::int64_t seen = 0;
    e.on(Event::kSyscallEntry, abort_call());
    e.on(Event::kSyscallExit, [&](const Told& told) {
        seen = told.syscall->result;
        EXPECT_NE(told.syscall->flags & UTRACE_SYSCALL_ABORTED, 0u);
        return told.pass();
    });
    e.attach(t, kBoth);
    t.syscall(1);
    EXPECT_TRUE(t.calls_made.empty());
    EXPECT_EQ(seen, -ENOSYS);
    e.on(Event::kSyscallEntry, [](const Told& told) {
        told.syscall->result = 17;
        return Action(Resume::kResume, SyscallVerdict::kAbort);
    });
    t.syscall(1);
    EXPECT_EQ(seen, 17);
    EXPECT_EQ(log, (Log{"E:entry", "E:exit", "E:entry", "E:exit"}));
    finish(t, {&e});
}

TEST(Syscall, U38_TheLoggerAboveSeesTheOriginalAndTheFinalResult) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    std::uint64_t logged = 0;
    std::int64_t result = 0;
    e.on(Event::kSyscallEntry, [](const Told& told) {
        told.syscall->args[0] = 99;
        return told.pass();
    });
    e.on(Event::kSyscallExit, [](const Told& told) {
        told.syscall->result += 1;
        return told.pass();
    });
    f.on(Event::kSyscallEntry, [&](const Told& told) {
        logged = told.syscall->args[0];
        return told.pass();
    });
    f.on(Event::kSyscallExit, [&](const Told& told) {
        result = told.syscall->result;
        return told.pass();
    });
    e.attach(t, kBoth);
    f.attach(t, kBoth);
    t.body = [](const utrace_syscall& sc) { return static_cast<std::int64_t>(sc.args[0]); };
    t.syscall(1, 5);
    EXPECT_EQ(log, (Log{"F:entry", "E:entry", "E:exit", "F:exit"}));
    EXPECT_EQ(logged, 5u);
    EXPECT_EQ(result, 100);
    finish(t, {&e, &f});
}

TEST(Syscall, U39_TheChainAndTheFloor) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kEntry);  // nearer the kernel: asked last
    f.attach(t, kEntry, 0, kMayFloor);
    f.on(Event::kSyscallEntry, abort_call());
    e.on(Event::kSyscallEntry, [](const Told& told) {
        EXPECT_EQ(told.action().syscall(), SyscallVerdict::kAbort);  // the predecessor's verdict
        return Action(Resume::kResume, SyscallVerdict::kRun);
    });
    t.syscall(1);
    EXPECT_EQ(t.calls_made.size(), 1u);  // the successor may undo it
    f.on(Event::kSyscallEntry, abort_call(kAbortFinal));
    t.syscall(1);
    EXPECT_EQ(t.calls_made.size(), 1u);  // but not a floor
    f.on(Event::kSyscallEntry, run_call());
    e.on(Event::kSyscallEntry, run_call());
    t.syscall(1);
    EXPECT_EQ(t.calls_made.size(), 2u);  // nor does it last beyond the call
    finish(t, {&e, &f});
}

TEST(Syscall, U39_PoliteEnginesKeepAnAbort) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log), q("Q", log);
    q.attach(t, {Event::kQuiesce});
    q.on(Event::kQuiesce, [](const Told& told) {
        EXPECT_EQ(told.action().bits() & 0xf0u, 0u);
        return Action(Resume::kResume, SyscallVerdict::kRun);  // H3: a quiesce has no verdict
    });
    e.attach(t, kEntry);
    f.attach(t, kEntry);
    f.on(Event::kSyscallEntry, abort_call());
    t.syscall(1);
    EXPECT_TRUE(t.calls_made.empty());
    finish(t, {&e, &f, &q});
}

TEST(Syscall, U76_FinalWithoutTheFlagIsStripped) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kEntry);
    f.attach(t, kEntry);
    f.on(Event::kSyscallEntry, abort_call(kAbortFinal));
    e.on(Event::kSyscallEntry, [](const Told& told) {
        EXPECT_FALSE(told.action().has(kFinal));
        return Action(Resume::kResume, SyscallVerdict::kRun);
    });
    t.syscall(1);
    EXPECT_EQ(t.calls_made.size(), 1u);
    finish(t, {&e, &f});
}

TEST(Syscall, U76_TheFloorOutlivesItsOwner) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, {Event::kQuiesce, Event::kSyscallEntry});
    f.attach(t, kEntry, 0, kMayFloor);
    f.on(Event::kSyscallEntry, [](const Told&) { return Action(Resume::kStop, kAbortFinal); });
    e.on(Event::kSyscallEntry, run_call());
    t.syscall(1);
    ASSERT_TRUE(t.parked());
    EXPECT_EQ(core::control(*e, Resume::kReport), 0);
    EXPECT_EQ(core::control(*f, Resume::kDetach), 0);
    t.go_on();
    EXPECT_FALSE(t.parked());
    EXPECT_EQ(log.back(), "E:entry-again");
    EXPECT_TRUE(t.calls_made.empty());
    finish(t, {&e, &f});
}

TEST(Syscall, U40_ResumeAfterAStopMakesNoSecondPass) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kEntry);
    f.attach(t, {Event::kQuiesce, Event::kSyscallEntry});
    e.on(Event::kSyscallEntry, Resume::kStop);
    t.syscall(1);
    ASSERT_TRUE(t.parked());
    log.clear();
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    t.go_on();
    EXPECT_TRUE(log.empty());
    EXPECT_EQ(t.calls_made.size(), 1u);
    // With a report asked for, every engine is called again and sees the edits.
    f.on(Event::kSyscallEntry, [](const Told& told) {
        const bool again = told.action().has(kResumed);
        EXPECT_EQ(told.syscall->args[0], again ? 42u : 0u);
        return told.action().with(again ? Resume::kResume : Resume::kReport);
    });
    e.on(Event::kSyscallEntry, [](const Told& told) {
        return told.action().with(told.action().has(kResumed) ? Resume::kResume : Resume::kStop);
    });
    t.syscall(1);
    ASSERT_TRUE(t.parked());
    const_cast<utrace_syscall&>(t.call()).args[0] = 42;  // a controller's edit
    log.clear();
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    t.go_on();
    EXPECT_EQ(log, (Log{"F:quiesce", "F:entry-again", "E:entry-again"}));
    EXPECT_EQ(t.calls_made.size(), 2u);
    finish(t, {&e, &f});
}

TEST(Syscall, U40_TheRepeatStartsFromThePreviousVerdict) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kQuiesce, Event::kSyscallEntry});
    e.on(Event::kSyscallEntry, [](const Told& told) {
        if (!told.action().has(kResumed)) return Action(Resume::kStop, SyscallVerdict::kAbort);
        EXPECT_EQ(told.action().syscall(), SyscallVerdict::kAbort);
        return told.pass();
    });
    t.syscall(1);
    EXPECT_EQ(core::control(*e, Resume::kReport), 0);
    t.go_on();
    EXPECT_EQ(log.back(), "E:entry-again");
    EXPECT_TRUE(t.calls_made.empty());
    finish(t, {&e});
}

TEST(Syscall, U41_KilledWhileStoppedAtEntry) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kSyscallEntry, Event::kExit});
    e.on(Event::kSyscallEntry, Resume::kStop);
    t.syscall(1);
    ASSERT_TRUE(t.parked());
    t.exit(9);  // SIGKILL jumps to EXIT: the old stop is over
    EXPECT_FALSE(t.parked());
    EXPECT_TRUE(t.calls_made.empty());
    EXPECT_EQ(log, (Log{"E:entry", "E:thread-exit"}));
    finish(t, {&e});
}

TEST(Syscall, U42_InterruptAtEntryStartsTheCallInterrupted) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, kEntry);
    e.on(Event::kSyscallEntry, [](const Told& told) {
        return told.action().with(told.action().has(kResumed) ? Resume::kResume : Resume::kStop);
    });
    t.syscall(1);
    EXPECT_EQ(core::control(*e, Resume::kInterrupt), 0);
    t.go_on();
    EXPECT_EQ(log.back(), "E:entry-again");
    EXPECT_EQ(t.call().result, -EINTR);
    EXPECT_EQ(t.at(), SimTask::At::kUser);
    finish(t, {&e});
}

TEST(Syscall, U42_InterruptSurvivesASecondStop) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, kEntry);
    e.on(Event::kSyscallEntry, Resume::kStop);
    t.syscall(1);
    EXPECT_EQ(core::control(*e, Resume::kInterrupt), 0);
    t.go_on();
    ASSERT_TRUE(t.parked());
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    t.go_on();
    EXPECT_EQ(log.size(), 2u);
    EXPECT_EQ(t.call().result, -EINTR);
    finish(t, {&e});
}

TEST(Syscall, U43_AttachAndDetachBetweenEntryAndExit) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kBoth);
    t.body = [&](const utrace_syscall&) {
        SimTask::Outsider outsider;
        f.attach(t, kBoth);
        EXPECT_EQ(core::control(*e, Resume::kDetach), 0);
        return std::int64_t{0};
    };
    t.syscall(1);
    EXPECT_EQ(log, (Log{"E:entry", "F:exit"}));
    finish(t, {&e, &f});
}

TEST(Syscall, U46_WhenTheLastEngineLeavesTheSourceIsDisarmed) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, kBoth);
    t.syscall(1);
    EXPECT_TRUE(t.core().wants_syscalls());
    EXPECT_EQ(core::control(*e, Resume::kDetach), 0);
    t.syscall(1);
    EXPECT_FALSE(t.core().wants_syscalls());
    EXPECT_EQ(t.armed.back(), 0u);
    finish(t, {&e});
}

TEST(Syscall, NestedPassesKeepTheOuterCallAndItsSlot) {
    SimTask t(TaskState::kRunning, core::kNestsPasses);
    Log log;
    Probe e("E", log), f("F", log), late("late", log);
    int depth = 0;
    e.attach(t, kBoth);
    f.attach(t, kBoth);
    f.on(Event::kSyscallEntry, [&](const Told& told) {
        if (depth++ != 0) return told.pass();
        // U84, the core's part: a handler runs over this callback and makes a call.
        utrace_syscall inner{};
        inner.size = sizeof inner;
        inner.nr = 2;
        late.attach(t, kBoth);
        core::report_syscall_entry(t, inner, false);
        inner.result = 0;
        core::report_syscall_exit(t, inner);
        SimTask::Outsider outsider;
        EXPECT_EQ(core::set_events(*f, {}), -EINPROGRESS);  // the outer slot is intact
        return Action(Resume::kResume, SyscallVerdict::kAbort);
    });
    t.syscall(1);
    // F is skipped in the nested passes, and nothing is spliced there.
    EXPECT_EQ(log, (Log{"F:entry", "E:entry", "E:exit", "E:entry", "E:exit", "late:exit"}));
    EXPECT_EQ(t.core().skipped_visits(), 2u);
    EXPECT_TRUE(t.calls_made.empty());  // the outer verdict survived the inner call
    finish(t, {&e, &f, &late});
}

TEST(Syscall, TooDeepIsRefusedAndCounted) {
    SimTask t(TaskState::kRunning, core::kNestsPasses);
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kExec}, 0, kReentrant);
    utrace_exec image{sizeof image, 1, nullptr};
    e.on(Event::kExec, [&](const Told& told) {
        core::report_exec(t, image);
        return told.pass();
    });
    t.exec();
    EXPECT_EQ(log.size(), core::Task::kMaxDepth);
    EXPECT_EQ(t.core().refused_passes(), 1u);
    finish(t, {&e});
}

}  // namespace
}  // namespace utrace
