// SPDX-License-Identifier: MIT
#include "capture/capture.h"

#include "capture/blob_sink.h"
#include "capture/struct_ids.h"

namespace utrace::capture {
namespace {

constexpr std::uint32_t kPathMax = 4096;
constexpr std::uint64_t kSigsetBytes = 8;
constexpr std::uint64_t kIovecBytes = 16;
constexpr std::uint64_t kMsghdrBytes = 56;
constexpr std::uint64_t kMmsghdrBytes = 64;
constexpr std::uint64_t kIocbBytes = 64;
constexpr std::uint64_t kSockaddrMax = 128;  ///< sizeof(struct sockaddr_storage)
constexpr std::uint64_t kAncillaryMax = 4096;
constexpr std::uint64_t kHandleMax = 128;   ///< MAX_HANDLE_SZ
constexpr std::uint64_t kBitsetMax = 8192;  ///< 65536 descriptors or nodes
constexpr std::uint32_t kEnvironmentMax = 2048;
constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
constexpr std::int64_t kEintr = -4;
constexpr std::int64_t kErestartRestartblock = -516;

std::uint64_t least(std::uint64_t a, std::uint64_t b) { return a < b ? a : b; }

std::uint64_t load64(const std::byte* from) {
    std::uint64_t value;
    __builtin_memcpy(&value, from, sizeof(value));
    return value;
}

std::uint32_t load32(const std::byte* from) {
    std::uint32_t value;
    __builtin_memcpy(&value, from, sizeof(value));
    return value;
}

/// Bytes of a bit set that the kernel reads in longs.
std::uint64_t bitset_bytes(std::uint64_t bits) {
    return bits > kBitsetMax * 8 ? kBitsetMax : (bits + 63) / 64 * 8;
}

/// One direction of one call: what the plan asks for goes to the sink.
class Walker {
  public:
    Walker(BlobSink& sink, const SyscallDesc& desc, const std::uint64_t (&args)[6],
           const Limits& limits, std::int64_t ret, std::uint64_t entry_length) noexcept
        : sink_(sink),
          desc_(desc),
          args_(args),
          limits_(limits),
          ret_(ret),
          entry_length_(entry_length) {}

    void walk() noexcept {
        for (unsigned i = 0; i < desc_.nargs && !sink_.full(); ++i) {
            if (desc_.args[i].kind < ArgKind::kPath || args_[i] == 0) continue;
            const ArgDesc& arg = effective_arg(desc_, i, args_);
            if (arg.kind >= ArgKind::kPath) {
                sink_.argument(i);
                argument(arg, args_[i]);
            }
        }
    }

  private:
    bool at_exit() const { return sink_.when() != 0; }
    bool applies(Dir dir) const {
        return (static_cast<unsigned>(dir) & (at_exit() ? 2u : 1u)) != 0;
    }
    void argument(const ArgDesc& arg, std::uint64_t address) noexcept;
    void form(const ArgDesc& arg, std::uint64_t address) noexcept;
    std::uint64_t length(const ArgDesc& arg) noexcept;
    std::uint64_t scalar(unsigned index) const noexcept;

    void bounded(BlobKind kind, std::uint64_t address, std::uint64_t size,
                 std::uint64_t limit) noexcept {
        sink_.add(kind, address, least(size, limit), size > limit);
    }
    void array(std::uint64_t address, std::uint64_t count, std::uint64_t size) noexcept;
    void iovec(BlobKind kind, std::uint64_t address, std::uint64_t count,
               std::uint64_t data) noexcept;
    void message(const std::byte* header, std::uint64_t data) noexcept;
    void msghdr(const ArgDesc& arg, std::uint64_t address) noexcept;
    void mmsghdr(const ArgDesc& arg, std::uint64_t address) noexcept;
    void strings(std::uint64_t address, bool environment) noexcept;
    void iocbs(std::uint64_t address, std::uint64_t count) noexcept;

    BlobSink& sink_;
    const SyscallDesc& desc_;
    const std::uint64_t (&args_)[6];
    const Limits& limits_;
    std::int64_t ret_;
    std::uint64_t entry_length_;
};

/// An argument as the kernel takes it: ints are 32 bits wide, negative lengths are none.
std::uint64_t Walker::scalar(unsigned index) const noexcept {
    const auto low = static_cast<std::uint32_t>(args_[index]);
    switch (desc_.args[index].kind) {
        case ArgKind::kInt:
            return static_cast<std::int32_t>(low) < 0 ? 0 : low;
        case ArgKind::kUint:
            return low;
        default:
            return args_[index];
    }
}

std::uint64_t Walker::length(const ArgDesc& arg) noexcept {
    switch (arg.len_kind) {
        case LenKind::kNone:
            return kNoLimit;
        case LenKind::kArg:
            return scalar(arg.len_arg - 1u);
        case LenKind::kArgPtr: {
            std::uint32_t value = 0;
            if (!sink_.peek(args_[arg.len_arg - 1u], &value, sizeof(value))) return 0;
            return at_exit() ? least(value, entry_length_) : value;
        }
        case LenKind::kRet:
            return ret_ > 0 ? static_cast<std::uint64_t>(ret_) : 0;
        case LenKind::kFixed:
            return arg.len_arg;
    }
    return 0;
}

void Walker::argument(const ArgDesc& arg, std::uint64_t address) noexcept {
    if (arg.kind == ArgKind::kMsghdr) return msghdr(arg, address);
    if (arg.kind == ArgKind::kMmsghdr) return mmsghdr(arg, address);
    if (!applies(arg.dir)) return;
    switch (arg.kind) {
        case ArgKind::kPath:
            return sink_.add_string(BlobKind::kMain, address, kPathMax - 1);
        case ArgKind::kString: {
            const std::uint64_t most =
                arg.len_kind == LenKind::kNone ? limits_.string_bytes : length(arg);
            return sink_.add_string(BlobKind::kMain, address, static_cast<std::uint32_t>(most));
        }
        case ArgKind::kBuf:
            return bounded(BlobKind::kMain, address, length(arg), limits_.string_bytes);
        case ArgKind::kStruct:
            sink_.add(BlobKind::kMain, address, least(struct_desc(arg.type).size, length(arg)),
                      false);
            return;
        case ArgKind::kArray:
            return array(address, length(arg), struct_desc(arg.type).size);
        case ArgKind::kIovec:
            return iovec(BlobKind::kMain, address, length(arg),
                         at_exit() ? static_cast<std::uint64_t>(ret_) : kNoLimit);
        case ArgKind::kSockaddr:
            return bounded(BlobKind::kMain, address, length(arg), kSockaddrMax);
        case ArgKind::kSigset:
            sink_.add(BlobKind::kMain, address, least(length(arg), kSigsetBytes), false);
            return;
        case ArgKind::kArgv:
            return strings(address, false);
        case ArgKind::kEnvp:
            return strings(address, true);
        case ArgKind::kVariant:
            return form(arg, address);
        default:
            return;
    }
}

/// Memory of the forms that data/structs.tsv names.
void Walker::form(const ArgDesc& arg, std::uint64_t address) noexcept {
    const std::uint64_t size = length(arg);
    switch (static_cast<StructId>(arg.type)) {
        case StructId::kFdset:
        case StructId::kNodemask:
            sink_.add(BlobKind::kMain, address, bitset_bytes(size), size > kBitsetMax * 8);
            return;
        case StructId::kDirents:
            sink_.add(BlobKind::kMain, address, size, false);
            return;
        case StructId::kMsgbuf:
            if (sink_.add(BlobKind::kMain, address, sizeof(long), false) == sizeof(long)) {
                bounded(BlobKind::kElement, address + sizeof(long), size, limits_.string_bytes);
            }
            return;
        case StructId::kSigsetArg:
            if (sink_.add(BlobKind::kMain, address, 16, false) == 16) {
                const std::uint64_t set = load64(sink_.last());
                const std::uint64_t bytes = least(load64(sink_.last() + 8), kSigsetBytes);
                if (set != 0) sink_.add(BlobKind::kElement, set, bytes, false);
            }
            return;
        case StructId::kFileHandle: {
            std::uint32_t bytes = 0;
            sink_.peek(address, &bytes, sizeof(bytes));
            // What the caller offers is not there yet at entry; only the two head words count.
            const bool filled = at_exit() || arg.dir == Dir::kIn;
            return bounded(BlobKind::kMain, address, 8 + (filled ? std::uint64_t{bytes} : 0),
                           8 + kHandleMax);
        }
        case StructId::kIocbs:
            return iocbs(address, size);
        case StructId::kPagevec:
            return bounded(BlobKind::kMain, address,
                           size / kPageBytes + (size % kPageBytes != 0 ? 1 : 0),
                           limits_.string_bytes);
        default:
            return;
    }
}

void Walker::array(std::uint64_t address, std::uint64_t count, std::uint64_t size) noexcept {
    const std::uint64_t taken = least(count, limits_.array_members);
    sink_.add(BlobKind::kMain, address, taken * size, count > taken);
}

/// The vector, then one element blob a captured entry: entry i is always the i-th element.
void Walker::iovec(BlobKind kind, std::uint64_t address, std::uint64_t count,
                   std::uint64_t data) noexcept {
    const std::uint64_t taken = least(count, limits_.array_members);
    const std::uint32_t got =
        sink_.add(kind, address, taken * kIovecBytes, count > taken) / kIovecBytes;
    const std::byte* const vector = sink_.last();
    for (std::uint32_t i = 0; i < got && !sink_.full(); ++i) {
        const std::uint64_t base = load64(vector + i * kIovecBytes);
        const std::uint64_t size = least(load64(vector + i * kIovecBytes + 8), data);
        bounded(BlobKind::kElement, base, size, limits_.string_bytes);
        if (data != kNoLimit) data -= size;
    }
}

/// Name, vector with elements and ancillary data of one struct msghdr; each only when it is there.
void Walker::message(const std::byte* header, std::uint64_t data) noexcept {
    std::byte copy[kMsghdrBytes];
    __builtin_memcpy(copy, header, sizeof(copy));
    const std::uint64_t name = load64(copy);
    const std::uint64_t name_size = load32(copy + 8);
    const std::uint64_t vector = load64(copy + 16);
    const std::uint64_t control = load64(copy + 32);
    const std::uint64_t control_size = load64(copy + 40);
    if (name != 0 && name_size != 0) bounded(BlobKind::kName, name, name_size, kSockaddrMax);
    if (vector != 0) iovec(BlobKind::kVector, vector, load64(copy + 24), data);
    if (control != 0 && control_size != 0) {
        bounded(BlobKind::kAncillary, control, control_size, kAncillaryMax);
    }
}

/// Received messages show their header at entry too: the lengths in it are results.
void Walker::msghdr(const ArgDesc& arg, std::uint64_t address) noexcept {
    if (at_exit() && !applies(arg.dir)) return;
    const bool whole = applies(arg.dir);
    if (sink_.add(BlobKind::kMain, address, kMsghdrBytes, false) == kMsghdrBytes && whole) {
        message(sink_.last(), at_exit() ? static_cast<std::uint64_t>(ret_) : kNoLimit);
    }
}

void Walker::mmsghdr(const ArgDesc& arg, std::uint64_t address) noexcept {
    if (at_exit() && !applies(arg.dir)) return;
    const std::uint64_t count = at_exit() ? static_cast<std::uint64_t>(ret_) : length(arg);
    const std::uint64_t taken = least(count, limits_.array_members);
    const std::uint32_t got =
        sink_.add(BlobKind::kMain, address, taken * kMmsghdrBytes, count > taken) / kMmsghdrBytes;
    // What was sent was shown at entry; its exit has only the lengths.
    if (!applies(arg.dir) || (at_exit() && arg.dir == Dir::kInOut)) return;
    const std::byte* const messages = sink_.last();
    for (std::uint32_t i = 0; i < got && !sink_.full(); ++i) {
        const std::byte* const header = messages + i * kMmsghdrBytes;
        message(header, at_exit() ? load32(header + kMsghdrBytes) : kNoLimit);
    }
}

/// The pointers with their final null, then the strings. An environment is only counted unless
/// asked for: its pointers say how many there are.
void Walker::strings(std::uint64_t address, bool environment) noexcept {
    const bool pointers_only = environment && !limits_.environment;
    const std::uint32_t count =
        sink_.add_vector(address, pointers_only ? kEnvironmentMax : limits_.array_members);
    if (pointers_only) return;
    const std::byte* const vector = sink_.last();
    for (std::uint32_t i = 0; i < count && !sink_.full(); ++i) {
        sink_.add_string(BlobKind::kElement, load64(vector + std::size_t{i} * 8),
                         limits_.string_bytes);
    }
}

void Walker::iocbs(std::uint64_t address, std::uint64_t count) noexcept {
    const std::uint64_t taken = least(count, limits_.array_members);
    const std::uint32_t got =
        sink_.add(BlobKind::kMain, address, taken * sizeof(std::uint64_t), count > taken) / 8;
    const std::byte* const vector = sink_.last();
    for (std::uint32_t i = 0; i < got && !sink_.full(); ++i) {
        sink_.add(BlobKind::kElement, load64(vector + std::size_t{i} * 8), kIocbBytes, false);
    }
}

/// Argument whose value-result length bounds another one, or -1.
int length_pointer(const SyscallDesc& desc) {
    for (unsigned i = 0; i < desc.nargs; ++i) {
        if (desc.args[i].len_kind == LenKind::kArgPtr) return desc.args[i].len_arg - 1;
    }
    return -1;
}

}  // namespace

std::uint32_t SyscallCapture::capacity() const noexcept {
    const auto header = static_cast<std::uint32_t>(sizeof(RecordHeader));
    return limits_.event_bytes < header ? 0 : (limits_.event_bytes - header) & ~7u;
}

void SyscallCapture::restart() noexcept {
    SyscallPayload payload = {};
    payload.nr = nr_;
    payload.abi = static_cast<std::uint8_t>(abi_);
    payload.nargs = 6;
    payload.start = start_;
    __builtin_memcpy(scratch_, &payload, sizeof(payload));
    __builtin_memcpy(scratch_ + sizeof(payload), args_, sizeof(args_));
    used_ = sizeof(payload) + sizeof(args_);
    flags_ = 0;
}

void SyscallCapture::begin(std::byte* scratch, Abi abi, std::uint32_t nr,
                           const std::uint64_t (&args)[6], std::uint64_t start,
                           const Limits& limits, Memory memory) noexcept {
    scratch_ = scratch;
    nr_ = nr;
    abi_ = abi;
    limits_ = limits;
    start_ = start;
    __builtin_memcpy(args_, args, sizeof(args_));
    entry_length_ = kNoLimit;
    desc_ = find_syscall(abi, nr);
    restart();
    if (desc_ == nullptr || (desc_->attrs & kAttrReadsEntry) == 0) return;
    BlobSink sink(scratch_, used_, flags_, capacity(), memory, 0);
    Walker(sink, *desc_, args_, limits_, 0, kNoLimit).walk();
    const int index = length_pointer(*desc_);
    std::uint32_t value = 0;
    if (index >= 0 && sink.peek(args_[index], &value, sizeof(value))) entry_length_ = value;
}

void SyscallCapture::begin_exit() noexcept { restart(); }

void SyscallCapture::finish(std::int64_t ret, Memory memory) noexcept {
    __builtin_memcpy(scratch_ + offsetof(SyscallPayload, ret), &ret, sizeof(ret));
    if (desc_ == nullptr || (desc_->attrs & kAttrReadsExit) == 0) return;
    if (ret < 0 && ret >= -4095) {
        const bool remains =
            (desc_->attrs & kAttrRemains) != 0 && (ret == kEintr || ret == kErestartRestartblock);
        if (!remains) return;
    }
    BlobSink sink(scratch_, used_, flags_, capacity(), memory, 1);
    Walker(sink, *desc_, args_, limits_, ret, entry_length_).walk();
}

}  // namespace utrace::capture
