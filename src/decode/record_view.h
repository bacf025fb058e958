// SPDX-License-Identifier: MIT
// what:     bounds-checked reading of one copied-out record; the bytes may be hostile.
// who:      any thread; pure.
// lifetime: views point into the record's bytes.
// cost:     a few loads; no allocation beyond the blob list, which callers reuse.
// see:      docs/design/0001-architecture.md, "Records".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "utrace/record.h"

namespace utrace::decode {

using Bytes = std::span<const std::byte>;

/// The T at `offset`, or zeros when it is not wholly inside `bytes`.
template <class T>
T load(Bytes bytes, std::size_t offset = 0) {
    T value{};
    if (offset <= bytes.size() && bytes.size() - offset >= sizeof(T)) {
        std::memcpy(&value, bytes.data() + offset, sizeof(T));
    }
    return value;
}

/// What an argument pointed to.
struct Blob {
    Bytes bytes;
    std::uint8_t arg = 0;    ///< 0..5, 6 = the result
    std::uint8_t when = 0;   ///< 0 entry, 1 exit
    std::uint8_t flags = 0;  ///< BlobFlag
    BlobKind kind = BlobKind::kMain;

    bool cut() const { return (flags & kBlobCut) != 0; }
    bool fault() const { return (flags & kBlobFault) != 0; }
};

struct SyscallView {
    SyscallPayload head{};
    std::array<std::uint64_t, 6> args{};
    Bytes blobs;  ///< unparsed; see append_blobs()
};

class RecordView {
  public:
    /// Null when `bytes` is no whole record.
    static std::optional<RecordView> parse(Bytes bytes);

    const RecordHeader& header() const { return header_; }
    RecordType type() const { return static_cast<RecordType>(header_.type); }
    Bytes payload() const { return payload_; }

    /// The payload as one of the fixed structs; false when it is too short.
    template <class T>
    bool read(T& to) const {
        if (payload_.size() < sizeof(T)) {
            return false;
        }
        std::memcpy(&to, payload_.data(), sizeof(T));
        return true;
    }

    std::optional<SyscallView> syscall() const;

  private:
    RecordHeader header_{};
    Bytes payload_;
};

/// Appends the blobs of `view`; unknown kinds are skipped, a torn tail ends the list.
void append_blobs(const SyscallView& view, std::vector<Blob>& to);

}  // namespace utrace::decode
