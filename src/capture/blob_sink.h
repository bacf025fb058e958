// SPDX-License-Identifier: MIT
// what:     appends blobs to a payload: bounded reads of the task's memory into scratch.
// who:      the capture code only, on the thread that owns the scratch. Freestanding.
// lifetime: one direction (entry or exit) of one call.
// cost:     one memory read a blob; strings one a page or 256 bytes.
// see:      docs/design/0001-architecture.md, "Capture and decode are separate".
#pragma once

#include <cstddef>
#include <cstdint>

#include "capture/capture.h"

namespace utrace::capture {

class BlobSink {
  public:
    BlobSink(std::byte* scratch, std::uint32_t& used, std::uint16_t& flags, std::uint32_t capacity,
             Memory memory, std::uint8_t when) noexcept
        : scratch_(scratch),
          used_(used),
          flags_(flags),
          capacity_(capacity),
          memory_(memory),
          when_(when) {}

    /// Which argument the next blobs belong to.
    void argument(unsigned index) noexcept { arg_ = static_cast<std::uint8_t>(index); }
    std::uint8_t when() const noexcept { return when_; }
    bool full() const noexcept { return full_; }

    /// Copies `size` bytes; `cut` says that more existed than the caller asks for.
    /// Returns how many were copied; they are at last().
    std::uint32_t add(BlobKind kind, std::uint64_t address, std::uint64_t size, bool cut) noexcept;

    /// Copies a NUL-terminated string with its NUL, at most `limit` bytes before it.
    void add_string(BlobKind kind, std::uint64_t address, std::uint32_t limit) noexcept;

    /// Copies 8-byte words up to and with the first zero, at most `limit` words before it.
    /// Returns the number of words before the zero.
    std::uint32_t add_vector(std::uint64_t address, std::uint32_t limit) noexcept;

    /// Reads without making a blob; false when not all could be read.
    bool peek(std::uint64_t address, void* to, std::size_t size) noexcept {
        return address != 0 && memory_.read(memory_.context, address, to, size) == size;
    }

    /// Bytes of the newest blob; valid until the payload is restarted.
    const std::byte* last() const noexcept { return scratch_ + last_; }

  private:
    /// Room for the bytes of one more blob; sets full_ when there is none.
    std::uint32_t room() noexcept;
    /// Writes the header before `size` bytes that are already in place, and pads them.
    void close(BlobKind kind, std::uint32_t size, std::uint8_t blob_flags) noexcept;
    void truncated() noexcept;
    std::byte* bytes() const noexcept { return scratch_ + used_ + sizeof(BlobHeader); }

    std::byte* scratch_;
    std::uint32_t& used_;
    std::uint16_t& flags_;
    std::uint32_t capacity_;
    Memory memory_;
    std::uint32_t last_ = 0;
    std::uint8_t when_;
    std::uint8_t arg_ = 0;
    bool full_ = false;
};

}  // namespace utrace::capture
