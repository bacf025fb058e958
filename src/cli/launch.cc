// SPDX-License-Identifier: MIT
#include "cli/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "base/sys.h"
#include "cli/output.h"

namespace utrace::cli {
namespace {

// What the child could not do: which step, and errno.
struct Failure {
    int step;
    int err;
};
enum Step { kStepUser, kStepExec };

struct Pipe {
    UniqueFd read, write;
};

Expected<Pipe> make_pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) < 0) return fail(errno, "pipe2");
    return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

[[noreturn]] void give_up(int to, Step step) {
    const Failure failure{step, errno};
    (void)UTRACE_RETRY(::write(to, &failure, sizeof failure));
    ::_exit(126);
}

bool become(const std::string& user) {
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) {
        if (errno == 0) errno = ENOENT;
        return false;
    }
    return ::initgroups(entry->pw_name, entry->pw_gid) == 0 && ::setgid(entry->pw_gid) == 0 &&
           ::setuid(entry->pw_uid) == 0;
}

// The child, from the fork to its execve: as the shell would have started it.
[[noreturn]] void child(const Invocation& invocation, const std::string& path, pid_t keeper,
                        int gate, int failure) {
    // Where Yama is in force only descendants may be traced; this names the one exception.
    ::prctl(PR_SET_PTRACER, static_cast<unsigned long>(keeper), 0, 0, 0);
    char go = 0;
    if (UTRACE_RETRY(::read(gate, &go, 1)) != 1) ::_exit(125);
    if (!invocation.user.empty()) {
        errno = 0;
        if (!become(invocation.user)) give_up(failure, kStepUser);
    }
    for (const EnvChange& change : invocation.environment) {
        if (change.set) {
            ::setenv(change.name.c_str(), change.value.c_str(), 1);
        } else {
            ::unsetenv(change.name.c_str());
        }
    }
    std::vector<char*> argv;
    argv.reserve(invocation.command.size() + 1);
    for (const std::string& word : invocation.command)
        argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::sigprocmask(SIG_SETMASK, &before_output_signals(), nullptr);
    ::execv(path.c_str(), argv.data());
    give_up(failure, kStepExec);
}

}  // namespace

Expected<Launch> Launch::prepare(const Invocation& invocation, const std::string& path,
                                 pid_t keeper) {
    auto gate = make_pipe();
    if (!gate) return std::unexpected(gate.error());
    auto failure = make_pipe();
    if (!failure) return std::unexpected(failure.error());
    const pid_t pid = ::fork();
    if (pid < 0) return fail(errno, "fork");
    if (pid == 0) {
        gate->write.reset();  // so that our death opens the gate with end of file
        child(invocation, path, keeper, gate->read.get(), failure->write.get());
    }
    Launch launch;
    launch.pid_ = pid;
    auto pidfd = sys::pidfd_open(pid);
    if (!pidfd) return std::unexpected(pidfd.error());
    launch.pidfd_ = std::move(*pidfd);
    launch.gate_ = std::move(gate->write);
    launch.failure_ = std::move(failure->read);
    return launch;
}

Expected<void> Launch::go() {
    if (auto opened = sys::write_all(gate_.get(), "g"); !opened) return opened;
    gate_.reset();
    Failure failure{};
    const ssize_t n = UTRACE_RETRY(::read(failure_.get(), &failure, sizeof failure));
    failure_.reset();
    if (n != sizeof failure) return {};  // end of file: the execve happened
    return fail(failure.err, failure.step == kStepUser ? "user" : "execve");
}

void Launch::cancel() {
    gate_.reset();
    siginfo_t info;
    (void)UTRACE_RETRY(::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED));
}

bool Launch::ended(int& status) {
    siginfo_t info{};
    info.si_pid = 0;
    if (UTRACE_RETRY(::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG)) < 0 ||
        info.si_pid == 0)
        return false;
    status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8
                                        : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    return true;
}

void end_like(int wait_status) {
    if (WIFEXITED(wait_status)) ::_exit(WEXITSTATUS(wait_status));
    const int signo = WTERMSIG(wait_status);
    // The program dumped its core where one was due; ours would only overwrite it.
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::signal(signo, SIG_DFL);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signo);
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
    ::kill(::getpid(), signo);
    ::_exit(128 + signo);
}

}  // namespace utrace::cli
