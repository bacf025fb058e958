// SPDX-License-Identifier: MIT
// what:     typed ptrace requests and the non-consuming wait.
// who:      the keeper's loop thread only: the kernel ties a traced thread to the thread that seized it.
// lifetime: free functions.
// cost:     one system call each.
// see:      ptrace(2), wait(2); docs/design/0004-ptrace-host.md.
//
// Every request may answer ESRCH: the task is dead, or it is not stopped for us. Callers go back to
// the wait loop and never guess which.
#pragma once

#include <signal.h>
#include <sys/ptrace.h>

#include <cstdint>

#include "base/ids.h"

namespace utrace::host {

/// How a stopped task goes on.
enum class Go { kCont, kSyscall };

/// What PTRACE_GET_SYSCALL_INFO tells about a syscall stop.
using SyscallStop = struct __ptrace_syscall_info;

namespace request {

/// Options every task gets: follow children and execs, mark syscall stops.
extern const unsigned long kFollowOptions;
extern const unsigned long kExitKill;
extern const unsigned long kTraceExit;

// All return 0 or -errno.
int seize(Tid tid, unsigned long options) noexcept;
int set_options(Tid tid, unsigned long options) noexcept;
int interrupt(Tid tid) noexcept;
int go(Tid tid, Go mode, int signo) noexcept;
int listen(Tid tid) noexcept;
int detach(Tid tid, int signo) noexcept;
int syscall_info(Tid tid, SyscallStop& stop) noexcept;
int event_message(Tid tid, unsigned long& message) noexcept;
int signal_info(Tid tid, siginfo_t& info) noexcept;

/// What a wait found. `tid` 0 = nothing.
struct Found {
    Tid tid{};
    int code = 0;    ///< CLD_TRAPPED, CLD_STOPPED, CLD_EXITED, CLD_KILLED, CLD_DUMPED
    int status = 0;  ///< stop: signal | event << 8; death: exit code or signal
};

/// Looks for a stop or death of any task (tid 0) or of one, without consuming it, so that a signal
/// whose stop we are handling is still delivered if we die now. 0, or -errno (ECHILD: no tasks).
int peek(Tid tid, Found& found) noexcept;
/// Consumes the pending stop (the death) of `tid`, and nothing else.
void consume_stop(Tid tid) noexcept;
void consume_death(Tid tid) noexcept;

}  // namespace request
}  // namespace utrace::host
