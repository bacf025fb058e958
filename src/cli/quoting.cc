// SPDX-License-Identifier: MIT
#include "cli/quoting.h"

#include <cstdint>

#include <fmt/format.h>

#include "decode/quote.h"

namespace utrace::cli {

namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
    return static_cast<unsigned char>(text[i]);
}

}  // namespace

std::size_t utf8_length(std::string_view text) noexcept {
    if (text.empty()) return 0;
    const unsigned lead = byte_at(text, 0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xc2 && lead < 0xe0   ? 2
                               : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
    if (length == 0 || text.size() < length) return 0;
    std::uint32_t code = lead & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const unsigned next = byte_at(text, i);
        if ((next & 0xc0) != 0x80) return 0;
        code = (code << 6) | (next & 0x3f);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    return overlong || surrogate || code > 0x10ffff ? 0 : length;
}

std::string escape_foreign(std::string_view bytes) {
    const std::string marked = decode::quote(decode::TaintedBytes(bytes));
    return marked.substr(1, marked.size() - 2);  // messages bring their own quotation marks
}

std::size_t columns_of(std::string_view text) noexcept {
    std::size_t columns = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if ((byte_at(text, i) & 0xc0) != 0x80) ++columns;
    return columns;
}

std::string cut_columns(std::string_view text, std::size_t limit) {
    if (columns_of(text) <= limit) return std::string(text);
    std::string out;
    for (std::size_t used = 0; used + 1 < limit && !text.empty(); ++used) {
        std::size_t length = utf8_length(text);
        if (length == 0) length = 1;
        out += text.substr(0, length);
        text.remove_prefix(length);
    }
    return out + "…";
}

std::string json_string(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const unsigned byte = byte_at(text, 0);
        const std::size_t length = utf8_length(text);
        if (byte == '"' || byte == '\\') {
            out += '\\';
            out += static_cast<char>(byte);
        } else if (byte < 0x20 || length == 0) {
            out += fmt::format("\\u{:04x}", byte);
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out + '"';
}

}  // namespace utrace::cli
