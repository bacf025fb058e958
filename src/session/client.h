// SPDX-License-Identifier: MIT
// what:     a client's end of one session: finds or starts the keeper, asks it for engines, reads rings.
// who:      one thread of the client process.
// lifetime: the session's hold on the program ends with this object (and this process).
// cost:     a round trip per request; records come through shared memory.
// see:      docs/design/0001-architecture.md, "Processes".
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "ring/consumer.h"
#include "session/protocol.h"
#include "session/session_dir.h"
#include "session/wire.h"

namespace utrace::session {

class Client {
  public:
    /// A new keeper, forked from this process. Errors: fork, exec, no answer (kKeeperGone).
    [[nodiscard]] static Expected<Client> start(const Hello& hello);
    /// The session that holds `pid`, or a new one. kForeignTracer: somebody else traces it.
    [[nodiscard]] static Expected<Client> join_or_start(pid_t pid, const Hello& hello);

    /// True when the session was there before us.
    bool joined() const noexcept { return joined_; }
    pid_t keeper() const noexcept { return welcome_.keeper; }
    /// pidfd of the keeper when we started it, else -1.
    int keeper_pidfd() const noexcept { return keeper_pidfd_.get(); }
    int fd() const noexcept { return connection_.fd(); }

    /// Holds a child of ours that waits before its execve.
    [[nodiscard]] Expected<OpenReply> launch(pid_t pid, std::uint32_t flags);
    /// Holds a running process.
    [[nodiscard]] Expected<OpenReply> open(pid_t pid);
    /// Attaches an engine group; the first time the rings come with it.
    [[nodiscard]] Expected<AttachReply> attach(const Attach& request);
    /// Detaches everything of ours; returns when every task is let go or 5 s passed.
    [[nodiscard]] Expected<void> release();

    /// Ends the connection. A keeper of ours that nobody else needs ends too and is reaped, so that
    /// no zombie is left to whoever adopts our children.
    void close();

    /// What the keeper says by itself; EAGAIN: nothing now, ECONNRESET: the keeper is gone.
    [[nodiscard]] Expected<Message> next_event();
    /// Null before the first attach.
    ring::Consumer* ring() noexcept { return ring_ ? &*ring_ : nullptr; }

  private:
    Client(Connection connection, Welcome welcome)
        : connection_(std::move(connection)), welcome_(welcome) {}

    Connection connection_;
    Welcome welcome_{};
    UniqueFd keeper_pidfd_;
    bool joined_ = false;
    std::optional<ring::Consumer> ring_;
};

}  // namespace utrace::session
