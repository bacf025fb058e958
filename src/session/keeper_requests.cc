// SPDX-License-Identifier: MIT
// What each request of a client does. Sizes, flags and growth were checked by decode().
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/proc.h"
#include "base/sys.h"
#include "session/keeper.h"

namespace utrace::session {
namespace {
constexpr std::uint64_t kSettleWithin = 5'000'000'000;
constexpr std::uint64_t kDefaultRing = 8u << 20;
}  // namespace

template <class T>
void Keeper::with(Client& client, const Message& message,
                  void (Keeper::*f)(Client&, const Message&, const T&)) {
    auto body = decode<T>(message);
    if (!body) {
        if (!client.connection.reply_error(message, body.error())) client.gone = true;
        return;
    }
    (this->*f)(client, message, *body);
}

void Keeper::handle(Client& client, const Message& message) {
    if (const int refused = refusal(message); refused != 0) {
        if (!client.connection.reply_error(message,
                                           Error{refused, Reason::kProtocol, 0, {}, {}, {}}))
            client.gone = true;
        return;
    }
    if (message.type == MsgType::kHello) return with(client, message, &Keeper::hello);
    if (!client.greeted) {
        client.gone = true;
        return;
    }
    handle_greeted(client, message);
}

void Keeper::handle_greeted(Client& client, const Message& message) {
    switch (message.type) {
        case MsgType::kHolds:
            return with(client, message, &Keeper::holds);
        case MsgType::kOpen:
            return with(client, message, &Keeper::open);
        case MsgType::kLaunch:
            return with(client, message, &Keeper::launch);
        case MsgType::kAttach:
            return with(client, message, &Keeper::attach);
        case MsgType::kSetEvents:
            return with(client, message, &Keeper::set_events);
        case MsgType::kSetSyscalls:
            return with(client, message, &Keeper::set_syscalls);
        case MsgType::kDetach:
            return with(client, message, &Keeper::detach);
        case MsgType::kRelease:
            return with(client, message, &Keeper::release);
        case MsgType::kTasks:
            return with(client, message, &Keeper::tasks);
        default:
            break;  // an event or an answer to nothing: ignored
    }
}

void Keeper::hello(Client& client, const Message& message, const Hello&) {
    client.greeted = true;
    Welcome welcome{};
    welcome.keeper = self_.pid;
    welcome.session = self_.start_time;
    welcome.clock_id = CLOCK_MONOTONIC;
    if (!client.connection.reply(message, welcome)) client.gone = true;
}

void Keeper::holds(Client& client, const Message& message, const Target& body) {
    const host::PtraceTask* task = host_.find(static_cast<Tid>(body.pid));
    bool held = task != nullptr;
    if (!held)  // a zombie leader is not held itself
        host_.for_each([&](host::PtraceTask& t) { held = held || raw(t.tgid) == body.pid; });
    const auto start = proc::start_time(body.pid);
    held = held && start && *start == body.start_time;
    Reply reply{};
    reply.status = held ? 0 : -ESRCH;
    if (!client.connection.reply(message, reply)) client.gone = true;
}

void Keeper::open(Client& client, const Message& message, const Target& body) {
    hold_process(client, message, static_cast<Pid>(body.pid), body.start_time, {});
}

void Keeper::launch(Client& client, const Message& message, const Launch& body) {
    host::PtraceHost::Seize how;
    how.launch = true;
    how.kill_on_exit = (body.flags & kLaunchKillOnExit) != 0;
    hold_process(client, message, static_cast<Pid>(body.pid), body.start_time, how);
}

void Keeper::hold_process(Client& client, const Message& message, Pid pid, std::uint64_t start,
                          const host::PtraceHost::Seize& how) {
    OpenReply reply{};
    host_.for_each([&](host::PtraceTask& t) { reply.tasks += t.tgid == pid; });
    if (reply.tasks != 0) {
        reply.joined = 1;
    } else {
        // The number is checked against the start time before and after, so a reused one is let go.
        const auto before = proc::start_time(raw(pid));
        if (!before || *before != start) {
            reply.status = -ESRCH;
        } else if (auto held = host_.seize(pid, how); !held) {
            reply.status = -held.error().err;
        } else {
            reply.tasks = static_cast<std::uint32_t>(held->size());
            // Who is born before the client attaches is held for it, too.
            for (host::PtraceTask* task : *held) task->opened_as = pid;
        }
    }
    if (!client.connection.reply(message, reply)) client.gone = true;
}

Group* Keeper::group_of(Client& client, std::uint32_t id) noexcept {
    for (auto& group : client.groups)
        if (group->id == id) return group.get();
    return nullptr;
}

Expected<Group*> Keeper::make_group(Client& client, const Attach& body) {
    if (client.groups.size() >= kMaxGroups) return fail(ENOSPC, "attach", {}, Reason::kLimit);
    if (!client.sink) {
        ring::SetConfig config;
        config.ring_bytes = body.ring_bytes != 0 ? body.ring_bytes : kDefaultRing;
        config.pid = self_.pid;
        config.start_time = self_.start_time;
        auto rings = ring::RingSet::create(config);
        if (!rings) return std::unexpected(rings.error());
        client.sink = std::make_unique<Sink>(std::move(*rings));
    }
    auto group = std::make_unique<Group>();
    group->id = next_group_++;
    group->name = text(body.name);
    group->level = body.level;
    group->events = body.events;
    group->all_syscalls = false;
    for (unsigned nr = 0; nr < 512; ++nr) group->syscalls[nr] = body.syscalls.has(nr);
    if (group->syscalls.all()) group->all_syscalls = true;
    group->memory = (body.flags & kAttachNoMemory) == 0;
    group->follow_threads = body.follow != static_cast<std::uint32_t>(Follow::kNone);
    group->follow_processes = body.follow >= static_cast<std::uint32_t>(Follow::kAll);
    group->depth = body.depth;
    group->exit_kill = (body.flags & kAttachExitKill) != 0;
    if (body.string_bytes != 0) group->limits.string_bytes = body.string_bytes;
    if (body.array_members != 0) group->limits.array_members = body.array_members;
    group->limits.environment = (body.flags & kAttachEnvironment) != 0;
    group->sink = client.sink.get();
    client.groups.push_back(std::move(group));
    return client.groups.back().get();
}

void Keeper::attach(Client& client, const Message& message, const Attach& body) {
    const bool had_rings = client.sink != nullptr;
    Group* group = nullptr;
    if (body.group != 0) {
        group = group_of(client, body.group);
        if (group == nullptr) {
            if (!client.connection.reply_error(message,
                                               Error{ENOENT, Reason::kNone, 0, {}, {}, {}}))
                client.gone = true;
            return;
        }
    } else {
        auto made = make_group(client, body);
        if (!made) {
            if (!client.connection.reply_error(message, made.error())) client.gone = true;
            return;
        }
        group = *made;
    }
    host_.for_each([&](host::PtraceTask& task) {
        const bool opened = raw(task.opened_as) == body.scope_tgid;
        if (body.scope_tgid != 0 && raw(task.tgid) != body.scope_tgid && !opened) return;
        task.opened_as = Pid{};
        if (body.follow == static_cast<std::uint32_t>(Follow::kNone) &&
            raw(task.tid) != body.scope_tgid)
            return;
        if (task.detaching || recorder_.proxy_of(*group, task) != nullptr) return;
        if (recorder_.attach(*group, task) != 0 || task.prelude) return;
        recorder_.task_record(*group, task, TaskEvent::kAttached, 0, 0);
        recorder_.call_in_progress(*group, task);
    });
    client.told_empty = false;
    scopes_changed_ = true;
    Client::Deferred deferred;
    deferred.request = Message{message.type, message.flags, message.cookie, {}, {}};
    deferred.attach.group = group->id;
    deferred.attach.group_number = group->id;
    deferred.attach.tasks = static_cast<std::uint32_t>(group->tasks);
    deferred.with_rings = !had_rings;
    deferred.attach.has_rings = deferred.with_rings;
    deferred.until = sys::now_ns() + kSettleWithin;
    client.deferred = std::move(deferred);
}

void Keeper::set_events(Client& client, const Message& message, const SetEvents& body) {
    Group* group = group_of(client, body.group);
    Reply reply{};
    if (group == nullptr) {
        reply.status = -ENOENT;
    } else {
        group->events = body.events;
        host_.for_each([&](host::PtraceTask& task) {
            if (Proxy* proxy = recorder_.proxy_of(*group, task))
                (void)core::set_events(*proxy->engine, EventSet(body.events));
        });
    }
    if (!client.connection.reply(message, reply)) client.gone = true;
}

void Keeper::set_syscalls(Client& client, const Message& message, const SetSyscalls& body) {
    Group* group = group_of(client, body.group);
    Reply reply{};
    if (group == nullptr) {
        reply.status = -ENOENT;
    } else {
        for (unsigned nr = 0; nr < 512; ++nr) group->syscalls[nr] = body.syscalls.has(nr);
        group->all_syscalls = group->syscalls.all();
        host_.for_each([&](host::PtraceTask& task) {
            if (Proxy* proxy = recorder_.proxy_of(*group, task))
                (void)core::set_syscalls(*proxy->engine, body.syscalls.words, 8);
        });
    }
    if (!client.connection.reply(message, reply)) client.gone = true;
}

void Keeper::detach(Client& client, const Message& message, const Detach& body) {
    bool found = body.group == 0;
    for (auto& group : client.groups) {
        if (body.group != 0 && group->id != body.group) continue;
        found = true;
        end_group(*group);
    }
    if (!found) {
        if (!client.connection.reply_error(message, Error{ENOENT, Reason::kNone, 0, {}, {}, {}}))
            client.gone = true;
        return;
    }
    Client::Deferred deferred;
    deferred.request = Message{message.type, message.flags, message.cookie, {}, {}};
    deferred.detach = true;
    deferred.until = sys::now_ns() + kSettleWithin;
    client.deferred = std::move(deferred);
}

void Keeper::release(Client& client, const Message& message, const Simple&) {
    detach(client, message, Detach{sizeof(Detach), 0, 0, 0});
}

void Keeper::tasks(Client& client, const Message& message, const Simple&) {
    TasksReply reply{};
    reply.generation = generation_;
    reply.tasks = static_cast<std::uint32_t>(host_.size());
    reply.clients = static_cast<std::uint32_t>(clients_.size());
    host_.for_each([&](host::PtraceTask& t) { reply.processes += t.tid == leader_of(t.tgid); });
    for (const auto& c : clients_) reply.groups += static_cast<std::uint32_t>(c->groups.size());
    if (!client.connection.reply(message, reply)) client.gone = true;
}

}  // namespace utrace::session
