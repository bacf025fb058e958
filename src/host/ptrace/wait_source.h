// SPDX-License-Identifier: MIT
// what:     the one place the keeper waits: stops and deaths of tasks, socket activity, time.
// who:      the keeper's loop thread.
// lifetime: one per keeper; blocks SIGCHLD and SIGIO for the process on construction.
// cost:     busy: one waitid a stop. Idle: one sigtimedwait.
// see:      docs/design/0004-ptrace-host.md, "Waiting".
#pragma once

#include <signal.h>

#include <cstddef>
#include <cstdint>

#include "host/ptrace/request.h"

namespace utrace::host {

class WaitSource {
  public:
    enum class Wake { kTask, kSockets, kTime };

    /// Called before a sleep, so that readers of what was done so far can be woken.
    struct Idle {
        void* context = nullptr;
        void (*call)(void*) = nullptr;
    };
    explicit WaitSource(Idle idle) noexcept;

    /// Waits until a task stopped or died (kTask, `found` filled, not consumed), a socket signalled
    /// (kSockets) or `deadline_ns` of CLOCK_MONOTONIC passed (kTime). `tasks` = how many we trace.
    Wake next(request::Found& found, std::uint64_t deadline_ns, std::size_t tasks) noexcept;

    /// A task that will stop soon: it is looked at first.
    void expect(Tid tid) noexcept;

    /// Makes a socket raise SIGIO for this process when it has something to say.
    static int arm_socket(int fd) noexcept;

  private:
    bool find(request::Found& found, std::size_t tasks) noexcept;
    bool poll_signals(request::Found& found) noexcept;
    bool scan(request::Found& found, std::uint64_t now) noexcept;
    bool spin(request::Found& found, std::size_t tasks) noexcept;
    Wake block(request::Found& found, std::uint64_t deadline_ns, std::size_t tasks) noexcept;

    Idle idle_;
    sigset_t signals_;
    static constexpr std::size_t kRecent = 8;
    Tid recent_[kRecent] = {};  // tasks that stopped last, newest first: the likeliest to stop next
    bool sockets_ = false;      // SIGIO seen, not yet reported
    bool hot_ = false;          // stops come faster than a sleep pays
    unsigned calls_ = 0;
    std::uint64_t scan_at_ = 0;    // when the whole list is worth another look
    std::uint64_t scan_wait_ = 0;  // pause before that, grows while looking finds nothing
};

}  // namespace utrace::host
