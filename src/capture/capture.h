// SPDX-License-Identifier: MIT
// what:     copies what a system call's arguments point to, by plan, into a record's payload.
// who:      the host's thread while the task is stopped or is itself; no lock, no allocation, no
//           libc beyond memcpy. Freestanding.
// lifetime: a SyscallCapture lives in the task's slot from entry to exit of one call.
// cost:     one memory read per pointer argument the plan names; nothing for scalar-only calls.
// see:      docs/design/0001-architecture.md, "Capture and decode are separate".
#pragma once

#include <cstddef>
#include <cstdint>

#include "capture/syscall_table.h"
#include "utrace/record.h"

namespace utrace::capture {

/// Reads memory of the traced task. Returns how many leading bytes were copied (0..size); fewer
/// than asked means the next byte could not be read.
struct Memory {
    void* context;
    std::size_t (*read)(void* context, std::uint64_t address, void* to, std::size_t size) noexcept;
};

struct Limits {
    std::uint32_t string_bytes = 32;  ///< data strings and buffers; +1 is read to know of a cut
    std::uint32_t array_members = 32;
    /// Cap of record header + payload; at least 104, which headers and arguments take.
    std::uint32_t event_bytes = kMaxEventBytes;
    bool environment = false;  ///< capture the strings of envp too (else only their count)
};

// What the blobs of an argument are. A null pointer has none; a blob of size 0 is memory of length
// 0 or, with kBlobFault, memory that could not be read at all.
// * path, string: kMain with its NUL; without one it was cut or faulted (its flags say which).
// * buf, struct, array, sockaddr, sigset: kMain.
// * iovec: kMain, then exactly one kElement for each entry in kMain.
// * msghdr: kMain, then each if the header has it: kName, kVector with its kElements, kAncillary.
// * mmsghdr: kMain, then the same for each message. Sent ones at entry (their exit has kMain for
//   the lengths), received ones at exit (their entry has kMain).
// * argv, envp: kMain = the pointers with their null (without it when cut), one kElement for each
//   pointer; envp has elements only when asked for.
// * variant forms: kMain; msgbuf, sigset_arg and iocbs then have kElements.

/// Builds one payload (SyscallPayload, args, blobs) in caller-owned memory.
/// Usage: begin() at entry; then finish() at exit for a kSyscall record, or take the entry payload
/// as it is for a kSyscallEntry record and build the kSyscallExit one with begin_exit() + finish().
class SyscallCapture {
  public:
    /// `scratch` must hold limits.event_bytes.
    void begin(std::byte* scratch, Abi abi, std::uint32_t nr, const std::uint64_t (&args)[6],
               std::uint64_t start, const Limits& limits, Memory memory) noexcept;
    /// Starts the payload of a separate exit record: same number, arguments and start, no blobs
    /// yet.
    void begin_exit() noexcept;
    /// Adds exit blobs and the result. A failed call (ret in -4095..-1) reads no output memory.
    void finish(std::int64_t ret, Memory memory) noexcept;

    const std::byte* data() const noexcept { return scratch_; }
    std::uint32_t size() const noexcept { return used_; }  ///< payload bytes, multiple of 8
    std::uint16_t record_flags() const noexcept { return flags_; }  ///< RecordFlag bits that apply
    std::uint32_t nr() const noexcept { return nr_; }

  private:
    void restart() noexcept;
    std::uint32_t capacity() const noexcept;

    std::byte* scratch_ = nullptr;
    std::uint32_t used_ = 0;
    std::uint32_t nr_ = 0;
    std::uint16_t flags_ = 0;
    Abi abi_ = Abi::kX86_64;
    Limits limits_{};
    const SyscallDesc* desc_ = nullptr;
    std::uint64_t args_[6] = {};
    std::uint64_t start_ = 0;
    std::uint64_t entry_length_ = 0;  ///< value-result length as the caller passed it
};

}  // namespace utrace::capture
