// SPDX-License-Identifier: MIT
#include <elf.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <linux/openat2.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include <fmt/format.h>

#include "base/sys.h"
#include "capture/syscall_table.h"
#include "cli/doctor.h"
#include "cli/why_not_attach.h"

namespace utrace::cli {

namespace {

constexpr unsigned long kAuxRseqFeatureSize = 27;  // AT_RSEQ_FEATURE_SIZE, since Linux 6.3
constexpr int kSetSyscallUserDispatch = 59;        // PR_SET_SYSCALL_USER_DISPATCH
constexpr unsigned kCapSysPtrace = 19;
constexpr std::uint64_t kCallNumbers = 512;  // more than any kernel has

std::string error_of(int err) { return error_text(err).text(); }

/// Seizes and releases `child`, which waits in pause(). 0 or the errno.
int try_seize(pid_t child) {
    if (::ptrace(PTRACE_SEIZE, child, nullptr, PTRACE_O_TRACESYSGOOD) != 0) return errno;
    if (::ptrace(PTRACE_INTERRUPT, child, nullptr, nullptr) != 0) return errno;
    siginfo_t info{};
    if (UTRACE_RETRY(::waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WEXITED)) != 0)
        return errno;
    if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) return ECHILD;
    return ::ptrace(PTRACE_DETACH, child, nullptr, nullptr) == 0 ? 0 : errno;
}

long rseq_feature_size() { return static_cast<long>(::getauxval(kAuxRseqFeatureSize)); }

}  // namespace

Check check_kernel() {
    utsname name{};
    if (::uname(&name) != 0) return {Health::kWarn, "kernel", error_of(errno), ""};
    int major = 0;
    int minor = 0;
    // PTRACE_GET_SYSCALL_INFO came with 5.3, pidfds for waiting with 5.4, openat2 with 5.6.
    const bool parsed = std::sscanf(name.release, "%d.%d", &major, &minor) == 2;
    const bool enough = parsed && (major > 5 || (major == 5 && minor >= 6));
    const std::string value = quote(name.release).text() + " " + quote(name.machine).text();
    return {enough ? Health::kOk : Health::kNo, "kernel", value,
            enough ? "" : "Linux 5.6 or newer is needed"};
}

Check check_ptrace(bool& works) {
    works = false;
    const pid_t child = ::fork();
    if (child < 0) return {Health::kNo, "ptrace", error_of(errno), "no child could be started"};
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (true) ::pause();
    }
    const int err = try_seize(child);
    ::kill(child, SIGKILL);  // our own child, not reaped yet: the pid is still its
    siginfo_t info{};
    (void)UTRACE_RETRY(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED));
    works = err == 0;
    if (works) return {Health::kOk, "ptrace", "a child was seized and released", "run works"};
    return {Health::kNo, "ptrace", error_of(err),
            "nothing can be traced: a security module, seccomp or another tracer"};
}

Check check_yama() {
    const auto scope = yama_scope();
    if (!scope) return {Health::kOk, "yama", "not active", ""};
    const std::string value = fmt::format("ptrace_scope {}", *scope);
    switch (*scope) {
        case 0:
            return {Health::kOk, "yama", value, "attach: your processes"};
        case 1:
            return {Health::kWarn, "yama", value, "attach: only to your children; run is fine"};
        case 2:
            return {Health::kWarn, "yama", value, "only with CAP_SYS_PTRACE"};
        default:
            return {Health::kNo, "yama", value, "no attach until the next boot"};
    }
}

Check check_rights() {
    const auto status = sys::read_file("/proc/self/status");
    const bool cap = status && [&] {
        const auto at = status->find("CapEff:\t");
        if (at == status->npos) return false;
        return (std::stoull(status->substr(at + 8), nullptr, 16) >> kCapSysPtrace & 1) != 0;
    }();
    const std::string value =
        fmt::format("uid {}, {} CAP_SYS_PTRACE", ::geteuid(), cap ? "with" : "without");
    return {cap ? Health::kOk : Health::kWarn, "rights", value,
            cap ? "attach: every process of this namespace" : "attach: only processes of your uid"};
}

Check check_seccomp() {
    const ProcessFacts us = read_process(::getpid());
    const char* mode = us.seccomp == 0   ? "none"
                       : us.seccomp == 1 ? "strict"
                       : us.seccomp == 2 ? "filter"
                                         : "unknown";
    const std::string value = fmt::format("{}{}", mode, us.no_new_privs ? ", no_new_privs" : "");
    const bool fine = us.seccomp == 0;
    return {
        fine ? Health::kOk : Health::kWarn, "seccomp", value,
        fine ? "" : "the filter around us may refuse calls; set-id programs stay without rights"};
}

Check check_pidfd() {
    const auto fd = sys::pidfd_open(::getpid());
    if (fd) return {Health::kOk, "pidfd", "pidfd_open works", ""};
    return {Health::kNo, "pidfd", error_of(fd.error().err), "processes cannot be held by handle"};
}

Check check_memfd() {
    const UniqueFd fd(::memfd_create("utrace-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return {Health::kNo, "memfd", error_of(errno), "no rings"};
    if (::ftruncate(fd.get(), 4096) != 0 ||
        ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return {Health::kNo, "memfd", error_of(errno), "rings cannot be sealed"};
    return {Health::kOk, "memfd", "seals work", ""};
}

Check check_rseq() {
    const long feature = rseq_feature_size();
    const std::string owner =
        ::__rseq_size > 0 ? fmt::format("libc, {} bytes", ::__rseq_size) : std::string("nobody");
    return {feature > 0 ? Health::kOk : Health::kWarn, "rseq",
            fmt::format("feature size {}, owner {}", feature, owner), "not used by host ptrace"};
}

Check check_membarrier() {
    const long commands = ::syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    if (commands < 0)
        return {Health::kWarn, "membarrier", error_of(errno), "not used by host ptrace"};
    const bool expedited = (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
    return {expedited ? Health::kOk : Health::kWarn, "membarrier",
            fmt::format("commands {:#x}", commands), "not used by host ptrace"};
}

Check check_dispatch() {
    // Switching it off when it is off changes nothing and tells whether the kernel has it.
    const int result = ::prctl(kSetSyscallUserDispatch, 0, 0, 0, 0);
    if (result == 0)
        return {Health::kOk, "dispatch", "syscall user dispatch", "not used by host ptrace"};
    return {Health::kWarn, "dispatch", error_of(errno), "not used by host ptrace"};
}

Check check_openat2() {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS;
    const UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how)));
    if (fd) return {Health::kOk, "openat2", "works", ""};
    return {Health::kNo, "openat2", error_of(errno), "-o FILE is refused; -o '|cat > FILE' works"};
}

Check check_syscall_table() {
    unsigned known_calls = 0;
    for (std::uint32_t nr = 0; nr < kCallNumbers; ++nr) {
        const auto* desc = capture::find_syscall(Abi::kX86_64, nr);
        if (desc != nullptr && desc->name != nullptr) ++known_calls;
    }
    return {known_calls > 300 ? Health::kOk : Health::kNo, "syscalls",
            fmt::format("{} known, up to number {}", known_calls, capture::syscall_limit() - 1),
            "others are shown by number"};
}

}  // namespace utrace::cli
