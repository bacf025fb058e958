// SPDX-License-Identifier: MIT
// what:     Task, the core's state of one thread, the calls on it, and the report passes.
// who:      calls: any thread (see HostOps::lock). Passes: the task's executor, never nested.
// lifetime: embedded in the host's object; init() ... retire(), reusable at HostOps::unused.
// cost:     an unwanted event is one load and one test; an interested pass takes no lock.
// see:      docs/design/0002-report-pass.md; src/core/pass.cc explains the pass.
#pragma once

#include <cstdint>

#include "core/engine.h"
#include "core/host_ops.h"
#include "utrace/engine_abi.h"
#include "utrace/types.h"

namespace utrace::core {

enum class TaskState : std::uint8_t {
    kNew,      ///< has not run yet (quiescent)
    kRunning,  ///< runs, blocks, or is in a pass
    kStopped,  ///< tracing stop: some engine holds STOP (quiescent)
    kJobStop,  ///< job-control stop (quiescent)
    kDying,    ///< the death report runs
    kDead,     ///< reports done, not reaped (quiescent)
    kReaped,   ///< nothing can happen any more
};

/// Bits of the attention word: why the executor must take the lock.
struct Attention {
    // Tidied at the start of any pass.
    static constexpr std::uint32_t kAttach = 0x01;   ///< engines wait on `attaching`
    static constexpr std::uint32_t kReset = 0x02;    ///< detached engines or shrunk sets
    static constexpr std::uint32_t kReorder = 0x04;  ///< a level changed
    static constexpr std::uint32_t kTidy = kAttach | kReset | kReorder;
    // Taken at the resume point.
    static constexpr std::uint32_t kAction = 0x08;     ///< a resume action is pending ...
    static constexpr std::uint32_t kInterrupt = 0x10;  ///< ... and it is Resume::kInterrupt
};

/// What a pass decided.
struct PassResult {
    Resume resume = Resume::kResume;  ///< how to run on: kResume, kSingleStep, kBlockStep.
                                      ///< kReport, kInterrupt: kept pending, attention() is set
    bool stop = false;                ///< state() is kStopped: park until HostOps::wake
    bool called = false;              ///< some callback ran
    bool hold = false;                ///< signal: put it back on the queue
    bool handler_report = false;  ///< signal, kDeliver: call report_pre_signal(handler) once the
                                  ///< frame exists, before the first handler instruction
    SyscallVerdict syscall = SyscallVerdict::kRun;
    SignalVerdict signal = SignalVerdict::kDeliver;
};

class Task {
  public:
    static constexpr std::uint32_t kMaxDepth = 8;

    Task() noexcept = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;

    /// Before any other use. kNew for a child that has not run, kRunning for an attach.
    void init(const HostOps& host, TaskState initial, void* host_data = nullptr) noexcept {
        host_ = &host;
        host_data_ = host_data;
        state_ = initial;
    }
    void* host_data() const noexcept { return host_data_; }

    /// Would a pass for this event find anybody? One load and one test.
    bool wants(Event event) const noexcept { return (wanted() & bit(event)) != 0; }
    bool wants_syscalls() const noexcept {
        return (wanted() & (bit(Event::kSyscallEntry) | bit(Event::kSyscallExit))) != 0;
    }
    bool wants_syscall(Event event, std::uint32_t nr) const noexcept {
        return wants(event) && numbers_.has(nr);
    }
    /// Attention bits, 0 = none. Before user mode the host calls report_quiesce (or
    /// report_pre_signal when Attention::kInterrupt is set) until this is 0.
    std::uint32_t attention() const noexcept {
        // [P3 relaxed] a hint; the lock follows. Pairs with [C3 relaxed] in Lists::raise.
        return attention_.load_relaxed();
    }
    /// For the executor, or while quiescent; anybody else gets a guess.
    TaskState state() const noexcept { return state_; }
    /// Is it in its parent's CLONE pass? Then outsiders' attaches have to wait.
    bool clone_held() const noexcept {
        // [C6 acquire] pairs with [C6 release] in Control::hold_clone.
        return clone_parent_.load_acquire() != nullptr;
    }
    /// Passes refused because kMaxDepth were already running. Executor only.
    std::uint32_t refused_passes() const noexcept { return refused_passes_; }
    /// Visits left out because the engine's own callback was interrupted. Executor only.
    std::uint32_t skipped_visits() const noexcept { return skipped_visits_; }
    /// Signals whose number an engine set above 64. Executor only.
    std::uint32_t bad_signals() const noexcept { return bad_signals_; }
    /// Number of the present call as the program made it. Executor only.
    std::uint32_t user_nr(const utrace_syscall& call) const noexcept {
        return (call.flags & UTRACE_SYSCALL_ENTERED) != 0 ? calls_[depth_].user_nr : call.nr;
    }

  private:
    template <class Memory>
    friend struct Lists;
    template <class Memory>
    friend struct Control;
    template <class Memory>
    friend struct Pass;
    template <class Memory>
    friend struct Death;

    std::uint64_t wanted() const noexcept {
        // [P4 relaxed] an event switched on or off around now may count either way;
        // pairs with [C4 relaxed] in Lists::unite and Control::set_events.
        return wanted_.load_relaxed();
    }

    // Read by every event.
    Word<std::uint64_t> wanted_{0};       ///< events_union, written under the lock
    Word<std::uint32_t> attention_{0};    ///< written under the lock
    std::uint32_t depth_ = 0;             ///< executor only
    Engine* first_ = nullptr;             ///< `attached`, nearest the kernel
    Engine* last_ = nullptr;              ///< `attached`, nearest the user
    Word<Engine*> reporting_[kMaxDepth];  ///< executor writes
    NrSet numbers_;                       ///< nr_union, written under the lock

    /// One system call of the program; a handler that runs on top of a callback makes its own
    /// calls, so there is one per depth. Executor only, calls_[0] also read by others while
    /// quiescent.
    struct Call {
        std::uint32_t id = 0;       ///< from next_call_
        std::uint32_t user_nr = 0;  ///< as the program made it
        SyscallVerdict verdict = SyscallVerdict::kRun;
        bool floor = false;      ///< aborted for good
        bool open = false;       ///< had an entry pass, and nothing of user mode since
        bool interrupt = false;  ///< to be started interrupted
    };
    Call calls_[kMaxDepth + 1];
    std::uint32_t next_call_ = 0;
    std::uint32_t signal_round_ = 1;
    std::uint32_t refused_passes_ = 0;
    std::uint32_t skipped_visits_ = 0;
    std::uint32_t bad_signals_ = 0;

    // Under the lock.
    TaskState state_ = TaskState::kNew;
    Resume resume_ = Resume::kResume;     ///< pending action, only ever lowered until taken
    const Engine* step_asker_ = nullptr;  ///< the only one that asked for a pending step, or null
    bool job_stopped_ = false;            ///< its group is stopped, whatever state_ says
    bool reap_waits_ = false;             ///< reaped while the death report ran
    Engine* attaching_ = nullptr;         ///< attach order
    std::uint64_t next_sequence_ = 0;
    Word<Task*> clone_parent_{nullptr};

    Word<std::uint32_t> users_{1};  ///< the host and every engine that is not freed
    const HostOps* host_ = nullptr;
    void* host_data_ = nullptr;
};

/// The C ABI's opaque task, as callbacks get it, is this one.
inline utrace_task* handle(Task& task) noexcept { return reinterpret_cast<utrace_task*>(&task); }
inline Task& task_of(utrace_task* task) noexcept { return *reinterpret_cast<Task*>(task); }

// ---- Calls. 0 or -errno; any thread, also from callbacks. ----

/// ENOENT: look-up found nothing. EEXIST: kExclusive. EINVAL: no ops, unknown flag, bad size,
/// kMayFloor without kReentrant on a host that nests passes. E2BIG: unknown tail not zero.
/// ESRCH: reaped. ENOMEM. EINTR, EAGAIN: the parent's CLONE pass runs and the caller is not in it.
/// The caller gets a reference.
int attach(Task&, const utrace_attach_params&, Engine** out) noexcept;
void get(Engine&) noexcept;
void put(Engine&) noexcept;
/// ESRCH: detached or being reaped. EALREADY: DEATH or QUIESCE, too late. EINPROGRESS: installed,
/// but a callback of this engine may still be running.
int set_events(Engine&, EventSet) noexcept;
/// Null bits: all numbers. Missing words are empty. ESRCH, EINPROGRESS as above.
int set_syscalls(Engine&, const std::uint64_t* bits, std::uint32_t words) noexcept;
/// EINVAL: no such action; kReport or a step without QUIESCE. ESRCH, EALREADY: dead or gone.
/// EINPROGRESS: not stopped yet, or (kDetach) a callback of this engine runs. EOPNOTSUPP.
int control(Engine&, std::uint32_t resume) noexcept;
inline int control(Engine& engine, Resume resume) noexcept {
    return control(engine, static_cast<std::uint32_t>(resume));
}
/// ESRCH: detached or reaped.
int set_level(Engine&, std::int32_t level) noexcept;
/// 0: no callback of this engine runs. ESRCH: nor can one start, it is off the lists. EINTR,
/// ETIMEDOUT, EAGAIN from the host's wait.
int barrier(Engine&, std::uint32_t timeout_ms) noexcept;

// ---- For the host: states of the thread. ----

/// The child is known before the parent's CLONE pass: outsiders wait until report_clone ends.
void hold_clone(Task& child, Task& parent) noexcept;
/// The thread entered a job stop. Afterwards state() is kJobStop, or kStopped when an engine
/// already held STOP.
void enter_job_stop(Task&) noexcept;
/// The group was continued. state() kRunning: go to the resume point. kStopped: stay parked.
void leave_job_stop(Task&) noexcept;
/// The host's last use, after report_reap; HostOps::unused follows when no engine refers to it.
void retire(Task&) noexcept;

// ---- Passes: the executor, or the host while the thread cannot run. ----

namespace slow {
PassResult syscall_entry(Task&, utrace_syscall&, bool resumed) noexcept;
PassResult syscall_exit(Task&, utrace_syscall&) noexcept;
PassResult signal(Task&, Event, utrace_signal&, SignalVerdict) noexcept;
}  // namespace slow

/// `resumed`: the wake after a stop of this same call; runs a repeat pass only if one was asked
/// for. Loop: r = entry(false); while (r.stop) { park; r = entry(true); } then run or abort.
inline PassResult report_syscall_entry(Task& task, utrace_syscall& call, bool resumed) noexcept {
    if (!resumed && !task.wants_syscall(Event::kSyscallEntry, call.nr)) return {};
    return slow::syscall_entry(task, call, resumed);
}
/// `call` is the object the entry pass got, `result` filled in; or a fresh one if none was made.
inline PassResult report_syscall_exit(Task& task, utrace_syscall& call) noexcept {
    if (!task.wants(Event::kSyscallExit)) return {};
    if (!task.wants_syscall(Event::kSyscallExit, task.user_nr(call))) return {};
    return slow::syscall_exit(task, call);
}
/// A dequeued signal of class `event` (kSignal ... kSignalCore) with that class's verdict.
inline PassResult report_signal(Task& task, Event event, utrace_signal& signal,
                                SignalVerdict verdict) noexcept {
    if (!task.wants(event)) {
        PassResult result;
        result.signal = verdict;
        return result;
    }
    return slow::signal(task, event, signal, verdict);
}
/// The child must not run before this returned; null = not followed. A stop asked for in a vfork
/// (CLONE_VFORK in `flags`) happens here, other stops at the resume point.
PassResult report_clone(Task&, std::uint64_t flags, Task* child) noexcept;
PassResult report_exec(Task&, const utrace_exec&) noexcept;
PassResult report_jctl(Task&, int type, int notify) noexcept;
/// `code` is the wait status in the making; later engines see what earlier ones set.
PassResult report_exit(Task&, int* code) noexcept;
/// Extension events 32-63.
PassResult report_extension(Task&, std::uint32_t event, const void* record,
                            std::uint32_t length) noexcept;
/// The resume point: first start of a kNew task, return from any stop, and before user mode while
/// attention() is not 0. Takes the pending action; quiesce(0) if a report is due.
/// stop: parked. Else run as `resume` says, unless attention() is set again.
PassResult report_quiesce(Task&) noexcept;
/// The resume point where a signal could be injected: like report_quiesce, but engines with
/// report_signal get kReport, or kHandler after a handler was set up. `signal` comes empty, or with
/// what the last stop left. The verdict kReport or kHandler that comes back means: no signal.
PassResult report_pre_signal(Task&, utrace_signal& signal, bool handler) noexcept;
/// The thread is dead. Afterwards only REAP can come.
void report_death(Task&, int group_dead, int signal) noexcept;
/// The thread was reaped. False: the death report still runs and will do it.
bool report_reap(Task&) noexcept;

}  // namespace utrace::core
