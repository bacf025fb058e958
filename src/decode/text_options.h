// SPDX-License-Identifier: MIT
// what:     how the text log looks: strace's output options.
// who:      the command line fills it; TextLog reads it.
// lifetime: value, fixed once a TextLog was made from it.
// cost:     none.
// see:      docs/design/0001-architecture.md, "Text"; utrace-log(1).
#pragma once

#include <bitset>
#include <cstdint>

#include "decode/quote.h"

namespace utrace::decode {

enum class TimeMode : std::uint8_t {
    kNone,
    kSeconds /* -t */,
    kMicros /* -tt */,
    kEpoch /* -ttt */
};
enum class XlatStyle : std::uint8_t { kAbbrev, kRaw, kVerbose };

enum class PidMode : std::uint8_t {
    kNone,
    kAuto,    ///< `[pid N] ` while more than one task is traced
    kAlways,  ///< `N     ` on every line
};

/// x86-64 system call numbers; numbers beyond are never members.
using SyscallSet = std::bitset<1024>;

struct TextOptions {
    std::uint32_t string_limit = 32;      ///< -s
    std::uint32_t array_limit = 32;       ///< members of an array
    std::uint32_t column = 40;            ///< -a
    TimeMode time = TimeMode::kNone;      ///< -t, -tt, -ttt
    bool relative = false;                ///< -r
    bool duration = false;                ///< -T
    bool number = false;                  ///< -n
    bool comm = false;                    ///< -Y: N<comm>
    bool fd_paths = false;                ///< -y: fds with the path captured for them
    HexMode hex = HexMode::kNone;         ///< -x, -xx
    XlatStyle xlat = XlatStyle::kAbbrev;  ///< -X
    bool verbose = false;                 ///< -v: nothing abbreviated
    PidMode pid = PidMode::kAuto;
    std::uint8_t quiet = 0;               ///< -q, -qq (no exit lines), -qqq
    SyscallSet raw{};                     ///< -e raw=
    SyscallSet unabbreviated{};           ///< -e abbrev=!SET
    SyscallSet opaque{};                  ///< -e verbose=!SET: structures as addresses
    std::int64_t realtime_offset_ns = 0;  ///< CLOCK_REALTIME minus CLOCK_MONOTONIC
};

}  // namespace utrace::decode
