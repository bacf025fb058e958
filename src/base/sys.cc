// SPDX-License-Identifier: MIT
#include "base/sys.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace utrace::sys {

Expected<UniqueFd> open(const char* path, int flags, unsigned mode) {
    const int fd = UTRACE_RETRY(::open(path, flags | O_CLOEXEC, mode));
    if (fd < 0) return fail(errno, "open", path);
    return UniqueFd(fd);
}

Expected<std::string> read_file(const char* path, std::size_t limit) {
    auto fd = open(path, O_RDONLY);
    if (!fd) return std::unexpected(fd.error());
    std::string out;
    char buffer[4096];
    while (out.size() < limit) {
        const ssize_t n = UTRACE_RETRY(::read(fd->get(), buffer, sizeof buffer));
        if (n < 0) return fail(errno, "read", path);
        if (n == 0) break;
        out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
}

Expected<void> write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = UTRACE_RETRY(::write(fd, bytes.data(), bytes.size()));
        if (n < 0) return fail(errno, "write");
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Expected<UniqueFd> pidfd_open(pid_t pid, unsigned flags) {
    const long fd = ::syscall(SYS_pidfd_open, pid, flags);
    if (fd < 0) return fail(errno, "pidfd_open");
    return UniqueFd(static_cast<int>(fd));
}

int pidfd_send_signal(int pidfd, int signo) noexcept {
    return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signo, nullptr, 0));
}

static std::uint64_t clock_ns(clockid_t id) noexcept {
    timespec ts{};
    ::clock_gettime(id, &ts);
    return static_cast<std::uint64_t>(ts.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(ts.tv_nsec);
}

std::uint64_t now_ns() noexcept { return clock_ns(CLOCK_MONOTONIC); }
std::uint64_t realtime_ns() noexcept { return clock_ns(CLOCK_REALTIME); }

}  // namespace utrace::sys
