// SPDX-License-Identifier: MIT
#include "decode/writer.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <ctime>

#include "capture/names.h"

namespace utrace::decode {
namespace {

constexpr unsigned kRealTimeMin = 32;
constexpr unsigned kRealTimeMax = 64;

std::size_t until_nul(Bytes bytes) {
    return static_cast<std::size_t>(std::find(bytes.begin(), bytes.end(), std::byte{0}) -
                                    bytes.begin());
}

}  // namespace

Writer& Writer::dec(std::int64_t value) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out_.append(text, static_cast<std::size_t>(end - text));
    return *this;
}

Writer& Writer::udec(std::uint64_t value) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out_.append(text, static_cast<std::size_t>(end - text));
    return *this;
}

Writer& Writer::hex(std::uint64_t value) {
    if (value == 0) {
        return put('0');
    }
    char text[18] = {'0', 'x'};
    const auto end = std::to_chars(text + 2, text + sizeof text, value, 16).ptr;
    out_.append(text, static_cast<std::size_t>(end - text));
    return *this;
}

Writer& Writer::ptr(std::uint64_t address) { return address == 0 ? put("NULL") : hex(address); }

Writer& Writer::hex_digits(std::uint64_t value, unsigned width) {
    char text[16];
    const auto n = static_cast<unsigned>(std::to_chars(text, text + 16, value, 16).ptr - text);
    out_.append(n < width ? width - n : 0, '0');
    out_.append(text, n);
    return *this;
}

Writer& Writer::dec_fill(std::uint64_t value, unsigned width, char fill) {
    char text[24];
    const auto n = static_cast<unsigned>(std::to_chars(text, text + sizeof text, value).ptr - text);
    out_.append(n < width ? width - n : 0, fill);
    out_.append(text, n);
    return *this;
}

Writer& Writer::octal(std::uint64_t value) {
    char text[24] = {'0'};
    const auto n =
        static_cast<unsigned>(std::to_chars(text + 1, text + sizeof text, value, 8).ptr - text);
    if (value == 0) {
        return put("000");
    }
    out_.append(n < 3 ? 3 - n : 0, '0');
    out_.append(text, n);
    return *this;
}

Writer& Writer::mode(std::uint32_t value) {
    struct Type {
        std::uint32_t value;
        std::string_view name;
    };
    static constexpr Type kTypes[] = {
        {0100000, "S_IFREG"}, {0040000, "S_IFDIR"}, {0120000, "S_IFLNK"}, {0020000, "S_IFCHR"},
        {0060000, "S_IFBLK"}, {0010000, "S_IFIFO"}, {0140000, "S_IFSOCK"}};
    constexpr std::uint32_t kTypeMask = 0170000;
    if (options_.xlat == XlatStyle::kRaw) {
        return octal(value);
    }
    for (const Type& type : kTypes) {
        if ((value & kTypeMask) != type.value) {
            continue;
        }
        if (options_.xlat == XlatStyle::kVerbose) {
            octal(value).put(" /* ");
        }
        put(type.name);
        put((value & 04000) != 0 ? "|S_ISUID" : "").put((value & 02000) != 0 ? "|S_ISGID" : "");
        put((value & 01000) != 0 ? "|S_ISVTX" : "").put('|');
        octal(value & ~(kTypeMask | 07000u));
        return options_.xlat == XlatStyle::kVerbose ? put(" */") : *this;
    }
    return octal(value);
}

Writer& Writer::dev(std::uint64_t device) {
    const std::uint64_t major = ((device >> 8) & 0xfff) | ((device >> 32) & ~std::uint64_t{0xfff});
    const std::uint64_t minor = (device & 0xff) | ((device >> 12) & 0xffffff00);
    return put("makedev(").hex(major).next().hex(minor).put(')');
}

Writer& Writer::id(std::uint32_t value) {
    return value == ~std::uint32_t{0} ? put("-1") : udec(value);
}

Writer& Writer::signal(std::int64_t number) {
    if (options_.xlat == XlatStyle::kRaw || number < 1 || number > kRealTimeMax) {
        return dec(number);
    }
    const bool verbose = options_.xlat == XlatStyle::kVerbose;
    if (verbose) {
        dec(number).put(" /* ");
    }
    if (number == kRealTimeMin) {
        put("SIGRTMIN");
    } else if (number > kRealTimeMin) {
        put("SIGRT_").dec(number - kRealTimeMin);
    } else {
        put(capture::signal_name(static_cast<int>(number)));
    }
    return verbose ? put(" */") : *this;
}

Writer& Writer::sigset(Bytes mask) {
    std::uint64_t set = 0;
    const std::size_t bits = std::min<std::size_t>(mask.size(), sizeof set) * 8;
    for (std::size_t i = 0; i < bits / 8; ++i) {
        set |= static_cast<std::uint64_t>(mask[i]) << (8 * i);
    }
    if (static_cast<std::size_t>(std::popcount(set)) >= bits * 2 / 3 && bits != 0) {
        put('~');
        set = ~set & (bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1);
    }
    put('[');
    bool first = true;
    for (; set != 0; set &= set - 1) {
        const auto number = static_cast<unsigned>(std::countr_zero(set)) + 1;
        put(first ? "" : " ");
        first = false;
        if (number == kRealTimeMin) {
            put("RTMIN");
        } else if (number > kRealTimeMin) {
            put("RT_").udec(number - kRealTimeMin);
        } else {
            put(capture::signal_name(static_cast<int>(number)) + 3);
        }
    }
    return put(']');
}

Writer& Writer::time_comment(std::int64_t seconds, std::int64_t nanoseconds) {
    if (seconds == 0 && nanoseconds == 0) {
        return *this;
    }
    const std::time_t when = seconds;
    std::tm local{};
    if (localtime_r(&when, &local) == nullptr) {
        return *this;
    }
    char text[40];
    put(" /* ").put({text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &local)});
    if (nanoseconds != 0) {
        put('.').dec_fill(static_cast<std::uint64_t>(nanoseconds), 9, '0');
    }
    return put({text, std::strftime(text, sizeof text, "%z", &local)}).put(" */");
}

/// Names of the bits of `value`; false when no row said anything.
bool Writer::bit_names(const XlatSet& set, std::uint64_t value) {
    std::uint64_t rest = value;
    std::uint64_t fields = 0;
    bool any = false;
    for (std::uint32_t i = 0; i < set.nr_rows; ++i) {
        const capture::Xlat& row = set.rows[i];
        const bool single = row.mask == row.value;
        if (single ? (row.value == 0 ? value != 0 || any : (rest & row.value) != row.value)
                   : ((value & row.mask) != row.value || (fields & row.mask) == row.mask)) {
            continue;
        }
        put(any ? "|" : "").put(row.name);
        any = true;
        rest &= ~row.mask;
        fields |= single ? 0 : row.mask;
    }
    if (any && rest != 0) {
        put('|').hex(rest);
    }
    return any;
}

Writer& Writer::flags(const XlatSet& set, std::uint64_t value) {
    if (!set.bitmask && set.nr_rows != 0) {
        return symbol(set, value);
    }
    if (options_.xlat == XlatStyle::kRaw) {
        return hex(value);
    }
    const bool verbose = options_.xlat == XlatStyle::kVerbose;
    const std::size_t from = out_.size();
    if (verbose) {
        hex(value).put(" /* ");
    }
    if (bit_names(set, value)) {
        return verbose ? put(" */") : *this;
    }
    out_.resize(from);
    hex(value);
    return value != 0 && set.unknown != nullptr ? comment(set.unknown) : *this;
}

Writer& Writer::symbol(const XlatSet& set, std::uint64_t value) {
    const char* name = capture::xlat_name(set, value);
    if (options_.xlat == XlatStyle::kRaw) {
        return hex(value);
    }
    if (name == nullptr) {
        hex(value);
        return set.unknown != nullptr ? comment(set.unknown) : *this;
    }
    return named(name, value, false);
}

Writer& Writer::named(std::string_view name, std::uint64_t value, bool decimal) {
    if (options_.xlat == XlatStyle::kAbbrev) {
        return put(name);
    }
    decimal ? dec(static_cast<std::int64_t>(value)) : hex(value);
    return options_.xlat == XlatStyle::kVerbose ? comment(name) : *this;
}

Writer& Writer::string(Bytes bytes, bool cut) {
    quote(TaintedBytes(bytes), {.hex = options_.hex}, out_);
    return cut ? put("...") : *this;
}

Writer& Writer::text(Bytes bytes) {
    const std::size_t length = until_nul(bytes);
    const std::size_t limit = options_.string_limit;
    const bool cut = length > limit || length == bytes.size();
    return string(bytes.first(std::min(length, limit)), cut);
}

Writer& Writer::path(Bytes bytes) {
    const std::size_t length = until_nul(bytes);
    return string(bytes.first(length), length == bytes.size());
}

Writer& Writer::buffer(Bytes bytes, std::uint64_t size) {
    const std::uint64_t limit = options_.string_limit;
    const auto shown = std::min<std::uint64_t>({size, limit, bytes.size()});
    return string(bytes.first(shown), size > shown);
}

}  // namespace utrace::decode
