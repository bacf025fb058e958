// SPDX-License-Identifier: MIT
#include "cli/sets.h"

#include <regex.h>

#include <charconv>
#include <csignal>
#include <cstring>
#include <optional>

#include "capture/syscall_table.h"
#include "cli/exit_status.h"
#include "cli/suggest.h"

namespace utrace::cli {

namespace {

using capture::SyscallDesc;

struct ClassName {
    const char* name;
    std::uint64_t bits;
    bool old_form;  ///< also known without '%'
};

constexpr ClassName kClasses[] = {
    {"file", capture::kClassFile, true},
    {"desc", capture::kClassDesc, true},
    {"process", capture::kClassProcess, true},
    {"network", capture::kClassNetwork, true},
    {"net", capture::kClassNetwork, false},
    {"signal", capture::kClassSignal, true},
    {"ipc", capture::kClassIpc, true},
    {"memory", capture::kClassMemory, true},
    {"clock", capture::kClassClock, false},
    {"creds", capture::kClassCreds, false},
    {"stat", capture::kClassStat, false},
    {"lstat", capture::kClassLstat, false},
    {"fstat", capture::kClassFstat, false},
    {"%stat", capture::kClassStatLike, false},
    {"statfs", capture::kClassStatfs, false},
    {"fstatfs", capture::kClassFstatfs, false},
    {"%statfs", capture::kClassStatfsLike, false},
    {"pure", capture::kClassPure, false},
};

const ClassName* find_class(std::string_view name) noexcept {
    for (const auto& entry : kClasses)
        if (name == entry.name) return &entry;
    return nullptr;
}

/// The call in slot `nr`, or null for a hole in the numbering.
const SyscallDesc* call_at(std::uint32_t nr) noexcept {
    const SyscallDesc* desc = capture::find_syscall(Abi::kX86_64, nr);
    return desc != nullptr && desc->name != nullptr ? desc : nullptr;
}

std::uint32_t call_limit() noexcept {
    const std::uint32_t limit = capture::syscall_limit();
    return limit < kSyscallSetSize ? limit : static_cast<std::uint32_t>(kSyscallSetSize);
}

template <class Test>
SyscallSet calls_where(Test test) {
    SyscallSet set;
    for (std::uint32_t nr = 0; nr < call_limit(); ++nr)
        if (const SyscallDesc* desc = call_at(nr); desc != nullptr && test(*desc)) set.set(nr);
    return set;
}

SyscallSet calls_of_class(std::uint64_t bits) {
    return calls_where([&](const SyscallDesc& desc) { return (desc.classes & bits) != 0; });
}

std::optional<std::uint32_t> whole_number(std::string_view text) noexcept {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

class Regex {
  public:
    explicit Regex(const std::string& text) noexcept
        : status_(::regcomp(&compiled_, text.c_str(), REG_EXTENDED | REG_NOSUB)) {}
    ~Regex() {
        if (status_ == 0) ::regfree(&compiled_);
    }
    Regex(const Regex&) = delete;
    Regex& operator=(const Regex&) = delete;
    bool good() const noexcept { return status_ == 0; }
    bool matches(const char* text) const noexcept {
        return ::regexec(&compiled_, text, 0, nullptr, 0) == 0;
    }
    std::string problem() const {
        char text[128];
        ::regerror(status_, &compiled_, text, sizeof text);
        return text;
    }

  private:
    regex_t compiled_{};
    int status_;
};

Parsed<SyscallSet> regex_member(std::string_view option, std::string_view text) {
    const Regex regex{std::string(text)};
    if (!regex.good())
        return usage(
            Msg::kUsageRegex,
            {.arg = quote(text), .option = known(option), .error = quote(regex.problem())});
    return calls_where([&](const SyscallDesc& desc) { return regex.matches(desc.name); });
}

Parsed<SyscallSet> class_member(std::string_view option, std::string_view text) {
    if (const ClassName* entry = find_class(text)) return calls_of_class(entry->bits);
    Nearest nearest(text);
    for (const auto& entry : kClasses) nearest.offer(entry.name);
    const std::string near =
        nearest.found().empty() ? std::string() : "%" + std::string(nearest.found());
    return usage(
        Msg::kUsageClass,
        {.arg = quote("%" + std::string(text)), .near = known(near), .option = known(option)});
}

Parsed<SyscallSet> named_member(std::string_view option, std::string_view text) {
    // strace's personality suffix: only 64-bit calls are selected by name here.
    const std::string_view name = text.ends_with("@64") ? text.substr(0, text.size() - 3) : text;
    SyscallSet set;
    if (const auto number = whole_number(name)) {
        if (*number < kSyscallSetSize) return set.set(*number);
    } else if (const int nr = capture::syscall_number(name); nr >= 0) {
        if (static_cast<std::size_t>(nr) < kSyscallSetSize)
            return set.set(static_cast<std::size_t>(nr));
    } else if (const ClassName* entry = find_class(name); entry != nullptr && entry->old_form) {
        return calls_of_class(entry->bits);
    }
    Nearest nearest(name);
    for (std::uint32_t nr = 0; nr < call_limit(); ++nr)
        if (const SyscallDesc* desc = call_at(nr)) nearest.offer(desc->name);
    const Shown near = known(nearest.found());
    const std::string example =
        near.empty() ? "-e trace=%file" : "-e trace=" + std::string(nearest.found());
    return usage(
        Msg::kUsageSyscall,
        {.arg = quote(text), .near = near, .option = known(option), .example = known(example)});
}

Parsed<SyscallSet> syscall_member(std::string_view option, std::string_view text) {
    if (text == "all") return ~SyscallSet{};
    if (text == "none") return SyscallSet{};
    if (text.starts_with('/')) return regex_member(option, text.substr(1));
    if (text.starts_with('%')) return class_member(option, text.substr(1));
    if (text.starts_with('?')) {
        auto set = named_member(option, text.substr(1));
        if (!set) return SyscallSet{};
        return set;
    }
    return named_member(option, text);
}

/// The grammar all sets share: leading '!', members, taking away.
template <class Set, class Member>
Parsed<Set> parse_set(std::string_view text, char separator, const Set& everything,
                      Member parse_member) {
    const bool all_but = text.starts_with('!');
    if (all_but) text.remove_prefix(1);
    Set set = all_but ? everything : Set{};
    for (std::string_view part : split_outside_quotes(text, separator)) {
        part = unquoted(part);
        bool take_away = all_but;
        if (part.starts_with('!')) {
            take_away = true;
            part.remove_prefix(1);
        }
        auto member = parse_member(part);
        if (!member) return std::unexpected(member.error());
        set = take_away ? static_cast<Set>(set & static_cast<Set>(~*member))
                        : static_cast<Set>(set | *member);
    }
    return set;
}

std::optional<int> signal_number(std::string_view name) {
    if (const auto number = whole_number(name))
        return *number >= 1 && *number <= 64 ? std::optional<int>(static_cast<int>(*number))
                                             : std::nullopt;
    std::string upper(name);
    for (char& c : upper)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    std::string_view rest = upper;
    if (rest.starts_with("SIG")) rest.remove_prefix(3);
    // Real-time signals are counted from the kernel's 32, as the log prints them.
    if (rest.starts_with("RT_")) {
        const auto offset = whole_number(rest.substr(3));
        if (offset && *offset <= 32) return static_cast<int>(32 + *offset);
        return std::nullopt;
    }
    for (int signo = 1; signo < 32; ++signo)
        if (const char* abbreviation = ::sigabbrev_np(signo);
            abbreviation != nullptr && rest == abbreviation)
            return signo;
    return std::nullopt;
}

struct NamedBit {
    const char* name;
    std::uint8_t bits;
};

constexpr NamedBit kStatusNames[] = {
    {"successful", kStatusSuccessful},
    {"failed", kStatusFailed},
    {"unfinished", kStatusUnfinished},
    {"unavailable", kStatusUnavailable},
    {"detached", kStatusDetached},
    {"all", kStatusAll},
    {"none", 0},
};

constexpr NamedBit kQuietNames[] = {
    {"attach", kQuietAttach},
    {"exit", kQuietExit},
    {"path-resolution", kQuietPathResolution},
    {"personality", kQuietPersonality},
    {"thread-execve", kQuietThreadExecve},
    {"superseded", kQuietSuperseded},
    {"all", kQuietAll},
    {"none", 0},
};

template <std::size_t N>
Parsed<std::uint8_t> parse_named_bits(const NamedBit (&names)[N], std::string_view option,
                                      std::string_view text, char separator,
                                      std::uint8_t everything) {
    const auto member = [&](std::string_view word) -> Parsed<std::uint8_t> {
        Nearest nearest(word);
        std::string list;
        for (const auto& entry : names) {
            if (word == entry.name) return entry.bits;
            nearest.offer(entry.name);
            list += (list.empty() ? "" : " ") + std::string(entry.name);
        }
        return usage(Msg::kUsageWord, {.arg = quote(word),
                                       .near = known(nearest.found()),
                                       .option = known(option),
                                       .list = known(list),
                                       .example = known(std::string("-e ") + std::string(option) +
                                                        "=" + names[1].name)});
    };
    return parse_set<std::uint8_t>(text, separator, everything, member);
}

}  // namespace

std::unexpected<Complaint> usage(Msg msg, Fields fields) {
    return std::unexpected(Complaint{msg, std::move(fields), kExitUsage});
}

Parsed<SyscallSet> parse_syscall_set(std::string_view option, std::string_view text,
                                     char separator) {
    auto set = parse_set<SyscallSet>(text, separator, ~SyscallSet{}, [&](std::string_view member) {
        return syscall_member(option, member);
    });
    // "none" and an unknown ?name ask for nothing on purpose; a regex without a match does not.
    if (set && set->none() && text.find('/') != text.npos)
        return usage(Msg::kUsageEmptySet, {.arg = quote(text), .option = known(option)});
    return set;
}

Parsed<SignalSet> parse_signal_set(std::string_view option, std::string_view text, char separator) {
    const SignalSet everything = ~SignalSet{};
    const auto member = [&](std::string_view word) -> Parsed<SignalSet> {
        if (word == "all") return everything;
        if (word == "none") return SignalSet{};
        if (const auto signo = signal_number(word))
            return SignalSet{}.set(static_cast<std::size_t>(*signo));
        std::string_view bare = word.starts_with("SIG") ? word.substr(3) : word;
        Nearest nearest(bare);
        for (int signo = 1; signo < 32; ++signo)
            if (const char* name = ::sigabbrev_np(signo)) nearest.offer(name);
        const std::string near =
            nearest.found().empty() ? std::string() : "SIG" + std::string(nearest.found());
        return usage(Msg::kUsageSignal,
                     {.arg = quote(word), .near = known(near), .option = known(option)});
    };
    return parse_set<SignalSet>(text, separator, everything, member);
}

Parsed<std::uint8_t> parse_status_set(std::string_view option, std::string_view text,
                                      char separator) {
    return parse_named_bits(kStatusNames, option, text, separator, kStatusAll);
}

Parsed<std::uint8_t> parse_quiet_set(std::string_view option, std::string_view text,
                                     char separator) {
    return parse_named_bits(kQuietNames, option, text, separator, kQuietAll);
}

std::vector<std::string_view> split_outside_quotes(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    std::size_t start = 0;
    int depth = 0;
    char quoted_by = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted_by != 0) {
            if (c == quoted_by) quoted_by = 0;
        } else if (c == '"' || c == '\'') {
            quoted_by = c;
        } else if (c == '(' || c == '[' || c == '{') {
            ++depth;
        } else if ((c == ')' || c == ']' || c == '}') && depth > 0) {
            --depth;
        } else if (c == separator && depth == 0) {
            parts.push_back(text.substr(start, i - start));
            start = i + 1;
        }
    }
    parts.push_back(text.substr(start));
    return parts;
}

std::string_view unquoted(std::string_view text) noexcept {
    if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
        text.back() == text.front())
        return text.substr(1, text.size() - 2);
    return text;
}

bool is_syscall_name(std::string_view word) noexcept { return capture::syscall_number(word) >= 0; }

bool looks_like_syscall_set(std::string_view word) noexcept {
    if (word.empty()) return false;
    if (word.find_first_of("%!/?") == 0) return true;
    if (const ClassName* entry = find_class(word); entry != nullptr && entry->old_form) return true;
    const auto comma = word.find(',');
    return comma != word.npos && is_syscall_name(word.substr(0, comma));
}

}  // namespace utrace::cli
