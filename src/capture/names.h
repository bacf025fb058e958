// SPDX-License-Identifier: MIT
// what:     names and texts of error numbers and signals, both ways.
// who:      anybody; immutable static data generated from data/errnos.tsv and data/signals.tsv.
// lifetime: static.
// cost:     binary search by number, a scan by name. Freestanding.
// see:      data/README.md.
#pragma once

#include <string_view>

namespace utrace::capture {

/// "ENOENT" for 2; null when `number` has no name. Takes the positive number.
const char* errno_name(int number) noexcept;
/// "No such file or directory" for 2; null when `number` has no name.
const char* errno_text(int number) noexcept;
/// 2 for "ENOENT", -1 when there is no such name. "EWOULDBLOCK" and other aliases are known.
int errno_number(std::string_view name) noexcept;

/// "SIGINT" for 2, "SIGRTMIN" for 32, "SIGRT_1" for 33; null when `number` is no signal.
const char* signal_name(int number) noexcept;
/// "Interrupt" for 2; null when `number` is no signal.
const char* signal_text(int number) noexcept;
/// 2 for "SIGINT" or "INT", -1 when there is no such name.
int signal_number(std::string_view name) noexcept;

}  // namespace utrace::capture
