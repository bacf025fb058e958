// SPDX-License-Identifier: MIT
// what:     what the ptrace host must know about x86-64: call ABIs, restart codes, re-issuing a call.
// who:      the ptrace host.
// lifetime: free functions.
// cost:     none.
// see:      docs/design/0004-ptrace-host.md, "Interrupting a blocked call".
//
// What is odd about this machine. One process can enter the kernel three ways: `syscall` (64-bit),
// `syscall` with bit 30 of the number set (x32), and `int 0x80` (i386 numbers, also from 64-bit
// code); the stop says which by its audit architecture, the ELF class does not. `syscall` and
// `int 0x80` are both two bytes long, so stepping back two bytes re-issues either. At a stop inside
// a call orig_rax holds its number; outside it is negative.
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
inline constexpr std::uint32_t kI386Execveat = 358;
inline constexpr std::uint64_t kRestartSyscall = 219;
inline constexpr std::uint64_t kUser32Cs = 0x23;  // code segment of 32-bit user code

inline bool is_exec(Abi abi, std::uint32_t nr) noexcept {
    if (abi == Abi::kI386) return nr == kI386Execve || nr == kI386Execveat;
    return nr == kExecve || nr == kExecveat;
}

inline Abi abi_of(std::uint32_t audit_arch, std::uint64_t nr) noexcept {
    if (audit_arch == AUDIT_ARCH_I386) return Abi::kI386;
    if (audit_arch != AUDIT_ARCH_X86_64) return Abi::kUnknown;
    return (nr & kX32Bit) != 0 && nr < 0x80000000u ? Abi::kX32 : Abi::kX86_64;
}

/// rt_sigreturn takes no arguments: the signal frame lies on the stack. Where its mask is, for the
/// capture plan: after uc_flags, uc_link, uc_stack and the 256 bytes of the machine context
/// (asm/ucontext.h, asm/sigcontext.h).
inline constexpr std::uint32_t kRtSigreturn = 15;
inline std::uint64_t sigreturn_mask(std::uint64_t stack) noexcept {
    return stack + 8 + 8 + 24 + 256;
}

/// ABI of the call a stopped task is inside of, for stops that do not tell (not a syscall stop).
inline Abi abi_of_code(const user_regs_struct& regs) noexcept {
    return regs.cs == kUser32Cs ? Abi::kI386 : Abi::kX86_64;
}

inline void call_arguments(const user_regs_struct& regs, std::uint64_t (&args)[6]) noexcept {
    if (abi_of_code(regs) == Abi::kI386) {
        const std::uint64_t from[] = {regs.rbx, regs.rcx, regs.rdx, regs.rsi, regs.rdi, regs.rbp};
        for (int i = 0; i < 6; ++i) args[i] = from[i] & 0xffffffffu;
        return;
    }
    const std::uint64_t from[] = {regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9};
    for (int i = 0; i < 6; ++i) args[i] = from[i];
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

/// At an entry stop: no call is made, `result` is what the program gets.
inline void skip_call(user_regs_struct& regs, std::int64_t result) noexcept {
    regs.orig_rax = ~0ull;
    regs.rax = static_cast<std::uint64_t>(result);
}

/// Makes a call that our interrupt ended with EINTR start again when the task goes on. Restart
/// codes need nothing: the kernel handles them after the stop.
inline void reissue_call(user_regs_struct& regs) noexcept {
    regs.rax = regs.orig_rax;
    regs.rip -= 2;
    regs.orig_rax = ~0ull;
}

}  // namespace utrace::host::arch
