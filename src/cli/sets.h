// SPDX-License-Identifier: MIT
// what:     parses sets of system calls, of signals, of results and of notices.
// who:      option and engine parsing; pure functions over the system-call table.
// lifetime: values.
// cost:     one pass over the table per member.
// see:      docs/man/utrace.1.scd, "SETS OF SYSTEM CALLS".
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "cli/invocation.h"
#include "cli/say.h"

namespace utrace::cli {

template <class T>
using Parsed = std::expected<T, Complaint>;

/// A complaint about usage, exit status 124.
[[nodiscard]] std::unexpected<Complaint> usage(Msg msg, Fields fields);

/// `text` is [!]MEMBER…, members joined by `separator` (',' for strace's form, '+' for an engine
/// key): a name, a number, %class, an old class name, all, none, /regex, ?name. A leading '!' means
/// everything but; a later member with '!' is taken away. `option` names the place in a complaint.
Parsed<SyscallSet> parse_syscall_set(std::string_view option, std::string_view text,
                                     char separator);
Parsed<SignalSet> parse_signal_set(std::string_view option, std::string_view text, char separator);
/// Bits of StatusBit.
Parsed<std::uint8_t> parse_status_set(std::string_view option, std::string_view text,
                                      char separator);
/// Bits of QuietBit.
Parsed<std::uint8_t> parse_quiet_set(std::string_view option, std::string_view text,
                                     char separator);

/// Parts of `text` between separators outside '…', "…", (…), […], {…}; quotes around a part stay.
std::vector<std::string_view> split_outside_quotes(std::string_view text, char separator);
/// `text` without a pair of quotes around it.
std::string_view unquoted(std::string_view text) noexcept;

/// Whether `word` is the name of a system call or looks like a set of them (%file, /re, a,b).
bool is_syscall_name(std::string_view word) noexcept;
bool looks_like_syscall_set(std::string_view word) noexcept;

}  // namespace utrace::cli
