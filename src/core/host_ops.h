// SPDX-License-Identifier: MIT
// what:     HostOps, what a host gives the core: lock, event sources, kick and wake, memory.
// who:      filled in by a host; called by the core on the thread that called the core.
// lifetime: outlives every Task that was initialised with it; never changes.
// cost:     none on the vanilla pass: the pass calls no HostOps function.
// see:      docs/design/0002-report-pass.md, "What a host owes the core".
#pragma once

#include <cstddef>
#include <cstdint>

#include "utrace/types.h"

namespace utrace::core {

class Task;
class NrSet;

/// Things a host may be unable to do; without the bit the dependent call fails with EOPNOTSUPP.
enum Capability : std::uint32_t {
    kCanInterrupt = 0x1,  ///< break a blocked call off without a trace: control(kInterrupt)
    kCanStep = 0x2,       ///< control(kSingleStep); kBlockStep degrades to it
    kCanBlockStep = 0x4,
    kNestsPasses = 0x8,  ///< a pass may run on top of a callback of the same task (in-process)
};

/// What the core waits for when it calls HostOps::wait.
enum class WaitFor : std::uint8_t {
    kCallback,   ///< a running callback to return
    kClonePass,  ///< the parent's CLONE pass to end
};

/// Scratch of one waiting call. The core zeroes it; the host may use `started` for its deadline.
struct Waiting {
    WaitFor what;
    std::uint32_t timeout_ms;  ///< 0 = no limit
    std::uint32_t rounds;      ///< how often wait() was called before, counted by the core
    std::uint64_t started;
};

/// Functions marked "locked" are called with the task lock held and must not call the core.
struct HostOps {
    std::uint32_t capabilities = 0;

    /// Optional, both or none. None: every call on the host's tasks comes from one thread.
    void (*lock)(Task&) noexcept = nullptr;
    void (*unlock)(Task&) noexcept = nullptr;

    /// Optional. Is the caller the executor of this task, inside a pass or callback of it?
    /// Null: one thread does everything, so being inside a pass of the task is being its executor.
    bool (*is_current)(const Task&) noexcept = nullptr;

    /// Required. The unions changed: switch event sources on or off. `events` holds Event bits.
    /// Locked.
    void (*arm)(Task&, std::uint64_t events, const NrSet& numbers) noexcept = nullptr;

    /// Required. Bring a running task to its resume point soon. kStop, kReport: do not disturb a
    /// blocked call; kInterrupt: break it off. Never called for the current task. Not locked.
    void (*kick)(Task&, Resume) noexcept = nullptr;

    /// Required. The last engine that held STOP let go: state() is kRunning (go on: call
    /// report_syscall_entry(resumed) or report_quiesce, then run) or kJobStop (return to the job
    /// stop). Must not be lost if it comes before the task parked. Not locked.
    void (*wake)(Task&) noexcept = nullptr;

    /// Optional. After it the task behaves as if it had run a full fence at some point of its
    /// program since the call. Null: executor and controllers are the same thread. Not locked.
    void (*membarrier)(Task&) noexcept = nullptr;

    /// Optional. Waits a little (or until something may have changed); 0 = look again, else
    /// -EINTR or -ETIMEDOUT, which the core passes on. Null: nothing is ever waited for, the call
    /// fails with EAGAIN. Not locked.
    int (*wait)(Task&, Waiting&) noexcept = nullptr;

    /// Required. Aligned for max_align_t; null = no memory. Not locked.
    void* (*allocate)(std::size_t size) noexcept = nullptr;
    void (*free)(void* memory, std::size_t size) noexcept = nullptr;

    /// Optional. The host let go of the task (retire) and no engine refers to it: its memory may
    /// be reused. Not locked.
    void (*unused)(Task&) noexcept = nullptr;
};

}  // namespace utrace::core
