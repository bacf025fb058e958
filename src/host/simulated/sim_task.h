// SPDX-License-Identifier: MIT
// what:     SimTask, a thread that does what a test tells it, driving the same core as real hosts.
// who:      one test thread; tests speak as the task, or as a controller inside an Outsider scope.
// lifetime: the test's; a SimTask must outlive the references to its engines.
// cost:     irrelevant; deterministic, no clock, no system call.
// see:      docs/design/0002-report-pass.md, "What a host owes the core".
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/task.h"

namespace utrace::sim {

class SimTask {
  public:
    /// Where the thread is, as far as a host has to know to go on after a stop.
    enum class At : std::uint8_t { kNowhere, kUser, kEntry, kExit };

    explicit SimTask(core::TaskState initial = core::TaskState::kRunning,
                     std::uint32_t capabilities = core::kCanInterrupt | core::kCanStep);
    SimTask(const SimTask&) = delete;
    SimTask& operator=(const SimTask&) = delete;

    core::Task& core() { return task_; }
    operator core::Task&() { return task_; }

    // What the thread does. Each runs until user mode, or until the thread is parked.
    /// First start, or a visit of the resume point for no reason.
    void start();
    void syscall(std::uint32_t nr, std::uint64_t argument = 0);
    void signal(Event event, int signo, SignalVerdict verdict);
    void clone(core::Task* child, std::uint64_t flags = 0);
    void exec();
    void exit(int code);
    void death();
    bool reap();
    void job_stop();
    void job_continue();
    /// After a wake: goes on where it was parked.
    void go_on();

    bool parked() const { return parked_; }
    bool woken() const { return wakes_ != 0; }
    At at() const { return at_; }
    Resume mode() const { return mode_; }  ///< how it runs in user mode
    const utrace_syscall& call() const { return call_; }
    int exit_code() const { return code_; }

    /// The system call's body; its return value is the result.
    std::function<std::int64_t(const utrace_syscall&)> body;
    /// What HostOps::wait does; default: fails with EINTR.
    std::function<int(core::Waiting&)> on_wait;
    std::vector<std::uint32_t> calls_made;  ///< numbers that reached the body
    std::vector<SignalVerdict> signals;     ///< final verdicts
    std::vector<int> delivered;             ///< signal numbers of kDeliver
    std::vector<Resume> kicks;
    std::vector<std::uint64_t> armed;
    std::uint32_t barriers = 0;
    bool unused = false;

    /// In its scope the test is a controller in another thread, also inside a callback.
    class Outsider {
      public:
        Outsider() : before_(outside_) { outside_ = true; }
        ~Outsider() { outside_ = before_; }
        Outsider(const Outsider&) = delete;
        Outsider& operator=(const Outsider&) = delete;

      private:
        bool before_;
    };
    static std::int64_t live_engines() { return live_; }
    /// The next `count` allocations fail.
    static void fail_allocations(int count) { failing_ = count; }

  private:
    friend struct SimOps;
    void entry_done(const core::PassResult&);
    void to_user(bool handler = false, bool visit = false);
    bool park(const core::PassResult&);

    core::Task task_;
    core::HostOps ops_;
    utrace_syscall call_{};
    At at_ = At::kUser;
    Resume mode_ = Resume::kResume;
    bool parked_ = false;
    int passes_ = 0;
    std::uint32_t wakes_ = 0;
    int code_ = 0;

    static inline bool outside_ = false;
    static inline std::int64_t live_ = 0;
    static inline int failing_ = 0;
};

}  // namespace utrace::sim
