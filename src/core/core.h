// SPDX-License-Identifier: MIT
// what:     the core's four parts, each a set of functions over Task and Engine by memory policy.
// who:      the core itself; everybody else uses task.h. Rules of who holds the lock: per function.
// lifetime: static functions.
// cost:     Pass: nothing but the walk when nobody stops, steps, attaches or leaves.
// see:      docs/design/0002-report-pass.md. Definitions: lists.cc, control.cc, pass.cc, death.cc,
//           each of which instantiates its part for UTRACE_CORE_MEMORY.
#pragma once

#include <cstdint>

#include "core/engine.h"
#include "core/memory.h"
#include "core/task.h"

namespace utrace::core {

inline constexpr std::uint64_t kSyscallEvents =
    bit(Event::kSyscallEntry) | bit(Event::kSyscallExit);

constexpr bool is_step(Resume action) noexcept {
    return action == Resume::kSingleStep || action == Resume::kBlockStep;
}

/// The lists of a task and everything that is written under its lock.
template <class Memory>
struct Lists {
    /// Engines taken off their list; their attached references are put after the lock is released.
    struct Dropped {
        Engine* first = nullptr;
    };

    static void lock(Task&) noexcept;
    static void unlock(Task&) noexcept;
    /// Is the caller the task's executor, inside a pass or callback of it?
    static bool current(const Task&) noexcept;
    static bool quiescent(const Task& task) noexcept;

    static std::uint64_t events(const Engine&) noexcept;
    // All below: lock held.
    static void set_bits(Engine&, std::uint64_t) noexcept;
    static void raise(Task&, std::uint32_t attention) noexcept;
    /// Lowers the pending action and raises attention; kResume and kStop are no pending actions.
    static void pend(Task&, Resume) noexcept;
    static Resume take(Task&) noexcept;
    static void mark_detached(Engine&) noexcept;
    /// Does any engine hold STOP? From the engines' own bits, never from a union.
    static bool stop_wanted(const Task&) noexcept;
    /// Splice, reorder, unlink, recompute unions. Depth 0 of the executor, or task quiescent.
    static void tidy(Task&, Dropped&) noexcept;
    /// The unions grow by what this engine wants.
    static void grow(Task&, const Engine&) noexcept;
    /// Leaves kStopped if nobody holds STOP; true: call HostOps::wake after unlocking.
    static bool release(Task&) noexcept;
    static void append_attaching(Task&, Engine&) noexcept;
    /// Takes every engine off the lists (the task is reaped).
    static Engine* take_all(Task&) noexcept;

    // Lock not held.
    static void put(Engine&) noexcept;
    static void put_all(Dropped&) noexcept;
    static void wake(Task&) noexcept;
    static void drop_user(Task&) noexcept;

  private:
    static void insert(Task&, Engine&) noexcept;
    static void unlink(Task&, Engine&) noexcept;
    static void reorder(Task&) noexcept;
    static void unite(Task&) noexcept;
    static void arm(Task&) noexcept;
};

/// The calls of task.h that any thread may make.
template <class Memory>
struct Control {
    static int attach(Task&, const utrace_attach_params&, Engine** out) noexcept;
    static void get(Engine&) noexcept;
    static int set_events(Engine&, EventSet) noexcept;
    static int set_syscalls(Engine&, const std::uint64_t* bits, std::uint32_t words) noexcept;
    static int control(Engine&, std::uint32_t resume) noexcept;
    static int set_level(Engine&, std::int32_t level) noexcept;
    static int barrier(Engine&, std::uint32_t timeout_ms) noexcept;
    static void hold_clone(Task& child, Task* parent) noexcept;
    static void enter_job_stop(Task&) noexcept;
    static void leave_job_stop(Task&) noexcept;

  private:
    using L = Lists<Memory>;
    static int check_control(const Engine&, Resume) noexcept;
    static int control_quiescent(Engine&, Resume) noexcept;
    static int control_running(Engine&, Resume) noexcept;
    static int after_disable(Engine&, bool quiescent) noexcept;
    static bool in_callback(const Engine&) noexcept;
    static int lock_for_attach(Task&) noexcept;
    static Engine* find(const Task&, const utrace_attach_params&) noexcept;
    static Engine* make(Task&, const utrace_attach_params&) noexcept;
};

/// The report pass.
template <class Memory>
struct Pass {
    static PassResult syscall_entry(Task&, utrace_syscall&, bool resumed) noexcept;
    static PassResult syscall_exit(Task&, utrace_syscall&) noexcept;
    static PassResult signal(Task&, Event, utrace_signal&, SignalVerdict) noexcept;
    static PassResult clone(Task&, std::uint64_t flags, Task* child) noexcept;
    static PassResult exec(Task&, const utrace_exec&) noexcept;
    static PassResult jctl(Task&, int type, int notify) noexcept;
    static PassResult exit(Task&, int* code) noexcept;
    static PassResult extension(Task&, std::uint32_t event, const void* record,
                                std::uint32_t length) noexcept;
    /// `signal` null: quiesce(0) alone.
    static PassResult resume_point(Task&, utrace_signal* signal, bool handler) noexcept;
    /// The DEATH walk; Death::report_death has prepared the task.
    static void death(Task&, int group_dead, int signal) noexcept;

  private:
    using L = Lists<Memory>;
    enum class Place : std::uint8_t { kHere, kLater, kResumePoint };
    enum class Order : std::uint8_t { kFromKernel, kFromUser };
    struct Report;
    static bool begin(Report&) noexcept;
    template <class Visit>
    static void walk(Report&, Order, Visit&&) noexcept;
    template <class Wanted, class Call>
    static void visit(Report&, Engine&, Event, Wanted&&, Call&&) noexcept;
    template <class Call>
    static PassResult simple(Task&, Event, Place, Call&&) noexcept;
    template <class Callback, class... Arguments>
    static void call(Report&, Engine&, Callback, Arguments...) noexcept;
    static void quiesce(Report&, Engine&, std::uint64_t mask) noexcept;
    static void signal_visit(Report&, Engine&, std::uint64_t event_mask, utrace_signal*) noexcept;
    static void apply(Report&, Engine&, Resume) noexcept;
    static PassResult finish(Report&, Place) noexcept;
    static bool skipped(const Report&, const Engine&) noexcept;
    static bool entry_repeat(Task&, PassResult&) noexcept;
};

/// Death and reaping.
template <class Memory>
struct Death {
    static void report_death(Task&, int group_dead, int signal) noexcept;
    static bool report_reap(Task&) noexcept;
    /// SIGKILL ended a stop: STOP bits go, the executor has left quiescence.
    static void leave_stop(Task&) noexcept;

  private:
    using L = Lists<Memory>;
    static void reap(Task&) noexcept;
};

}  // namespace utrace::core

// The policy that the .cc files instantiate their part for; a test build names another one.
#ifndef UTRACE_CORE_MEMORY
#define UTRACE_CORE_MEMORY AtomicMemory
#endif
