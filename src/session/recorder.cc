// SPDX-License-Identifier: MIT
#include "session/recorder.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/proc.h"
#include "base/sys.h"

namespace utrace::session {

// What the recorder keeps for one (task, client): the numbering of the task's events there.
struct Recorder::Link {
    Sink* sink = nullptr;
    std::uint32_t tseq = 0;
    std::uint32_t pass = 0;      // pass already recorded for this client
    bool entry_written = false;  // the open call's entry is in the ring
};

struct Recorder::TaskLinks {
    std::vector<std::unique_ptr<Proxy>> proxies;
    std::vector<Link> links;
};

// Scratch of one open call; 32 KiB, so it is lent only from entry to exit.
struct Recorder::Slot {
    capture::SyscallCapture capture;
    std::uint32_t finished_pass = 0;
    alignas(8) std::byte scratch[kMaxEventBytes];
};

namespace {

std::size_t read_memory(void* context, std::uint64_t address, void* to, std::size_t size) noexcept {
    const iovec local{to, size};
    const iovec remote{reinterpret_cast<void*>(address), size};
    const ssize_t n = ::process_vm_readv(
        static_cast<pid_t>(reinterpret_cast<std::intptr_t>(context)), &local, 1, &remote, 1, 0);
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

std::size_t read_nothing(void*, std::uint64_t, void*, std::size_t) noexcept { return 0; }

capture::Memory memory_of(const host::PtraceTask& task, bool wanted) {
    if (!wanted) return {nullptr, read_nothing};
    return {reinterpret_cast<void*>(static_cast<std::intptr_t>(raw(task.tid))), read_memory};
}

Proxy& proxy(const utrace_call* call) { return *static_cast<Proxy*>(call->data); }

const utrace_engine_ops kOps = {
    .size = sizeof(utrace_engine_ops),
    .abi_flags = 0,
    .report_quiesce = nullptr,
    .report_syscall_entry =
        [](const utrace_call* c, utrace_syscall*) {
            proxy(c).group->recorder->entry(proxy(c));
            return (c->action & ~7u) | static_cast<std::uint32_t>(Resume::kResume);
        },
    .report_syscall_exit =
        [](const utrace_call* c, utrace_syscall*) {
            proxy(c).group->recorder->exit(proxy(c));
            return static_cast<std::uint32_t>(Resume::kResume);
        },
    .report_clone =
        [](const utrace_call* c, std::uint64_t flags, utrace_task* child) {
            if (child != nullptr)
                proxy(c).group->recorder->child(proxy(c),
                                                host::PtraceTask::of(core::task_of(child)), flags);
            return static_cast<std::uint32_t>(Resume::kResume);
        },
    .report_exec =
        [](const utrace_call* c, const utrace_exec* e) {
            Proxy& p = proxy(c);
            p.group->recorder->task_record(*p.group, *p.task, TaskEvent::kExec, e->former_tid, 0);
            return static_cast<std::uint32_t>(Resume::kResume);
        },
    .report_signal =
        [](const utrace_call* c, utrace_signal* s) {
            if (s->signo != 0) proxy(c).group->recorder->signal(proxy(c), *s);
            return (c->action & ~7u) | static_cast<std::uint32_t>(Resume::kResume);
        },
    .report_jctl =
        [](const utrace_call* c, int type, int) {
            Proxy& p = proxy(c);
            p.group->recorder->task_record(
                *p.group, *p.task,
                type == CLD_STOPPED ? TaskEvent::kStopped : TaskEvent::kContinued, 0,
                p.task->job_signal);
            return static_cast<std::uint32_t>(Resume::kResume);
        },
    .report_exit = nullptr,
    .report_death =
        [](const utrace_call* c, int, int) {
            proxy(c).group->recorder->death(proxy(c));
            return static_cast<std::uint32_t>(Resume::kDetach);
        },
    .report_reap = nullptr,
    .report_extension = nullptr,
    .release = nullptr,
};

}  // namespace

Recorder::Recorder() = default;
Recorder::~Recorder() = default;

// ---------------------------------------------------------------- engines

Recorder::TaskLinks& Recorder::links(host::PtraceTask& task) {
    if (task.links == nullptr) task.links = new TaskLinks;
    return *static_cast<TaskLinks*>(task.links);
}

Recorder::Link& Recorder::link(host::PtraceTask& task, Sink& sink) {
    auto& all = links(task).links;
    for (Link& l : all)
        if (l.sink == &sink) return l;
    all.push_back(Link{&sink});
    return all.back();
}

Proxy* Recorder::proxy_of(const Group& group, const host::PtraceTask& task) const noexcept {
    if (task.links == nullptr) return nullptr;
    for (auto& p : static_cast<TaskLinks*>(task.links)->proxies)
        if (p->group == &group) return p.get();
    return nullptr;
}

bool Recorder::recorded(const host::PtraceTask& task) noexcept {
    return task.links != nullptr && !static_cast<TaskLinks*>(task.links)->proxies.empty();
}

int Recorder::attach(Group& group, host::PtraceTask& task, std::uint32_t depth) {
    if (proxy_of(group, task) != nullptr) return 0;
    group.recorder = this;
    limits_.string_bytes = std::max(limits_.string_bytes, group.limits.string_bytes);
    limits_.array_members = std::max(limits_.array_members, group.limits.array_members);
    limits_.environment = limits_.environment || group.limits.environment;
    auto owned = std::make_unique<Proxy>(Proxy{&group, &task, nullptr, depth});
    utrace_attach_params params{};
    params.size = sizeof params;
    params.flags = kCreate | (group.exit_kill ? kExitKill : 0u);
    params.level = group.level;
    params.ops = &kOps;
    params.data = owned.get();
    params.name = group.name.c_str();
    if (const int r = core::attach(task.core, params, &owned->engine); r < 0) return r;
    if (!group.all_syscalls) {
        std::uint64_t words[8] = {};
        for (unsigned nr = 0; nr < 512; ++nr)
            if (group.syscalls[nr]) words[nr / 64] |= std::uint64_t{1} << (nr % 64);
        (void)core::set_syscalls(*owned->engine, words, 8);
    }
    (void)core::set_events(*owned->engine, EventSet(group.events));
    (void)link(task, *group.sink);
    links(task).proxies.push_back(std::move(owned));
    ++group.tasks;
    return 0;
}

void Recorder::detach(Group& group, host::PtraceTask& task) {
    if (task.links == nullptr) return;
    auto& all = static_cast<TaskLinks*>(task.links)->proxies;
    const auto it =
        std::find_if(all.begin(), all.end(), [&](const auto& p) { return p->group == &group; });
    if (it == all.end()) return;
    (void)core::control(*(*it)->engine, Resume::kDetach);
    core::put(*(*it)->engine);
    all.erase(it);
    --group.tasks;
}

void Recorder::forget(host::PtraceTask& task) noexcept {
    close_slot(task);
    if (task.links == nullptr) return;
    auto* all = static_cast<TaskLinks*>(task.links);
    for (auto& p : all->proxies) {
        (void)core::control(*p->engine, Resume::kDetach);
        core::put(*p->engine);
        --p->group->tasks;
    }
    task.links = nullptr;
    delete all;
}

void Recorder::child(Proxy& parent, host::PtraceTask& child, std::uint64_t clone_flags) {
    constexpr std::uint64_t kCloneThread = 0x10000;
    Group& group = *parent.group;
    const bool thread = (clone_flags & kCloneThread) != 0;
    if (thread ? !group.follow_threads : !group.follow_processes) return;
    const std::uint32_t depth = parent.depth + (thread ? 0 : 1);
    if (group.depth != 0 && depth > group.depth) return;
    if (attach(group, child, depth) == 0)
        task_record(group, child, TaskEvent::kBorn, raw(parent.task->tid), 0);
}

// ---------------------------------------------------------------- records

// One event reaches a client once, however many of its groups want it.
bool Recorder::claim(Link& link, const host::PtraceTask& task) noexcept {
    if (link.pass == task.pass) return false;
    link.pass = task.pass;
    return true;
}

void Recorder::write(Sink& sink, Link& link, const host::PtraceTask& task, RecordType type,
                     std::uint16_t flags, const void* payload, std::uint32_t size) {
    if (sink.producer.append(type, flags, static_cast<std::uint32_t>(raw(task.tid)), ++link.tseq,
                             sys::now_ns(), static_cast<const std::byte*>(payload), size))
        ++sink.committed;
}

void Recorder::task_record(Group& group, host::PtraceTask& task, TaskEvent what, int other,
                           int status) {
    TaskPayload payload{};
    payload.size = sizeof payload;
    payload.what = static_cast<std::uint16_t>(what);
    payload.tgid = raw(task.tgid);
    payload.other = other;
    payload.status = status;
    if (what == TaskEvent::kExec || what == TaskEvent::kAttached) {
        const std::string name = proc::comm(raw(task.tid));
        std::memcpy(payload.comm, name.data(), std::min(name.size(), sizeof payload.comm - 1));
    }
    Link& l = link(task, *group.sink);
    if (what != TaskEvent::kBorn && what != TaskEvent::kAttached && what != TaskEvent::kDetached &&
        !claim(l, task))
        return;
    write(*group.sink, l, task,
          what == TaskEvent::kExec ? RecordType::kProcess : RecordType::kThread, 0, &payload,
          sizeof payload);
}

void Recorder::task_record_all(host::PtraceTask& task, TaskEvent what, int other, int status) {
    if (task.links == nullptr) return;
    ++task.pass;
    std::vector<const Sink*> told;
    for (auto& p : static_cast<TaskLinks*>(task.links)->proxies) {
        if (std::find(told.begin(), told.end(), p->group->sink) != told.end()) continue;
        told.push_back(p->group->sink);
        task_record(*p->group, task, what, other, status);
    }
}

void Recorder::signal(Proxy& p, const utrace_signal& signal) {
    Link& l = link(*p.task, *p.group->sink);
    if (!claim(l, *p.task)) return;
    SignalPayload payload{};
    payload.size = sizeof payload;
    payload.signo = signal.signo;
    std::memcpy(payload.info, signal.siginfo,
                std::min<std::size_t>(sizeof payload.info, signal.siginfo_size));
    write(*p.group->sink, l, *p.task, RecordType::kSignal, 0, &payload, sizeof payload);
}

void Recorder::death(Proxy& p) {
    host::PtraceTask& task = *p.task;
    Link& l = link(task, *p.group->sink);
    if (l.pass != task.pass && task.in_call && !l.entry_written && task.capture != nullptr) {
        const auto& cap = static_cast<Slot*>(task.capture)->capture;
        write(*p.group->sink, l, task, RecordType::kSyscallEntry, cap.record_flags(), cap.data(),
              cap.size());
    }
    if (raw(task.superseded_by) != 0) {
        task_record(*p.group, task, TaskEvent::kSuperseded, raw(task.superseded_by), 0);
    } else {
        const bool killed = (task.exit_status & 0x7f) != 0;
        task_record(*p.group, task, killed ? TaskEvent::kKilled : TaskEvent::kExited, 0,
                    task.exit_status);
    }
}

// ---------------------------------------------------------------- system calls

Recorder::Slot& Recorder::open_slot(host::PtraceTask& task, bool entry_seen, bool with_memory) {
    if (task.capture == nullptr) {
        if (free_slots_.empty()) free_slots_.push_back(std::make_unique<Slot>());
        Slot* slot = free_slots_.back().release();
        free_slots_.pop_back();
        task.capture = slot;
        const host::CallContext& call = task.call;
        bool memory = false;
        for (auto& p : links(task).proxies) memory = memory || (with_memory && p->group->memory);
        slot->finished_pass = 0;
        slot->capture.begin(slot->scratch, call.abi(), call.sys.nr, call.sys.args,
                            entry_seen ? call.start : 0, limits_, memory_of(task, memory));
    }
    return *static_cast<Slot*>(task.capture);
}

void Recorder::close_slot(host::PtraceTask& task) noexcept {
    if (task.capture == nullptr) return;
    free_slots_.emplace_back(static_cast<Slot*>(task.capture));
    task.capture = nullptr;
}

void Recorder::write_call(Proxy& p, Link& l, RecordType type, std::uint16_t flags) {
    const capture::SyscallCapture& cap = static_cast<Slot*>(p.task->capture)->capture;
    write(*p.group->sink, l, *p.task, type, static_cast<std::uint16_t>(flags | cap.record_flags()),
          cap.data(), cap.size());
}

namespace {
bool wants_entry(const Group& group, const host::CallContext& call) {
    return (group.events & bit(Event::kSyscallEntry)) != 0 &&
           (group.all_syscalls || call.sys.nr >= 512 || group.syscalls[call.sys.nr]);
}

// Calls that may sleep long, or never return, are told at entry; the others once, at exit.
bool split(const host::CallContext& call) {
    const capture::SyscallDesc* desc = capture::find_syscall(call.abi(), call.sys.nr);
    return desc != nullptr &&
           (desc->attrs & (capture::kAttrBlocking | capture::kAttrNoReturn)) != 0;
}
}  // namespace

void Recorder::entry(Proxy& p) {
    host::PtraceTask& task = *p.task;
    Link& l = link(task, *p.group->sink);
    open_slot(task, true, true);
    if (!split(task.call)) {
        l.entry_written = false;
        return;
    }
    if (!claim(l, task)) return;
    l.entry_written = true;
    write_call(p, l, RecordType::kSyscallEntry,
               (task.call.sys.flags & UTRACE_SYSCALL_RESTARTED) != 0 ? kRecordRestarted : 0);
}

void Recorder::exit(Proxy& p) {
    host::PtraceTask& task = *p.task;
    Link& l = link(task, *p.group->sink);
    if (!claim(l, task)) return;
    const bool separate = split(task.call) || task.call.resumed;
    Slot& slot = open_slot(task, task.call.start != 0, !separate);
    if (slot.finished_pass != task.pass) {
        bool memory = false;
        for (auto& other : links(task).proxies) memory = memory || other->group->memory;
        slot.finished_pass = task.pass;
        if (separate) slot.capture.begin_exit();
        slot.capture.finish(task.call.sys.result, memory_of(task, memory));
    }
    std::uint16_t flags = 0;
    if (task.call.resumed) flags |= kRecordResumed;
    if ((task.call.sys.flags & UTRACE_SYSCALL_RESTARTED) != 0) flags |= kRecordRestarted;
    write_call(p, l, separate ? RecordType::kSyscallExit : RecordType::kSyscall, flags);
    l.entry_written = false;
    blind(p, l);
}

// What this call makes invisible is said where it happens (reliability A3).
void Recorder::blind(Proxy& p, Link& l) {
    const utrace_syscall& call = p.task->call.sys;
    if (p.task->call.abi() != Abi::kX86_64) return;
    constexpr std::uint32_t kPtrace = 101, kIoUringSetup = 425;
    BlindPayload payload{sizeof payload, 0};
    if (call.nr == kIoUringSetup && call.result >= 0)
        payload.what = static_cast<std::uint32_t>(Blind::kIoUring);
    if (call.nr == kPtrace && call.result == -EPERM)
        payload.what = static_cast<std::uint32_t>(Blind::kNestedPtrace);
    if (payload.what != 0)
        write(*p.group->sink, l, *p.task, RecordType::kBlind, 0, &payload, sizeof payload);
}

// Told in the ring already: the scratch can serve another call until the exit.
void Recorder::call_entered(host::PtraceTask& task) noexcept {
    if (split(task.call)) close_slot(task);
}

void Recorder::call_left(host::PtraceTask& task) noexcept { close_slot(task); }

void Recorder::call_in_progress(Group& group, host::PtraceTask& task) {
    Proxy* proxy = proxy_of(group, task);
    if (proxy == nullptr || !task.in_call || !split(task.call) || !wants_entry(group, task.call))
        return;
    Link& l = link(task, *group.sink);
    if (l.entry_written) return;
    const bool open = task.capture != nullptr;
    open_slot(task, task.call.start != 0, true);
    l.entry_written = true;
    write_call(*proxy, l, RecordType::kSyscallEntry, task.call.resumed ? kRecordResumed : 0);
    if (!open) close_slot(task);
}

void Recorder::call_resumed(host::PtraceTask& task) {
    if (task.links == nullptr) return;
    ++task.pass;
    open_slot(task, false, true);
    for (auto& p : static_cast<TaskLinks*>(task.links)->proxies) {
        Link& l = link(task, *p->group->sink);
        if (!wants_entry(*p->group, task.call) || !claim(l, task)) continue;
        l.entry_written = true;
        write_call(*p, l, RecordType::kSyscallEntry, kRecordResumed);
    }
    close_slot(task);
}

}  // namespace utrace::session
