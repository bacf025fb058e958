// SPDX-License-Identifier: MIT
// what:     what run and attach share: engines with their outputs, sessions, the loop that reads rings.
// who:      the CLI process, main thread.
// lifetime: one per process.
// cost:     sleeps in the ring's futex, at most 10 ms at a time; formatting runs beside the program.
// see:      docs/design/0001-architecture.md, "The client's loop".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "cli/invocation.h"
#include "cli/output.h"
#include "cli/say.h"
#include "engines/log/log.h"
#include "engines/record_engine.h"
#include "session/client.h"

namespace utrace::cli {

/// Signals the loop takes itself; blocked before anything is started.
class SignalFd {
  public:
    /// Blocks `signals` and opens a signalfd for them.
    static Expected<SignalFd> open(std::initializer_list<int> signals);
    int fd() const noexcept { return fd_.get(); }
    /// Next signal, 0 = none; `sender` is who sent it with kill(2), 0 for the kernel.
    int take(pid_t* sender = nullptr) noexcept;

  private:
    UniqueFd fd_;
};

/// With -v: which host is used and why.
void explain_host(const Invocation& invocation);

class Tracing {
  public:
    explicit Tracing(const Invocation& invocation) : invocation_(invocation) {}

    /// Opens every engine's output; a failure leaves nothing behind but empty files.
    std::optional<Complaint> open_engines();
    /// Adds a session; the returned index names it.
    std::size_t add(session::Client client);
    session::Client& client(std::size_t index) { return sessions_[index].client; }
    /// Attaches all engines to process `pid` (held by that session).
    Expected<session::AttachReply> attach(std::size_t index, pid_t pid);

    /// One turn: reads what is in the rings, writes it, looks at the keepers. True while some
    /// session is alive.
    bool turn();
    /// Sleeps until there may be something to read, 10 ms at most.
    void rest();
    /// Asks every keeper to let go of what is ours.
    void release();
    /// Reads what is left, writes the tables and the summary. Exit status 0 or 123.
    int finish();

    /// True when some record told of process `pid`.
    bool saw_process(pid_t pid) const { return processes_.contains(pid); }
    std::uint64_t events() const noexcept { return events_; }
    bool keeper_lost() const noexcept { return keeper_lost_; }

  private:
    struct Session {
        session::Client client;
        std::vector<std::uint32_t> groups;  ///< per engine, 0 = not attached yet
        bool over = false;
    };
    struct Running {
        EngineSpec spec;
        std::unique_ptr<engines::RecordEngine> engine;
        engines::LogEngine* log = nullptr;
        Output* output = nullptr;
        bool live = false;  ///< a terminal: begun lines are shown
        std::string text;
    };

    std::optional<Complaint> open_engine(const EngineSpec& spec, bool any_log);
    engines::LogOptions log_options(const EngineSpec& spec, const Output& output) const;
    session::Attach request(const EngineSpec& spec) const;
    std::size_t drain(Session& session);
    void note_process(std::span<const std::byte> record);
    void listen(Session& session);
    void write_texts(bool idle);
    void fail_output(Running& running, const Error& error);

    const Invocation& invocation_;
    std::vector<std::unique_ptr<Output>> outputs_;
    std::vector<Running> engines_;
    std::vector<Session> sessions_;
    std::unordered_set<pid_t> processes_;
    std::uint64_t events_ = 0;
    std::uint64_t lost_ = 0;
    bool keeper_lost_ = false;
    bool output_failed_ = false;
    std::uint64_t quiet_since_ = 0;
};

}  // namespace utrace::cli
