// SPDX-License-Identifier: MIT
#include "session/keeper.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/sys.h"

namespace utrace::session {
namespace {
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kHelloWithin = 5 * kSecond;
constexpr std::uint64_t kDrainWithin =
    5 * kSecond;  // how long clients may read after the last task
constexpr std::size_t kMaxUnsent = (1u << 20) / sizeof(Event);
}  // namespace

Keeper::Keeper(std::optional<SessionDir> dir, Connection starter)
    : dir_(std::move(dir)), host_(*this) {
    if (auto self = identify(::getpid())) self_ = *self;
    auto client = std::make_unique<Client>();
    client->connection = std::move(starter);
    client->connected_at = sys::now_ns();
    (void)host::WaitSource::arm_socket(client->connection.fd());
    clients_.push_back(std::move(client));
    sockets_pending_ = true;
    listen();
}

Keeper::~Keeper() {
    if (dir_ && listener_) dir_->remove_socket(self_);
}

void Keeper::listen() {
    if (!dir_) return;
    auto socket = dir_->listen(self_);
    if (!socket) return;
    listener_ = std::move(*socket);
    (void)host::WaitSource::arm_socket(listener_.get());
}

int Keeper::run() {
    for (;;) {
        if (sockets_pending_) {
            sockets_pending_ = false;
            serve_sockets();
        }
        answer_deferred();
        if (scopes_changed_) {
            scopes_changed_ = false;
            tell_empty_scopes();
        }
        if (clients_.empty() && host_.size() == 0) return 0;
        if (host_.size() == 0) end_clients();
        if (!host_.turn(next_deadline())) sockets_pending_ = true;
    }
}

std::uint64_t Keeper::next_deadline() const noexcept {
    const std::uint64_t now = sys::now_ns();
    std::uint64_t at = now + 10 * kSecond;
    for (const auto& client : clients_) {
        if (!client->greeted) at = std::min(at, client->connected_at + kHelloWithin);
        if (client->deferred) at = std::min(at, client->deferred->until);
        if (!client->unsent.empty()) at = std::min(at, now + kSecond / 100);
    }
    if (ending_since_ != 0) at = std::min(at, ending_since_ + kDrainWithin);
    return at;
}

void Keeper::idle() {
    for (auto& client : clients_)
        if (client->sink) client->sink->producer.flush_wake();
}

// ---------------------------------------------------------------- tasks

void Keeper::task_added(host::PtraceTask& task, host::PtraceTask*) {
    ++generation_;
    ending_since_ = 0;
    if (!dir_ || task.tid != leader_of(task.tgid)) return;
    auto process = identify(raw(task.tgid));
    if (process && dir_->link_task(*process, self_)) linked_[process->pid] = process->start_time;
}

bool Keeper::keep_child(host::PtraceTask& child) {
    return Recorder::recorded(child) || child.opened_as != Pid{};
}

void Keeper::task_gone(host::PtraceTask& task, host::Gone how, int) {
    ++generation_;
    scopes_changed_ = true;
    if (how == host::Gone::kDetached) recorder_.task_record_all(task, TaskEvent::kDetached, 0, 0);
    recorder_.forget(task);
    if (task.tid != leader_of(task.tgid) || how == host::Gone::kSuperseded) return;
    // Its parent may have waited for it by now: /proc no longer knows the start time.
    const auto link = linked_.find(raw(task.tgid));
    if (link == linked_.end()) return;
    dir_->unlink_task({link->first, link->second});
    linked_.erase(link);
}

// A client whose engines hold nothing any more can stop waiting for records.
void Keeper::tell_empty_scopes() {
    for (auto& client : clients_) {
        if (client->groups.empty() || client->told_empty) continue;
        const bool busy = std::any_of(client->groups.begin(), client->groups.end(),
                                      [](const auto& g) { return g->tasks != 0; });
        if (busy) continue;
        client->told_empty = true;
        if (client->sink) client->sink->producer.flush_wake();
        Event event{};
        event.kind = static_cast<std::uint32_t>(EventKind::kScopeEmpty);
        event.time = sys::now_ns();
        tell(*client, event);
    }
}

// No task is left: clients may drain their rings, then the session is over.
void Keeper::end_clients() {
    const std::uint64_t now = sys::now_ns();
    if (ending_since_ == 0) ending_since_ = now;
    const bool anybody_used_us = std::any_of(clients_.begin(), clients_.end(),
                                             [](const auto& c) { return !c->groups.empty(); });
    if (!anybody_used_us && now - ending_since_ < kHelloWithin) return;
    if (now - ending_since_ < kDrainWithin) return;
    for (auto& client : clients_) {
        SessionEnd end{};
        end.reason = static_cast<std::uint32_t>(EndReason::kIdle);
        (void)client->connection.send(MsgType::kSessionEnd, 0, end);
        client->gone = true;
    }
    std::erase_if(clients_, [](const auto& c) { return c->gone; });
}

// ---------------------------------------------------------------- clients

void Keeper::accept_clients() {
    while (listener_) {
        auto connection = SessionDir::accept(listener_.get());
        if (!connection) return;
        if (clients_.size() >= kMaxClients || !connection->checked_peer()) continue;
        auto client = std::make_unique<Client>();
        client->connection = std::move(*connection);
        client->connected_at = sys::now_ns();
        (void)host::WaitSource::arm_socket(client->connection.fd());
        clients_.push_back(std::move(client));
    }
}

void Keeper::serve_sockets() {
    accept_clients();
    for (std::size_t i = 0; i < clients_.size(); ++i) serve(*clients_[i]);
    for (auto& client : clients_)
        if (client->gone) drop(*client);
    std::erase_if(clients_, [](const auto& c) { return c->gone; });
}

void Keeper::serve(Client& client) {
    flush(client);
    while (!client.gone && !client.deferred) {
        auto message = client.connection.recv();
        if (!message) {
            if (message.error().err != EAGAIN) client.gone = true;
            break;
        }
        handle(client, *message);
    }
    if (!client.greeted && sys::now_ns() - client.connected_at > kHelloWithin) client.gone = true;
}

void Keeper::flush(Client& client) {
    while (!client.unsent.empty()) {
        auto sent = client.connection.send(MsgType::kEvent, 0, client.unsent.front());
        if (!sent) {
            if (sent.error().err != EAGAIN) client.gone = true;
            return;
        }
        client.unsent.pop_front();
    }
}

// A client that does not read its events is slow and is ejected (reliability K3).
void Keeper::tell(Client& client, const Event& event) {
    client.unsent.push_back(event);
    flush(client);
    if (client.unsent.size() > kMaxUnsent) client.gone = true;
    if (client.gone) sockets_pending_ = true;
}

// The client is gone or ejected: its engines go with it, the program runs on.
void Keeper::drop(Client& client) {
    for (auto& group : client.groups) end_group(*group);
    client.groups.clear();
    client.sink.reset();
    client.connection.close();
    release_opened();
    scopes_changed_ = true;
}

// Processes that a client opened and never attached to, when no client is left that might.
void Keeper::release_opened() {
    for (const auto& client : clients_)
        if (!client->gone && client->groups.empty()) return;
    std::vector<host::PtraceTask*> unused;
    host_.for_each([&](host::PtraceTask& task) {
        if (task.opened_as != Pid{} && !Recorder::recorded(task)) unused.push_back(&task);
    });
    for (host::PtraceTask* task : unused) {
        task->opened_as = Pid{};
        host_.detach(*task);
    }
}

void Keeper::end_group(Group& group) {
    std::vector<host::PtraceTask*> held;
    host_.for_each([&](host::PtraceTask& task) {
        if (recorder_.proxy_of(group, task) != nullptr) held.push_back(&task);
    });
    for (host::PtraceTask* task : held) {
        const bool kill = group.exit_kill;
        if (!kill) recorder_.task_record(group, *task, TaskEvent::kDetached, 0, 0);
        recorder_.detach(group, *task);
        if (kill) {
            host_.kill(*task);
        } else if (!Recorder::recorded(*task)) {
            host_.detach(*task);
        }
    }
}

void Keeper::answer_deferred() {
    for (auto& client : clients_) {
        if (!client->deferred) continue;
        const auto& deferred = *client->deferred;
        if (host_.unsettled() != 0 && sys::now_ns() < deferred.until) continue;
        Client::Deferred done = std::move(*client->deferred);
        client->deferred.reset();
        Expected<void> sent;
        if (done.detach) {
            sent = client->connection.reply_ok(done.request);
        } else {
            // Tasks that did not come to a safe point in time: the client says so (UT-ATTACH-07).
            done.attach.number = static_cast<std::int64_t>(host_.unsettled());
            const int fds[2] = {done.with_rings ? client->sink->rings.producer_fd() : -1,
                                done.with_rings ? client->sink->rings.consumer_fd() : -1};
            sent = client->connection.reply(done.request, done.attach,
                                            std::span<const int>(fds, done.with_rings ? 2u : 0u));
        }
        if (!sent) client->gone = true;
        sockets_pending_ = true;
    }
}

}  // namespace utrace::session
