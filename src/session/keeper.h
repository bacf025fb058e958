// SPDX-License-Identifier: MIT
// what:     the keeper: owns the ptrace host of one session and serves its clients.
// who:      runs in a process of its own (keeper_main); one thread.
// lifetime: as long as a task or a client is there.
// cost:     while tasks are busy, sockets are looked at only when one raised SIGIO.
// see:      docs/design/0001-architecture.md, "Processes".
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "host/ptrace/host.h"
#include "session/protocol.h"
#include "session/recorder.h"
#include "session/session_dir.h"
#include "session/wire.h"

namespace utrace::session {

class Keeper final : public host::HostListener {
  public:
    /// `dir` may be missing: then nobody can join.
    Keeper(std::optional<SessionDir> dir, Connection starter);
    ~Keeper() override;

    /// Serves until nothing is left. Exit status of the process.
    int run();

    void task_added(host::PtraceTask& task, host::PtraceTask* parent) override;
    bool keep_child(host::PtraceTask& child) override;
    void call_entered(host::PtraceTask& task) override { recorder_.call_entered(task); }
    void call_left(host::PtraceTask& task) override { recorder_.call_left(task); }
    void call_resumed(host::PtraceTask& task) override { recorder_.call_resumed(task); }
    void task_gone(host::PtraceTask& task, host::Gone how, int status) override;
    void idle() override;

  private:
    struct Client {
        Connection connection;
        bool greeted = false;
        bool gone = false;
        bool told_empty = false;
        std::uint64_t connected_at = 0;
        std::unique_ptr<Sink> sink;
        std::vector<std::unique_ptr<Group>> groups;
        // An ATTACH or a DETACH is answered when every task it concerns has settled; until then the
        // client's next requests wait.
        struct Deferred {
            Message request;
            AttachReply attach{};
            bool with_rings = false;
            bool detach = false;
            std::uint64_t until = 0;
        };
        std::optional<Deferred> deferred;
        std::deque<Event> unsent;
    };

    void listen();
    void accept_clients();
    void serve_sockets();
    void serve(Client& client);
    void handle(Client& client, const Message& message);
    void handle_greeted(Client& client, const Message& message);
    template <class T>
    void with(Client& client, const Message& message,
              void (Keeper::*f)(Client&, const Message&, const T&));
    void hello(Client& client, const Message& message, const Hello& body);
    void holds(Client& client, const Message& message, const Target& body);
    void open(Client& client, const Message& message, const Target& body);
    void launch(Client& client, const Message& message, const Launch& body);
    void attach(Client& client, const Message& message, const Attach& body);
    void set_events(Client& client, const Message& message, const SetEvents& body);
    void set_syscalls(Client& client, const Message& message, const SetSyscalls& body);
    void detach(Client& client, const Message& message, const Detach& body);
    void release(Client& client, const Message& message, const Simple& body);
    void tasks(Client& client, const Message& message, const Simple& body);

    void hold_process(Client& client, const Message& message, Pid pid, std::uint64_t start,
                      const host::PtraceHost::Seize& how);
    Expected<Group*> make_group(Client& client, const Attach& body);
    Group* group_of(Client& client, std::uint32_t id) noexcept;
    void end_group(Group& group);
    void answer_deferred();
    void end_clients();
    void drop(Client& client);
    void release_opened();
    void tell(Client& client, const Event& event);
    void tell_empty_scopes();
    void flush(Client& client);
    std::uint64_t next_deadline() const noexcept;

    std::optional<SessionDir> dir_;
    ProcessId self_{};
    std::unordered_map<pid_t, std::uint64_t> linked_;  ///< start times of the processes with a link
    UniqueFd listener_;
    Recorder recorder_;
    host::PtraceHost host_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::uint32_t next_group_ = 1;
    std::uint64_t generation_ = 0;
    std::uint64_t ending_since_ = 0;
    bool sockets_pending_ = false;
    bool scopes_changed_ = false;
};

}  // namespace utrace::session
