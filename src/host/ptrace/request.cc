// SPDX-License-Identifier: MIT
#include "host/ptrace/request.h"

#include <sys/wait.h>

#include <cerrno>

#include "base/sys.h"

namespace utrace::host::request {

const unsigned long kFollowOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
                                     PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
const unsigned long kExitKill = PTRACE_O_EXITKILL;
const unsigned long kTraceExit = PTRACE_O_TRACEEXIT;

namespace {
template <class Request>
int call(Request what, Tid tid, unsigned long address, unsigned long data) noexcept {
    return ::ptrace(what, raw(tid), address, data) < 0 ? -errno : 0;
}
template <class T>
unsigned long word(T* p) noexcept {
    return reinterpret_cast<unsigned long>(p);
}
}  // namespace

int seize(Tid tid, unsigned long options) noexcept { return call(PTRACE_SEIZE, tid, 0, options); }
int set_options(Tid tid, unsigned long options) noexcept {
    return call(PTRACE_SETOPTIONS, tid, 0, options);
}
int interrupt(Tid tid) noexcept { return call(PTRACE_INTERRUPT, tid, 0, 0); }
int go(Tid tid, Go mode, int signo) noexcept {
    return call(mode == Go::kSyscall ? PTRACE_SYSCALL : PTRACE_CONT, tid, 0,
                static_cast<unsigned long>(signo));
}
int listen(Tid tid) noexcept { return call(PTRACE_LISTEN, tid, 0, 0); }
int detach(Tid tid, int signo) noexcept {
    return call(PTRACE_DETACH, tid, 0, static_cast<unsigned long>(signo));
}
int syscall_info(Tid tid, SyscallStop& stop) noexcept {
    return call(PTRACE_GET_SYSCALL_INFO, tid, sizeof stop, word(&stop));
}
int event_message(Tid tid, unsigned long& message) noexcept {
    return call(PTRACE_GETEVENTMSG, tid, 0, word(&message));
}
int signal_info(Tid tid, siginfo_t& info) noexcept {
    return call(PTRACE_GETSIGINFO, tid, 0, word(&info));
}

int peek(Tid tid, Found& found) noexcept {
    siginfo_t info;
    info.si_pid = 0;
    const idtype_t what = raw(tid) == 0 ? P_ALL : P_PID;
    if (UTRACE_RETRY(::waitid(what, static_cast<id_t>(raw(tid)), &info,
                              WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL)) < 0)
        return -errno;
    found = {static_cast<Tid>(info.si_pid), info.si_code, info.si_status};
    return 0;
}

// One kind only: a task that was stopped when we looked may have been killed since, and its death
// must stay to be found.
void consume_stop(Tid tid) noexcept {
    siginfo_t info;
    UTRACE_RETRY(::waitid(P_PID, static_cast<id_t>(raw(tid)), &info, WSTOPPED | WNOHANG | __WALL));
}

void consume_death(Tid tid) noexcept {
    siginfo_t info;
    UTRACE_RETRY(::waitid(P_PID, static_cast<id_t>(raw(tid)), &info, WEXITED | WNOHANG | __WALL));
}

}  // namespace utrace::host::request
