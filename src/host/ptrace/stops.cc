// SPDX-License-Identifier: MIT
// What each kind of ptrace stop means and what the core is told about it. The order inside a stop
// is always: find out what happened, run the pass, go on. Nothing here waits.
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "base/proc.h"
#include "base/sys.h"
#include "host/ptrace/arch/x86_64.h"
#include "host/ptrace/host.h"

namespace utrace::host {
namespace {

constexpr int kSyscallStop = SIGTRAP | 0x80;
constexpr std::uint64_t kCloneVm = 0x100, kCloneVfork = 0x4000, kCloneThread = 0x10000;

bool wants_signals(const core::Task& task) {
    return task.wants(Event::kSignal) || task.wants(Event::kSignalIgn) ||
           task.wants(Event::kSignalStop) || task.wants(Event::kSignalTerm) ||
           task.wants(Event::kSignalCore);
}

bool is_thread_of(Pid group, Tid tid) {
    return ::access(fmt::format("/proc/{}/task/{}", raw(group), raw(tid)).c_str(), F_OK) == 0;
}

int wait_status(const request::Found& found) {
    if (found.code == CLD_EXITED) return (found.status & 0xff) << 8;
    return (found.status & 0x7f) | (found.code == CLD_DUMPED ? 0x80 : 0);
}

struct Classified {
    Event event;
    SignalVerdict verdict;
};

// Class by disposition (docs/design/0004-ptrace-host.md, "Signals"); bit signo-1 in the sets.
Classified classify(Tid tid, int signo) {
    const auto status = proc::status(raw(tid));
    const std::uint64_t mask = std::uint64_t{1} << (signo - 1);
    if (status && (status->caught & mask) != 0) return {Event::kSignal, SignalVerdict::kDeliver};
    if (status && (status->ignored & mask) != 0) return {Event::kSignalIgn, SignalVerdict::kIgn};
    switch (signo) {
        case SIGCHLD:
        case SIGCONT:
        case SIGURG:
        case SIGWINCH:
            return {Event::kSignalIgn, SignalVerdict::kIgn};
        case SIGSTOP:
            return {Event::kSignalStop, SignalVerdict::kStop};
        case SIGTSTP:
        case SIGTTIN:
        case SIGTTOU:
            return {Event::kSignalStop, SignalVerdict::kTstp};
        case SIGQUIT:
        case SIGILL:
        case SIGTRAP:
        case SIGABRT:
        case SIGBUS:
        case SIGFPE:
        case SIGSEGV:
        case SIGXCPU:
        case SIGXFSZ:
        case SIGSYS:
            return {Event::kSignalCore, SignalVerdict::kCore};
        default:
            return {Event::kSignalTerm, SignalVerdict::kTerm};
    }
}

}  // namespace

void PtraceHost::on_stop(PtraceTask& task, int status) {
    const int signo = status & 0xff;
    const int event = (status >> 8) & 0xff;
    // Any stop is a safe point, and the kernel forgets an interrupt that has not stopped the task
    // yet.
    settled(task);
    task.at_entry = false;
    if (signo == kSyscallStop) return on_syscall_stop(task);
    switch (event) {
        case 0:
            return on_signal(task, signo);
        case PTRACE_EVENT_STOP:
            return on_event_stop(task, signo);
        case PTRACE_EVENT_FORK:
        case PTRACE_EVENT_VFORK:
        case PTRACE_EVENT_CLONE:
            return on_clone(task, event);
        case PTRACE_EVENT_EXEC:
            return on_exec(task.tid);
        default:
            return go_on(task, 0);
    }
}

// ---------------------------------------------------------------- system calls

void PtraceHost::on_syscall_stop(PtraceTask& task) {
    SyscallStop stop;
    if (request::syscall_info(task.tid, stop) < 0) return go_on(task, 0);
    if (stop.op == PTRACE_SYSCALL_INFO_ENTRY) return on_entry(task, stop);
    if (stop.op == PTRACE_SYSCALL_INFO_EXIT) return on_exit(task, stop);
    go_on(task, 0);
}

void PtraceHost::on_entry(PtraceTask& task, const SyscallStop& stop) {
    const std::uint64_t nr = stop.entry.nr;
    const Abi abi = arch::abi_of(stop.arch, nr);
    CallContext& call = task.call;
    task.in_call = true;
    task.at_entry = true;
    if (task.swallow_entry) {
        // The kernel repeats the call that our interrupt broke; the program made it once.
        task.swallow_entry = false;
        task.broken_result = 0;
        if (nr == call.sys.nr || nr == arch::kRestartSyscall) return go_on(task, 0);
    }
    call = {};
    call.sys.size = sizeof call.sys;
    call.sys.abi = static_cast<std::uint32_t>(abi);
    call.sys.nr = static_cast<std::uint32_t>(abi == Abi::kX32 ? nr & ~arch::kX32Bit : nr);
    for (int i = 0; i < 6; ++i) call.sys.args[i] = stop.entry.args[i];
    if (abi == Abi::kX86_64 && nr == arch::kRtSigreturn)
        call.sys.args[0] = arch::sigreturn_mask(stop.stack_pointer);
    if (nr == arch::kRestartSyscall) call.sys.flags |= UTRACE_SYSCALL_RESTARTED;
    if (task.prelude) {
        if (!arch::is_exec(abi, call.sys.nr)) return go_on(task, 0);
        task.prelude = false;
    }
    if (!task.core.wants_syscalls() || task.detaching) return go_on(task, 0);
    call.start = sys::now_ns();
    enter_call(task, false);
}

// The entry pass, and after a stop in it the repeat pass (docs/design/0002-report-pass.md).
void PtraceHost::enter_call(PtraceTask& task, bool again) {
    ++task.pass;
    const core::PassResult result = core::report_syscall_entry(task.core, task.call.sys, again);
    if (result.stop) {
        task.held_at_entry = true;
        return hold(task, 0);
    }
    if (result.called) listener_.call_entered(task);
    if (result.syscall == SyscallVerdict::kAbort) abort_call(task);
    go_on(task, 0);
}

// Number and result together, so that nothing is half done if we die now (reliability K11).
void PtraceHost::abort_call(PtraceTask& task) noexcept {
    user_regs_struct regs;
    if (::ptrace(PTRACE_GETREGS, raw(task.tid), 0, &regs) < 0) return;
    arch::skip_call(regs, -ENOSYS);
    (void)::ptrace(PTRACE_SETREGS, raw(task.tid), 0, &regs);
}

void PtraceHost::on_exit(PtraceTask& task, const SyscallStop& stop) {
    const std::int64_t result = stop.exit.rval;
    const bool broken = task.may_break && (arch::is_restart(result) || result == -EINTR);
    task.may_break = false;
    if (broken && repair_call(task)) {
        task.swallow_entry = true;
        task.broken_result = result;
        return go_on(task, 0);
    }
    if (task.in_call) leave_call(task, result);
    go_on(task, 0);
}

void PtraceHost::leave_call(PtraceTask& task, std::int64_t result) {
    task.in_call = false;
    if (task.prelude) return;
    task.call.sys.result = result;
    ++task.pass;
    if (core::report_syscall_exit(task.core, task.call.sys).called) listener_.call_left(task);
}

// ---------------------------------------------------------------- interrupts (K2-K4)

// Called in a stop that our interrupt caused. When the interrupt broke a blocked call off, makes it
// start again; true = the task is inside a call that will be entered once more.
bool PtraceHost::repair_call(PtraceTask& task) {
    user_regs_struct regs;
    if (::ptrace(PTRACE_GETREGS, raw(task.tid), 0, &regs) < 0) return false;
    const std::int64_t nr = arch::interrupted_call(regs);
    if (nr < 0) return false;
    if (static_cast<std::int64_t>(regs.rax) == -EINTR) {
        // A handler signal explains the EINTR just as well; then it is the program's own.
        const auto status = proc::status(raw(task.tid));
        if (status &&
            ((status->pending | status->shared_pending) & ~status->blocked & status->caught) != 0)
            return false;
    }
    if (!task.in_call) {
        CallContext& call = task.call;
        call = {};
        call.sys.size = sizeof call.sys;
        call.sys.abi = static_cast<std::uint32_t>(arch::abi_of_code(regs));
        call.sys.nr = static_cast<std::uint32_t>(nr);
        arch::call_arguments(regs, call.sys.args);
        call.resumed = true;
    }
    if (static_cast<std::int64_t>(regs.rax) == -EINTR) {
        arch::reissue_call(regs);
        if (::ptrace(PTRACE_SETREGS, raw(task.tid), 0, &regs) < 0) return false;
    }
    return true;
}

void PtraceHost::settle_interrupt(PtraceTask& task) {
    // SIGCONT makes such a stop too; then nothing of ours broke a call.
    const bool ours = std::exchange(task.may_break, false);
    const bool was_in_call = task.in_call;
    if (ours && !task.swallow_entry && repair_call(task)) {
        task.swallow_entry = true;
        task.in_call = true;
        if (!was_in_call && !task.detaching && !task.prelude) listener_.call_resumed(task);
    }
    if (!task.core.wants_syscalls() && !task.prelude) task.swallow_entry = false;
    go_on(task, 0);
}

// ---------------------------------------------------------------- signals, job control

void PtraceHost::on_signal(PtraceTask& task, int signo) {
    // A handler may run before the broken call is repeated: the next entry is then the handler's,
    // and the exit we kept to ourselves was the call's own.
    if (task.swallow_entry && task.in_call && task.broken_result != 0)
        leave_call(task, task.broken_result);
    task.swallow_entry = false;
    task.broken_result = 0;
    if (task.detaching || !wants_signals(task.core)) return go_on(task, signo);
    siginfo_t info{};
    if (request::signal_info(task.tid, info) < 0) return go_on(task, signo);
    const Classified kind = classify(task.tid, signo);
    utrace_signal signal{};
    signal.size = sizeof signal;
    signal.signo = signo;
    signal.siginfo = &info;
    signal.siginfo_size = sizeof info;
    ++task.pass;
    const auto result = core::report_signal(task.core, kind.event, signal, kind.verdict);
    const bool dropped =
        kind.verdict != SignalVerdict::kIgn && result.signal == SignalVerdict::kIgn;
    go_on(task, dropped ? 0 : signo);
}

void PtraceHost::on_event_stop(PtraceTask& task, int signo) {
    if (task.awaits_birth) {
        task.awaits_birth = false;
        return begin_life(task);
    }
    if (task.awaits_parent) {
        request::consume_stop(task.tid);
        task.state = PtraceTask::State::kHeld;
        return;
    }
    if (signo != SIGTRAP) return on_job_stop(task, signo);
    if (task.job_stopped) {
        task.job_stopped = false;
        core::leave_job_stop(task.core);
        ++task.pass;
        core::report_jctl(task.core, CLD_CONTINUED, 0);
    }
    settle_interrupt(task);
}

// In a job-control stop the task stays stopped as it would without us, and SIGCONT ends it.
void PtraceHost::on_job_stop(PtraceTask& task, int signo) {
    if (!task.job_stopped) {
        task.job_stopped = true;
        task.job_signal = static_cast<std::uint8_t>(signo);
        ++task.pass;
        core::report_jctl(task.core, CLD_STOPPED, 0);
        core::enter_job_stop(task.core);
    }
    if (task.detaching) return finish_detach(task, 0);
    if (task.core.state() == core::TaskState::kStopped) return hold(task, 0);
    task.state = request::listen(task.tid) == 0 ? PtraceTask::State::kListening
                                                : PtraceTask::State::kRunning;
}

// ---------------------------------------------------------------- birth, exec, death

void PtraceHost::on_clone(PtraceTask& task, int event) {
    unsigned long message = 0;
    if (request::event_message(task.tid, message) < 0 || message == 0) return go_on(task, 0);
    const Tid tid = static_cast<Tid>(message);
    PtraceTask* child = find(tid);
    const bool thread = event == PTRACE_EVENT_CLONE && is_thread_of(task.tgid, tid);
    const Pid group = thread ? task.tgid : static_cast<Pid>(raw(tid));
    const bool arrived = child != nullptr;
    if (!arrived) {
        child = &add(tid, group, &task, core::TaskState::kNew);
        child->awaits_birth = true;
        waits_.expect(tid);
    } else {
        child->tgid = group;
    }
    std::uint64_t flags = thread ? kCloneThread : 0;
    if (event == PTRACE_EVENT_VFORK) flags |= kCloneVfork | kCloneVm;
    child->opened_as = task.opened_as;
    ++task.pass;
    // What is born before the program's execve belongs to its launcher (a sanitizer's thread).
    const bool ours = task.detaching || task.prelude;
    if (!ours) core::report_clone(task.core, flags, &child->core);
    child->detaching = ours || !listener_.keep_child(*child);
    if (arrived && child->awaits_parent) {
        child->awaits_parent = false;
        --parked_;
        child->state = PtraceTask::State::kStopped;
        begin_life(*child);
    }
    go_on(task, 0);
}

// Both the parent's pass and the child's first stop are over: the child may run.
void PtraceHost::begin_life(PtraceTask& child) {
    child.state = PtraceTask::State::kStopped;
    if (!child.detaching) core::report_quiesce(child.core);
    go_on(child, 0);
}

// The caller of execve takes over the leader's id. The kernel reports neither the leader's death
// nor the caller's old id, so both are told here (reliability P6).
void PtraceHost::on_exec(Tid leader) {
    // After the exec of a thread that was not the leader the kernel refuses every request (ESRCH,
    // Linux 5.13 on) until this stop has been waited for; our look with WNOWAIT does not count.
    request::consume_stop(leader);
    unsigned long message = 0;
    PtraceTask* survivor = find(leader);  // none: the leader was a zombie when we attached
    const Tid former = request::event_message(leader, message) == 0 && message != 0
                           ? static_cast<Tid>(message)
                           : leader;
    PtraceTask* caller = former == leader ? nullptr : find(former);
    if (caller != nullptr) {
        if (survivor != nullptr) {
            survivor->superseded_by = former;
            ++survivor->pass;
            core::report_death(survivor->core, false, SIGKILL);
            core::report_reap(survivor->core);
            remove(*survivor, Gone::kSuperseded, raw(former));
        }
        auto node = tasks_.extract(raw(former));
        node.key() = raw(leader);
        tasks_.insert(std::move(node));
        caller->tid = leader;
        caller->state = PtraceTask::State::kStopped;
        survivor = caller;
    }
    if (survivor == nullptr) return;
    settled(*survivor);
    utrace_exec exec{};
    exec.size = sizeof exec;
    exec.former_tid = raw(former);
    ++survivor->pass;
    core::report_exec(survivor->core, exec);
    go_on(*survivor, 0);
}

void PtraceHost::on_death(PtraceTask& task, const request::Found& found) {
    // Our wait lets the parent see the death, so the number may be somebody else's from then on:
    // what tells of the reaping is opened before. A thread is reaped by our wait itself.
    const bool leader = task.tid == leader_of(task.tgid);
    UniqueFd pidfd;
    if (leader && task.core.wants(Event::kReap))
        if (auto opened = sys::pidfd_open(raw(task.tid))) pidfd = std::move(*opened);
    request::consume_death(task.tid);
    const int status = wait_status(found);
    task.exit_status = status;
    ++task.pass;
    core::report_death(task.core, leader, WTERMSIG(status));
    if (pidfd && task.core.wants(Event::kReap)) {
        unreaped_.push_back({&take_out(task, Gone::kDied, status), std::move(pidfd)});
        return;
    }
    core::report_reap(task.core);
    remove(task, Gone::kDied, status);
}

}  // namespace utrace::host
