// SPDX-License-Identifier: MIT
#include "live/support/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/sys.h"

namespace utrace::live {

struct Child::State {
    pid_t pid = -1;
    UniqueFd pidfd, input, out, err;
    std::string to_send;       // still to be written to stdin
    bool close_after = false;  // close stdin when to_send is empty
    std::string out_text, err_text;
    std::size_t line_at = 0;  // where line() goes on in out_text
    bool reaped = false;
    int status = -1;
    std::string what;
};

namespace {

// Every child with pipes: a child nobody waits for just now must not block on a full pipe.
std::vector<Child::State*>& all() {
    static std::vector<Child::State*> children;
    return children;
}

void drain(UniqueFd& fd, std::string& text) {
    char buffer[65536];
    for (;;) {
        const ssize_t n = UTRACE_RETRY(::read(fd.get(), buffer, sizeof buffer));
        if (n > 0) {
            text.append(buffer, static_cast<std::size_t>(n));
            continue;
        }
        // A terminal whose last user is gone answers EIO.
        if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) fd.reset();
        return;
    }
}

void feed(Child::State& child) {
    while (child.input && !child.to_send.empty()) {
        const ssize_t n =
            UTRACE_RETRY(::write(child.input.get(), child.to_send.data(), child.to_send.size()));
        if (n < 0) {
            if (errno != EAGAIN) child.to_send.clear();  // it reads no more: its business
            break;
        }
        child.to_send.erase(0, static_cast<std::size_t>(n));
    }
    if (child.close_after && child.to_send.empty()) child.input.reset();
}

void reap(Child::State& child) {
    siginfo_t info{};
    if (child.reaped ||
        UTRACE_RETRY(::waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info,
                              WEXITED | WNOHANG)) != 0 ||
        info.si_pid == 0)
        return;
    child.reaped = true;
    child.status = info.si_code == CLD_EXITED
                       ? (info.si_status & 0xff) << 8
                       : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    if (child.out) drain(child.out, child.out_text);
    if (child.err) drain(child.err, child.err_text);
}

// One turn of the loop all waits share. False: the deadline has passed.
bool pump(std::uint64_t deadline) {
    std::vector<pollfd> fds;
    for (Child::State* child : all()) {
        if (!child->reaped) fds.push_back({child->pidfd.get(), POLLIN, 0});
        if (child->out) fds.push_back({child->out.get(), POLLIN, 0});
        if (child->err) fds.push_back({child->err.get(), POLLIN, 0});
        if (child->input && !child->to_send.empty())
            fds.push_back({child->input.get(), POLLOUT, 0});
    }
    const std::uint64_t now = sys::now_ns();
    if (now >= deadline) return false;
    const int left =
        static_cast<int>(std::min<std::uint64_t>((deadline - now) / 1'000'000 + 1, 60'000));
    if (UTRACE_RETRY(::poll(fds.data(), fds.size(), left)) < 0) return false;
    for (Child::State* child : all()) {
        if (child->out) drain(child->out, child->out_text);
        if (child->err) drain(child->err, child->err_text);
        feed(*child);
        reap(*child);
    }
    return true;
}

struct Ends {
    UniqueFd ours, theirs;
};

Ends make_pipe(bool to_child) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return {};
    Ends ends{UniqueFd(fds[to_child ? 1 : 0]), UniqueFd(fds[to_child ? 0 : 1])};
    ::fcntl(ends.ours.get(), F_SETFL, O_NONBLOCK);
    return ends;
}

Ends make_terminal() {
    Ends ends;
    ends.ours.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    char name[64];
    if (!ends.ours || ::grantpt(ends.ours.get()) != 0 || ::unlockpt(ends.ours.get()) != 0 ||
        ::ptsname_r(ends.ours.get(), name, sizeof name) != 0)
        return ends;
    ends.theirs.reset(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    ::fcntl(ends.ours.get(), F_SETFL, O_NONBLOCK);
    return ends;
}

[[noreturn]] void become(const Spawn& spawn, pid_t parent, int in, int out, int err) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_DFL);  // the test ignores it
    if (::getppid() != parent) ::_exit(125);
    if (spawn.terminal) {
        ::setsid();
        ::ioctl(in, TIOCSCTTY, 0);
    } else {
        ::setpgid(0, 0);
    }
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(err, 2);
    for (const int fd : spawn.extra_fds) ::fcntl(fd, F_SETFD, 0);
    for (const auto& [name, value] : spawn.env) ::setenv(name.c_str(), value.c_str(), 1);
    if (!spawn.cwd.empty() && ::chdir(spawn.cwd.c_str()) != 0) ::_exit(125);
    if (spawn.file_limit != ~0ull) {
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = spawn.file_limit;
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    std::vector<char*> argv;
    for (const std::string& word : spawn.argv) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    ::dprintf(2, "test: cannot execute %s: %s\n", argv[0], ::strerror(errno));
    ::_exit(127);
}

std::string joined(const Words& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

}  // namespace

std::string Result::text() const {
    std::string how = WIFEXITED(status)     ? "exited with " + std::to_string(WEXITSTATUS(status))
                      : WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status))
                                            : "did not end";
    return how + "\n--- stdout\n" + out.substr(0, 4000) + "\n--- stderr\n" + err.substr(0, 4000);
}

Child::Child(std::unique_ptr<State> state) : state_(std::move(state)) {
    all().push_back(state_.get());
}

Child::Child(Child&& other) noexcept = default;

Child& Child::operator=(Child&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}

Child::~Child() {
    if (!state_) return;
    if (!state_->reaped) {
        sys::pidfd_send_signal(state_->pidfd.get(), SIGKILL);
        const std::uint64_t deadline = sys::now_ns() + kDeadline;
        while (!state_->reaped && pump(deadline)) {
        }
    }
    std::erase(all(), state_.get());
}

Child Child::start(Spawn spawn) {
    auto state = std::make_unique<State>();
    Ends in, out, err;
    if (spawn.terminal) {
        in = make_terminal();
        state->out.reset(::fcntl(in.ours.get(), F_DUPFD_CLOEXEC, 3));
        state->input = std::move(in.ours);
    } else {
        if (spawn.input || spawn.keep_input) {
            in = make_pipe(true);
            state->input = std::move(in.ours);
        } else {
            in.theirs.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        }
        if (spawn.out_fd < 0) out = make_pipe(false);
        if (spawn.err_fd < 0) err = make_pipe(false);
        state->out = std::move(out.ours);
        state->err = std::move(err.ours);
    }
    if (spawn.input) {
        state->to_send = *spawn.input;
        state->close_after = !spawn.keep_input && !spawn.terminal;
    }
    state->what = joined(spawn.argv);
    const int stdout_fd = spawn.terminal      ? in.theirs.get()
                          : spawn.out_fd >= 0 ? spawn.out_fd
                                              : out.theirs.get();
    const int stderr_fd = spawn.terminal      ? in.theirs.get()
                          : spawn.err_fd >= 0 ? spawn.err_fd
                                              : err.theirs.get();
    const pid_t parent = ::getpid();
    state->pid = ::fork();
    if (state->pid == 0) become(spawn, parent, in.theirs.get(), stdout_fd, stderr_fd);
    auto pidfd = sys::pidfd_open(state->pid);
    if (pidfd) state->pidfd = std::move(*pidfd);
    EXPECT_TRUE(pidfd) << "cannot start " << state->what;
    feed(*state);
    return Child(std::move(state));
}

pid_t Child::pid() const noexcept { return state_->pid; }
int Child::pidfd() const noexcept { return state_->pidfd.get(); }

bool Child::signal(int signo) const {
    return !state_->reaped && sys::pidfd_send_signal(state_->pidfd.get(), signo) == 0;
}

std::string Child::line() {
    const std::uint64_t deadline = sys::now_ns() + kDeadline;
    for (;;) {
        const auto end = state_->out_text.find('\n', state_->line_at);
        if (end != std::string::npos) {
            std::string text = state_->out_text.substr(state_->line_at, end - state_->line_at);
            state_->line_at = end + 1;
            return text;
        }
        if (!state_->out || !pump(deadline)) break;
    }
    ADD_FAILURE() << "no further line of output from: " << state_->what << "\n--- stderr\n"
                  << state_->err_text;
    return {};
}

bool Child::expect_line(std::string_view wanted) {
    for (;;) {
        const std::size_t before = state_->line_at;
        if (line() == wanted) return true;
        if (state_->line_at == before) return false;
    }
}

bool Child::expect_text(std::string_view text) {
    const std::uint64_t deadline = sys::now_ns() + kDeadline;
    for (;;) {
        const auto at = state_->out_text.find(text, state_->line_at);
        if (at != std::string::npos) {
            state_->line_at = at + text.size();
            return true;
        }
        if (!state_->out || !pump(deadline)) break;
    }
    ADD_FAILURE() << "no '" << text << "' in the output of: " << state_->what << "\n--- stdout\n"
                  << state_->out_text;
    return false;
}

bool Child::expect_error_text(std::string_view text) {
    const std::uint64_t deadline = sys::now_ns() + kDeadline;
    while (state_->err_text.find(text) == std::string::npos) {
        if (state_->err && pump(deadline)) continue;
        ADD_FAILURE() << "no '" << text << "' on stderr of: " << state_->what << "\n--- stderr\n"
                      << state_->err_text;
        return false;
    }
    return true;
}

void Child::send(std::string_view bytes) {
    state_->to_send += bytes;
    feed(*state_);
}

void Child::close_input() {
    state_->close_after = true;
    feed(*state_);
}

void Child::close_error() { state_->err.reset(); }

bool Child::running() {
    reap(*state_);
    return !state_->reaped;
}

Result Child::wait() {
    const std::uint64_t deadline = sys::now_ns() + kDeadline;
    while (!state_->reaped && pump(deadline)) {
    }
    if (!state_->reaped) {
        ADD_FAILURE() << "still running at the deadline: " << state_->what << "\n--- stdout\n"
                      << state_->out_text << "\n--- stderr\n"
                      << state_->err_text;
        sys::pidfd_send_signal(state_->pidfd.get(), SIGKILL);
        const std::uint64_t killed = sys::now_ns() + kDeadline;
        while (!state_->reaped && pump(killed)) {
        }
    }
    return {state_->status, state_->out_text, state_->err_text};
}

Result run(Spawn spawn) { return Child::start(std::move(spawn)).wait(); }

}  // namespace utrace::live
