// SPDX-License-Identifier: MIT
// what:     what the ptrace host must know about x86-64: call ABIs, restart codes, re-issuing a call.
// who:      the ptrace host.
// lifetime: free functions.
// cost:     none.
// see:      docs/design/0004-ptrace-host.md, "Interrupting a blocked call".
//
// What is odd about this machine. One process can enter the kernel three ways: `syscall` (64-bit),
// `syscall` with bit 30 of the number set (x32), and `int 0x80` (i386 numbers, also from 64-bit code);
// the stop says which by its audit architecture, the ELF class does not. `syscall` and `int 0x80` are
// both two bytes long, so stepping back two bytes re-issues either. At a stop inside a call orig_rax
// holds its number; outside it is negative.
#pragma once

#include <linux/audit.h>
#include <sys/user.h>

#include <cerrno>
#include <cstdint>

#include "utrace/record.h"

namespace utrace::host::arch {

inline constexpr std::uint64_t kX32Bit = 0x40000000;
inline constexpr std::uint32_t kExecve = 59;
inline constexpr std::uint32_t kExecveat = 322;
inline constexpr std::uint32_t kI386Execve = 11;

inline Abi abi_of(std::uint32_t audit_arch, std::uint64_t nr) noexcept {
    if (audit_arch == AUDIT_ARCH_I386) return Abi::kI386;
    if (audit_arch != AUDIT_ARCH_X86_64) return Abi::kUnknown;
    return (nr & kX32Bit) != 0 && nr < 0x80000000u ? Abi::kX32 : Abi::kX86_64;
}

/// The kernel's private "restart me" results (include/linux/errno.h): ERESTARTSYS 512,
/// ERESTARTNOINTR 513, ERESTARTNOHAND 514, ERESTART_RESTARTBLOCK 516.
inline bool is_restart(std::int64_t result) noexcept {
    return result == -512 || result == -513 || result == -514 || result == -516;
}

/// Number of the call a stopped task is inside of, or -1.
inline std::int64_t interrupted_call(const user_regs_struct& regs) noexcept {
    const auto result = static_cast<std::int64_t>(regs.rax);
    const auto nr = static_cast<std::int64_t>(regs.orig_rax);
    return nr >= 0 && (is_restart(result) || result == -EINTR) ? nr : -1;
}

/// Makes a call that our interrupt ended with EINTR start again when the task goes on. Restart codes
/// need nothing: the kernel handles them after the stop.
inline void reissue_call(user_regs_struct& regs) noexcept {
    regs.rax = regs.orig_rax;
    regs.rip -= 2;
    regs.orig_rax = ~0ull;
}

}  // namespace utrace::host::arch
