// SPDX-License-Identifier: MIT
// Calls that any thread may make on a task: attach, set_events, control, barrier and their kin.
//
// They all have one shape: take the task lock, decide by the table of states, write, unlock, then
// do what must not happen under the lock (wake, kick, put references). The one subtle part is how a
// controller learns that no callback with the old event set is running or can start, though passes
// take no lock:
//   C1  under the lock, store the smaller event set                    (set_bits)
//   C2  membarrier: the executor acts as if it ran a full fence
//   C3  load the executor's `reporting` slots                          (in_callback)
// pass.cc has the other half, T1-T4, and docs/design/0002-report-pass.md the proof.

#include <new>

#include "core/core.h"

namespace utrace::core {
namespace {

constexpr std::uint32_t kAttachFlags =
    kMatchOps | kMatchData | kCreate | kExclusive | kMayFloor | kReentrant | kExitKill;
/// Nobody's struct is larger; beyond it `size` is garbage.
constexpr std::uint32_t kLargestStruct = 4096;

/// The size rule of engine_abi.h: `known` is also the first published size so far.
int copy_sized(void* to, std::uint32_t known, const void* from) noexcept {
    std::uint32_t size;
    __builtin_memcpy(&size, from, sizeof size);
    if (size < known) return status(Errc::kInvalid);
    if (size > kLargestStruct) return status(Errc::kTooBig);
    const auto* bytes = static_cast<const unsigned char*>(from);
    for (std::uint32_t i = known; i < size; ++i) {
        if (bytes[i] != 0) return status(Errc::kTooBig);
    }
    __builtin_memcpy(to, from, known);
    __builtin_memcpy(to, &known, sizeof known);
    return 0;
}

void copy_name(char (&to)[32], const char* from) noexcept {
    std::uint32_t i = 0;
    for (; from != nullptr && from[i] != '\0' && i + 1 < sizeof to; ++i) to[i] = from[i];
    to[i] = '\0';
}

}  // namespace

// ---- attach and references ----

template <class Memory>
int Control<Memory>::attach(Task& task, const utrace_attach_params& given, Engine** out) noexcept {
    *out = nullptr;
    utrace_attach_params params;
    if (const int bad = copy_sized(&params, sizeof params, &given); bad != 0) return bad;
    if ((params.flags & ~kAttachFlags) != 0) return status(Errc::kInvalid);

    Engine* fresh = nullptr;
    if ((params.flags & kCreate) != 0) {
        utrace_engine_ops ops;
        if (params.ops == nullptr) return status(Errc::kInvalid);
        if (const int bad = copy_sized(&ops, sizeof ops, params.ops); bad != 0) return bad;
        if ((ops.abi_flags & ~std::uint32_t{UTRACE_OPS_VECTOR}) != 0) return status(Errc::kInvalid);
        const bool floor_only = (params.flags & (kMayFloor | kReentrant)) == kMayFloor;
        if (floor_only && (task.host_->capabilities & kNestsPasses) != 0)
            return status(Errc::kInvalid);
        fresh = make(task, params);
        if (fresh == nullptr) return status(Errc::kNoMemory);
        fresh->ops = ops;
    }
    int result = lock_for_attach(task);
    if (result == 0) {
        Engine* const match =
            fresh == nullptr || (params.flags & kExclusive) != 0 ? find(task, params) : nullptr;
        if (task.state_ == TaskState::kReaped) {
            result = status(Errc::kNoTask);
        } else if (fresh == nullptr) {
            result = match != nullptr ? 0 : status(Errc::kNoEntry);
            if (match != nullptr) get(*match);
            *out = match;
        } else if (match != nullptr) {
            result = status(Errc::kExists);
        } else {
            Memory::add(task.users_);  // [C8 relaxed] pairs with [C8 acq_rel] in drop_user.
            L::append_attaching(task, *fresh);
            *out = fresh;
        }
        L::unlock(task);
    }
    if (fresh != nullptr && *out == nullptr) task.host_->free(fresh, sizeof(Engine));
    return result;
}

/// An attach to a child by somebody who is not in the parent's CLONE pass waits until that ended,
/// so that the parent's engines come first. 0: the lock is held.
template <class Memory>
int Control<Memory>::lock_for_attach(Task& task) noexcept {
    Waiting waiting{WaitFor::kClonePass, 0, 0, 0};
    for (;; ++waiting.rounds) {
        L::lock(task);
        const Task* const parent =
            task.clone_parent_.load_relaxed();  // [C6 relaxed] under the lock
        if (parent == nullptr || L::current(*parent)) return 0;
        L::unlock(task);
        if (task.host_->wait == nullptr) return status(Errc::kAgain);
        if (const int stopped = task.host_->wait(task, waiting); stopped != 0) return stopped;
    }
}

template <class Memory>
Engine* Control<Memory>::find(const Task& task, const utrace_attach_params& params) noexcept {
    const auto matches = [&params](const Engine& e) {
        return (L::events(e) & kDetachedBit) == 0 &&
               ((params.flags & kMatchOps) == 0 || e.ops_key == params.ops) &&
               ((params.flags & kMatchData) == 0 || e.data == params.data);
    };
    for (Engine* e = task.first_; e != nullptr; e = e->next) {
        if (matches(*e)) return e;
    }
    for (Engine* e = task.attaching_; e != nullptr; e = e->next) {
        if (matches(*e)) return e;
    }
    return nullptr;
}

template <class Memory>
Engine* Control<Memory>::make(Task& task, const utrace_attach_params& params) noexcept {
    void* const memory = task.host_->allocate(sizeof(Engine));
    if (memory == nullptr) return nullptr;
    auto* const engine = ::new (memory) Engine;
    engine->flags = params.flags & (kMayFloor | kReentrant | kExitKill);
    engine->ops_key = params.ops;
    engine->data = params.data;
    engine->task = &task;
    engine->level = params.level;
    engine->reply_ms = params.reply_ms;
    copy_name(engine->name, params.name);
    for (std::uint32_t i = 0; i < NrSet::kWords; ++i)
        engine->numbers.set_word(i, ~std::uint64_t{0});
    // [C7 relaxed] the caller's reference and "attached"; nobody else knows it yet.
    engine->references.store_relaxed(2);
    return engine;
}

template <class Memory>
void Control<Memory>::get(Engine& engine) noexcept {
    Memory::add(engine.references);  // [C7 relaxed] pairs with [C7 acq_rel] in Lists::put.
}

// ---- event sets ----

template <class Memory>
int Control<Memory>::set_events(Engine& engine, EventSet set) noexcept {
    constexpr std::uint64_t kDeathEvents = bit(Event::kDeath) | bit(Event::kQuiesce);
    Task& task = *engine.task;
    typename L::Dropped dropped;
    L::lock(task);
    const std::uint64_t old = L::events(engine);
    const std::uint64_t added = set.bits() & ~old;
    const std::uint64_t cleared = old & EventSet::kPublic & ~set.bits();
    const bool dying = task.state_ == TaskState::kDying;
    int result = 0;
    if ((old & kDetachedBit) != 0 || task.state_ == TaskState::kReaped ||
        (task.reap_waits_ && (cleared & bit(Event::kReap)) != 0)) {
        result = status(Errc::kNoTask);
    } else if ((dying && (cleared & kDeathEvents) != 0) ||
               ((dying || task.state_ == TaskState::kDead) && (added & kDeathEvents) != 0)) {
        result = status(Errc::kAlready);
    }
    if (result != 0) {
        L::unlock(task);
        return result;
    }
    const bool quiescent = L::quiescent(task);
    L::set_bits(engine, set.bits() | (old & kStopBit));
    if (quiescent) {
        L::tidy(task, dropped);
    } else {
        L::grow(task, engine);
        if (cleared != 0) L::raise(task, Attention::kReset);
    }
    L::unlock(task);
    L::put_all(dropped);
    // While the death report runs nothing but DEATH and QUIESCE is called, and those stayed.
    if (cleared == 0 || dying) return 0;
    return after_disable(engine, quiescent);
}

template <class Memory>
int Control<Memory>::set_syscalls(Engine& engine, const std::uint64_t* bits,
                                  std::uint32_t words) noexcept {
    Task& task = *engine.task;
    typename L::Dropped dropped;
    L::lock(task);
    if ((L::events(engine) & kDetachedBit) != 0 || task.state_ == TaskState::kReaped) {
        L::unlock(task);
        return status(Errc::kNoTask);
    }
    bool cleared = false;
    for (std::uint32_t i = 0; i < NrSet::kWords; ++i) {
        const std::uint64_t word = bits == nullptr ? ~std::uint64_t{0} : i < words ? bits[i] : 0;
        cleared = cleared || (engine.numbers.word(i) & ~word) != 0;
        engine.numbers.set_word(i, word);
    }
    const bool quiescent = L::quiescent(task);
    if (quiescent) {
        L::tidy(task, dropped);
    } else {
        L::grow(task, engine);
        if (cleared) L::raise(task, Attention::kReset);
    }
    L::unlock(task);
    L::put_all(dropped);
    return cleared ? after_disable(engine, quiescent) : 0;
}

/// 0 if no callback with the old set runs or can start, else EINPROGRESS. C1 is done.
template <class Memory>
int Control<Memory>::after_disable(Engine& engine, bool quiescent) noexcept {
    Task& task = *engine.task;
    if (quiescent || L::current(task)) return 0;
    if (task.host_->membarrier != nullptr) task.host_->membarrier(task);  // C2
    return in_callback(engine) ? status(Errc::kInProgress) : 0;           // C3
}

template <class Memory>
bool Control<Memory>::in_callback(const Engine& engine) noexcept {
    for (const Word<Engine*>& slot : engine.task->reporting_) {
        // [C2 acquire] C3: reads E or a later value; null means the callback's effects are visible.
        // Pairs with [P1 release] in Pass::walk.
        if (Memory::load_acquire(slot) == &engine) return true;
    }
    return false;
}

// ---- control ----

/// The checks that come before any effect, lock held.
template <class Memory>
int Control<Memory>::check_control(const Engine& engine, Resume action) noexcept {
    const Task& task = *engine.task;
    const std::uint64_t events = L::events(engine);
    const bool detached = (events & kDetachedBit) != 0;
    const bool needs_quiesce = action == Resume::kReport || is_step(action);
    if (needs_quiesce && !detached && (events & bit(Event::kQuiesce)) == 0)
        return status(Errc::kInvalid);
    if (detached || task.state_ == TaskState::kReaped) return status(Errc::kNoTask);
    const bool detach = action == Resume::kDetach;
    if (task.state_ == TaskState::kDying) return status(detach ? Errc::kAlready : Errc::kNoTask);
    if (task.state_ == TaskState::kDead && !detach) return status(Errc::kNoTask);
    const std::uint32_t can = task.host_->capabilities;
    if (action == Resume::kInterrupt && (can & kCanInterrupt) == 0)
        return status(Errc::kNotSupported);
    if (is_step(action) && (can & (kCanStep | kCanBlockStep)) == 0)
        return status(Errc::kNotSupported);
    return 0;
}

template <class Memory>
int Control<Memory>::control(Engine& engine, std::uint32_t value) noexcept {
    if (value > static_cast<std::uint32_t>(Resume::kDetach)) return status(Errc::kInvalid);
    auto action = static_cast<Resume>(value);
    Task& task = *engine.task;
    L::lock(task);
    if (const int bad = check_control(engine, action); bad != 0) {
        L::unlock(task);
        return bad;
    }
    if (action == Resume::kBlockStep && (task.host_->capabilities & kCanBlockStep) == 0)
        action = Resume::kSingleStep;
    return L::quiescent(task) ? control_quiescent(engine, action) : control_running(engine, action);
}

/// Unlocks.
template <class Memory>
int Control<Memory>::control_quiescent(Engine& engine, Resume action) noexcept {
    Task& task = *engine.task;
    typename L::Dropped dropped;
    if (action == Resume::kStop) {
        L::set_bits(engine, L::events(engine) | kStopBit);
        if (task.state_ == TaskState::kJobStop) task.state_ = TaskState::kStopped;
    } else if (action == Resume::kDetach) {
        L::mark_detached(engine);
        L::tidy(task, dropped);
    } else {
        L::set_bits(engine, L::events(engine) & ~kStopBit);
        // A step that only this engine asked for is taken back; a wish of another one never is.
        const bool own_step = is_step(task.resume_) && task.step_asker_ == &engine;
        if (action == Resume::kResume && own_step) L::take(task);
        if (is_step(action))
            task.step_asker_ = task.resume_ == Resume::kResume || own_step ? &engine : nullptr;
        L::pend(task, action);
    }
    const bool woken = L::release(task);
    L::unlock(task);
    if (woken) L::wake(task);
    L::put_all(dropped);
    return 0;
}

/// Unlocks.
template <class Memory>
int Control<Memory>::control_running(Engine& engine, Resume action) noexcept {
    Task& task = *engine.task;
    if (action == Resume::kDetach) {
        L::mark_detached(engine);
    } else if (action == Resume::kStop) {
        L::set_bits(engine, L::events(engine) | kStopBit);
        L::pend(task, Resume::kReport);
    } else {
        L::set_bits(engine, L::events(engine) & ~kStopBit);
        L::pend(task, action);
    }
    const bool current = L::current(task);
    L::unlock(task);
    if (action == Resume::kDetach) {
        if (!current && task.host_->membarrier != nullptr) task.host_->membarrier(task);  // C2
        return in_callback(engine) ? status(Errc::kInProgress) : 0;                       // C3
    }
    if (action <= Resume::kReport && !current) {
        Memory::host_called();
        task.host_->kick(task, action);
    }
    return action == Resume::kStop ? status(Errc::kInProgress) : 0;
}

template <class Memory>
int Control<Memory>::set_level(Engine& engine, std::int32_t level) noexcept {
    Task& task = *engine.task;
    typename L::Dropped dropped;
    L::lock(task);
    const bool gone = (L::events(engine) & kDetachedBit) != 0 || task.state_ == TaskState::kReaped;
    if (!gone) {
        engine.level = level;
        L::raise(task, Attention::kReorder);
        if (L::quiescent(task)) L::tidy(task, dropped);
    }
    L::unlock(task);
    L::put_all(dropped);
    return gone ? status(Errc::kNoTask) : 0;
}

template <class Memory>
int Control<Memory>::barrier(Engine& engine, std::uint32_t timeout_ms) noexcept {
    Task& task = *engine.task;
    if (L::current(task)) return 0;
    L::lock(task);
    L::unlock(task);
    if (task.host_->membarrier != nullptr) task.host_->membarrier(task);  // C2
    Waiting waiting{WaitFor::kCallback, timeout_ms, 0, 0};
    for (; in_callback(engine); ++waiting.rounds) {  // C3
        if (task.host_->wait == nullptr) return status(Errc::kAgain);
        if (const int stopped = task.host_->wait(task, waiting); stopped != 0) return stopped;
    }
    L::lock(task);
    const bool listed = engine.listed;
    L::unlock(task);
    return listed ? 0 : status(Errc::kNoTask);
}

// ---- what the host tells about the thread ----

template <class Memory>
void Control<Memory>::hold_clone(Task& child, Task* parent) noexcept {
    L::lock(child);
    // [C6 release] a query without the lock sees the attaches of a pass that ended; pairs with
    // [C6 acquire] in Task::clone_held.
    child.clone_parent_.store_release(parent);
    L::unlock(child);
}

template <class Memory>
void Control<Memory>::enter_job_stop(Task& task) noexcept {
    typename L::Dropped dropped;
    L::lock(task);
    if (task.state_ == TaskState::kRunning) {
        task.calls_[0].open = false;
        task.job_stopped_ = true;
        L::tidy(task, dropped);
        task.state_ = L::stop_wanted(task) ? TaskState::kStopped : TaskState::kJobStop;
    }
    L::unlock(task);
    L::put_all(dropped);
}

template <class Memory>
void Control<Memory>::leave_job_stop(Task& task) noexcept {
    L::lock(task);
    task.job_stopped_ = false;
    if (task.state_ == TaskState::kJobStop) task.state_ = TaskState::kRunning;
    L::unlock(task);
}

template struct Control<UTRACE_CORE_MEMORY>;

}  // namespace utrace::core
