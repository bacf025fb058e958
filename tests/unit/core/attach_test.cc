// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

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
constexpr EventSet kExitCall{Event::kSyscallExit};

TEST(Attach, U1_LookUpOnANeverAttachedTaskMakesNoState) {
    SimTask t;
    Log log;
    Probe e("E", log);
    const auto before = SimTask::live_engines();
    EXPECT_EQ(e.try_attach(t, 0), -ENOENT);
    EXPECT_EQ(e.try_attach(t, kMatchOps), -ENOENT);
    EXPECT_EQ(SimTask::live_engines(), before);
    EXPECT_EQ(t.core().attention(), 0u);
}

TEST(Attach, U2_LookUpFindsTheEngineAndAddsAReference) {
    SimTask t;
    Log log;
    Probe e("E", log);
    ASSERT_EQ(e.try_attach(t), 0);
    core::Engine* const made = e.engine;
    core::put(*made);  // "attached" keeps it
    for (int round = 0; round < 3; ++round) {
        e.engine = nullptr;
        ASSERT_EQ(e.try_attach(t, kMatchOps | kMatchData), 0);
        EXPECT_EQ(e.engine, made);
        core::put(*e.engine);
    }
    EXPECT_EQ(e.released, 0);
    t.death();
    EXPECT_TRUE(t.reap());
    EXPECT_EQ(e.released, 1);
}

TEST(Attach, U2_LookUpMatchesEveryRequestedKey) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kEntry);
    Probe other("X", log);
    EXPECT_EQ(other.try_attach(t, 0), 0);  // no key: first live engine
    EXPECT_EQ(other.engine, e.engine);
    core::put(*other.engine);
    EXPECT_EQ(other.try_attach(t, kMatchData), -ENOENT);
    EXPECT_EQ(other.try_attach(t, kMatchOps | kMatchData), -ENOENT);
    f.attach(t, kEntry);
    t.syscall(1);  // splices
    core::Engine* const own = f.engine;
    EXPECT_EQ(f.try_attach(t, kMatchOps), 0);
    EXPECT_EQ(f.engine, own);
    core::put(*own);
    core::put(*own);
    core::put(*e);
    t.death();
    t.reap();
}

TEST(Attach, U3_BadParameters) {
    SimTask t;
    SimTask nested(TaskState::kRunning, core::kNestsPasses);
    Log log;
    Probe e("E", log);
    utrace_attach_params params{};
    params.size = sizeof params;
    params.flags = kCreate;
    core::Engine* engine = nullptr;
    EXPECT_EQ(core::attach(t, params, &engine), -EINVAL);  // no ops
    EXPECT_EQ(e.try_attach(t, kCreate | 0x8000), -EINVAL);
    EXPECT_EQ(e.try_attach(nested, kCreate | kMayFloor), -EINVAL);
    EXPECT_EQ(e.try_attach(nested, kCreate | kMayFloor | kReentrant), 0);
    core::put(*e);
    nested.reap();
    e.ops.abi_flags = 2;
    EXPECT_EQ(e.try_attach(t), -EINVAL);
    e.ops.abi_flags = UTRACE_OPS_VECTOR;
    SimTask::fail_allocations(1);
    EXPECT_EQ(e.try_attach(t), -ENOMEM);
    t.death();
    t.reap();
    EXPECT_EQ(e.try_attach(t), -ESRCH);
    EXPECT_EQ(e.try_attach(t, 0), -ESRCH);
}

TEST(Attach, U4_ExclusiveHasOneWinner) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    EXPECT_EQ(e.try_attach(t, kCreate | kExclusive | kMatchOps), 0);
    Probe again("E2", log);
    again.ops = e.ops;
    const utrace_engine_ops* const shared = &e.ops;
    utrace_attach_params params{};
    params.size = sizeof params;
    params.flags = kCreate | kExclusive | kMatchOps;
    params.ops = shared;
    params.data = &again;
    core::Engine* engine = nullptr;
    EXPECT_EQ(core::attach(t, params, &engine), -EEXIST);
    EXPECT_EQ(engine, nullptr);
    EXPECT_EQ(again.released, 0);
    EXPECT_EQ(f.try_attach(t, kCreate | kExclusive | kMatchOps), 0);  // other ops
    EXPECT_EQ(again.try_attach(t, kCreate | kExclusive), -EEXIST);    // any engine counts
    core::put(*e);
    core::put(*f);
    t.reap();
}

TEST(Attach, U5_ExclusiveIgnoresAnEngineDetachedInItsCallback) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    f.ops = e.ops;
    core::Engine* second = nullptr;
    e.on(Event::kSyscallEntry, [&](const Told& told) {
        SimTask::Outsider outsider;
        EXPECT_EQ(core::control(*e, Resume::kDetach), -EINPROGRESS);
        utrace_attach_params params{};
        params.size = sizeof params;
        params.flags = kCreate | kExclusive | kMatchOps;
        params.ops = &e.ops;
        params.data = &f;
        EXPECT_EQ(core::attach(t, params, &second), 0);
        return told.pass();
    });
    e.attach(t, kEntry);
    t.syscall(1);
    ASSERT_NE(second, nullptr);
    core::put(*second);
    core::put(*e);
    EXPECT_EQ(e.released, 1);
    t.reap();
}

TEST(Attach, U6_KenistonAttachInACallbackIsNotCalledInThisPass) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.on(Event::kSyscallEntry, [&](const Told& told) {
        if (f.engine == nullptr) f.attach(t, kEntry);
        return told.pass();
    });
    e.attach(t, kEntry);
    t.syscall(1);
    EXPECT_EQ(log, (Log{"E:entry"}));
    log.clear();
    t.syscall(1);
    EXPECT_EQ(log, (Log{"F:entry", "E:entry"}));
    core::put(*e);
    core::put(*f);
    t.reap();
}

TEST(Attach, U7_AttachByAControllerDuringAPassComesInAtItsPlace) {
    SimTask t;
    Log log;
    Probe low("low", log), high("high", log), mid("mid", log);
    low.on(Event::kSyscallExit, [&](const Told& told) {
        SimTask::Outsider outsider;
        if (mid.engine == nullptr) mid.attach(t, kExitCall, 50);
        return told.pass();
    });
    low.attach(t, kExitCall, 0);
    high.attach(t, kExitCall, 100);
    t.syscall(1);
    EXPECT_EQ(log, (Log{"low:exit", "high:exit"}));
    log.clear();
    t.syscall(1);
    EXPECT_EQ(log, (Log{"low:exit", "mid:exit", "high:exit"}));
    for (Probe* p : {&low, &mid, &high}) core::put(**p);
    t.reap();
}

TEST(Attach, U8_AttachToAStoppedTaskReportsBeforeUserMode) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, {Event::kSyscallEntry});
    e.on(Event::kSyscallEntry, Resume::kStop);
    t.body = [&](const utrace_syscall&) { return std::int64_t{0}; };
    t.syscall(1);
    ASSERT_TRUE(t.parked());
    log.clear();
    f.attach(t, {Event::kQuiesce});
    EXPECT_EQ(core::control(*f, Resume::kReport), 0);
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    EXPECT_TRUE(t.woken());
    e.on(Event::kSyscallEntry, Resume::kResume);
    t.go_on();
    ASSERT_FALSE(log.empty());
    EXPECT_EQ(log.front(), "F:quiesce");  // the repeat pass of the call is the report
    EXPECT_EQ(t.at(), SimTask::At::kUser);
    core::put(*e);
    core::put(*f);
    t.reap();
}

TEST(Attach, U8_AttachToANewTaskReportsQuiesceFirst) {
    SimTask t(TaskState::kNew);
    Log log;
    Probe f("F", log);
    f.attach(t, {Event::kQuiesce});
    EXPECT_EQ(core::control(*f, Resume::kReport), 0);
    EXPECT_TRUE(log.empty());
    t.start();
    EXPECT_EQ(log, (Log{"F:quiesce0"}));
    core::put(*f);
    t.reap();
}

TEST(Attach, U10_AttachToAZombieSeesReapOnly) {
    SimTask t;
    Log log;
    Probe e("E", log);
    t.death();
    ASSERT_EQ(e.try_attach(t), 0);
    EXPECT_EQ(core::set_events(*e, {Event::kDeath}), -EALREADY);
    EXPECT_EQ(core::set_events(*e, {Event::kQuiesce}), -EALREADY);
    EXPECT_EQ(core::set_events(*e, {Event::kReap, Event::kClone}), 0);
    t.reap();
    EXPECT_EQ(log, (Log{"E:reap"}));
    core::put(*e);
    EXPECT_EQ(e.released, 1);
}

TEST(Attach, U11_ReleaseRunsOnceAfterTheLastReference) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kReap});
    core::get(*e);
    core::put(*e);
    t.death();
    t.reap();
    core::retire(t);
    EXPECT_EQ(log, (Log{"E:reap"}));
    EXPECT_EQ(e.released, 0);
    EXPECT_FALSE(t.unused);
    // A pointer with a reference is legal in every call.
    EXPECT_EQ(core::set_events(*e, kEntry), -ESRCH);
    EXPECT_EQ(core::set_syscalls(*e, nullptr, 0), -ESRCH);
    EXPECT_EQ(core::control(*e, Resume::kResume), -ESRCH);
    EXPECT_EQ(core::control(*e, Resume::kDetach), -ESRCH);
    EXPECT_EQ(core::set_level(*e, 3), -ESRCH);
    EXPECT_EQ(core::barrier(*e, 0), -ESRCH);
    core::put(*e);
    EXPECT_EQ(e.released, 1);
    EXPECT_TRUE(t.unused);
}

TEST(Attach, NeverWakesOrKicks) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, kEntry);
    EXPECT_TRUE(t.kicks.empty());
    EXPECT_TRUE(log.empty());
    EXPECT_EQ(t.armed.back(), kEntry.bits());
    core::put(*e);
    t.reap();
}

TEST(Attach, NameIsCopiedAndCut) {
    SimTask t;
    Log log;
    Probe e("a name that is longer than thirty-one bytes", log);
    ASSERT_EQ(e.try_attach(t), 0);
    EXPECT_STREQ(e.engine->name, "a name that is longer than thir");
    core::put(*e);
    t.reap();
}

TEST(Abi, U85_SizeHandling) {
    SimTask t;
    Log log;
    Probe e("E", log);
    struct Larger {
        utrace_attach_params params;
        std::uint64_t tail;
    } larger{};
    larger.params.size = sizeof larger;
    larger.params.flags = kCreate;
    larger.params.ops = &e.ops;
    larger.params.data = &e;
    core::Engine* engine = nullptr;
    EXPECT_EQ(core::attach(t, larger.params, &engine), 0);
    core::put(*engine);
    larger.tail = 1;
    EXPECT_EQ(core::attach(t, larger.params, &engine), -E2BIG);
    larger.params.size = sizeof(utrace_attach_params) - 1;
    EXPECT_EQ(core::attach(t, larger.params, &engine), -EINVAL);
    larger.params.size = 1u << 30;
    EXPECT_EQ(core::attach(t, larger.params, &engine), -E2BIG);
    e.ops.size = sizeof e.ops - 8;
    EXPECT_EQ(e.try_attach(t), -EINVAL);
    t.reap();
}

TEST(Abi, ErrcIsErrno) {
    EXPECT_EQ(static_cast<int>(Errc::kPerm), EPERM);
    EXPECT_EQ(static_cast<int>(Errc::kNoEntry), ENOENT);
    EXPECT_EQ(static_cast<int>(Errc::kNoTask), ESRCH);
    EXPECT_EQ(static_cast<int>(Errc::kInterrupted), EINTR);
    EXPECT_EQ(static_cast<int>(Errc::kTooBig), E2BIG);
    EXPECT_EQ(static_cast<int>(Errc::kAgain), EAGAIN);
    EXPECT_EQ(static_cast<int>(Errc::kNoMemory), ENOMEM);
    EXPECT_EQ(static_cast<int>(Errc::kFault), EFAULT);
    EXPECT_EQ(static_cast<int>(Errc::kExists), EEXIST);
    EXPECT_EQ(static_cast<int>(Errc::kInvalid), EINVAL);
    EXPECT_EQ(static_cast<int>(Errc::kNoSpace), ENOSPC);
    EXPECT_EQ(static_cast<int>(Errc::kNotSupported), EOPNOTSUPP);
    EXPECT_EQ(static_cast<int>(Errc::kNotConnected), ENOTCONN);
    EXPECT_EQ(static_cast<int>(Errc::kTimedOut), ETIMEDOUT);
    EXPECT_EQ(static_cast<int>(Errc::kAlready), EALREADY);
    EXPECT_EQ(static_cast<int>(Errc::kInProgress), EINPROGRESS);
    EXPECT_EQ(Result<>::from_status(-ESRCH).error(), Errc::kNoTask);
    EXPECT_TRUE(Result<>::from_status(0).has_value());
    const Result<int> seven(7);
    EXPECT_EQ(*seven, 7);
    EXPECT_EQ(Result<int>(Errc::kAgain).value_or(3), 3);
}

TEST(Abi, ActionBits) {
    EXPECT_EQ(Action(Resume::kStop, SignalVerdict::kTstp).bits(), 0x50u);
    EXPECT_EQ(Action::from_bits(0x7).resume(), Resume::kResume);
    EXPECT_EQ(Action::from_bits(0x165).with(SignalVerdict::kIgn).bits(), 0x115u);
    EXPECT_EQ(Action::from_bits(0x165).with(Resume::kDetach).bits(), 0x166u);
    EXPECT_EQ(EventSet(~std::uint64_t{0}).bits() & 0xffffc000u, 0u);
}

}  // namespace
}  // namespace utrace
