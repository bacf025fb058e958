// SPDX-License-Identifier: MIT
// what:     how foreign bytes and long texts are made fit for a terminal line or a JSON string.
// who:      src/cli; pure functions.
// lifetime: results own their text.
// cost:     one pass over the text.
// see:      docs/man/utrace.1.scd, "MESSAGES".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace utrace::cli {

inline constexpr std::size_t kMaxMessageColumns = 100;

/// decode::quote() without its marks: C escapes for control characters, bad UTF-8, quotes and
/// backslashes.
std::string escape_foreign(std::string_view bytes);
/// `text` cut to `limit` columns, the last one being "…" when something was cut.
std::string cut_columns(std::string_view text, std::size_t limit);
/// Characters of UTF-8 `text`.
std::size_t columns_of(std::string_view text) noexcept;
/// `text` as a JSON string with its quotes.
std::string json_string(std::string_view text);
/// Length of the well-formed UTF-8 character that opens `text`, 0 when there is none.
std::size_t utf8_length(std::string_view text) noexcept;

}  // namespace utrace::cli
