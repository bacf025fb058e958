// SPDX-License-Identifier: MIT
// utrace run: starts a command with engines on it.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "base/proc.h"
#include "base/sys.h"
#include "cli/command_search.h"
#include "cli/exit_status.h"
#include "cli/launch.h"
#include "cli/tracing.h"
#include "cli/verbs.h"
#include "cli/why_not_attach.h"

namespace utrace::cli {
namespace {

constexpr std::uint64_t kTwice = 2'000'000'000;  // ns between the two Ctrl-C that detach
constexpr std::uint64_t kNever = ~std::uint64_t{0};

// The program while it runs: its end, the user's signals, the time limit.
class Watch {
  public:
    Watch(Tracing& tracing, pid_t keeper, Launch& launch, SignalFd& signals,
          const Invocation& invocation)
        : tracing_(tracing),
          keeper_(keeper),
          launch_(launch),
          signals_(signals),
          kill_on_exit_(invocation.kill_on_exit),
          deadline_(invocation.limit_ns == 0 ? kNever : sys::now_ns() + invocation.limit_ns) {}

    /// Until the program ended and nothing it left behind is traced, or a signal ends us.
    void run() {
        bool tracing = true;
        while ((tracing || !ended_) && fatal_ == 0) {
            if (tracing) tracing = tracing_.turn();
            on_signals();
            if (!ended_) ended_ = launch_.ended(status_);
            if (sys::now_ns() >= deadline_) release();
            if (tracing) {
                tracing_.rest();
            } else if (!ended_) {
                pollfd wait{signals_.fd(), POLLIN, 0};
                (void)UTRACE_RETRY(::poll(&wait, 1, 1000));
            }
        }
    }
    bool ended() const noexcept { return ended_; }
    int status() const noexcept { return status_; }
    /// A signal that asked us, not the program, to end.
    int fatal_signal() const noexcept { return fatal_; }

  private:
    void release() {
        deadline_ = kNever;
        if (std::exchange(released_, true)) return;
        tracing_.release();
        if (!kill_on_exit_) say(Msg::kNoteDetachedAll);
    }

    // kill(0, …) of the program reaches its whole group, and we are in it: what a traced process
    // sends is not meant for us. One that is gone already has left its birth in the records.
    bool from_program(pid_t sender) {
        if (sender == 0) return false;
        if (sender == launch_.pid()) return true;
        if (auto status = proc::status(sender); status && status->tracer == keeper_) return true;
        tracing_.turn();
        return tracing_.saw_process(sender);
    }

    // Ctrl-C and Ctrl-\\ reach the program by themselves; the same twice in a row means us.
    void on_signals() {
        pid_t sender = 0;
        for (int signo; (signo = signals_.take(&sender)) != 0;) {
            if (signo == SIGCHLD || from_program(sender)) continue;
            if (signo != SIGINT && signo != SIGQUIT) {
                fatal_ = signo;
                tracing_.release();
                continue;
            }
            const std::uint64_t now = sys::now_ns();
            if (signo == last_signo_ && now - last_interrupt_ < kTwice) release();
            last_signo_ = signo;
            last_interrupt_ = now;
        }
    }

    Tracing& tracing_;
    pid_t keeper_;
    Launch& launch_;
    SignalFd& signals_;
    bool kill_on_exit_;
    std::uint64_t deadline_;
    std::uint64_t last_interrupt_ = 0;
    int last_signo_ = 0;
    bool released_ = false;
    bool ended_ = false;
    int status_ = 0;
    int fatal_ = 0;
};

int failed(const Complaint& complaint) {
    say(complaint);
    return complaint.status;
}

int failed(const Error& error) { return failed(complaint_of(error, kExitFailed)); }

// The file to execute, or why not; a set-id program gets a warning.
std::expected<std::string, Complaint> command_path(const Invocation& invocation) {
    const std::string& name = invocation.command.front();
    auto command = find_command(name, std::getenv("PATH"));
    if (!command) return std::unexpected(command_complaint(name, command.error()));
    if (command->set_id && ::geteuid() != 0) say(set_id_warning(name, *command));
    return command->path;
}

// Which exit status goes out when the log may be incomplete.
int end(const Watch& watch, int finished) {
    if (watch.fatal_signal() != 0) end_like(watch.fatal_signal());
    if (finished == kExitDone) end_like(watch.status());
    Fields fields;
    const int status = watch.status();
    fields.value = WIFEXITED(status) ? Shown(WEXITSTATUS(status)) : Shown(128 + WTERMSIG(status));
    say(Msg::kDropStatus, fields);
    return finished;
}

}  // namespace

int run_verb(const Invocation& invocation) {
    auto path = command_path(invocation);
    if (!path) return failed(path.error());
    block_output_signals();
    explain_host(invocation);
    Tracing tracing(invocation);
    if (auto complaint = tracing.open_engines()) return failed(*complaint);
    auto signals = SignalFd::open({SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2,
                                   SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGABRT});
    if (!signals) return failed(signals.error());

    session::Hello hello{};
    hello.kind = static_cast<std::uint32_t>(session::ClientKind::kLog);
    session::set_text(hello.name, "run");
    auto client = session::Client::start(hello);
    if (!client) return failed(client.error());
    auto launch = Launch::prepare(invocation, *path, client->keeper());
    if (!launch) return failed(launch.error());
    const std::uint32_t flags = invocation.kill_on_exit ? session::kLaunchKillOnExit : 0u;
    auto held = client->launch(launch->pid(), flags);
    if (!held) {
        launch->cancel();
        return failed(attach_complaint(launch->pid(), held.error()));
    }
    const pid_t keeper = client->keeper();
    const std::size_t index = tracing.add(std::move(*client));
    if (auto attached = tracing.attach(index, launch->pid()); !attached) {
        launch->cancel();
        return failed(attached.error());
    }
    if (auto went = launch->go(); !went) {
        const Error& error = went.error();
        launch->cancel();
        if (error.op == "user") {
            Fields fields;
            fields.arg = quote(invocation.user);
            fields.error = error_text(error.err);
            return failed(Complaint{Msg::kRunUser, fields, kExitFailed});
        }
        return failed(command_complaint(invocation.command.front(), error));
    }
    Watch watch(tracing, keeper, *launch, *signals, invocation);
    watch.run();
    const int finished = tracing.finish();
    if (tracing.keeper_lost() && watch.fatal_signal() == 0) {
        Fields fields;
        fields.pid = launch->pid();
        say(Msg::kSessionKeeperGone, fields);
    }
    return end(watch, finished);
}

}  // namespace utrace::cli
