// SPDX-License-Identifier: MIT
#include "host/ptrace/host.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/proc.h"
#include "base/sys.h"

namespace utrace::host {
namespace {

constexpr std::uint64_t kOrphanAfter = 200'000'000;  // ns a child may wait for its parent's event
constexpr int kMaxScans = 20'000;                    // a storm of threads has to be caught up with
constexpr std::uint64_t kReapsEvery = 5'000'000;     // ns between looks at dead processes
constexpr int kReportsPerStop = 4;
constexpr unsigned kFairEvery = 16;  // turns per one that asks a single task

// One thread makes every pass and every change, so the core needs no lock and no membarrier under
// this host (docs/design/0002-report-pass.md).
constexpr core::HostOps kOps = {
    .capabilities = 0,
    .arm = [](core::Task& t, std::uint64_t,
              const core::NrSet&) noexcept { PtraceTask::of(t).host.rearm(PtraceTask::of(t)); },
    .kick = [](core::Task& t, Resume) noexcept { PtraceTask::of(t).host.kick(PtraceTask::of(t)); },
    .wake = [](core::Task& t) noexcept { PtraceTask::of(t).host.wake(PtraceTask::of(t)); },
    .allocate = [](std::size_t n) noexcept { return std::malloc(n); },
    .free = [](void* p, std::size_t) noexcept { std::free(p); },
    .unused = [](core::Task& t) noexcept { delete &PtraceTask::of(t); },
};

}  // namespace

PtraceHost::PtraceHost(HostListener& listener) noexcept
    : listener_(listener),
      waits_({&listener, [](void* l) { static_cast<HostListener*>(l)->idle(); }}) {}

PtraceHost::~PtraceHost() {
    // The kernel lets every task go when this process ends; only our memory is left to give back.
    for (auto& [tid, task] : tasks_) core::retire(task.release()->core);
    for (Unreaped& dead : unreaped_) core::retire(dead.task->core);
}

PtraceTask* PtraceHost::find(Tid tid) noexcept {
    const auto it = tasks_.find(raw(tid));
    return it == tasks_.end() ? nullptr : it->second.get();
}

PtraceTask& PtraceHost::add(Tid tid, Pid tgid, PtraceTask* parent, core::TaskState initial) {
    auto owned = std::make_unique<PtraceTask>(*this, tid, tgid);
    PtraceTask& task = *owned;
    task.core.init(kOps, initial, &task);
    tasks_[raw(tid)] = std::move(owned);
    listener_.task_added(task, parent);
    return task;
}

// Takes a task out of the table; its core state lives on.
PtraceTask& PtraceHost::take_out(PtraceTask& task, Gone how, int status) {
    settled(task);
    if (task.awaits_parent) --parked_;
    task.state = PtraceTask::State::kDead;
    listener_.task_gone(task, how, status);
    auto node = tasks_.extract(raw(task.tid));
    return *node.mapped().release();
}

void PtraceHost::remove(PtraceTask& task, Gone how, int status) {
    core::retire(take_out(task, how, status).core);
}

// A pidfd refuses signal 0 with ESRCH once its process was reaped, and not before.
void PtraceHost::look_for_reaps(std::uint64_t now) {
    if (now - reaps_looked_at_ < kReapsEvery) return;
    reaps_looked_at_ = now;
    for (std::size_t i = 0; i < unreaped_.size();) {
        if (sys::pidfd_send_signal(unreaped_[i].pidfd.get(), 0) == 0 || errno != ESRCH) {
            ++i;
            continue;
        }
        PtraceTask& task = *unreaped_[i].task;
        unreaped_.erase(unreaped_.begin() + static_cast<std::ptrdiff_t>(i));
        ++task.pass;
        core::report_reap(task.core);
        core::retire(task.core);
    }
}

Expected<std::vector<PtraceTask*>> PtraceHost::seize(Pid pid, const Seize& how) {
    const unsigned long options =
        request::kFollowOptions | (how.kill_on_exit ? request::kExitKill : 0);
    std::vector<PtraceTask*> held;
    int first_error = 0;
    // A thread that a launcher's runtime started beside the one that waits (sanitizers do) is no
    // part of the program: it ends at the execve.
    if (how.one_thread || how.launch) {
        if (const int r = request::seize(leader_of(pid), options); r < 0)
            return fail(-r, "seize", std::to_string(raw(pid)));
        auto status = proc::status(raw(pid));
        held.push_back(&add(leader_of(pid), status ? static_cast<Pid>(status->tgid) : pid, nullptr,
                            core::TaskState::kRunning));
        held.front()->prelude = how.launch;
        return held;
    }
    // A listing may skip a thread while others come and go: believe it only when two scans in a row
    // found nothing new and the count of threads agrees (reliability P2).
    for (int quiet = 0, scans = 0; quiet < 2 && scans < kMaxScans; ++scans) {
        const int news = scan(pid, options, held, first_error);
        if (news < 0) break;
        quiet = news == 0 ? quiet + 1 : 0;
    }
    if (held.empty())
        return fail(first_error != 0 ? first_error : ESRCH, "seize", std::to_string(raw(pid)));
    return held;
}

// Seizes the threads of `pid` not held yet. How many changes it met, or -errno when there is no
// such process. A thread that died before we had it is a change, too: it may have made another one.
int PtraceHost::scan(Pid pid, unsigned long options, std::vector<PtraceTask*>& held,
                     int& first_error) {
    auto tids = proc::threads(raw(pid));
    if (!tids) return -tids.error().err;
    int news = 0;
    for (const Tid tid : *tids) {
        if (find(tid) != nullptr) continue;
        const int r = request::seize(tid, options);
        if (r == 0) held.push_back(&add(tid, pid, nullptr, core::TaskState::kRunning));
        if (r == 0 || r == -ESRCH) {
            ++news;
        } else if (first_error == 0) {
            // A zombie leader answers EPERM for ever while its threads live on; so does a thread
            // that is ours since its birth, whose first stop comes later.
            first_error = -r;
        }
    }
    const auto status = proc::status(raw(pid));
    if (status && status->threads != static_cast<int>(tids->size())) ++news;
    return news;
}

// The kernel shows new tasks first, so busy young ones could hide an old one for ever: now and then
// one task, each in its turn, is asked by itself.
bool PtraceHost::next_in_turn(request::Found& found) {
    if (rota_at_ >= rota_.size()) {
        rota_.clear();
        for (auto& [tid, task] : tasks_) rota_.push_back(task->tid);
        rota_at_ = 0;
        if (rota_.empty()) return false;
    }
    const Tid tid = rota_[rota_at_++];
    return find(tid) != nullptr && request::peek(tid, found) == 0 && raw(found.tid) != 0;
}

bool PtraceHost::turn(std::uint64_t deadline_ns) {
    request::Found found;
    if (++turns_ % kFairEvery == 0 && next_in_turn(found)) {
        on_found(found);
        return true;
    }
    if (parked_ != 0) deadline_ns = std::min(deadline_ns, sys::now_ns() + kOrphanAfter);
    if (!unreaped_.empty()) {
        deadline_ns = std::min(deadline_ns, sys::now_ns() + kReapsEvery);
        look_for_reaps(sys::now_ns());
    }
    switch (waits_.next(found, deadline_ns, tasks_.size())) {
        case WaitSource::Wake::kTask:
            on_found(found);
            return true;
        case WaitSource::Wake::kSockets:
            return false;
        case WaitSource::Wake::kTime:
            break;
    }
    if (parked_ != 0) adopt_orphans(sys::now_ns());
    return true;
}

void PtraceHost::on_found(const request::Found& found) {
    PtraceTask* task = find(found.tid);
    if (task == nullptr && found.status == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
        on_exec(found.tid);
    } else if (task == nullptr) {
        on_unknown(found);
    } else if (found.code == CLD_EXITED || found.code == CLD_KILLED || found.code == CLD_DUMPED) {
        on_death(*task, found);
    } else {
        task->state = PtraceTask::State::kStopped;
        on_stop(*task, found.status);
    }
}

// A child whose parent's event has not come yet: park it until it has (reliability P3).
void PtraceHost::on_unknown(const request::Found& found) {
    if (found.code != CLD_TRAPPED && found.code != CLD_STOPPED)
        return request::consume_death(found.tid);
    request::consume_stop(found.tid);
    auto status = proc::status(raw(found.tid));
    PtraceTask& task = add(found.tid, static_cast<Pid>(status ? status->tgid : raw(found.tid)),
                           nullptr, core::TaskState::kNew);
    task.state = PtraceTask::State::kHeld;
    task.awaits_parent = true;
    task.parked_at = sys::now_ns();
    ++parked_;
}

// The parent was killed between the birth and its event: nobody will vouch for the child.
void PtraceHost::adopt_orphans(std::uint64_t now) {
    std::vector<PtraceTask*> orphans;
    for (auto& [tid, task] : tasks_)
        if (task->awaits_parent && task->state == PtraceTask::State::kHeld &&
            now - task->parked_at >= kOrphanAfter)
            orphans.push_back(task.get());
    for (PtraceTask* task : orphans) {
        task->awaits_parent = false;
        --parked_;
        begin_life(*task);
    }
}

// ---------------------------------------------------------------- stop, resume, let go

void PtraceHost::interrupt(PtraceTask& task) noexcept {
    if (task.interrupted) return;
    if (request::interrupt(task.tid) == 0) {
        task.interrupted = true;
        task.may_break = true;
        ++unsettled_;
    }
}

void PtraceHost::settled(PtraceTask& task) noexcept {
    if (!task.interrupted) return;
    task.interrupted = false;
    --unsettled_;
}

// The engines' wishes changed. Only a running task in the wrong resume mode needs a stop: it gets
// one interrupt, which settle_interrupt() makes invisible to the program. A task that stops at its
// calls anyway is left alone: whoever joins a session does not disturb the program.
void PtraceHost::rearm(PtraceTask& task) noexcept {
    if (task.core.wants_syscalls() && !task.syscall_mode) kick(task);
}

// Brings a running task to a stop soon.
void PtraceHost::kick(PtraceTask& task) noexcept {
    if (task.state == PtraceTask::State::kRunning && !task.awaits_birth) interrupt(task);
}

void PtraceHost::wake(PtraceTask& task) noexcept {
    if (task.state != PtraceTask::State::kHeld || task.awaits_parent) return;
    task.state = PtraceTask::State::kStopped;
    if (task.held_at_entry) {
        task.held_at_entry = false;
        enter_call(task, true);
    } else {
        go_on(task, task.parting_signal);
    }
}

// Consumes the stop: nobody else is to find it again while the task is held.
void PtraceHost::hold(PtraceTask& task, int signo) noexcept {
    request::consume_stop(task.tid);
    task.state = PtraceTask::State::kHeld;
    task.parting_signal = signo;
}

// Every stop that was handled ends here: held, let go, or resumed in the mode the engines want.
void PtraceHost::go_on(PtraceTask& task, int signo) {
    if (task.detaching) {
        // A detach leaves the task with a signal seemingly pending, and a call that is only entered
        // then would say EINTR. So the call is broken off first and repaired at its exit.
        if (!task.at_entry) return finish_detach(task, signo);
        interrupt(task);
        task.state = PtraceTask::State::kRunning;
        (void)request::go(task.tid, Go::kSyscall, 0);
        return;
    }
    task.parting_signal = 0;
    ++task.pass;
    // An engine may ask for another report in each one; it then gets it at the next stop.
    for (int i = 0; i < kReportsPerStop && task.core.attention() != 0 &&
                    task.core.state() != core::TaskState::kStopped;
         ++i)
        core::report_quiesce(task.core);
    if (task.core.state() == core::TaskState::kStopped) return hold(task, signo);
    const Go mode = task.core.wants_syscalls() || task.prelude ? Go::kSyscall : Go::kCont;
    task.syscall_mode = mode == Go::kSyscall;
    if (!task.syscall_mode) task.in_call = false;  // its exit will not be seen
    task.state = PtraceTask::State::kRunning;
    // ESRCH: a SIGKILL is on its way; the death comes through the wait loop.
    const int went = request::go(task.tid, mode, signo);
    if (went == 0 && (task.core.attention() & core::Attention::kAction) != 0) kick(task);
}

void PtraceHost::detach(PtraceTask& task) {
    if (task.detaching) return;
    task.detaching = true;
    switch (task.state) {
        case PtraceTask::State::kHeld:
            if (task.awaits_parent) return;
            task.held_at_entry = false;
            task.state = PtraceTask::State::kStopped;
            go_on(task, task.parting_signal);
            return;
        case PtraceTask::State::kRunning:
            if (task.awaits_birth) return;
            [[fallthrough]];
        case PtraceTask::State::kListening:
            interrupt(task);
            return;
        case PtraceTask::State::kStopped:
        case PtraceTask::State::kDead:
            return;
    }
}

void PtraceHost::detach_all() {
    std::vector<PtraceTask*> all;
    all.reserve(tasks_.size());
    for (auto& [tid, task] : tasks_) all.push_back(task.get());
    for (PtraceTask* task : all) detach(*task);
}

void PtraceHost::finish_detach(PtraceTask& task, int signo) {
    if (request::detach(task.tid, signo) == 0) {
        remove(task, Gone::kDetached, 0);
    } else {
        task.state = PtraceTask::State::kRunning;  // dying: its death is the next report
    }
}

void PtraceHost::kill(PtraceTask& task) noexcept { ::kill(raw(task.tgid), SIGKILL); }

}  // namespace utrace::host
