// SPDX-License-Identifier: MIT
// what:     appends the small parts lines are made of: numbers, addresses, names, flags, strings.
// who:      the printers of this folder.
// lifetime: on the stack while one line is made; borrows the line and the options.
// cost:     no allocation of its own; the line grows amortised.
// see:      docs/design/0001-architecture.md, "Text".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "capture/xlat.h"
#include "decode/quote.h"
#include "decode/record_view.h"
#include "decode/text_options.h"

namespace utrace::decode {

using capture::XlatId;
using capture::XlatSet;

class Writer {
  public:
    Writer(std::string& line, const TextOptions& style)
        : out_(line), options_(style), abbrev_(!style.verbose) {}

    const TextOptions& options() const { return options_; }
    std::string& out() { return out_; }
    bool abbrev() const { return abbrev_; }
    void set_abbrev(bool on) { abbrev_ = on; }

    Writer& put(char c) {
        out_ += c;
        return *this;
    }
    Writer& put(std::string_view text) {
        out_ += text;
        return *this;
    }
    Writer& dec(std::int64_t value);
    Writer& udec(std::uint64_t value);
    Writer& hex(std::uint64_t value);                         ///< 0x…; zero is 0
    Writer& ptr(std::uint64_t address);                       ///< 0x…; zero is NULL
    Writer& hex_digits(std::uint64_t value, unsigned width);  ///< no prefix, zero-filled
    Writer& dec_fill(std::uint64_t value, unsigned width, char fill);
    Writer& octal(std::uint64_t value);  ///< 0644; at least three characters
    Writer& next() { return put(", "); }
    /// `, name=` or, as the first field, `{name=`.
    Writer& first(std::string_view name) { return put('{').put(name).put('='); }
    Writer& field(std::string_view name) { return put(", ").put(name).put('='); }
    Writer& field_dec(std::string_view name, std::int64_t v) { return field(name).dec(v); }
    Writer& field_udec(std::string_view name, std::uint64_t v) { return field(name).udec(v); }
    Writer& field_hex(std::string_view name, std::uint64_t v) { return field(name).hex(v); }
    Writer& comment(std::string_view text) { return put(" /* ").put(text).put(" */"); }

    Writer& mode(std::uint32_t mode);   ///< S_IFREG|0644
    Writer& dev(std::uint64_t device);  ///< makedev(0x8, 0x1)
    Writer& id(std::uint32_t uid_or_gid);
    Writer& signal(std::int64_t number);
    Writer& time_comment(std::int64_t seconds, std::int64_t nanoseconds);

    /// Bits of `set`, joined by |.
    Writer& flags(const XlatSet& set, std::uint64_t value);
    /// One value of `set`.
    Writer& symbol(const XlatSet& set, std::uint64_t value);
    Writer& flags(XlatId set, std::uint64_t value) { return flags(capture::xlat_set(set), value); }
    Writer& symbol(XlatId set, std::uint64_t value) {
        return symbol(capture::xlat_set(set), value);
    }
    /// A name under -X: abbrev `NAME`, raw the number, verbose `number /* NAME */`.
    Writer& named(std::string_view name, std::uint64_t value, bool decimal);

    /// `"…"`, with `...` after the mark when `cut`.
    Writer& string(Bytes bytes, bool cut);
    /// Bytes up to the first NUL, at most string_limit.
    Writer& text(Bytes bytes);
    /// Bytes up to the first NUL, whole.
    Writer& path(Bytes bytes);
    /// A buffer of `size` bytes of which `bytes` were captured.
    Writer& buffer(Bytes bytes, std::uint64_t size);
    /// `[USR1 RT_4]`
    Writer& sigset(Bytes mask);

  private:
    bool bit_names(const XlatSet& set, std::uint64_t value);

    std::string& out_;
    const TextOptions& options_;
    bool abbrev_;
};

}  // namespace utrace::decode
