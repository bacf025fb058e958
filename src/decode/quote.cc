// SPDX-License-Identifier: MIT
#include "decode/quote.h"

namespace utrace::decode {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

constexpr bool is_printable(unsigned char c) { return c >= 0x20 && c <= 0x7e; }
constexpr bool is_space(unsigned char c) { return c >= '\t' && c <= '\r'; }

void append_hex(unsigned char c, std::string& out) {
    const char text[4] = {'\\', 'x', kHexDigits[c >> 4], kHexDigits[c & 15]};
    out.append(text, sizeof text);
}

/// Shortest octal form; three digits when the next byte could be read as one of them.
void append_octal(unsigned char c, bool digit_follows, std::string& out) {
    out += '\\';
    if (digit_follows || c >= 0100) {
        out += static_cast<char>('0' + (c >> 6));
    }
    if (digit_follows || c >= 010) {
        out += static_cast<char>('0' + ((c >> 3) & 7));
    }
    out += static_cast<char>('0' + (c & 7));
}

char simple_escape(unsigned char c) {
    switch (c) {
        case '\t':
            return 't';
        case '\n':
            return 'n';
        case '\v':
            return 'v';
        case '\f':
            return 'f';
        case '\r':
            return 'r';
        case '"':
            return '"';
        case '\\':
            return '\\';
        default:
            return 0;
    }
}

bool wants_hex(std::span<const std::byte> bytes, HexMode mode) {
    if (mode != HexMode::kNonText) {
        return mode == HexMode::kAll;
    }
    for (const std::byte b : bytes) {
        const auto c = static_cast<unsigned char>(b);
        if (!is_printable(c) && !is_space(c)) {
            return true;
        }
    }
    return false;
}

/// Length of the well-formed UTF-8 sequence at the start of `s`, 0 when there is none.
std::size_t utf8_length(std::span<const std::byte> s) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    const unsigned char c = at(0);
    const std::size_t n = c < 0x80   ? 1
                          : c < 0xc2 ? 0
                          : c < 0xe0 ? 2
                          : c < 0xf0 ? 3
                          : c < 0xf5 ? 4
                                     : 0;
    if (n == 0 || n > s.size()) {
        return 0;
    }
    for (std::size_t i = 1; i < n; ++i) {
        if ((at(i) & 0xc0) != 0x80) {
            return 0;
        }
    }
    const unsigned char second = n > 1 ? at(1) : 0;
    const bool overlong = (c == 0xe0 && second < 0xa0) || (c == 0xf0 && second < 0x90);
    const bool beyond = (c == 0xed && second >= 0xa0) || (c == 0xf4 && second >= 0x90);
    const bool control = c == 0xc2 && second < 0xa0;  // U+0080..U+009F
    // U+2028..U+202E and U+2066..U+2069 reorder or break a line.
    const bool reorders = n == 3 && c == 0xe2 &&
                          ((second == 0x80 && at(2) >= 0xa8 && at(2) <= 0xae) ||
                           (second == 0x81 && at(2) >= 0xa6 && at(2) <= 0xa9));
    return overlong || beyond || control || reorders ? 0 : n;
}

}  // namespace

void quote(TaintedBytes tainted, QuoteStyle style, std::string& out) {
    const auto bytes = tainted.bytes();
    if (style.marks) {
        out += '"';
    }
    if (wants_hex(bytes, style.hex)) {
        for (const std::byte b : bytes) {
            append_hex(static_cast<unsigned char>(b), out);
        }
    } else {
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            const auto c = static_cast<unsigned char>(bytes[i]);
            const bool escape_plain = style.escape_angle && (c == '<' || c == '>');
            if (const char e = simple_escape(c); e != 0) {
                out += '\\';
                out += e;
            } else if (is_printable(c) && !escape_plain) {
                out += static_cast<char>(c);
            } else {
                const auto next =
                    i + 1 < bytes.size() ? static_cast<unsigned char>(bytes[i + 1]) : 0;
                append_octal(c, next >= '0' && next <= '7', out);
            }
        }
    }
    if (style.marks) {
        out += '"';
    }
}

std::string quote(TaintedBytes tainted) {
    auto rest = tainted.bytes();
    std::string out = "'";
    while (!rest.empty()) {
        const auto c = static_cast<unsigned char>(rest[0]);
        std::size_t step = 1;
        if (c == '\'') {
            out += "\\'";
        } else if (const char e = c == '"' ? '\0' : simple_escape(c); e != 0) {
            out += '\\';
            out += e;
        } else if (is_printable(c)) {
            out += static_cast<char>(c);
        } else if (const std::size_t n = c < 0x80 ? 0 : utf8_length(rest); n != 0) {
            out.append(reinterpret_cast<const char*>(rest.data()), n);
            step = n;
        } else {
            append_hex(c, out);
        }
        rest = rest.subspan(step);
    }
    out += '\'';
    return out;
}

}  // namespace utrace::decode
