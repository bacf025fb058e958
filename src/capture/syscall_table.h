// SPDX-License-Identifier: MIT
// what:     the system-call table: name, arguments, classes and result form of every call we know.
// who:      anybody; immutable static data generated from data/syscalls.tsv. Freestanding.
// lifetime: static.
// cost:     look-up by number is one bounds check and one index.
// see:      docs/design/0001-architecture.md, "System-call table"; data/README.md for the rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "utrace/record.h"

namespace utrace::capture {

/// How an argument is read and shown. Scalars first, then kinds that point to memory.
enum class ArgKind : std::uint8_t {
    kInt,
    kUint,
    kLong,
    kUlong,  ///< signed/unsigned 32/64 bit, decimal
    kHex,    ///< 64-bit number shown in hex
    kPtr,    ///< address never followed
    kOctal,  ///< decimal-free octal number
    kFd,     ///< file descriptor
    kDirfd,  ///< file descriptor or AT_FDCWD
    kPid,
    kUid,
    kGid,       ///< kUid/kGid show (u32)-1 as -1
    kMode,      ///< file mode, octal with S_IF* where present
    kDev,       ///< makedev(0x8, 0x1)
    kSignal,    ///< signal number
    kFlags,     ///< bit set, symbols of `xlat`
    kEnum,      ///< one value, symbols of `xlat`
    kCustom,    ///< scalar whose text depends on other arguments; by argument name
    kUnused,    ///< padding argument, not shown
    kPath,      ///< NUL-terminated path (PATH_MAX, never cut by -s)
    kString,    ///< NUL-terminated string (cut by -s)
    kBuf,       ///< bytes; length from len_kind/len_arg
    kStruct,    ///< one struct of `type`
    kArray,     ///< array of `type`; element count from len_kind/len_arg
    kIovec,     ///< struct iovec array + the bytes it refers to
    kSockaddr,  ///< socket address; length from len_kind/len_arg
    kMsghdr,    ///< struct msghdr and what it refers to
    kMmsghdr,   ///< struct mmsghdr array and what it refers to
    kArgv,
    kEnvp,      ///< NULL-terminated vectors of strings
    kSigset,    ///< signal set; byte length from len_kind/len_arg
    kIoctlArg,  ///< third argument of ioctl; by command (data/ioctls.tsv)
    kFcntlArg,  ///< third argument of fcntl; by command
    kVariant,   ///< memory whose form depends on other arguments; by call name
};

enum class Dir : std::uint8_t { kNone = 0, kIn = 1, kOut = 2, kInOut = 3 };

/// Where a length or element count comes from.
enum class LenKind : std::uint8_t {
    kNone,    ///< fixed by the type
    kArg,     ///< value of argument len_arg
    kArgPtr,  ///< 32-bit value behind pointer argument len_arg (value-result)
    kRet,     ///< the result (exit only), bounded by nothing else
    kFixed,   ///< len_arg is the count itself
};

enum class RetKind : std::uint8_t {
    kDec,
    kHex,
    kOctal,
    kFd,
    kPid,
    kNone /* does not return */,
    kTime,
    kFlags /* F_GETFL and friends: aux text by call */
};

/// Attributes of a call.
enum SyscallAttr : std::uint16_t {
    kAttrBlocking = 0x01,  ///< may sleep for long: separate ENTRY and EXIT records
    kAttrNoReturn = 0x02,  ///< exit, exit_group, rt_sigreturn: ENTRY is written at entry
    kAttrNeverFails = 0x04,
    kAttrExec = 0x08,
    kAttrClone = 0x10,
    kAttrRemains = 0x20,      ///< fills its outputs when interrupted by a signal (nanosleep)
    kAttrReadsEntry = 0x100,  ///< derived: some argument may point to memory read at entry
    kAttrReadsExit = 0x200,   ///< derived: some argument may point to memory read at exit
};

/// strace's sets (`%file` and so on), one bit each.
enum SyscallClass : std::uint64_t {
    kClassFile = 1u << 0,
    kClassDesc = 1u << 1,
    kClassProcess = 1u << 2,
    kClassNetwork = 1u << 3,
    kClassSignal = 1u << 4,
    kClassIpc = 1u << 5,
    kClassMemory = 1u << 6,
    kClassClock = 1u << 7,
    kClassCreds = 1u << 8,
    kClassStat = 1u << 9,
    kClassLstat = 1u << 10,
    kClassFstat = 1u << 11,
    kClassStatLike = 1u << 12 /* %%stat */,
    kClassStatfs = 1u << 13,
    kClassFstatfs = 1u << 14,
    kClassStatfsLike = 1u << 15 /* %%statfs */,
    kClassPure = 1u << 16,
};

struct ArgDesc {
    const char* name;
    ArgKind kind;
    Dir dir;
    LenKind len_kind;
    std::uint8_t len_arg;  ///< 1-based argument number, or the count for kFixed
    std::uint16_t xlat;    ///< flag set (decode::XlatId), 0 = none
    std::uint16_t type;    ///< struct (StructId), 0 = none
};

struct SyscallDesc {
    std::uint16_t nr;
    std::uint8_t nargs;
    RetKind ret;
    std::uint16_t attrs;    ///< SyscallAttr
    std::uint64_t classes;  ///< SyscallClass
    const char* name;       ///< null: hole in the numbering
    ArgDesc args[6];
};

struct StructDesc {
    const char* name;
    std::uint32_t size;  ///< bytes on x86-64
};

/// The call with number `nr` of `abi`, or null when the table has none (x32 shares x86-64's rows;
/// i386 has names only, with nargs 6 of kind kHex).
const SyscallDesc* find_syscall(Abi abi, std::uint32_t nr) noexcept;

/// Number of x86-64 call `name`, or -1.
int syscall_number(std::string_view name) noexcept;

/// One past the largest x86-64 number of the table.
std::uint32_t syscall_limit() noexcept;

/// What argument `index` (0-based, < nargs) really is once the values are known: variants and the
/// third arguments of ioctl and fcntl are looked up by their command (data/variants.tsv,
/// data/ioctls.tsv). Unknown commands give a kHex argument. A kVariant result has a form in `type`.
const ArgDesc& effective_arg(const SyscallDesc& desc, unsigned index,
                             const std::uint64_t (&args)[6]) noexcept;

/// Size and name of struct `type`; size 0 when `type` is unknown.
StructDesc struct_desc(std::uint16_t type) noexcept;

}  // namespace utrace::capture
