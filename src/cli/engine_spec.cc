// SPDX-License-Identifier: MIT
#include "cli/engine_spec.h"

#include "cli/suggest.h"
#include "cli/values.h"

namespace utrace::cli {

namespace {

constexpr std::uint32_t kMaxStringLimit = 32768;
constexpr std::uint32_t kMaxLevel = 1000;

std::string key_names(EngineKind kind) {
    std::string list;
    for (const auto& key : keys())
        if ((key.engines & (1u << static_cast<unsigned>(kind))) != 0 && key.key != Key::kLater)
            list += (list.empty() ? "" : " ") + std::string(key.name);
    return list;
}

std::string qualifier_names() {
    std::string list;
    for (const auto& key : keys())
        if (key.qualifier && key.key != Key::kLater)
            list += (list.empty() ? "" : " ") + std::string(key.name);
    return list;
}

const KeyDesc* find_key(std::string_view name, EngineKind kind) noexcept {
    for (const auto& key : keys())
        if (name == key.name && (key.engines & (1u << static_cast<unsigned>(kind))) != 0)
            return &key;
    return nullptr;
}

/// Qualifiers by name and by strace's other spellings.
const KeyDesc* find_qualifier(std::string_view name) noexcept {
    struct Alias {
        const char* alias;
        const char* name;
    };
    constexpr Alias kAliases[] = {
        {"t", "trace"},       {"s", "signal"},     {"signals", "signal"}, {"a", "abbrev"},
        {"v", "verbose"},     {"x", "raw"},        {"q", "quiet"},        {"silent", "quiet"},
        {"silence", "quiet"}, {"r", "read"},       {"reads", "read"},     {"w", "write"},
        {"writes", "write"},  {"faults", "fault"}, {"injects", "inject"},
    };
    for (const auto& alias : kAliases)
        if (name == alias.alias) name = alias.name;
    for (const auto& key : keys())
        if (key.qualifier && name == key.name) return &key;
    return nullptr;
}

std::size_t name_length(std::string_view text) noexcept {
    std::size_t length = 0;
    while (length < text.size() && text[length] != ':' && text[length] != '=') ++length;
    return length;
}

std::unexpected<Complaint> unknown_key(EngineKind kind, std::string_view name) {
    Nearest nearest(name);
    for (const auto& key : keys())
        if ((key.engines & (1u << static_cast<unsigned>(kind))) != 0 && key.key != Key::kLater)
            nearest.offer(key.name);
    return usage(Msg::kEngineKey, {.near = known(nearest.found()),
                                   .engine = known(engine_name(kind)),
                                   .key = quote(name),
                                   .list = known(key_names(kind))});
}

std::unexpected<Complaint> not_here(std::string_view option, std::string_view instead) {
    return usage(Msg::kUsageLater, {.option = known(option), .example = known(instead)});
}

}  // namespace

Parsed<void> EngineList::add(std::string_view text) {
    const std::size_t length = name_length(text);
    const std::string_view name = text.substr(0, length);
    // "/re", "%file", "!read" have no engine name in front of '='.
    const bool is_word = name.find_first_of("%!/?,") == name.npos;
    if (length < text.size() && text[length] == '=' && is_word)
        return add_qualifier(name, text.substr(length + 1));
    if (find_engine(name) == nullptr && (is_syscall_name(text) || looks_like_syscall_set(text))) {
        const Msg msg = is_syscall_name(text) ? Msg::kUsageEngineIsSyscall : Msg::kUsageEngineIsSet;
        return usage(msg, {.arg = quote(text)});
    }
    return add_engine(name, length < text.size() ? text.substr(length + 1) : std::string_view());
}

Parsed<void> EngineList::add_engine(std::string_view name, std::string_view key_text) {
    const EngineDesc* engine = find_engine(name);
    if (engine == nullptr && name.ends_with(".so"))
        return usage(Msg::kUsageLater, {.option = known("a plugin engine (-e FILE.so)"),
                                        .example = known("utrace engines")});
    if (engine == nullptr) {
        Nearest nearest(name);
        std::string list;
        for (const auto& desc : engines()) {
            nearest.offer(desc.name);
            if (desc.here) list += (list.empty() ? "" : " ") + std::string(desc.name);
        }
        return usage(Msg::kUsageEngine,
                     {.arg = quote(name), .near = known(nearest.found()), .list = known(list)});
    }
    if (!engine->here)
        return not_here("engine '" + std::string(engine->name) + "' (" + engine->does + ")",
                        "utrace engines");
    EngineSpec spec;
    spec.kind = engine->kind;
    std::uint32_t given = 0;
    if (!key_text.empty()) {
        for (const std::string_view part : split_outside_quotes(key_text, ',')) {
            const auto equals = part.find('=');
            if (equals == part.npos || equals == 0)
                return usage(Msg::kEngineKeyForm, {.arg = quote(part),
                                                   .engine = known(engine->name),
                                                   .list = known(key_names(spec.kind))});
            const std::string_view key_name = part.substr(0, equals);
            const KeyDesc* key = find_key(key_name, spec.kind);
            if (key == nullptr) return unknown_key(spec.kind, key_name);
            const std::string option = std::string(engine->name) + ":" + key->name;
            if (key->key == Key::kLater)
                return not_here(
                    "key '" + std::string(key->name) + "' of engine '" + engine->name + "'",
                    key->does);
            auto applied = apply(spec, *key, option, unquoted(part.substr(equals + 1)), '+');
            if (!applied) return applied;
            given |= 1u << static_cast<unsigned>(key->key);
        }
    }
    engines_.push_back(std::move(spec));
    keys_given_.push_back(given);
    return {};
}

Parsed<void> EngineList::add_qualifier(std::string_view name, std::string_view value) {
    const KeyDesc* key = find_qualifier(name);
    if (key == nullptr) {
        Nearest nearest(name);
        for (const auto& entry : keys())
            if (entry.qualifier) nearest.offer(entry.name);
        return usage(
            Msg::kUsageQualifier,
            {.arg = quote(name), .near = known(nearest.found()), .list = known(qualifier_names())});
    }
    if (key->key == Key::kLater)
        return not_here("qualifier '-e " + std::string(key->name) + "='", key->does);
    // Parsed once here, so that the complaint comes in the order of the command line.
    EngineSpec probe;
    auto applied = apply(probe, *key, key->name, value, ',');
    if (!applied) return applied;
    qualifiers_.push_back({key, std::string(value)});
    return {};
}

Parsed<void> EngineList::apply(EngineSpec& spec, const KeyDesc& key, std::string_view option,
                               std::string_view value, char separator) {
    const auto store = [](auto parsed, auto& to) -> Parsed<void> {
        if (!parsed) return std::unexpected(parsed.error());
        to = *parsed;
        return {};
    };
    switch (key.key) {
        case Key::kTrace:
            return store(parse_syscall_set(option, value, separator), spec.syscalls);
        case Key::kSignal:
            return store(parse_signal_set(option, value, separator), spec.signals);
        case Key::kStatus:
            return store(parse_status_set(option, value, separator), spec.status);
        case Key::kQuiet:
            return store(parse_quiet_set(option, value, separator), spec.quiet);
        case Key::kRaw:
            return store(parse_syscall_set(option, value, separator), spec.raw);
        case Key::kAbbrev:
            return store(parse_syscall_set(option, value, separator), spec.abbreviated);
        case Key::kVerbose:
            return store(parse_syscall_set(option, value, separator), spec.followed);
        case Key::kString:
            spec.string_limit_set = true;
            return store(parse_number(option, value, kMaxStringLimit), spec.string_limit);
        case Key::kLevel: {
            const auto level = parse_number(option, value, kMaxLevel);
            if (!level) return std::unexpected(level.error());
            spec.level = static_cast<int>(*level);
            return {};
        }
        case Key::kBy: {
            static constexpr const char* kRows[] = {"syscall"};
            const auto row = parse_word(option, value, kRows);
            if (!row) return std::unexpected(row.error());
            return {};
        }
        case Key::kId:
        case Key::kOutput:
            if (value.empty())
                return usage(Msg::kUsageValue, {.arg = quote(value),
                                                .option = known(option),
                                                .expect = known("a name"),
                                                .example = known(std::string(option) + "=NAME")});
            (key.key == Key::kId ? spec.id : spec.output) = std::string(value);
            return {};
        case Key::kLater:
            break;
    }
    return {};
}

Parsed<std::vector<EngineSpec>> EngineList::finish() {
    bool has_log = false;
    for (const auto& spec : engines_) has_log = has_log || spec.kind == EngineKind::kLog;
    bool only_trace = true;
    for (const auto& qualifier : qualifiers_)
        only_trace = only_trace && qualifier.key->key == Key::kTrace;
    // "-e count -e trace=open" narrows the table and does not ask for a log.
    if (!has_log && (engines_.empty() || !only_trace)) {
        engines_.emplace_back();
        keys_given_.push_back(0);
    }
    unsigned number = 0;
    for (std::size_t i = 0; i < engines_.size(); ++i) {
        EngineSpec& spec = engines_[i];
        for (const auto& qualifier : qualifiers_) {
            const KeyDesc& key = *qualifier.key;
            const bool fits = (key.engines & (1u << static_cast<unsigned>(spec.kind))) != 0;
            const bool own = (keys_given_[i] & (1u << static_cast<unsigned>(key.key))) != 0;
            if (!fits || own) continue;
            auto applied = apply(spec, key, key.name, qualifier.value, ',');
            if (!applied) return std::unexpected(applied.error());
        }
        ++number;
        if (spec.id.empty())
            spec.id = std::string(engine_name(spec.kind)) + "#" + std::to_string(number);
    }
    return engines_;
}

}  // namespace utrace::cli
