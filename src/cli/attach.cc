// SPDX-License-Identifier: MIT
// utrace attach: engines onto running processes; joins the session that holds one.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/proc.h"
#include "base/sys.h"
#include "cli/descendants.h"
#include "cli/exit_status.h"
#include "cli/tracing.h"
#include "cli/verbs.h"
#include "cli/why_not_attach.h"

namespace utrace::cli {
namespace {

int failed(const Complaint& complaint) {
    say(complaint);
    return complaint.status;
}

// Which session of ours serves which keeper: two pids of one session share a connection.
struct Joined {
    pid_t keeper;
    std::size_t index;
};

class Attaching {
  public:
    Attaching(const Invocation& invocation, Tracing& tracing)
        : invocation_(invocation), tracing_(tracing) {
        hello_.kind = static_cast<std::uint32_t>(session::ClientKind::kLog);
        session::set_text(hello_.name, "attach");
    }

    std::optional<Complaint> one(pid_t pid) {
        // A number that is no process of its own gets its own answer before anything is tried.
        if (auto status = proc::status(pid); !status || status->tgid != pid)
            return attach_complaint(pid, why_not_attach(pid, ESRCH));
        auto index = session_of(pid);
        if (!index) return complain(pid, index.error());
        auto attached = tracing_.attach(*index, pid);
        if (!attached) return complain(pid, attached.error());
        note(pid, *attached);
        return std::nullopt;
    }

  private:
    static Complaint complain(pid_t pid, const Error& error) {
        if (error.reason == Reason::kOurselves)
            return attach_complaint(static_cast<pid_t>(error.number), error);
        if (error.reason == Reason::kNone || error.reason == Reason::kForeignTracer)
            return attach_complaint(pid, why_not_attach(pid, error.err));
        return attach_complaint(pid, error);
    }

    // The session that holds `pid`: one we are in already, one to join, or a new one.
    Expected<std::size_t> session_of(pid_t pid) {
        if (own_ && invocation_.pids.size() + extra_ > 1) {
            // Further pids go to the keeper we started, unless somebody holds them.
            if (auto tracer = proc::status(pid); tracer && tracer->tracer == 0) {
                auto held = tracing_.client(*own_).open(pid);
                if (!held) return std::unexpected(held.error());
                return *own_;
            }
        }
        auto client = session::Client::join_or_start(pid, hello_);
        if (!client) return std::unexpected(client.error());
        for (const Joined& joined : joined_)
            if (joined.keeper == client->keeper()) return joined.index;
        // A keeper that one of our engines watches could wait for us while we wait for it.
        for (const pid_t other : invocation_.pids)
            if (other == client->keeper())
                return fail(EPERM, "attach", {}, Reason::kOurselves, other);
        const bool joined = client->joined();
        const pid_t keeper = client->keeper();
        const std::size_t index = tracing_.add(std::move(*client));
        joined_.push_back({keeper, index});
        if (!joined) own_ = index;
        if (joined) {
            Fields fields;
            fields.pid = pid;
            fields.other = keeper;
            fields.name = quote(proc::comm(pid));
            say(Msg::kAttachJoined, fields);
        }
        return index;
    }

    void note(pid_t pid, const session::AttachReply& reply) const {
        Fields fields;
        fields.pid = pid;
        fields.name = quote(proc::comm(pid));
        if (reply.number != 0) {
            fields.other = pid;
            if (auto status = proc::status(pid))
                fields.value = quote(std::string(1, status->state));
            say(Msg::kAttachNoSafePoint, fields);
            return;
        }
        auto threads = proc::threads(pid);
        fields.number = threads ? threads->size() : reply.tasks;
        say(Msg::kNoteAttached, fields);
    }

    const Invocation& invocation_;
    Tracing& tracing_;
    session::Hello hello_{};
    std::vector<Joined> joined_;
    std::optional<std::size_t> own_;
    std::size_t extra_ = 1;
};

}  // namespace

int attach_verb(const Invocation& invocation) {
    block_output_signals();
    explain_host(invocation);
    Tracing tracing(invocation);
    if (auto complaint = tracing.open_engines()) return failed(*complaint);
    auto signals = SignalFd::open({SIGINT, SIGQUIT, SIGTERM, SIGHUP});
    if (!signals) return failed(complaint_of(signals.error(), kExitFailed));
    Attaching attaching(invocation, tracing);
    std::vector<pid_t> pids = invocation.pids;
    if (invocation.follow == Follow::kTree)
        for (const pid_t pid : invocation.pids) add_descendants(pid, pids);
    for (const pid_t pid : pids) {
        if (auto complaint = attaching.one(pid)) {
            tracing.release();
            return failed(*complaint);
        }
    }
    const std::uint64_t deadline =
        invocation.limit_ns == 0 ? ~std::uint64_t{0} : sys::now_ns() + invocation.limit_ns;
    while (tracing.turn()) {
        if (signals->take() != 0 || sys::now_ns() >= deadline) {
            tracing.release();
            break;
        }
        tracing.rest();
    }
    const int finished = tracing.finish();
    if (tracing.keeper_lost()) {
        Fields fields;
        fields.pid = pids.front();
        say(Msg::kSessionKeeperGone, fields);
    }
    return finished;
}

}  // namespace utrace::cli
