// SPDX-License-Identifier: MIT
#include "session/client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/sys.h"
#include "session/keeper_main.h"

namespace utrace::session {
namespace {

constexpr std::uint64_t kAnswerWithin = 10'000'000'000;
constexpr int kReapWithinMs = 2000;

std::uint64_t deadline() { return sys::now_ns() + kAnswerWithin; }

// Runs in the forked child: nothing of the client's terminal, files or signals stays with the
// keeper.
[[noreturn]] void exec_keeper(int socket) {
    ::setsid();
    for (int signo = 1; signo < NSIG; ++signo) ::signal(signo, SIG_DFL);
    ::signal(SIGPIPE, SIG_IGN);
    // The limit on files is meant for the user's files; rings are files only to the kernel.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    if (rlimit own{};
        ::setrlimit(RLIMIT_FSIZE, &unlimited) != 0 && ::getrlimit(RLIMIT_FSIZE, &own) == 0) {
        own.rlim_cur = own.rlim_max;
        ::setrlimit(RLIMIT_FSIZE, &own);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    if (socket != kKeeperSocket) {
        ::dup2(socket, kKeeperSocket);
    } else {
        ::fcntl(kKeeperSocket, F_SETFD, 0);
    }
    ::syscall(SYS_close_range, kKeeperSocket + 1, ~0u, 0);
    if (::chdir("/") != 0) ::_exit(125);
    char name[] = "utrace-keeper";
    char* const argv[] = {name, nullptr};
    ::execv("/proc/self/exe", argv);
    ::_exit(125);
}

}  // namespace

Expected<Client> Client::start(const Hello& hello) {
    auto pair = Connection::make_pair();
    if (!pair) return std::unexpected(pair.error());
    const pid_t pid = ::fork();
    if (pid < 0) return fail(errno, "fork");
    if (pid == 0) exec_keeper(pair->second.fd());
    auto pidfd = sys::pidfd_open(pid);
    pair->second.close();
    auto welcome = greet(pair->first, hello, deadline());
    if (!welcome)  // it could not even be executed: no /proc, no memory, no processes left
        return fail(welcome.error().err, "starting the keeper", "/proc/self/exe");
    Client client(std::move(pair->first), *welcome);
    if (pidfd) client.keeper_pidfd_ = std::move(*pidfd);
    return client;
}

Expected<Client> Client::join_or_start(pid_t pid, const Hello& hello) {
    auto process = identify(pid);
    if (!process) return std::unexpected(process.error());
    auto dir = SessionDir::open();
    if (!dir) return std::unexpected(dir.error());
    // Two simultaneous attaches make one keeper: the second one finds the first one's.
    auto lock = dir->lock(deadline());
    if (!lock) return std::unexpected(lock.error());
    dir->remove_dead();
    auto found = find_keeper(*dir, *process, hello, deadline());
    if (!found) return std::unexpected(found.error());
    if (*found) {
        Client client(std::move((*found)->connection), (*found)->welcome);
        client.joined_ = true;
        return client;
    }
    auto client = start(hello);
    if (!client) return client;
    if (auto held = client->open(pid); !held) return std::unexpected(held.error());
    return client;
}

Expected<OpenReply> Client::launch(pid_t pid, std::uint32_t flags) {
    auto process = identify(pid);
    if (!process) return std::unexpected(process.error());
    Launch request{};
    request.pid = pid;
    request.start_time = process->start_time;
    request.flags = flags;
    request.follow = static_cast<std::uint32_t>(Follow::kAll);
    return connection_.call<OpenReply>(MsgType::kLaunch, request, deadline());
}

Expected<OpenReply> Client::open(pid_t pid) {
    auto process = identify(pid);
    if (!process) return std::unexpected(process.error());
    Target request{};
    request.pid = pid;
    request.start_time = process->start_time;
    return connection_.call<OpenReply>(MsgType::kOpen, request, deadline());
}

Expected<AttachReply> Client::attach(const Attach& request) {
    std::vector<UniqueFd> fds;
    auto reply = connection_.call<AttachReply>(MsgType::kAttach, request, deadline(), &fds);
    if (!reply) return reply;
    if (reply->has_rings != 0) {
        if (fds.size() != 2) return fail(EPROTO, "attach", "ring fds", Reason::kProtocol);
        auto ring = ring::Consumer::map(std::move(fds[0]), std::move(fds[1]));
        if (!ring) return std::unexpected(ring.error());
        ring_ = std::move(*ring);
    }
    return reply;
}

Expected<void> Client::release() {
    auto reply = connection_.call<Reply>(MsgType::kRelease, Simple{}, deadline());
    if (!reply) return std::unexpected(reply.error());
    return {};
}

void Client::close() {
    bool last = false;
    bool lost = false;
    if (keeper_pidfd_) {
        auto tasks = connection_.call<TasksReply>(MsgType::kTasks, Simple{}, deadline());
        lost = !tasks;
        last = lost || (tasks->tasks == 0 && tasks->clients == 1);
    }
    connection_.close();
    if (!last) return;
    // A keeper that was killed leaves its names behind.
    if (lost)
        if (auto dir = SessionDir::open())
            if (auto lock = dir->lock(deadline())) dir->remove_dead();
    pollfd ended{keeper_pidfd_.get(), POLLIN, 0};
    if (UTRACE_RETRY(::poll(&ended, 1, kReapWithinMs)) != 1) return;
    siginfo_t info;
    (void)UTRACE_RETRY(::waitid(static_cast<idtype_t>(P_PIDFD),
                                static_cast<id_t>(keeper_pidfd_.get()), &info, WEXITED | WNOHANG));
}

Expected<Message> Client::next_event() { return connection_.recv(); }

}  // namespace utrace::session
