// SPDX-License-Identifier: MIT
// what:     the one way from bytes of a traced program to text a human sees.
// who:      any thread; pure functions.
// lifetime: TaintedBytes is a view; it must not outlive the bytes.
// cost:     one pass over the bytes (two with HexMode::kNonText); appends to the caller's string.
// see:      docs/design/0001-architecture.md, "Quoting".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace utrace::decode {

/// Bytes somebody else wrote. There is no conversion to text but quote().
class TaintedBytes {
  public:
    constexpr TaintedBytes() = default;
    constexpr explicit TaintedBytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
    explicit TaintedBytes(std::string_view text) : bytes_(std::as_bytes(std::span(text))) {}

    constexpr std::size_t size() const { return bytes_.size(); }
    constexpr std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::span<const std::byte> bytes_;
};

enum class HexMode : std::uint8_t {
    kNone,     ///< C escapes and octal
    kNonText,  ///< -x: whole string in hex when one byte is neither printable nor white space
    kAll,      ///< -xx
};

struct QuoteStyle {
    HexMode hex = HexMode::kNone;
    bool marks = true;          ///< surround with "
    bool escape_angle = false;  ///< inside <…>: < and > are escaped too
};

/// Appends `bytes` in strace's form. Never emits a byte outside 0x20..0x7e.
void quote(TaintedBytes bytes, QuoteStyle style, std::string& out);

/// The form for messages: valid UTF-8 text stays readable, everything that could move a cursor,
/// quotes and backslashes are escaped; surrounded by '…'.
std::string quote(TaintedBytes bytes);

}  // namespace utrace::decode
