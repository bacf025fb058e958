// SPDX-License-Identifier: MIT
// Waiting, in three speeds.
//
// Spin. A stopped task's CPU goes idle, and waking an idle CPU costs more than everything else in a
// stop. So while stops follow each other closely we ask again for a short while instead of
// sleeping, giving the CPU away (sched_yield) to whoever can use it.
//
// Hint. waitid(P_ALL) walks all our tasks, newest first; with thousands of them one stop of the
// oldest costs a walk over all. SIGCHLD carries the tid of the task that stopped and P_PID finds it
// at once. SIGCHLD does not queue, so a second stop at the same moment can lose its hint: the tasks
// that stopped lately are asked one by one, and full scans pick up what is left: again at once
// while they find something, else after a pause of a few times their cost. With few tasks we always
// scan.
//
// Sleep. sigtimedwait on SIGCHLD and SIGIO. Both stay pending until taken, so nothing that happens
// between the last look and the sleep is missed.
#include "host/ptrace/wait_source.h"

#include <fcntl.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/sys.h"

namespace utrace::host {
namespace {
constexpr std::size_t kScanAlways = 32;             // tasks up to which a full scan is cheap
constexpr std::uint64_t kScanShare = 3;             // a fruitless scan is followed by 3 x its cost
constexpr std::uint64_t kScanLongest = 10'000'000;  // ns; longest pause between scans
constexpr unsigned kSocketsEvery = 16;              // looks for tasks per look for sockets
constexpr std::uint64_t kSpinFor = 60'000;          // ns; about two wake-ups of an idle CPU
constexpr std::uint64_t kWorthSpinning = 200'000;   // ns; a sleep shorter than this makes us hot
}  // namespace

WaitSource::WaitSource(Idle idle) noexcept : idle_(idle) {
    ::sigemptyset(&signals_);
    ::sigaddset(&signals_, SIGCHLD);
    ::sigaddset(&signals_, SIGIO);
    ::sigprocmask(SIG_BLOCK, &signals_, nullptr);
}

int WaitSource::arm_socket(int fd) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETOWN, ::getpid()) < 0 ||
        ::fcntl(fd, F_SETFL, flags | O_ASYNC | O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

// Takes pending signals; true when a hint led to a task.
bool WaitSource::poll_signals(request::Found& found) noexcept {
    static constexpr timespec kNow{};
    siginfo_t info;
    for (int signo; (signo = ::sigtimedwait(&signals_, &info, &kNow)) > 0;) {
        if (signo == SIGIO) {
            sockets_ = true;
        } else if (info.si_pid > 0 && request::peek(static_cast<Tid>(info.si_pid), found) == 0 &&
                   raw(found.tid) != 0) {
            return true;
        }
    }
    return false;
}

bool WaitSource::find(request::Found& found, std::size_t tasks) noexcept {
    if (tasks == 0) return false;
    if (tasks <= kScanAlways) return request::peek(Tid{}, found) == 0 && raw(found.tid) != 0;
    if (poll_signals(found)) return true;
    for (const Tid tid : recent_)
        if (raw(tid) != 0 && request::peek(tid, found) == 0 && raw(found.tid) != 0) return true;
    return false;
}

void WaitSource::expect(Tid tid) noexcept {
    std::size_t at = 0;
    while (at + 1 < kRecent && recent_[at] != tid) ++at;
    for (; at > 0; --at) recent_[at] = recent_[at - 1];
    recent_[0] = tid;
}

bool WaitSource::spin(request::Found& found, std::size_t tasks) noexcept {
    const std::uint64_t until = sys::now_ns() + kSpinFor;
    do {
        ::sched_yield();
        if (find(found, tasks)) return true;
    } while (sys::now_ns() < until && !sockets_);
    return false;
}

WaitSource::Wake WaitSource::next(request::Found& found, std::uint64_t deadline_ns,
                                  std::size_t tasks) noexcept {
    Wake wake = Wake::kTask;
    // A socket must be heard even if some task is always stopped.
    if (++calls_ % kSocketsEvery == 0 && poll_signals(found)) return wake;
    if (!sockets_ && (find(found, tasks) || (hot_ && spin(found, tasks)))) {
        expect(found.tid);
        return wake;
    }
    wake = block(found, deadline_ns, tasks);
    if (wake == Wake::kTask) expect(found.tid);
    return wake;
}

bool WaitSource::scan(request::Found& found, std::uint64_t now) noexcept {
    if (request::peek(Tid{}, found) == 0 && raw(found.tid) != 0) {
        scan_at_ = 0;
        scan_wait_ = 0;
        return true;
    }
    const std::uint64_t cost = sys::now_ns() - now;
    scan_wait_ = std::min(std::max(2 * scan_wait_, kScanShare * cost), kScanLongest);
    scan_at_ = now + cost + scan_wait_;
    return false;
}

WaitSource::Wake WaitSource::block(request::Found& found, std::uint64_t deadline_ns,
                                   std::size_t tasks) noexcept {
    if (idle_.call != nullptr) idle_.call(idle_.context);
    const std::uint64_t slept_at = sys::now_ns();
    for (;;) {
        if (sockets_) {
            sockets_ = false;
            return Wake::kSockets;
        }
        const std::uint64_t now = sys::now_ns();
        std::uint64_t wait_ns = deadline_ns > now ? deadline_ns - now : 0;
        if (tasks > kScanAlways) {
            if (now >= scan_at_ && scan(found, now)) return Wake::kTask;
            wait_ns = std::min(wait_ns, scan_at_ > now ? scan_at_ - now : 1);
        }
        const timespec ts{static_cast<time_t>(wait_ns / 1'000'000'000u),
                          static_cast<long>(wait_ns % 1'000'000'000u)};
        siginfo_t info;
        const int signo = ::sigtimedwait(&signals_, &info, &ts);
        if (signo == SIGIO) {
            sockets_ = true;
            continue;
        }
        if (signo == SIGCHLD) {
            const Tid hint = tasks <= kScanAlways ? Tid{} : static_cast<Tid>(info.si_pid);
            if (request::peek(hint, found) == 0 && raw(found.tid) != 0) {
                hot_ = sys::now_ns() - slept_at < kWorthSpinning;
                scan_at_ = 0;
                scan_wait_ = 0;
                return Wake::kTask;
            }
            continue;
        }
        hot_ = false;
        if (sys::now_ns() >= deadline_ns) return Wake::kTime;
    }
}

}  // namespace utrace::host
