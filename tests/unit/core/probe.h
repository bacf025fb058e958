// SPDX-License-Identifier: MIT
// what:     Probe, an engine that writes down its callbacks and answers as the test says.
// who:      unit tests.
// lifetime: a Probe outlives the engines it attached.
// cost:     irrelevant.
// see:      docs/design/0002-report-pass.md.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/task.h"

namespace utrace::test {

using Log = std::vector<std::string>;

/// What a callback was told.
struct Told {
    const utrace_call* call = nullptr;
    std::uint64_t mask = 0;  ///< quiesce
    utrace_syscall* syscall = nullptr;
    utrace_signal* signal = nullptr;
    core::Task* child = nullptr;
    int* code = nullptr;
    int original_code = 0;
    Action action() const { return Action::from_bits(call->action); }
    /// The polite answer.
    Action pass() const { return action().with(Resume::kResume); }
};

class Probe {
  public:
    using Handler = std::function<Action(const Told&)>;

    Probe(std::string name, Log& log) : name_(std::move(name)), log_(&log) { fill(); }
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

    /// Answers for an event; without one the answer is polite.
    Probe& on(Event event, Handler handler) {
        handlers_[event] = std::move(handler);
        return *this;
    }
    Probe& on(Event event, Resume resume) {
        return on(event, [resume](const Told& told) { return told.action().with(resume); });
    }

    int try_attach(core::Task& task, std::uint32_t flags = kCreate, std::int32_t level = 0) {
        utrace_attach_params params{};
        params.size = sizeof params;
        params.flags = flags;
        params.level = level;
        params.ops = &ops;
        params.data = this;
        params.name = name_.c_str();
        return core::attach(task, params, &engine);
    }
    /// Attaches and subscribes.
    Probe& attach(core::Task& task, EventSet events, std::int32_t level = 0,
                  std::uint32_t more_flags = 0) {
        if (try_attach(task, kCreate | more_flags, level) == 0) core::set_events(*engine, events);
        return *this;
    }
    core::Engine& operator*() { return *engine; }

    core::Engine* engine = nullptr;
    utrace_engine_ops ops{};
    int released = 0;

  private:
    static std::uint32_t ask(const utrace_call* call, Event event, std::string what, Told told) {
        auto& self = *static_cast<Probe*>(call->data);
        told.call = call;
        self.log_->push_back(self.name_ + ":" + what);
        const auto found = self.handlers_.find(event);
        return (found != self.handlers_.end() ? found->second(told) : told.pass()).bits();
    }
    void fill() {
        ops.size = sizeof ops;
        ops.report_quiesce = [](const utrace_call* c, std::uint64_t mask) {
            Told told;
            told.mask = mask;
            return ask(c, Event::kQuiesce, mask == 0 ? "quiesce0" : "quiesce", told);
        };
        ops.report_syscall_entry = [](const utrace_call* c, utrace_syscall* sc) {
            Told told;
            told.syscall = sc;
            const bool again = Action::from_bits(c->action).has(kResumed);
            return ask(c, Event::kSyscallEntry, again ? "entry-again" : "entry", told);
        };
        ops.report_syscall_exit = [](const utrace_call* c, utrace_syscall* sc) {
            Told told;
            told.syscall = sc;
            return ask(c, Event::kSyscallExit, "exit", told);
        };
        ops.report_clone = [](const utrace_call* c, std::uint64_t, utrace_task* child) {
            Told told;
            told.child = child != nullptr ? &core::task_of(child) : nullptr;
            return ask(c, Event::kClone, "clone", told);
        };
        ops.report_exec = [](const utrace_call* c, const utrace_exec*) {
            return ask(c, Event::kExec, "exec", {});
        };
        ops.report_signal = [](const utrace_call* c, utrace_signal* signal) {
            Told told;
            told.signal = signal;
            const auto verdict = Action::from_bits(c->action).signal();
            return ask(c, Event::kSignal,
                       verdict == SignalVerdict::kHandler                        ? "handler"
                       : verdict == SignalVerdict::kReport && signal->signo == 0 ? "pre-signal"
                                                                                 : "signal",
                       told);
        };
        ops.report_jctl = [](const utrace_call* c, int, int) {
            return ask(c, Event::kJctl, "jctl", {});
        };
        ops.report_exit = [](const utrace_call* c, int original, int* code) {
            Told told;
            told.code = code;
            told.original_code = original;
            return ask(c, Event::kExit, "thread-exit", told);
        };
        ops.report_death = [](const utrace_call* c, int, int) {
            return ask(c, Event::kDeath, "death", {});
        };
        ops.report_reap = [](const utrace_call* c) { ask(c, Event::kReap, "reap", {}); };
        ops.report_extension = [](const utrace_call* c, std::uint32_t, const void*, std::uint32_t) {
            return ask(c, static_cast<Event>(32), "extension", {});
        };
        ops.release = [](void* data) { ++static_cast<Probe*>(data)->released; };
    }

    std::string name_;
    Log* log_;
    std::map<Event, Handler> handlers_;
};

}  // namespace utrace::test
