// SPDX-License-Identifier: MIT
// Death and reaping. DEATH is the executor's last pass; REAP comes from whoever reaps, strictly
// after.
//
// The state says who owns an engine's clean-up, and it only moves forward under the lock:
//   kDying   the death report runs. control(kDetach) gives EALREADY: report_death owns it. A reaper
//            leaves a note (reap_waits) and the dying side runs REAP itself.
//   kDead    control(kDetach) gives 0: the caller owns it.
//   kReaped  everything gives ESRCH: report_reap, or an earlier detach, owned it.

#include "core/core.h"

namespace utrace::core {

template <class Memory>
void Death<Memory>::leave_stop(Task& task) noexcept {
    typename Lists<Memory>::Dropped dropped;
    L::lock(task);
    if (L::quiescent(task) && task.state_ != TaskState::kDead) {
        L::tidy(task, dropped);
        for (Engine* e = task.first_; e != nullptr; e = e->next) {
            L::set_bits(*e, L::events(*e) & ~kStopBit);
        }
        task.state_ = TaskState::kRunning;
    }
    L::unlock(task);
    L::put_all(dropped);
}

template <class Memory>
void Death<Memory>::report_death(Task& task, int group_dead, int signal) noexcept {
    typename Lists<Memory>::Dropped dropped;
    L::lock(task);
    if (task.state_ >= TaskState::kDying) {
        L::unlock(task);
        return;
    }
    // Passes that were under way (depth_) will never go on.
    task.depth_ = 0;
    for (Word<Engine*>& slot : task.reporting_) {
        // [P1 release] T4 of the abandoned visits; pairs with [C2 acquire] in Control::in_callback.
        Memory::store_release(slot, static_cast<Engine*>(nullptr));
    }
    L::take(task);
    task.calls_[0].open = false;
    L::tidy(task, dropped);
    task.state_ = TaskState::kDying;
    L::unlock(task);
    L::put_all(dropped);

    if (task.wants(Event::kDeath) || task.wants(Event::kQuiesce))
        Pass<Memory>::death(task, group_dead, signal);

    L::lock(task);
    task.state_ = TaskState::kDead;
    L::tidy(task, dropped);
    const bool reap_now = task.reap_waits_;
    L::unlock(task);
    L::put_all(dropped);
    if (reap_now) reap(task);
}

template <class Memory>
bool Death<Memory>::report_reap(Task& task) noexcept {
    L::lock(task);
    const bool later = task.state_ == TaskState::kDying;
    if (later) task.reap_waits_ = true;
    L::unlock(task);
    if (later) return false;
    reap(task);
    return true;
}

/// The reaper, or the dying side when the reaper came too early; the task's thread is gone or here.
template <class Memory>
void Death<Memory>::reap(Task& task) noexcept {
    typename Lists<Memory>::Dropped dropped;
    L::lock(task);
    if (task.state_ == TaskState::kReaped) {
        L::unlock(task);
        return;
    }
    L::tidy(task, dropped);
    task.state_ = TaskState::kReaped;
    Engine* engine = L::take_all(task);
    L::unlock(task);
    L::put_all(dropped);

    Word<Engine*>& slot = task.reporting_[0];
    while (engine != nullptr) {
        Engine* const next = engine->next;
        // [P1 release] T1. The lock came after the last possible change of the event word. Pairs
        // with [C2 acquire] in Control::in_callback.
        Memory::store_release(slot, engine);
        if ((L::events(*engine) & bit(Event::kReap)) != 0 && engine->ops.report_reap != nullptr) {
            const utrace_call with{sizeof with, static_cast<std::uint32_t>(Resume::kResume),
                                   handle(*engine), engine->data, handle(task)};
            engine->ops.report_reap(&with);
        }
        // [P1 release] T4; pairs with [C2 acquire] in Control::in_callback.
        Memory::store_release(slot, static_cast<Engine*>(nullptr));
        L::put(*engine);
        engine = next;
    }
}

template struct Death<UTRACE_CORE_MEMORY>;

}  // namespace utrace::core
