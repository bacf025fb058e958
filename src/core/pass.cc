// SPDX-License-Identifier: MIT
// The report pass: a task at a safe point calls back every interested engine.
//
// One pass, in order
//   0. Nobody wants the event: one load, one test, return (inline, task.h).
//   1. If attention says so and no other pass is under way: tidy (lists.cc), under the lock. This
//   is
//      where engines that attached since the last pass come in, and where those that left go.
//   2. Walk `attached`, from the kernel side to the user side; a system call's entry the other way
//      round, so that engines nest like layers. For each engine (visit):
//        T1  reporting[depth] = engine;  compiler fence
//        T2  load its event word: events, STOP, detached
//        T3  QUIESCE callback, reload (it may subscribe to this very event), the event's own
//            callback; after each, apply what it returned
//            compiler fence
//        T4  reporting[depth] = null
//   3. finish: if somebody holds STOP, stop here or arrange to stop at the resume point; keep what
//      the engines asked for; tidy if somebody left or nobody was there.
//
// What the engines return is merged twice. The Resume part: the smallest wins; kStop is not merged
// but set as that engine's own STOP bit, cleared by any other answer. The verdict part is a chain:
// each engine gets its predecessor's verdict and returns the next. QUIESCE callbacks have no
// verdict, and an engine that left has neither.
//
// Why no lock
//   The list: it changes only in tidy, under the lock, by this executor between its passes or by
//   somebody else while this task is quiescent, and the task leaves quiescence only under the lock.
//   So nothing changes under a walk and every engine on the list stays in memory until the walk is
//   over. The event words: a controller that takes events away from engine E must know that no
//   callback with the old word is running or can start. It does C1 store E.events; C2 membarrier;
//   C3 load `reporting`. The membarrier acts as if this executor ran a full fence at one point p of
//   its program between C1 and C3, and there are three places for p:
//     before T1         T2 comes after p, so it reads the new word: no callback. Whatever C3 read
//     is
//                       fine, EINPROGRESS at worst says "look again".
//     between T1 and T4 T1 is visible at C3: it reads E, and answers EINPROGRESS; or it reads null,
//                       because T4 has happened: the callback is over and its effects are visible.
//     after T4          the callback's effects are visible; a later visit of E is the first case.
//   So the cost of exactness is the controller's. On this side it is two plain stores and two
//   compiler fences per engine; without them T2 could be computed before T1 is issued. The answers:
//   STOP, a pending action and a detach are written under the lock, but only when they change
//   something. A pass in which everybody says kResume and nobody held STOP takes no lock. And they
//   are written before T4, so barrier() == 0 means: in force.
//
// Who decides about stopping
//   Never a union, always the engines' own bits: before the task is declared stopped finish() takes
//   the lock and asks every engine again. A controller that let its engine go in the meantime is
//   thus never answered by a task that sleeps without an owner.

#include "core/core.h"

namespace utrace::core {
namespace {

constexpr std::uint64_t kCloneVfork = 0x4000;  // CLONE_VFORK of <linux/sched.h>
constexpr std::int64_t kNoSuchCall = -38;      // -ENOSYS, what the kernel leaves for a skipped call
constexpr std::int32_t kLastSignal = 64;
constexpr std::int32_t kSigtrap = 5;
constexpr std::uint32_t kVerdictBits = 0xf0;

constexpr bool asks_again(Resume action) noexcept {
    return action == Resume::kInterrupt || action == Resume::kReport;
}
/// The signal is not delivered now: the task looks again after a stop, so it may stop in place.
constexpr bool looks_again(SignalVerdict verdict) noexcept {
    return verdict == SignalVerdict::kIgn || verdict == SignalVerdict::kReport ||
           verdict == SignalVerdict::kHandler;
}

}  // namespace

/// One pass under way; lives on the executor's stack.
template <class Memory>
struct Pass<Memory>::Report {
    Task& task;
    std::uint32_t depth = 0;
    Resume weak = Resume::kResume;  ///< smallest answer, kStop aside
    bool stop = false;              ///< some engine holds STOP
    bool called = false;            ///< some callback was due
    bool detached = false;          ///< some engine is marked
    bool only_detach = false;       ///< DEATH: other answers mean nothing
    std::uint32_t verdict = 0;      ///< verdict and flag bits handed from engine to engine
    std::uint32_t answer = 0;       ///< what the last callback returned

    std::uint32_t action() const noexcept {
        return Action(stop ? Resume::kStop : weak, verdict).bits();
    }
};

// ---- the walk ----

/// False: too many passes are under way on this task; the event goes unreported and is counted.
template <class Memory>
bool Pass<Memory>::begin(Report& report) noexcept {
    Task& task = report.task;
    if (task.depth_ == Task::kMaxDepth) {
        ++task.refused_passes_;
        return false;
    }
    if (task.depth_ == 0 && (task.attention() & Attention::kTidy) != 0) {
        typename L::Dropped dropped;
        L::lock(task);
        L::tidy(task, dropped);
        L::unlock(task);
        L::put_all(dropped);
    }
    report.depth = task.depth_++;
    return true;
}

template <class Memory>
template <class Visit>
void Pass<Memory>::walk(Report& report, Order order, Visit&& visit_one) noexcept {
    Task& task = report.task;
    Word<Engine*>& slot = task.reporting_[report.depth];
    const bool up = order == Order::kFromKernel;
    for (Engine* e = up ? task.first_ : task.last_; e != nullptr; e = up ? e->next : e->prev) {
        if (report.depth != 0 && skipped(report, *e)) continue;
        // [P1 release] T1; ordered before T2 for a controller by its membarrier (C2). Release, so
        // that a controller that finds another engine here sees what the callbacks before it did.
        // Pairs with [C2 acquire] in Control::in_callback.
        Memory::store_release(slot, e);
        Memory::compiler_fence();  // [P1 compiler] keeps T1 before T2 in the program.
        visit_one(*e);
        const std::uint64_t now = L::events(*e);
        report.stop = report.stop || (now & kStopBit) != 0;
        report.detached = report.detached || (now & kDetachedBit) != 0;
        Memory::compiler_fence();  // [P1 compiler] keeps T3 before T4 in the program.
        // [P1 release] T4, publishes what the callbacks did; pairs with [C2 acquire] in
        // Control::in_callback.
        Memory::store_release(slot, static_cast<Engine*>(nullptr));
    }
    --task.depth_;
}

/// A nested pass leaves an engine alone whose callback it interrupted.
template <class Memory>
bool Pass<Memory>::skipped(const Report& report, const Engine& engine) noexcept {
    if ((engine.flags & kReentrant) != 0) return false;
    for (std::uint32_t i = 0; i < report.depth; ++i) {
        // [P1 relaxed] the executor reads its own store; pairs with [P1 release] in Pass::walk.
        if (report.task.reporting_[i].load_relaxed() == &engine) {
            ++report.task.skipped_visits_;
            return true;
        }
    }
    return false;
}

/// QUIESCE first, then the event's own callback if the engine wants it now.
template <class Memory>
template <class Wanted, class Call>
void Pass<Memory>::visit(Report& report, Engine& engine, Event event, Wanted&& wanted,
                         Call&& call_it) noexcept {
    std::uint64_t events = L::events(engine);  // T2
    if ((events & bit(Event::kQuiesce)) != 0) {
        quiesce(report, engine, bit(event));
        events = L::events(engine);
    }
    if ((events & bit(event)) != 0 && wanted(engine)) call_it(engine);
}

/// Calls `callback` and applies the Resume it returns; report.answer keeps the rest. A callback
/// that is not there answers politely.
template <class Memory>
template <class Callback, class... Arguments>
void Pass<Memory>::call(Report& report, Engine& engine, Callback callback,
                        Arguments... arguments) noexcept {
    const std::uint32_t action = report.action();
    report.called = true;
    report.answer = Action::from_bits(action).with(Resume::kResume).bits();
    if (callback != nullptr) {
        const utrace_call with{sizeof with, action, handle(engine), engine.data,
                               handle(report.task)};
        report.answer = callback(&with, arguments...);
    }
    apply(report, engine, Action::from_bits(report.answer).resume());
}

template <class Memory>
void Pass<Memory>::quiesce(Report& report, Engine& engine, std::uint64_t mask) noexcept {
    const std::uint32_t verdict = report.verdict;
    report.verdict = 0;
    call(report, engine, engine.ops.report_quiesce, mask);
    report.verdict = verdict;
}

/// Puts an engine's answer in force, before T4. Takes the lock only if something changes.
template <class Memory>
void Pass<Memory>::apply(Report& report, Engine& engine, Resume resume) noexcept {
    Task& task = report.task;
    const std::uint64_t events = L::events(engine);
    if ((events & kDetachedBit) != 0) return;
    if (resume == Resume::kDetach) {
        L::lock(task);
        L::mark_detached(engine);
        L::unlock(task);
        return;
    }
    if (report.only_detach) return;
    const bool holds = (events & kStopBit) != 0;
    if (holds != (resume == Resume::kStop)) {
        L::lock(task);
        const std::uint64_t now = L::events(engine);
        if ((now & kDetachedBit) == 0) {
            L::set_bits(engine, holds ? now & ~kStopBit : now | kStopBit);
        }
        L::unlock(task);
    }
    if (resume != Resume::kStop && resume < report.weak) report.weak = resume;
}

/// The end of a pass; `place` says where a stop takes effect and whether steps are kept.
template <class Memory>
PassResult Pass<Memory>::finish(Report& report, Place place) noexcept {
    Task& task = report.task;
    PassResult result;
    result.resume = report.weak;
    result.called = report.called;
    const bool outermost = task.depth_ == 0;
    const bool tidy = outermost && (report.detached || !report.called);
    // At the resume point a step is carried out at once; a wish that came meanwhile keeps it.
    const bool keep =
        report.weak < Resume::kResume && (place != Place::kResumePoint || asks_again(report.weak) ||
                                          (task.attention() & Attention::kAction) != 0);
    if (!report.stop && !tidy && !keep) return result;

    typename L::Dropped dropped;
    L::lock(task);
    if (tidy) L::tidy(task, dropped);
    if (report.stop && L::stop_wanted(task)) {
        L::pend(task, report.weak);
        if (place != Place::kLater && outermost) {
            // Quiescent from here on, so bring in who waits; nothing walks the list.
            L::tidy(task, dropped);
            task.state_ = TaskState::kStopped;
            result.stop = true;
        } else {
            L::pend(task, Resume::kReport);
        }
    } else if (keep) {
        L::pend(task, report.weak);
    }
    L::unlock(task);
    L::put_all(dropped);
    return result;
}

/// A pass whose callbacks return a Resume and nothing else.
template <class Memory>
template <class Call>
PassResult Pass<Memory>::simple(Task& task, Event event, Place place, Call&& call_it) noexcept {
    if (!task.wants(event)) return {};
    Report report{task};
    if (!begin(report)) return {};
    const auto always = [](const Engine&) { return true; };
    walk(report, Order::kFromKernel, [&](Engine& e) {
        visit(report, e, event, always, [&](Engine& engine) { call_it(report, engine); });
    });
    return finish(report, place);
}

// ---- system calls ----

template <class Memory>
PassResult Pass<Memory>::syscall_entry(Task& task, utrace_syscall& sc, bool resumed) noexcept {
    PassResult result;
    Task::Call& now = task.calls_[task.depth_];
    if (resumed) {
        if (!entry_repeat(task, result)) return result;
    } else {
        now = {++task.next_call_, sc.nr, SyscallVerdict::kRun, false, false, false};
        sc.flags = (sc.flags & UTRACE_SYSCALL_RESTARTED) | UTRACE_SYSCALL_ENTERED;
        sc.result = kNoSuchCall;
    }
    Report report{task};
    if (!begin(report)) return result;
    now.open = true;
    const std::uint32_t flags = sc.flags & ~std::uint32_t{UTRACE_SYSCALL_ABORTED};
    walk(report, Order::kFromUser, [&](Engine& e) {
        // The exit pass asks what this engine saw here: an engine nearer the user may see another
        // number than one nearer the kernel.
        e.entry_stamp = std::uint64_t{now.id} << 32 | sc.nr;
        const auto wanted = [&sc](const Engine& engine) { return engine.numbers.has(sc.nr); };
        visit(report, e, Event::kSyscallEntry, wanted, [&](Engine& engine) {
            report.verdict = static_cast<std::uint32_t>(now.verdict) | (resumed ? kResumed : 0u) |
                             (now.floor ? kFinal : 0u);
            call(report, engine, engine.ops.report_syscall_entry, &sc);
            sc.flags = flags;
            if ((L::events(engine) & kDetachedBit) != 0) return;
            const Action answer = Action::from_bits(report.answer);
            const bool abort = answer.syscall() == SyscallVerdict::kAbort;
            if (abort && answer.has(kFinal) && (engine.flags & kMayFloor) != 0) now.floor = true;
            now.verdict = abort || now.floor ? SyscallVerdict::kAbort : SyscallVerdict::kRun;
        });
        report.verdict = 0;
    });
    result = finish(report, Place::kHere);
    if (!result.stop && now.interrupt) {
        now.interrupt = false;
        L::lock(task);
        L::pend(task, Resume::kInterrupt);
        L::unlock(task);
        result.resume = Resume::kInterrupt;
    }
    result.syscall = now.verdict;
    sc.flags = flags;
    if (now.verdict == SyscallVerdict::kAbort) sc.flags |= UTRACE_SYSCALL_ABORTED;
    return result;
}

/// After the wake of a stop at entry: is there to be another pass? If not, `result` is the answer.
/// kReport is used up by the repeat; kInterrupt also starts the call interrupted.
template <class Memory>
bool Pass<Memory>::entry_repeat(Task& task, PassResult& result) noexcept {
    Task::Call& now = task.calls_[task.depth_];
    L::lock(task);
    result.syscall = now.verdict;
    result.stop = task.state_ == TaskState::kStopped;
    const bool again = !result.stop && asks_again(task.resume_);
    if (again && L::take(task) == Resume::kInterrupt) now.interrupt = true;
    if (!again && !result.stop && now.interrupt) {
        now.interrupt = false;
        L::pend(task, Resume::kInterrupt);
    }
    if (!again) result.resume = task.resume_;
    L::unlock(task);
    return again;
}

template <class Memory>
PassResult Pass<Memory>::syscall_exit(Task& task, utrace_syscall& sc) noexcept {
    Report report{task};
    if (!begin(report)) return {};
    const bool entered = (sc.flags & UTRACE_SYSCALL_ENTERED) != 0;
    const std::uint32_t user_nr = task.user_nr(sc);
    const std::uint32_t flags = sc.flags;
    const auto wanted = [&](const Engine& e) {
        const bool saw_entry = entered && (e.entry_stamp >> 32) == task.calls_[report.depth].id;
        return e.numbers.has(saw_entry ? static_cast<std::uint32_t>(e.entry_stamp) : user_nr);
    };
    walk(report, Order::kFromKernel, [&](Engine& e) {
        visit(report, e, Event::kSyscallExit, wanted, [&](Engine& engine) {
            call(report, engine, engine.ops.report_syscall_exit, &sc);
            sc.flags = flags;
        });
    });
    task.calls_[task.depth_].open = false;
    return finish(report, Place::kLater);
}

// ---- signals and the resume point ----

/// Engines that want the event or QUIESCE are called: report_signal where present, else
/// report_quiesce, which cannot change the verdict.
template <class Memory>
void Pass<Memory>::signal_visit(Report& report, Engine& engine, std::uint64_t event_mask,
                                utrace_signal* signal) noexcept {
    Task& task = report.task;
    if ((L::events(engine) & (event_mask | bit(Event::kQuiesce))) == 0) return;  // T2
    if (signal == nullptr || engine.ops.report_signal == nullptr)
        return quiesce(report, engine, event_mask);
    const Resume before = report.weak;
    call(report, engine, engine.ops.report_signal, signal);
    if ((L::events(engine) & kDetachedBit) != 0) return;
    report.verdict = report.answer & (kVerdictBits | kHold);
    // An engine that always asks for another report would keep the task here for ever: once per
    // signal it is heard.
    if (asks_again(Action::from_bits(report.answer).resume())) {
        if (engine.signal_round == task.signal_round_) report.weak = before;
        engine.signal_round = task.signal_round_;
    }
}

template <class Memory>
PassResult Pass<Memory>::signal(Task& task, Event event, utrace_signal& signal,
                                SignalVerdict verdict) noexcept {
    PassResult result;
    result.signal = verdict;
    task.calls_[task.depth_].open = false;
    ++task.signal_round_;
    // The last pass decides: a step asked for before this signal is forgotten.
    if ((task.attention() & Attention::kAction) != 0) {
        L::lock(task);
        if (is_step(task.resume_)) L::take(task);
        L::unlock(task);
    }
    Report report{task};
    if (!begin(report)) return result;
    report.verdict = static_cast<std::uint32_t>(verdict);
    walk(report, Order::kFromKernel,
         [&](Engine& e) { signal_visit(report, e, bit(event), &signal); });

    const Action folded = Action::from_bits(report.verdict);
    const bool again = looks_again(folded.signal());
    result = finish(report, again ? Place::kHere : Place::kLater);
    result.signal = folded.signal();
    result.hold = folded.has(kHold);
    if (!again && (signal.signo > kLastSignal || signal.signo < 1)) {
        signal.signo = kSigtrap;
        ++task.bad_signals_;
    }
    result.handler_report =
        result.signal == SignalVerdict::kDeliver && (report.stop || report.weak < Resume::kResume);
    return result;
}

template <class Memory>
PassResult Pass<Memory>::resume_point(Task& task, utrace_signal* signal, bool handler) noexcept {
    typename L::Dropped dropped;
    PassResult result;
    const auto verdict = handler ? SignalVerdict::kHandler : SignalVerdict::kReport;
    result.signal = verdict;
    L::lock(task);
    if (task.state_ >= TaskState::kDying) {
        L::unlock(task);
        return result;
    }
    task.calls_[task.depth_].open = false;
    L::tidy(task, dropped);
    const bool stop = L::stop_wanted(task);
    if (L::quiescent(task)) {
        task.state_ = stop ? TaskState::kStopped : TaskState::kRunning;
        result.stop = stop;
    }
    const Resume action = result.stop ? Resume::kResume : L::take(task);
    L::unlock(task);
    L::put_all(dropped);
    if (result.stop) return result;
    if (!asks_again(action) && !stop && !handler) {
        result.resume = action;
        return result;
    }

    Report report{task};
    if (!begin(report)) return result;
    report.verdict = signal != nullptr ? static_cast<std::uint32_t>(verdict) : 0;
    walk(report, Order::kFromKernel, [&](Engine& e) { signal_visit(report, e, 0, signal); });
    // Nobody was there to confirm or forget the step.
    if (!report.called && is_step(action)) report.weak = action;
    const Action folded = Action::from_bits(report.verdict);
    result = finish(report, Place::kResumePoint);
    result.signal = signal != nullptr ? folded.signal() : verdict;
    result.hold = folded.has(kHold);
    if (!result.stop && task.attention() == 0) ++task.signal_round_;
    return result;
}

// ---- the other events ----

template <class Memory>
PassResult Pass<Memory>::clone(Task& task, std::uint64_t flags, Task* child) noexcept {
    // Outsiders attach to the child only after this pass: the parent's engines come first.
    if (child != nullptr && task.wants(Event::kClone)) Control<Memory>::hold_clone(*child, &task);
    utrace_task* const child_handle = child != nullptr ? handle(*child) : nullptr;
    const Place place = (flags & kCloneVfork) != 0 ? Place::kHere : Place::kLater;
    const PassResult result = simple(task, Event::kClone, place, [&](Report& r, Engine& e) {
        call(r, e, e.ops.report_clone, flags, child_handle);
    });
    if (child != nullptr && child->clone_held()) Control<Memory>::hold_clone(*child, nullptr);
    return result;
}

template <class Memory>
PassResult Pass<Memory>::exec(Task& task, const utrace_exec& image) noexcept {
    return simple(task, Event::kExec, Place::kLater,
                  [&](Report& r, Engine& e) { call(r, e, e.ops.report_exec, &image); });
}

template <class Memory>
PassResult Pass<Memory>::jctl(Task& task, int type, int notify) noexcept {
    return simple(task, Event::kJctl, Place::kLater,
                  [&](Report& r, Engine& e) { call(r, e, e.ops.report_jctl, type, notify); });
}

template <class Memory>
PassResult Pass<Memory>::exit(Task& task, int* code) noexcept {
    Death<Memory>::leave_stop(task);
    const int original = *code;
    return simple(task, Event::kExit, Place::kHere,
                  [&](Report& r, Engine& e) { call(r, e, e.ops.report_exit, original, code); });
}

template <class Memory>
PassResult Pass<Memory>::extension(Task& task, std::uint32_t event, const void* record,
                                   std::uint32_t length) noexcept {
    if (event < 32 || event > 63) return {};
    return simple(task, static_cast<Event>(event), Place::kLater, [&](Report& r, Engine& e) {
        call(r, e, e.ops.report_extension, event, record, length);
    });
}

template <class Memory>
void Pass<Memory>::death(Task& task, int group_dead, int signal) noexcept {
    Report report{task};
    report.only_detach = true;
    if (!begin(report)) return;
    const auto always = [](const Engine&) { return true; };
    walk(report, Order::kFromKernel, [&](Engine& e) {
        visit(report, e, Event::kDeath, always, [&](Engine& engine) {
            call(report, engine, engine.ops.report_death, group_dead, signal);
        });
    });
}

template struct Pass<UTRACE_CORE_MEMORY>;

}  // namespace utrace::core
