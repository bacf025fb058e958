// SPDX-License-Identifier: MIT
// what:     the ptrace host: seizes processes, turns their stops into core passes, lets them go.
// who:      the keeper's loop thread only.
// lifetime: one per keeper. Destruction leaves every task to the kernel, which lets it run on.
// cost:     per stop: one waitid, one request for what happened, one to go on.
// see:      docs/design/0004-ptrace-host.md.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "host/ptrace/request.h"
#include "host/ptrace/task.h"
#include "host/ptrace/wait_source.h"

namespace utrace::host {

/// Why a task left the host's table.
enum class Gone { kDied, kSuperseded, kDetached };

/// What the host tells its owner beside the core's passes.
class HostListener {
  public:
    virtual ~HostListener() = default;
    /// A task entered the table; no pass has run yet. `parent` is null for a seized one.
    virtual void task_added(PtraceTask& task, PtraceTask* parent) = 0;
    /// The parent's CLONE pass is over; false: nobody wants the child, let it go.
    virtual bool keep_child(PtraceTask& child) = 0;
    /// The entry (exit) pass of `task.call` is over.
    virtual void call_entered(PtraceTask& task) = 0;
    virtual void call_left(PtraceTask& task) = 0;
    /// A task was found blocked in `task.call` when syscall stops were switched on.
    virtual void call_resumed(PtraceTask& task) = 0;
    /// A task is about to leave the table. `status` is a wait status (kDied), the tid that called
    /// execve (kSuperseded) or 0.
    virtual void task_gone(PtraceTask& task, Gone how, int status) = 0;
    /// Nothing to do for the moment: the loop is about to sleep.
    virtual void idle() = 0;
};

class PtraceHost {
  public:
    explicit PtraceHost(HostListener& listener) noexcept;
    ~PtraceHost();
    PtraceHost(const PtraceHost&) = delete;
    PtraceHost& operator=(const PtraceHost&) = delete;

    struct Seize {
        bool launch = false;        ///< the process waits for us and will execve next
        bool kill_on_exit = false;  ///< PTRACE_O_EXITKILL
        bool one_thread = false;    ///< that task only
    };
    /// Seizes every thread of `pid` (reliability: repeat until two scans agree). Nobody is stopped.
    /// Errors: ESRCH, EPERM (zombie leader alone, foreign tracer, no right).
    Expected<std::vector<PtraceTask*>> seize(Pid pid, const Seize& how);

    /// Waits at most until `deadline_ns` and handles what is there. False: a socket wants
    /// attention.
    bool turn(std::uint64_t deadline_ns);

    /// Lets a task go, exactly as it would be without us; at once or at its next stop.
    void detach(PtraceTask& task);
    void detach_all();
    /// SIGKILL to a traced process.
    void kill(PtraceTask& task) noexcept;

    PtraceTask* find(Tid tid) noexcept;
    std::size_t size() const noexcept { return tasks_.size(); }
    /// Dead processes whose parents have not waited for them, and whose REAP somebody wants.
    std::size_t unreaped() const noexcept { return unreaped_.size(); }
    /// Tasks that were asked to stop so that their resume mode can change, and have not yet.
    std::size_t unsettled() const noexcept { return unsettled_; }
    template <class F>
    void for_each(F&& f) {
        for (auto& [tid, task] : tasks_) f(*task);
    }

    // Used by the core's host operations.
    void rearm(PtraceTask& task) noexcept;
    void kick(PtraceTask& task) noexcept;
    void wake(PtraceTask& task) noexcept;

  private:
    PtraceTask& add(Tid tid, Pid tgid, PtraceTask* parent, core::TaskState initial);
    void remove(PtraceTask& task, Gone how, int status);
    PtraceTask& take_out(PtraceTask& task, Gone how, int status);
    void look_for_reaps(std::uint64_t now);
    int scan(Pid pid, unsigned long options, std::vector<PtraceTask*>& held, int& first_error);

    void on_found(const request::Found& found);
    void on_unknown(const request::Found& found);
    void on_stop(PtraceTask& task, int status);
    void on_syscall_stop(PtraceTask& task);
    void on_entry(PtraceTask& task, const SyscallStop& stop);
    void on_exit(PtraceTask& task, const SyscallStop& stop);
    void enter_call(PtraceTask& task, bool again);
    void abort_call(PtraceTask& task) noexcept;
    void leave_call(PtraceTask& task, std::int64_t result);
    void on_signal(PtraceTask& task, int signo);
    void on_event_stop(PtraceTask& task, int signo);
    void on_job_stop(PtraceTask& task, int signo);
    void on_clone(PtraceTask& task, int event);
    void on_exec(Tid leader);
    void on_death(PtraceTask& task, const request::Found& found);

    void begin_life(PtraceTask& child);
    void settle_interrupt(PtraceTask& task);
    bool repair_call(PtraceTask& task);
    void interrupt(PtraceTask& task) noexcept;
    void settled(PtraceTask& task) noexcept;
    void go_on(PtraceTask& task, int signo);
    void hold(PtraceTask& task, int signo) noexcept;
    void finish_detach(PtraceTask& task, int signo);
    void adopt_orphans(std::uint64_t now);
    bool next_in_turn(request::Found& found);

    HostListener& listener_;
    WaitSource waits_;
    std::unordered_map<std::int32_t, std::unique_ptr<PtraceTask>> tasks_;
    struct Unreaped {
        PtraceTask* task;
        UniqueFd pidfd;
    };
    std::vector<Unreaped> unreaped_;
    std::uint64_t reaps_looked_at_ = 0;
    std::size_t unsettled_ = 0;
    std::size_t parked_ = 0;
    std::vector<Tid> rota_;  // who is asked by name, from rota_at_ on
    std::size_t rota_at_ = 0;
    unsigned turns_ = 0;
    unsigned long options_ = request::kFollowOptions;
};

}  // namespace utrace::host
