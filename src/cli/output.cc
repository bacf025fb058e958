// SPDX-License-Identifier: MIT
#include "cli/output.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

#include "base/sys.h"
#include "cli/exit_status.h"

namespace utrace::cli {

namespace {

constexpr std::size_t kFlushBytes = 64UL * 1024;

int openat2(int directory, const char* path, std::uint64_t flags, std::uint64_t mode) noexcept {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.mode = mode;
    how.resolve = RESOLVE_NO_SYMLINKS;
    return static_cast<int>(
        UTRACE_RETRY(::syscall(SYS_openat2, directory, path, &how, sizeof how)));
}

const char* kind_of(mode_t mode) noexcept {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a fifo";
    if (S_ISSOCK(mode)) return "a socket";
    if (S_ISLNK(mode)) return "a symbolic link";
    return "a device";
}

std::unexpected<Error> refused(int err, const std::string& path, std::int64_t owner = 0,
                               std::string detail = {}) {
    return fail(err, "open", path, Reason::kOutputRefused, owner, std::move(detail));
}

/// Checks a file that was there before: regular, ours; then empties it.
Expected<UniqueFd> take_over(int directory, const std::string& base, const std::string& path) {
    struct stat info{};
    if (::fstatat(directory, base.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(errno, "open", path);
    if (S_ISLNK(info.st_mode)) return refused(ELOOP, path);
    if (!S_ISREG(info.st_mode)) return refused(EEXIST, path, 0, kind_of(info.st_mode));
    if (info.st_uid != ::geteuid()) return refused(EACCES, path, info.st_uid);
    UniqueFd fd(openat2(directory, base.c_str(), O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0));
    if (!fd) return errno == ELOOP ? refused(ELOOP, path) : fail(errno, "open", path);
    // What counts is the file behind the descriptor, not the name looked at before.
    if (::fstat(fd.get(), &info) != 0) return fail(errno, "fstat", path);
    if (!S_ISREG(info.st_mode)) return refused(EEXIST, path, 0, kind_of(info.st_mode));
    if (info.st_uid != ::geteuid()) return refused(EACCES, path, info.st_uid);
    // Under its other name it may be anything of ours, put here by somebody else.
    if (info.st_nlink > 1) return refused(EEXIST, path, 0, "file with a second name (hard link)");
    if (::ftruncate(fd.get(), 0) != 0) return fail(errno, "truncate", path);
    return fd;
}

/// N of "/dev/fd/N", "/dev/stdin", "/dev/stdout", "/dev/stderr"; -1 for other paths.
int named_fd(std::string_view path) noexcept {
    if (path == "/dev/stdin") return STDIN_FILENO;
    if (path == "/dev/stdout") return STDOUT_FILENO;
    if (path == "/dev/stderr") return STDERR_FILENO;
    constexpr std::string_view kPrefix = "/dev/fd/";
    if (!path.starts_with(kPrefix)) return -1;
    path.remove_prefix(kPrefix.size());
    int fd = -1;
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), fd);
    return error == std::errc{} && end == path.data() + path.size() ? fd : -1;
}

/// In the child: stdin from the pipe, the signal mask as at our start, then the shell.
[[noreturn]] void become_shell(int input, const char* command) noexcept {
    if (::dup2(input, STDIN_FILENO) < 0) ::_exit(kExitFailed);
    ::sigprocmask(SIG_SETMASK, &before_output_signals(), nullptr);
    ::execl("/bin/sh", "sh", "-c", command, static_cast<char*>(nullptr));
    ::_exit(kExitNotFound);
}

}  // namespace

const sigset_t& before_output_signals() noexcept {
    static const sigset_t mask = [] {
        sigset_t now;
        ::sigprocmask(SIG_SETMASK, nullptr, &now);
        return now;
    }();
    return mask;
}

void block_output_signals() noexcept {
    (void)before_output_signals();
    sigset_t blocked;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGPIPE);
    ::sigaddset(&blocked, SIGXFSZ);
    ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
}

Output Output::of_fd(int fd, std::string name) {
    Output output;
    output.borrowed_ = fd;
    output.name_ = std::move(name);
    return output;
}

Expected<Output> Output::open(const std::string& spec) {
    if (spec.empty()) return of_fd(STDERR_FILENO, "stderr");
    if (spec == "-") return of_fd(STDOUT_FILENO, "stdout");
    if (spec[0] == '|') return open_command(spec.substr(1));
    return open_file(spec);
}

Expected<Output> Output::open_file(const std::string& path) {
    Output output;
    output.name_ = path;
    if (const int named = named_fd(path); named >= 0) {
        output.fd_.reset(::fcntl(named, F_DUPFD_CLOEXEC, 3));
        if (!output.fd_) return fail(errno, "open", path);
        return output;
    }
    if (path == "/dev/null") {
        auto fd = sys::open(path.c_str(), O_WRONLY | O_NOCTTY);
        if (!fd) return std::unexpected(fd.error());
        output.fd_ = std::move(*fd);
        return output;
    }
    const auto slash = path.rfind('/');
    const std::string parent = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    const std::string base = slash == path.npos ? path : path.substr(slash + 1);
    const UniqueFd directory(openat2(AT_FDCWD, parent.c_str(), O_PATH | O_DIRECTORY, 0));
    if (!directory) return errno == ELOOP ? refused(ELOOP, path) : fail(errno, "open", path);
    if (base.empty() || base == "." || base == "..") return refused(EEXIST, path, 0, "a directory");
    UniqueFd created(openat2(directory.get(), base.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, 0600));
    if (created) {
        output.fd_ = std::move(created);
    } else {
        if (errno != EEXIST && errno != ELOOP) return fail(errno, "open", path);
        auto taken = take_over(directory.get(), base, path);
        if (!taken) return std::unexpected(taken.error());
        output.fd_ = std::move(*taken);
    }
    return output;
}

Expected<Output> Output::open_command(const std::string& command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errno, "pipe", command);
    const UniqueFd read_end(ends[0]);
    Output output;
    output.fd_.reset(ends[1]);
    output.name_ = "|" + command;
    const pid_t pid = ::fork();
    if (pid < 0) return fail(errno, "fork", command);
    if (pid == 0) become_shell(read_end.get(), command.c_str());
    // The child cannot be reaped by others before this: its pid is still its own.
    auto pidfd = sys::pidfd_open(pid);
    if (!pidfd) return std::unexpected(pidfd.error());
    output.child_ = std::move(*pidfd);
    return output;
}

Expected<void> Output::write(std::string_view lines) {
    if (failure_.err != 0) return std::unexpected(failure_);
    pending_ += lines;
    if (pending_.size() < kFlushBytes) return {};
    return flush();
}

Expected<void> Output::flush() {
    if (failure_.err != 0) return std::unexpected(failure_);
    auto written = sys::write_all(fd(), pending_);
    pending_.clear();
    if (written) return {};
    failure_ = written.error();
    failure_.object = name_;
    return std::unexpected(failure_);
}

Expected<void> Output::close() {
    auto result = flush();
    if (fd_) {
        // A delayed write error (network file systems) shows up here at the latest.
        if (::close(fd_.release()) != 0 && errno != EINTR && result)
            result = fail(errno, "close", name_);
    }
    borrowed_ = -1;
    if (child_) {
        siginfo_t info{};
        if (UTRACE_RETRY(::waitid(P_PIDFD, static_cast<id_t>(child_.get()), &info, WEXITED)) != 0 &&
            errno != ECHILD && result)
            result = fail(errno, "waitid", name_);
        child_.reset();
    }
    return result;
}

Complaint output_complaint(const std::string& spec, const Error& error) {
    const Shown path = quote(spec);
    if (error.reason != Reason::kOutputRefused)
        return {Msg::kOutputOpen, {.path = path, .error = error_text(error.err)}, kExitFailed};
    if (error.err == ELOOP) return {Msg::kSecLink, {.path = path}, kExitFailed};
    if (error.err == EEXIST)
        return {Msg::kSecNotFile, {.value = known(error.detail), .path = path}, kExitFailed};
    return {
        Msg::kSecForeign, {.other = error.number, .path = path, .user = ::geteuid()}, kExitFailed};
}

Complaint output_lost_complaint(const Output& output, const Error& error, std::uint64_t number) {
    const Msg msg = error.err == EPIPE ? Msg::kDropPipe : Msg::kDropOutput;
    return {msg,
            {.path = quote(output.name()), .error = error_text(error.err), .number = number},
            kExitIncomplete};
}

}  // namespace utrace::cli
