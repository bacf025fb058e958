// SPDX-License-Identifier: MIT
// what:     the record, one event as captured bytes: the same in a ring, live and in a trace file.
// who:      anybody; plain data, no functions with side effects. Async-signal-safe.
// lifetime: a record is immutable once committed; readers copy it out before they look at it.
// cost:     32-byte header + payload, 8-byte aligned.
// see:      docs/design/0001-architecture.md, "Records".
//
// All integers are little-endian. A reader skips unknown record types by `size`, unknown blob kinds
// by their size, and never trusts a length before it has copied the record.
#pragma once

#include <cstddef>
#include <cstdint>

namespace utrace {

/// What a record says. Numbers are stable; new types are appended.
enum class RecordType : std::uint16_t {
    kPad = 0,           ///< fills the end of a ring; no payload meaning
    kSyscallEntry = 1,  ///< SyscallPayload with entry blobs; `ret` is 0
    kSyscallExit = 2,   ///< SyscallPayload with exit blobs; follows a kSyscallEntry of the same tid
    kSyscall = 3,       ///< both halves in one, written at exit
    kSignal = 4,        ///< SignalPayload: a signal about to be delivered
    kThread = 5,        ///< TaskPayload: birth, death, attach, detach, stop of one task
    kProcess = 6,       ///< TaskPayload: exec, fork
    kMap = 7,           ///< reserved: address-space change
    kProbe = 8,         ///< reserved: probe hit
    kUser = 9,          ///< reserved: user-defined event
    kLost = 10,         ///< LostPayload, made by the consumer at the place of a gap
    kBlind = 11,        ///< BlindPayload: something cannot be seen from here on
    kControl = 12,      ///< ControlPayload: statements about the session itself
};

/// Bits of RecordHeader::flags.
enum RecordFlag : std::uint16_t {
    kRecordFrag = 0x0001,       ///< part of a larger event with the same tseq
    kRecordLast = 0x0002,       ///< last fragment
    kRecordTrunc = 0x0004,      ///< event was cut at the size cap (counted in lost_big)
    kRecordEntryRead = 0x0008,  ///< some bytes were read at entry
    kRecordExitRead = 0x0010,   ///< some bytes were read at exit
    kRecordFault = 0x0020,      ///< some memory could not be read
    kRecordRestarted = 0x0040,  ///< this entry is the kernel's restart of an interrupted call
    kRecordResumed = 0x0080,    ///< the call was already blocked when we attached (entry unseen)
};

/// Opens every record. `size` includes this header and is a multiple of 8; 0 means "nothing here".
struct RecordHeader {
    std::uint32_t size;
    std::uint16_t type;   ///< RecordType
    std::uint16_t flags;  ///< RecordFlag
    std::uint32_t tid;    ///< thread id in the keeper's pid namespace
    std::uint32_t tseq;   ///< per-thread event number; a gap is a loss
    std::uint64_t time;  ///< CLOCK_MONOTONIC ns when the record was made; never goes back in a ring
    std::uint32_t lost;  ///< low half of this ring's losses before this record
    std::uint32_t aux;   ///< fragment index
};
static_assert(sizeof(RecordHeader) == 32);

/// How the number and the arguments of a call are to be read (reliability: by call, not ELF class).
enum class Abi : std::uint8_t { kX86_64 = 0, kI386 = 1, kX32 = 2, kUnknown = 255 };

/// Payload of kSyscallEntry, kSyscallExit, kSyscall. Then come args[nargs] and `nr_blobs` blobs.
struct SyscallPayload {
    std::uint32_t nr;    ///< number as the program passed it (x32 bit removed when abi says so)
    std::uint8_t abi;    ///< Abi
    std::uint8_t nargs;  ///< always 6 today; readers take what is there
    std::uint16_t nr_blobs;
    std::int64_t ret;     ///< result; -4095..-1 is -errno; -512..-517 are the kernel's ERESTART*
    std::uint64_t start;  ///< CLOCK_MONOTONIC ns at entry; 0 when the entry was not seen
    // std::uint64_t args[nargs];
};
static_assert(sizeof(SyscallPayload) == 24);

/// What a blob holds. Order inside one argument is: kMain, then what kMain refers to, in order.
enum class BlobKind : std::uint8_t {
    kMain = 0,       ///< the bytes the argument points to (string, buffer, struct, array)
    kElement = 1,    ///< one per element, in order: bytes of iovec[i], string argv[i]
    kName = 2,       ///< msghdr.msg_name
    kVector = 3,     ///< msghdr.msg_iov array; its elements follow as kElement
    kAncillary = 4,  ///< msghdr.msg_control
    kFdPath = 5,     ///< text of /proc/PID/fd/N for this argument (only when asked for)
};

enum BlobFlag : std::uint8_t {
    kBlobCut = 0x01,    ///< more bytes existed than the limit allowed
    kBlobFault = 0x02,  ///< memory after the copied bytes could not be read
};

/// Followed by `size` bytes, padded with zeros to a multiple of 8.
struct BlobHeader {
    std::uint32_t size;  ///< bytes copied, without padding
    std::uint8_t arg;    ///< argument index 0..5; 6 = the result
    std::uint8_t when;   ///< 0 = read at entry, 1 = read at exit
    std::uint8_t flags;  ///< BlobFlag
    std::uint8_t kind;   ///< BlobKind
};
static_assert(sizeof(BlobHeader) == 8);

/// Payload of kSignal. `info` is the first part of the kernel's siginfo_t.
struct SignalPayload {
    std::uint32_t size;
    std::int32_t signo;
    std::uint8_t info[80];
};
static_assert(sizeof(SignalPayload) == 88);

/// What happened to a task; the `what` of TaskPayload.
enum class TaskEvent : std::uint16_t {
    kBorn = 1,        ///< new thread or process; `other` = parent tid, status = PTRACE_EVENT kind
    kAttached = 2,    ///< seized while running
    kExited = 3,      ///< status = wait status (WIFEXITED)
    kKilled = 4,      ///< status = wait status (WIFSIGNALED, WCOREDUMP)
    kSuperseded = 5,  ///< gone because thread `other` of its group called execve
    kStopped = 6,     ///< group stop; status = signal number
    kContinued = 7,   ///< left group stop
    kDetached = 8,    ///< we let go of it; it runs on
    kLeaderGone = 9,  ///< leader exited while other threads live; status = wait status or 0
    kExec = 10,       ///< new image; `other` = tid that called execve (differs when not the leader)
};

/// Payload of kThread and kProcess.
struct TaskPayload {
    std::uint32_t size;
    std::uint16_t what;   ///< TaskEvent
    std::uint16_t flags;  ///< zero
    std::int32_t tgid;
    std::int32_t other;
    std::int32_t status;
    std::uint32_t reserved;
    char comm[16];  ///< NUL-padded, tainted
};
static_assert(sizeof(TaskPayload) == 40);

/// Payload of kLost. Made by a consumer, never by a producer.
struct LostPayload {
    std::uint32_t size;
    std::uint32_t ring;   ///< ring index (cpu for per-CPU rings)
    std::uint64_t count;  ///< events lost since the last record of this ring
};
static_assert(sizeof(LostPayload) == 16);

/// What cannot be seen; the `what` of BlindPayload.
enum class Blind : std::uint32_t {
    kIoUring = 1,
    kNestedPtrace = 2,
    kUntracedChild = 3,
    kForeignAbi = 4
};

struct BlindPayload {
    std::uint32_t size;
    std::uint32_t what;  ///< Blind
};
static_assert(sizeof(BlindPayload) == 8);

/// Statements about the session; the `what` of ControlPayload.
enum class Control : std::uint32_t { kEngineLost = 1, kExitHoldEnded = 2, kTimeoutRestarted = 3 };

struct ControlPayload {
    std::uint32_t size;
    std::uint32_t what;  ///< Control
    std::uint64_t value;
};
static_assert(sizeof(ControlPayload) == 16);

/// Largest event, all blobs included; larger ones are cut and counted (lost_big).
inline constexpr std::uint32_t kMaxEventBytes = 32768;

/// Bytes `n` rounded up to the record alignment.
constexpr std::uint32_t record_align(std::uint32_t n) { return (n + 7u) & ~7u; }

}  // namespace utrace
