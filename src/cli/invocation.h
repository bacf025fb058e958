// SPDX-License-Identifier: MIT
// what:     what the user asked for, as plain data: the result of parsing a command line.
// who:      made by parse(), read by the verbs.
// lifetime: value; owns its strings.
// cost:     built once per process.
// see:      docs/man/utrace.1.scd, "OPTIONS".
#pragma once

#include <sys/types.h>

#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

namespace utrace::cli {

inline constexpr std::size_t kSyscallSetSize = 512;
using SyscallSet = std::bitset<kSyscallSetSize>;
using SignalSet = std::bitset<65>;  ///< indexed by signal number

enum class Verb : std::uint8_t {
    kRun,
    kAttach,
    kEngines,
    kDoctor,
    kExplain,
    kHelp,
    kVersion,
    kLater,  ///< named by the manual, not in this version; never in an Invocation
};

enum class EngineKind : std::uint8_t { kLog, kCount };

/// Bits of EngineSpec::status: which results are shown.
enum StatusBit : std::uint8_t {
    kStatusSuccessful = 0x01,
    kStatusFailed = 0x02,
    kStatusUnfinished = 0x04,
    kStatusUnavailable = 0x08,
    kStatusDetached = 0x10,
    kStatusAll = 0x1f,
};

/// Bits of EngineSpec::quiet: which notices are left out of the log.
enum QuietBit : std::uint8_t {
    kQuietAttach = 0x01,
    kQuietExit = 0x02,
    kQuietPathResolution = 0x04,
    kQuietPersonality = 0x08,
    kQuietThreadExecve = 0x10,
    kQuietSuperseded = 0x20,
    kQuietAll = 0x3f,
};

struct EngineSpec {
    EngineKind kind = EngineKind::kLog;
    std::string id;  ///< "log#1"
    int level = 0;   ///< nearer to the program when higher
    SyscallSet syscalls = ~SyscallSet{};
    SignalSet signals = ~SignalSet{};
    std::uint8_t status = kStatusAll;        ///< StatusBit
    std::uint8_t quiet = 0;                  ///< QuietBit
    SyscallSet raw;                          ///< raw=: arguments shown as numbers
    SyscallSet abbreviated = ~SyscallSet{};  ///< abbrev=: long structures and vectors are cut
    SyscallSet followed = ~SyscallSet{};     ///< verbose=: structures are shown, not addresses
    bool string_limit_set = false;
    std::uint32_t string_limit = 32;  ///< from the key s=; else Invocation::text.string_limit
    std::string output;               ///< key o=; empty: the invocation's
};

enum class Follow : std::uint8_t { kNone, kThreads, kAll, kTree };
enum class HostChoice : std::uint8_t { kAuto, kPtrace };
enum class Colour : std::uint8_t { kAuto, kAlways, kNever };
enum class TimeStamp : std::uint8_t { kNone, kSeconds, kMicroseconds, kEpoch };
enum class HexStrings : std::uint8_t { kNone, kNonText, kAll };
enum class ConstantStyle : std::uint8_t { kSymbols, kRaw, kVerbose };

/// How log lines look.
struct TextChoice {
    TimeStamp stamp = TimeStamp::kNone;
    bool relative = false;   ///< -r
    bool durations = false;  ///< -T
    bool numbers = false;    ///< -n: the call's number
    bool names = false;      ///< -Y: pids with the name of their command
    bool whole = false;      ///< -v: structures and environment are not abbreviated
    HexStrings hex = HexStrings::kNone;
    ConstantStyle constants = ConstantStyle::kSymbols;
    std::uint32_t string_limit = 32;
    std::uint32_t column = 40;  ///< where '=' stands
};

/// A change of the command's environment; without `set`, the variable is removed.
struct EnvChange {
    std::string name;
    std::string value;
    bool set = false;
};

struct Invocation {
    Verb verb = Verb::kRun;
    bool verb_implied = false;        ///< no verb was typed
    std::vector<EngineSpec> engines;  ///< in attach order; never empty for run and attach
    std::vector<pid_t> pids;
    std::vector<std::string> command;  ///< with its arguments
    std::string output;                ///< -o; empty: stderr
    Follow follow = Follow::kAll;
    HostChoice host = HostChoice::kAuto;
    std::uint64_t ring_bytes = 0;  ///< 0: the default
    std::uint64_t limit_ns = 0;    ///< --for; 0: none
    bool kill_on_exit = false;
    bool stats = false;
    bool fail_on_drop = false;
    std::string user;                    ///< -u
    std::vector<EnvChange> environment;  ///< -E, in the order given
    TextChoice text;
    Colour colour = Colour::kAuto;
    bool json = false;               ///< --format json
    unsigned quiet = 0;              ///< number of -q
    unsigned verbose = 0;            ///< number of -v
    std::vector<std::string> words;  ///< arguments of engines, explain, help, doctor
};

}  // namespace utrace::cli
