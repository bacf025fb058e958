// SPDX-License-Identifier: MIT
#include "host/simulated/sim_task.h"

#include <cerrno>
#include <cstdlib>

namespace utrace::sim {

using core::PassResult;
using core::Task;
using core::TaskState;

/// HostOps over SimTask.
struct SimOps {
    static SimTask& of(const Task& task) { return *static_cast<SimTask*>(task.host_data()); }
    static bool is_current(const Task& task) noexcept {
        return of(task).passes_ != 0 && !SimTask::outside_;
    }
    static void arm(Task& task, std::uint64_t events, const core::NrSet&) noexcept {
        of(task).armed.push_back(events);
    }
    static void kick(Task& task, Resume action) noexcept { of(task).kicks.push_back(action); }
    static void wake(Task& task) noexcept { ++of(task).wakes_; }
    static void membarrier(Task& task) noexcept { ++of(task).barriers; }
    static int wait(Task& task, core::Waiting& waiting) noexcept {
        return of(task).on_wait ? of(task).on_wait(waiting) : -EINTR;
    }
    static void* allocate(std::size_t size) noexcept {
        if (SimTask::failing_ > 0) {
            --SimTask::failing_;
            return nullptr;
        }
        ++SimTask::live_;
        return std::malloc(size);
    }
    static void free(void* memory, std::size_t) noexcept {
        --SimTask::live_;
        std::free(memory);
    }
    static void unused(Task& task) noexcept { of(task).unused = true; }
};

namespace {

/// Marks the time the thread spends inside a pass.
class Inside {
  public:
    explicit Inside(int& passes) : passes_(passes) { ++passes_; }
    ~Inside() { --passes_; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

  private:
    int& passes_;
};

}  // namespace

SimTask::SimTask(TaskState initial, std::uint32_t capabilities) {
    ops_.capabilities = capabilities;
    ops_.is_current = &SimOps::is_current;
    ops_.arm = &SimOps::arm;
    ops_.kick = &SimOps::kick;
    ops_.wake = &SimOps::wake;
    ops_.membarrier = &SimOps::membarrier;
    ops_.wait = &SimOps::wait;
    ops_.allocate = &SimOps::allocate;
    ops_.free = &SimOps::free;
    ops_.unused = &SimOps::unused;
    task_.init(ops_, initial, this);
    if (initial == TaskState::kNew) at_ = At::kNowhere;
}

bool SimTask::park(const PassResult& result) {
    if (result.stop) {
        parked_ = true;
        wakes_ = 0;
    }
    return result.stop;
}

void SimTask::start() {
    at_ = At::kUser;
    to_user(false, true);
}

/// User mode is entered only when nothing asks for attention.
void SimTask::to_user(bool handler, bool visit) {
    Inside inside(passes_);
    mode_ = Resume::kResume;
    while (handler || visit || task_.attention() != 0) {
        const bool injects = handler || (task_.attention() & core::Attention::kInterrupt) != 0;
        utrace_signal signal{};
        signal.size = sizeof signal;
        const PassResult result =
            injects ? core::report_pre_signal(task_, signal, handler) : core::report_quiesce(task_);
        handler = visit = false;
        if (park(result)) return;
        mode_ = result.resume;
        if (injects && result.signal == SignalVerdict::kDeliver) delivered.push_back(signal.signo);
    }
    at_ = At::kUser;
}

void SimTask::syscall(std::uint32_t nr, std::uint64_t argument) {
    Inside inside(passes_);
    call_ = {};
    call_.size = sizeof call_;
    call_.nr = nr;
    call_.args[0] = argument;
    at_ = At::kEntry;
    entry_done(core::report_syscall_entry(task_, call_, false));
}

void SimTask::entry_done(const PassResult& entry) {
    Inside inside(passes_);
    if (park(entry)) return;
    at_ = At::kExit;
    if (entry.syscall == SyscallVerdict::kRun) {
        if (entry.resume == Resume::kInterrupt) {
            call_.result = -EINTR;
        } else {
            calls_made.push_back(call_.nr);
            call_.result = body ? body(call_) : 0;
        }
    }
    core::report_syscall_exit(task_, call_);
    to_user();
}

void SimTask::signal(Event event, int signo, SignalVerdict verdict) {
    Inside inside(passes_);
    utrace_signal signal{};
    signal.size = sizeof signal;
    signal.signo = signo;
    const PassResult result = core::report_signal(task_, event, signal, verdict);
    signals.push_back(result.signal);
    if (result.signal == SignalVerdict::kDeliver && !result.hold) delivered.push_back(signal.signo);
    if (!park(result)) to_user(result.handler_report);
}

void SimTask::clone(Task* child, std::uint64_t flags) {
    Inside inside(passes_);
    if (!park(core::report_clone(task_, flags, child))) to_user();
}

void SimTask::exec() {
    Inside inside(passes_);
    utrace_exec image{sizeof image, 1, nullptr};
    core::report_exec(task_, image);
    to_user();
}

void SimTask::exit(int code) {
    Inside inside(passes_);
    code_ = code;
    parked_ = false;
    at_ = At::kNowhere;
    park(core::report_exit(task_, &code_));
}

void SimTask::death() {
    Inside inside(passes_);
    parked_ = false;
    at_ = At::kNowhere;
    core::report_death(task_, 0, 0);
}

bool SimTask::reap() { return core::report_reap(task_); }

void SimTask::job_stop() {
    core::enter_job_stop(task_);
    parked_ = true;
    wakes_ = 0;
}

void SimTask::job_continue() {
    core::leave_job_stop(task_);
    if (task_.state() != TaskState::kRunning) return;
    parked_ = false;
    to_user();
}

void SimTask::go_on() {
    if (!parked_ || task_.state() != TaskState::kRunning) return;
    parked_ = false;
    if (at_ == At::kEntry) {
        Inside inside(passes_);
        entry_done(core::report_syscall_entry(task_, call_, true));
    } else if (at_ != At::kNowhere) {
        to_user();
    }
}

}  // namespace utrace::sim
