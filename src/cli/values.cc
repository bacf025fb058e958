// SPDX-License-Identifier: MIT
#include "cli/values.h"

#include <charconv>
#include <limits>
#include <optional>

#include "cli/suggest.h"

namespace utrace::cli {

namespace {

std::unexpected<Complaint> bad_value(std::string_view option, std::string_view text,
                                     std::string_view expect, std::string_view example) {
    return usage(Msg::kUsageValue, {.arg = quote(text),
                                    .option = known(option),
                                    .expect = known(expect),
                                    .example = known(example)});
}

struct Unit {
    const char* name;
    std::uint64_t factor;
};

constexpr Unit kSizeUnits[] = {{"", 1}, {"K", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}};
constexpr Unit kTimeUnits[] = {
    {"", 1'000'000'000},   {"s", 1'000'000'000},     {"ns", 1}, {"us", 1'000}, {"ms", 1'000'000},
    {"m", 60'000'000'000}, {"h", 3'600'000'000'000},
};

/// DIGITS[.DIGITS]UNIT as a whole number of the smallest unit, or nothing. Decimal arithmetic, so
/// that 0.1s is exact; digits beyond the smallest unit are dropped.
std::optional<std::uint64_t> with_unit(std::string_view text, std::span<const Unit> units,
                                       bool fractions) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    std::uint64_t whole = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (parsed.ec != std::errc{}) return std::nullopt;
    std::string_view rest(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    std::string_view fraction;
    if (fractions && rest.starts_with('.')) {
        rest.remove_prefix(1);
        const auto stop = rest.find_first_not_of("0123456789");
        fraction = rest.substr(0, stop);
        if (fraction.empty()) return std::nullopt;
        rest.remove_prefix(fraction.size());
    }
    for (const Unit& unit : units) {
        if (rest != unit.name) continue;
        if (whole > kMax / unit.factor) return std::nullopt;
        std::uint64_t total = whole * unit.factor;
        std::uint64_t place = unit.factor;
        for (const char digit : fraction) {
            place /= 10;
            total += place * static_cast<std::uint64_t>(digit - '0');
        }
        return total <= kMax ? std::optional(total) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

Parsed<std::uint32_t> parse_number(std::string_view option, std::string_view text,
                                   std::uint32_t max) {
    std::uint32_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || stop != end || number > max)
        return bad_value(option, text, "a number from 0 to " + std::to_string(max),
                         std::string(option) + " 64");
    return number;
}

Parsed<std::uint64_t> parse_size(std::string_view option, std::string_view text) {
    const auto size = with_unit(text, kSizeUnits, false);
    if (!size || *size == 0)
        return bad_value(option, text, "a size (digits, then K, M or G)",
                         std::string(option) + " 4M");
    return *size;
}

Parsed<std::uint64_t> parse_time(std::string_view option, std::string_view text) {
    const auto time = with_unit(text, kTimeUnits, true);
    if (!time || *time == 0)
        return bad_value(option, text, "a time (ns us ms s m h; a bare number is seconds)",
                         std::string(option) + " 1.5s");
    return *time;
}

Parsed<std::vector<pid_t>> parse_pids(std::string_view option, std::string_view text) {
    std::vector<pid_t> pids;
    std::string_view rest = text;
    while (true) {
        const auto stop = rest.find_first_of(", \t\n");
        const std::string_view word = rest.substr(0, stop);
        pid_t pid = 0;
        const auto parsed = std::from_chars(word.data(), word.data() + word.size(), pid);
        if (parsed.ec != std::errc{} || parsed.ptr != word.data() + word.size() || pid <= 0)
            return bad_value(option, word, "a process id", "utrace attach -p 4242");
        bool seen = false;
        for (const pid_t earlier : pids) seen = seen || earlier == pid;
        if (!seen) pids.push_back(pid);
        if (stop == rest.npos) return pids;
        rest.remove_prefix(stop + 1);
    }
}

Parsed<std::size_t> parse_word(std::string_view option, std::string_view text,
                               std::span<const char* const> words) {
    Nearest nearest(text);
    std::string list;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (text == words[i]) return i;
        nearest.offer(words[i]);
        list += (i == 0 ? "" : " ") + std::string(words[i]);
    }
    return usage(Msg::kUsageWord, {.arg = quote(text),
                                   .near = known(nearest.found()),
                                   .option = known(option),
                                   .list = known(list),
                                   .example = known(std::string(option) + " " + words[0])});
}

}  // namespace utrace::cli
