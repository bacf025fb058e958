// SPDX-License-Identifier: MIT
// what:     the declarative tables of the command line: verbs, options, engines, keys, qualifiers.
// who:      parsing, help, "did you mean" and the manual read them; nothing else lists an option.
// lifetime: static.
// cost:     none.
// see:      docs/man/utrace.1.scd, "OPTIONS".
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "cli/invocation.h"

namespace utrace::cli {

constexpr std::uint32_t verb_bit(Verb verb) { return 1u << static_cast<unsigned>(verb); }
inline constexpr std::uint32_t kTracing = verb_bit(Verb::kRun) | verb_bit(Verb::kAttach);
inline constexpr std::uint32_t kAnyVerb = ~0u;

struct VerbDesc {
    const char* name;
    Verb verb;             ///< kLater: refused with `does` and `instead`
    const char* synopsis;  ///< what follows the name
    const char* does;
    const char* instead;  ///< for kLater: what to type in this version
};

enum class Opt : std::uint8_t {
    kEngine,
    kPid,
    kOutput,
    kFollow,
    kFollowAll,
    kNoFollow,
    kHost,
    kRing,
    kWhenFull,
    kFor,
    kKillOnExit,
    kUser,
    kEnv,
    kStamp,
    kRelative,
    kDurations,
    kNumbers,
    kStringLimit,
    kHex,
    kConstants,
    kColumn,
    kNames,
    kStats,
    kFailOnDrop,
    kFormat,
    kJson,
    kColour,
    kQuiet,
    kVerbose,
    kHelp,
    kVersion,
    kLater,  ///< known to the manual or to strace, not in this version
};

struct OptionDesc {
    Opt opt;
    char letter;          ///< 0: none
    const char* name;     ///< long name without dashes; null: none
    const char* arg;      ///< name of its value; null: takes none
    std::uint32_t verbs;  ///< bits of verb_bit()
    const char* does;
    const char* instead;  ///< for Opt::kLater: what to type in this version; else the default
};

enum class Key : std::uint8_t {
    kTrace,
    kSignal,
    kStatus,
    kQuiet,
    kString,
    kAbbrev,
    kVerbose,
    kRaw,
    kBy,
    kId,
    kLevel,
    kOutput,
    kLater,
};

inline constexpr unsigned kForLog = 1u << static_cast<unsigned>(EngineKind::kLog);
inline constexpr unsigned kForCount = 1u << static_cast<unsigned>(EngineKind::kCount);

/// One key of an engine; the log's keys are the qualifiers of -e QUALIFIER= as well.
struct KeyDesc {
    Key key;
    const char* name;
    unsigned engines;  ///< kForLog | kForCount
    bool qualifier;    ///< may be written -e NAME=VALUE
    const char* value;
    const char* fallback;  ///< default
    const char* does;      ///< for kLater: what to type instead
};

struct EngineDesc {
    const char* name;
    bool here;  ///< false: refused; `does` says what it will do
    EngineKind kind;
    const char* does;
};

std::span<const VerbDesc> verbs() noexcept;
std::span<const OptionDesc> options() noexcept;
std::span<const KeyDesc> keys() noexcept;
std::span<const EngineDesc> engines() noexcept;

const VerbDesc* find_verb(std::string_view name) noexcept;
const VerbDesc& verb_desc(Verb verb) noexcept;
const EngineDesc* find_engine(std::string_view name) noexcept;
const char* engine_name(EngineKind kind) noexcept;

}  // namespace utrace::cli
