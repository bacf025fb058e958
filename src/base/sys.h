// SPDX-License-Identifier: MIT
// what:     the few system calls every hosted part needs, with EINTR handled and fds close-on-exec.
// who:      any thread.
// lifetime: free functions.
// cost:     one system call each.
// see:      docs/design/0001-architecture.md, "Ownership".
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

/// Repeats `call` while it fails with EINTR; the only way to retry.
#define UTRACE_RETRY(call) ::utrace::sys::retry([&] { return (call); })

namespace utrace::sys {

template <class Call>
auto retry(Call call) noexcept {
    auto result = call();
    while (result == -1 && errno == EINTR) result = call();
    return result;
}

/// Opens with O_CLOEXEC added.
Expected<UniqueFd> open(const char* path, int flags, unsigned mode = 0);
/// Reads a whole small file (a /proc file). At most `limit` bytes.
Expected<std::string> read_file(const char* path, std::size_t limit = 1 << 20);
/// Writes everything, continuing short writes.
Expected<void> write_all(int fd, std::string_view bytes);
Expected<UniqueFd> pidfd_open(pid_t pid, unsigned flags = 0);
int pidfd_send_signal(int pidfd, int signo) noexcept;
/// CLOCK_MONOTONIC in nanoseconds.
std::uint64_t now_ns() noexcept;
/// CLOCK_REALTIME in nanoseconds.
std::uint64_t realtime_ns() noexcept;

}  // namespace utrace::sys
