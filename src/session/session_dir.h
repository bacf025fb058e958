// SPDX-License-Identifier: MIT
// what:     the directory by which clients find the keeper that holds a process.
// who:      any thread of a client or keeper.
// lifetime: owns the directory's fd; every access goes through it, never through the path again.
// cost:     a few system calls per operation; find_keeper() may wait for an answer.
// see:      docs/design/0001-architecture.md, "Sessions".
//
//   k.PID.START.sock  the keeper's socket       t.PID.START  link to it, one per held process
//   lock              flocked while a client looks up and starts a keeper
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "session/protocol.h"
#include "session/wire.h"

namespace utrace::session {

/// A process for good: a reused pid has another start time.
struct ProcessId {
    pid_t pid = 0;
    std::uint64_t start_time = 0;  ///< field 22 of /proc/PID/stat, clock ticks
    bool operator==(const ProcessId&) const = default;
};

/// ESRCH: no such process.
[[nodiscard]] Expected<ProcessId> identify(pid_t pid);
/// Field 22 of the text of a /proc/PID/stat file; EPROTO when there is none.
[[nodiscard]] Expected<std::uint64_t> parse_start_time(std::string_view stat);
/// The process (not thread) that traces `pid`; 0 = none. ESRCH: no such process.
[[nodiscard]] Expected<pid_t> tracer_of(pid_t pid);

/// "k.PID.START.sock" and "t.PID.START".
std::string socket_name(const ProcessId& keeper);
std::string link_name(const ProcessId& process);
/// The keeper a socket name stands for; nothing when it is not such a name.
std::optional<ProcessId> parse_socket_name(std::string_view name);

class SessionDir {
  public:
    /// Where a session directory of `uid` may be, best first. `runtime_dir` = $XDG_RUNTIME_DIR or
    /// empty.
    static std::vector<std::string> candidates(uid_t uid, std::string_view runtime_dir);
    /// The first usable one, made when it is missing. EPERM (kOutputRefused): the name is taken by
    /// something else: a link, a foreign or open directory; it is never repaired.
    [[nodiscard]] static Expected<SessionDir> open();
    /// That very directory. ENOENT, EACCES, ENOTDIR, ELOOP: its parent is not usable.
    [[nodiscard]] static Expected<SessionDir> open_at(const std::string& path, uid_t owner,
                                                      bool create);

    const std::string& path() const noexcept { return path_; }
    int fd() const noexcept { return fd_.get(); }

    /// Held while a client looks up *and* starts a keeper, so that two make one. Waits
    /// until `deadline_ns`. ETIMEDOUT: somebody else still has it.
    [[nodiscard]] Expected<UniqueFd> lock(std::uint64_t deadline_ns) const;

    // For the keeper.
    /// A listening, non-blocking socket of mode 0600. EADDRINUSE: a living keeper has that name.
    [[nodiscard]] Expected<UniqueFd> listen(const ProcessId& keeper) const;
    [[nodiscard]] static Expected<Connection> accept(int listener);
    /// Makes the link before the first stop; replaces one that is there.
    [[nodiscard]] Expected<void> link_task(const ProcessId& process, const ProcessId& keeper) const;
    void unlink_task(const ProcessId& process) const noexcept;
    void remove_socket(const ProcessId& keeper) const noexcept;

    // For a client.
    /// Connects to a keeper's socket and checks that the peer is that very process. ENOENT,
    /// ECONNREFUSED: it is dead.
    [[nodiscard]] Expected<Connection> connect(const ProcessId& keeper) const;
    /// All keepers that have a socket here, living or not.
    [[nodiscard]] std::vector<ProcessId> keepers() const;
    /// Where the link of `process` leads; only a hint.
    [[nodiscard]] std::optional<ProcessId> keeper_by_link(const ProcessId& process) const;
    /// Removes sockets nobody listens to and links that lead to none. Only while holding lock().
    void remove_dead() const;

  private:
    SessionDir(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    std::vector<std::string> names() const;
    std::optional<ProcessId> read_link(const std::string& name) const;

    UniqueFd fd_;
    std::string path_;
};

/// A keeper that says it holds the process; HELLO is done.
struct Found {
    Connection connection;
    Welcome welcome{};
};

/// Introduces the client. ETIMEDOUT: no answer until then.
[[nodiscard]] Expected<Welcome> greet(Connection& connection, const Hello& hello,
                                      std::uint64_t deadline_ns);

/// Looks for the keeper that holds `process`: by its link in `own`, then by its tracer's socket in
/// `own` and in the directories of the tracer's user. Nothing: nobody holds it and nobody traces
/// it. EPERM (kForeignTracer): traced by a process that is no keeper we may join; `number` is its
/// pid.
[[nodiscard]] Expected<std::optional<Found>> find_keeper(const SessionDir& own,
                                                         const ProcessId& process,
                                                         const Hello& hello,
                                                         std::uint64_t deadline_ns);

}  // namespace utrace::session
