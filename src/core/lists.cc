// SPDX-License-Identifier: MIT
// The lists of a task, and why they change only here.
//
// `attached` is what passes walk, without a lock. It changes in tidy() alone, and tidy() runs with
// the task lock held by somebody who knows that no walk is under way:
//   - the executor itself at depth 0, that is between its passes, or
//   - anybody while the task is quiescent, for the executor leaves quiescence only under the lock.
// So a walk never meets a change, and an engine that is on the list when a walk starts stays in
// memory until the walk is over. Everything new therefore waits on `attaching`, everything that
// left stays marked on `attached`, and the attention word tells the executor to tidy up before its
// next pass.

#include "core/core.h"

namespace utrace::core {

template <class Memory>
void Lists<Memory>::lock(Task& task) noexcept {
    Memory::lock_taken();
    if (task.host_->lock != nullptr) task.host_->lock(task);
}

template <class Memory>
void Lists<Memory>::unlock(Task& task) noexcept {
    if (task.host_->unlock != nullptr) task.host_->unlock(task);
}

template <class Memory>
bool Lists<Memory>::current(const Task& task) noexcept {
    if (task.host_->is_current != nullptr) return task.host_->is_current(task);
    return task.depth_ != 0;
}

template <class Memory>
bool Lists<Memory>::quiescent(const Task& task) noexcept {
    return task.state_ == TaskState::kNew || task.state_ == TaskState::kStopped ||
           task.state_ == TaskState::kJobStop || task.state_ == TaskState::kDead;
}

template <class Memory>
std::uint64_t Lists<Memory>::events(const Engine& engine) noexcept {
    // [P2 relaxed] the pass may read it while a controller writes; that controller then looks into
    // reporting. Pairs with [C1 relaxed] in Lists::set_bits.
    return Memory::load_relaxed(engine.events);
}

template <class Memory>
void Lists<Memory>::set_bits(Engine& engine, std::uint64_t bits) noexcept {
    // [C1 relaxed] ordered for the pass by the membarrier that follows when it matters; pairs with
    // [P2 relaxed] in Lists::events.
    Memory::store_relaxed(engine.events, bits);
}

template <class Memory>
void Lists<Memory>::raise(Task& task, std::uint32_t attention) noexcept {
    // [C3 relaxed] who sees it takes the lock, and the lock carries the rest; pairs with
    // [P3 relaxed] in Task::attention.
    Memory::store_relaxed(task.attention_, task.attention() | attention);
}

template <class Memory>
void Lists<Memory>::pend(Task& task, Resume action) noexcept {
    if (action == Resume::kStop || action >= Resume::kResume) return;
    if (action < task.resume_) task.resume_ = action;
    raise(task,
          Attention::kAction | (task.resume_ == Resume::kInterrupt ? Attention::kInterrupt : 0u));
}

template <class Memory>
Resume Lists<Memory>::take(Task& task) noexcept {
    const Resume action = task.resume_;
    task.resume_ = Resume::kResume;
    // [C3 relaxed] as in raise().
    Memory::store_relaxed(task.attention_,
                          task.attention() & ~(Attention::kAction | Attention::kInterrupt));
    return action;
}

template <class Memory>
void Lists<Memory>::mark_detached(Engine& engine) noexcept {
    set_bits(engine, kDetachedBit);
    raise(*engine.task, Attention::kReset);
}

template <class Memory>
bool Lists<Memory>::stop_wanted(const Task& task) noexcept {
    for (const Engine* e = task.first_; e != nullptr; e = e->next) {
        if ((events(*e) & kStopBit) != 0) return true;
    }
    for (const Engine* e = task.attaching_; e != nullptr; e = e->next) {
        if ((events(*e) & kStopBit) != 0) return true;
    }
    return false;
}

template <class Memory>
void Lists<Memory>::tidy(Task& task, Dropped& dropped) noexcept {
    while (Engine* e = task.attaching_) {
        task.attaching_ = e->next;
        insert(task, *e);
    }
    std::uint32_t done = Attention::kAttach | Attention::kReset;
    // A call that entered in the old order exits in it.
    if ((task.attention() & Attention::kReorder) != 0 && !task.calls_[0].open) {
        reorder(task);
        done |= Attention::kReorder;
    }
    for (Engine* e = task.first_; e != nullptr;) {
        Engine* const next = e->next;
        if ((events(*e) & kDetachedBit) != 0) {
            unlink(task, *e);
            e->listed = false;
            e->next = dropped.first;
            dropped.first = e;
        }
        e = next;
    }
    // [C3 relaxed] as in raise().
    Memory::store_relaxed(task.attention_, task.attention() & ~done);
    unite(task);
}

template <class Memory>
void Lists<Memory>::insert(Task& task, Engine& engine) noexcept {
    Engine* below = task.last_;
    while (below != nullptr &&
           (below->level > engine.level ||
            (below->level == engine.level && below->sequence > engine.sequence))) {
        below = below->prev;
    }
    Engine*& up = below != nullptr ? below->next : task.first_;
    engine.prev = below;
    engine.next = up;
    (up != nullptr ? up->prev : task.last_) = &engine;
    up = &engine;
}

template <class Memory>
void Lists<Memory>::unlink(Task& task, Engine& engine) noexcept {
    (engine.prev != nullptr ? engine.prev->next : task.first_) = engine.next;
    (engine.next != nullptr ? engine.next->prev : task.last_) = engine.prev;
    engine.next = nullptr;
    engine.prev = nullptr;
}

template <class Memory>
void Lists<Memory>::reorder(Task& task) noexcept {
    Engine* e = task.first_;
    task.first_ = nullptr;
    task.last_ = nullptr;
    while (e != nullptr) {
        Engine* const next = e->next;
        insert(task, *e);
        e = next;
    }
}

template <class Memory>
void Lists<Memory>::unite(Task& task) noexcept {
    std::uint64_t wanted = 0;
    std::uint64_t numbers[NrSet::kWords] = {};
    for (const Engine* e = task.first_; e != nullptr; e = e->next) {
        const std::uint64_t own = events(*e) & EventSet::kPublic;
        wanted |= own;
        if ((own & kSyscallEvents) == 0) continue;
        for (std::uint32_t i = 0; i < NrSet::kWords; ++i) numbers[i] |= e->numbers.word(i);
    }
    if (task.state_ == TaskState::kDead) wanted &= bit(Event::kReap);
    bool changed = wanted != task.wanted();
    // [C4 relaxed] pairs with [P4 relaxed] in Task::wanted.
    Memory::store_relaxed(task.wanted_, wanted);
    for (std::uint32_t i = 0; i < NrSet::kWords; ++i) {
        changed = changed || numbers[i] != task.numbers_.word(i);
        task.numbers_.set_word(i, numbers[i]);
    }
    if (changed) arm(task);
}

template <class Memory>
void Lists<Memory>::grow(Task& task, const Engine& engine) noexcept {
    const std::uint64_t own = events(engine) & EventSet::kPublic;
    const std::uint64_t wanted = task.wanted() | own;
    bool changed = wanted != task.wanted();
    if ((own & kSyscallEvents) != 0) {
        for (std::uint32_t i = 0; i < NrSet::kWords; ++i) {
            const std::uint64_t word = task.numbers_.word(i) | engine.numbers.word(i);
            changed = changed || word != task.numbers_.word(i);
            task.numbers_.set_word(i, word);
        }
    }
    // [C4 relaxed] pairs with [P4 relaxed] in Task::wanted.
    Memory::store_relaxed(task.wanted_, wanted);
    if (changed) arm(task);
}

template <class Memory>
void Lists<Memory>::arm(Task& task) noexcept {
    Memory::host_called();
    task.host_->arm(task, task.wanted(), task.numbers_);
}

template <class Memory>
bool Lists<Memory>::release(Task& task) noexcept {
    if (task.state_ != TaskState::kStopped || stop_wanted(task)) return false;
    task.state_ = task.job_stopped_ ? TaskState::kJobStop : TaskState::kRunning;
    return true;
}

template <class Memory>
void Lists<Memory>::append_attaching(Task& task, Engine& engine) noexcept {
    engine.sequence = task.next_sequence_++;
    engine.listed = true;
    engine.next = nullptr;
    Engine** end = &task.attaching_;
    while (*end != nullptr) end = &(*end)->next;
    *end = &engine;
    raise(task, Attention::kAttach);
}

template <class Memory>
Engine* Lists<Memory>::take_all(Task& task) noexcept {
    for (Engine* e = task.first_; e != nullptr; e = e->next) e->listed = false;
    Engine* const all = task.first_;
    task.first_ = nullptr;
    task.last_ = nullptr;
    unite(task);
    return all;
}

template <class Memory>
void Lists<Memory>::put(Engine& engine) noexcept {
    // [C7 acq_rel] the last owner sees all others' use before it frees; pairs with itself.
    if (!Memory::drop(engine.references)) return;
    if (engine.ops.release != nullptr) engine.ops.release(engine.data);
    Task& task = *engine.task;
    task.host_->free(&engine, sizeof(Engine));
    drop_user(task);
}

template <class Memory>
void Lists<Memory>::put_all(Dropped& dropped) noexcept {
    while (Engine* e = dropped.first) {
        dropped.first = e->next;
        e->next = nullptr;
        put(*e);
    }
}

template <class Memory>
void Lists<Memory>::wake(Task& task) noexcept {
    Memory::host_called();
    task.host_->wake(task);
}

template <class Memory>
void Lists<Memory>::drop_user(Task& task) noexcept {
    // [C8 acq_rel] as [C7], for the task's memory; pairs with itself.
    if (Memory::drop(task.users_) && task.host_->unused != nullptr) task.host_->unused(task);
}

template struct Lists<UTRACE_CORE_MEMORY>;

}  // namespace utrace::core
