// SPDX-License-Identifier: MIT
// what:     parses the plain values of options: numbers, sizes, times, lists of pids, words.
// who:      option and engine parsing; pure functions.
// lifetime: values.
// cost:     one pass over the text.
// see:      docs/man/utrace.1.scd, "OPTIONS".
#pragma once

#include <span>
#include <string_view>

#include "cli/sets.h"

namespace utrace::cli {

/// Digits only, at most `max`.
Parsed<std::uint32_t> parse_number(std::string_view option, std::string_view text,
                                   std::uint32_t max);
/// A size with K, M or G (powers of 1024).
Parsed<std::uint64_t> parse_size(std::string_view option, std::string_view text);
/// A time in nanoseconds: ns us ms s m h, fractions allowed, a bare number is seconds.
Parsed<std::uint64_t> parse_time(std::string_view option, std::string_view text);
/// PID[,PID…]; strace's blanks as separators too.
Parsed<std::vector<pid_t>> parse_pids(std::string_view option, std::string_view text);

/// One of `words`; its index.
Parsed<std::size_t> parse_word(std::string_view option, std::string_view text,
                               std::span<const char* const> words);

}  // namespace utrace::cli
