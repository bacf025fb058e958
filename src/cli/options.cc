// SPDX-License-Identifier: MIT
#include "cli/options.h"

#include <getopt.h>

#include "cli/command_search.h"
#include "cli/engine_spec.h"
#include "cli/exit_status.h"
#include "cli/option_table.h"
#include "cli/suggest.h"
#include "cli/values.h"

namespace utrace::cli {

namespace {

constexpr std::uint32_t kMaxStringLimit = 32768;
constexpr std::uint32_t kMaxColumn = 1000;
constexpr int kFirstLong = 256;  ///< getopt values of table rows, above every character

struct Given {
    const OptionDesc* desc;
    std::string arg;
    std::string typed;  ///< as the user wrote it: "-p" or "--pid"
};

/// getopt's tables, built from ours.
struct GetoptTables {
    std::string letters = "+:";
    std::vector<option> longs;

    GetoptTables() {
        int value = kFirstLong;
        for (const auto& desc : options()) {
            const int has_arg = desc.arg != nullptr ? required_argument : no_argument;
            if (desc.letter != 0) {
                letters += desc.letter;
                if (has_arg == required_argument) letters += ':';
            }
            if (desc.name != nullptr) longs.push_back({desc.name, has_arg, nullptr, value});
            ++value;
        }
        longs.push_back({nullptr, 0, nullptr, 0});
    }
};

const OptionDesc* by_letter(int letter) noexcept {
    for (const auto& desc : options())
        if (desc.letter != 0 && desc.letter == letter) return &desc;
    return nullptr;
}

std::string_view long_name_typed(std::string_view word) noexcept {
    word.remove_prefix(2);
    return word.substr(0, word.find('='));
}

/// One command line's pass through getopt.
class Scanner {
  public:
    explicit Scanner(const std::vector<std::string>& words) {
        storage_ = words;
        storage_.insert(storage_.begin(), "utrace");
        for (auto& word : storage_) argv_.push_back(word.data());
        argv_.push_back(nullptr);
    }

    /// Options from word `from` (1-based) on, up to the first word that is none; `verb` names the
    /// page that complaints send to.
    Parsed<std::size_t> scan(std::size_t from, const char* verb, std::vector<Given>& out);
    bool stopped_at_dashes() const noexcept { return dashes_; }

  private:
    std::unexpected<Complaint> refuse(int value, const std::string& word, const char* verb) const;

    GetoptTables tables_;
    std::vector<std::string> storage_;
    std::vector<char*> argv_;
    bool dashes_ = false;
};

Parsed<std::size_t> Scanner::scan(std::size_t from, const char* verb, std::vector<Given>& out) {
    char** const argv = argv_.data() + (from - 1);
    const int argc = static_cast<int>(storage_.size() - (from - 1));
    ::optind = 0;
    ::opterr = 0;
    int current = 1;
    while (true) {
        const int before = current;
        const int value =
            ::getopt_long(argc, argv, tables_.letters.c_str(), tables_.longs.data(), nullptr);
        current = ::optind;
        if (value == -1) {
            dashes_ = current == before + 1;  // only "--" is stepped over
            break;
        }
        const std::string word = argv[before];
        if (value == '?' || value == ':') return refuse(value, word, verb);
        const OptionDesc* desc = value >= kFirstLong
                                     ? &options()[static_cast<std::size_t>(value - kFirstLong)]
                                     : by_letter(value);
        std::string typed(1, '-');
        if (value >= kFirstLong) {
            // getopt takes any unique beginning; what is unique today is not tomorrow.
            if (long_name_typed(word) != desc->name)
                return usage(Msg::kUsageOption, {.arg = quote(word.substr(0, word.find('='))),
                                                 .near = known(std::string("--") + desc->name),
                                                 .verb = known(verb)});
            typed = std::string("--") + desc->name;
        } else {
            typed += static_cast<char>(value);
        }
        out.push_back({desc, desc->arg != nullptr ? ::optarg : "", std::move(typed)});
    }
    return from - 1 + static_cast<std::size_t>(current);
}

std::unexpected<Complaint> Scanner::refuse(int value, const std::string& word,
                                           const char* verb) const {
    const bool is_long = word.starts_with("--");
    const std::string typed =
        is_long ? word.substr(0, word.find('=')) : std::string("-") + static_cast<char>(::optopt);
    const OptionDesc* found = nullptr;
    for (const auto& desc : options()) {
        const bool match = is_long ? desc.name != nullptr && typed.substr(2) == desc.name
                                   : desc.letter != 0 && desc.letter == ::optopt;
        if (match) found = &desc;
    }
    if (found != nullptr && value == ':')
        return usage(Msg::kUsageOptionArg,
                     {.arg = known(typed), .verb = known(verb), .expect = known(found->arg)});
    if (found != nullptr)
        return usage(Msg::kUsageOptionNoArg, {.arg = known(typed), .verb = known(verb)});
    // "-pdi" is one letter too many for a short option: a long one with a dash missing.
    std::string near;
    if (is_long || word.size() > 2) {
        const VerbDesc* desc = find_verb(verb);
        near = nearest_option(is_long ? typed.substr(2) : word.substr(1),
                              desc != nullptr ? desc->verb : Verb::kRun);
    }
    return usage(Msg::kUsageOption,
                 {.arg = quote(typed), .near = known(near), .verb = known(verb)});
}

/// Fills an Invocation from the options found.
class Builder {
  public:
    explicit Builder(Invocation& to) : to_(to) {}
    Parsed<void> apply(const Given& given);
    Parsed<void> finish();

  private:
    Parsed<void> apply_value(const Given& given);
    Parsed<void> apply_flag(const Given& given);
    Parsed<void> apply_word(const Given& given);
    Parsed<void> apply_host(const Given& given);
    Parsed<void> apply_follow(const Given& given);
    Parsed<void> apply_env(const Given& given);

    Invocation& to_;
    EngineList engines_;
};

template <class Value, class Target>
Parsed<void> store(Parsed<Value> parsed, Target& to) {
    if (!parsed) return std::unexpected(parsed.error());
    to = static_cast<Target>(std::move(*parsed));
    return {};
}

std::unexpected<Complaint> later(std::string_view what, std::string_view instead,
                                 std::string_view why = {}) {
    return usage(Msg::kUsageLater,
                 {.option = known(what), .value = known(why), .example = known(instead)});
}

Parsed<void> Builder::apply_follow(const Given& given) {
    static constexpr const char* kModes[] = {"none", "threads", "all", "tree"};
    const auto comma = given.arg.find(',');
    if (comma != given.arg.npos) return later("a limit in --follow (depth=, exe=)", "--follow all");
    return store(parse_word(given.typed, given.arg, kModes), to_.follow);
}

Parsed<void> Builder::apply_host(const Given& given) {
    static constexpr const char* kHosts[] = {"auto", "ptrace"};
    if (given.arg.starts_with("inprocess"))
        return later("host 'inprocess'", "--host ptrace",
                     "it will trace inside the program, without stopping it at each call.");
    return store(parse_word(given.typed, given.arg, kHosts), to_.host);
}

Parsed<void> Builder::apply_env(const Given& given) {
    const auto equals = given.arg.find('=');
    EnvChange change{given.arg.substr(0, equals), "", equals != given.arg.npos};
    if (change.set) change.value = given.arg.substr(equals + 1);
    if (change.name.empty())
        return usage(Msg::kUsageValue, {.arg = quote(given.arg),
                                        .option = known(given.typed),
                                        .expect = known("VAR=VALUE, or VAR to remove it"),
                                        .example = known("-E LANG=C")});
    to_.environment.push_back(std::move(change));
    return {};
}

Parsed<void> Builder::apply_word(const Given& given) {
    static constexpr const char* kPolicies[] = {"drop"};
    static constexpr const char* kStyles[] = {"abbrev", "raw", "verbose"};
    static constexpr const char* kForms[] = {"text", "json"};
    static constexpr const char* kColours[] = {"auto", "always", "never"};
    switch (given.desc->opt) {
        case Opt::kWhenFull: {
            if (given.arg == "block" || given.arg == "overwrite")
                return later("--when-full " + given.arg, "--when-full drop --ring 16M");
            const auto policy = parse_word(given.typed, given.arg, kPolicies);
            if (!policy) return std::unexpected(policy.error());
            return {};
        }
        case Opt::kConstants: {
            static constexpr ConstantStyle kValues[] = {
                ConstantStyle::kSymbols, ConstantStyle::kRaw, ConstantStyle::kVerbose};
            const auto word = parse_word(given.typed, given.arg, kStyles);
            if (!word) return std::unexpected(word.error());
            to_.text.constants = kValues[*word];
            return {};
        }
        case Opt::kFormat:
            return store(parse_word(given.typed, given.arg, kForms), to_.json);
        default:
            return store(parse_word(given.typed, given.arg, kColours), to_.colour);
    }
}

Parsed<void> Builder::apply_value(const Given& given) {
    const std::string& arg = given.arg;
    switch (given.desc->opt) {
        case Opt::kEngine:
            return engines_.add(arg);
        case Opt::kPid: {
            if (arg.starts_with('@'))
                return later("-p @NAME", "utrace attach -p \"$(pgrep -d, -x NAME)\"");
            auto pids = parse_pids(given.typed, arg);
            if (!pids) return std::unexpected(pids.error());
            for (const pid_t pid : *pids) {
                bool seen = false;
                for (const pid_t earlier : to_.pids) seen = seen || earlier == pid;
                if (!seen) to_.pids.push_back(pid);
            }
            return {};
        }
        case Opt::kOutput:
            if (arg.empty() || arg == "|")
                return usage(Msg::kUsageValue, {.arg = quote(arg),
                                                .option = known(given.typed),
                                                .expect = known("a file, '-' or '|COMMAND'"),
                                                .example = known("-o trace.log")});
            to_.output = arg;
            return {};
        case Opt::kFollow:
            return apply_follow(given);
        case Opt::kHost:
            return apply_host(given);
        case Opt::kRing:
            return store(parse_size(given.typed, arg), to_.ring_bytes);
        case Opt::kFor:
            return store(parse_time(given.typed, arg), to_.limit_ns);
        case Opt::kUser:
            to_.user = arg;
            return {};
        case Opt::kEnv:
            return apply_env(given);
        case Opt::kStringLimit:
            return store(parse_number(given.typed, arg, kMaxStringLimit), to_.text.string_limit);
        case Opt::kColumn:
            return store(parse_number(given.typed, arg, kMaxColumn), to_.text.column);
        default:
            return apply_word(given);
    }
}

Parsed<void> Builder::apply_flag(const Given& given) {
    TextChoice& text = to_.text;
    switch (given.desc->opt) {
        case Opt::kFollowAll:
            to_.follow = Follow::kAll;
            break;
        case Opt::kNoFollow:
            to_.follow = Follow::kNone;
            break;
        case Opt::kKillOnExit:
            to_.kill_on_exit = true;
            break;
        case Opt::kStamp:
            if (text.stamp != TimeStamp::kEpoch)
                text.stamp = static_cast<TimeStamp>(static_cast<int>(text.stamp) + 1);
            break;
        case Opt::kRelative:
            text.relative = true;
            break;
        case Opt::kDurations:
            text.durations = true;
            break;
        case Opt::kNumbers:
            text.numbers = true;
            break;
        case Opt::kNames:
            text.names = true;
            break;
        case Opt::kHex:
            text.hex = text.hex == HexStrings::kNone ? HexStrings::kNonText : HexStrings::kAll;
            break;
        case Opt::kStats:
            to_.stats = true;
            break;
        case Opt::kFailOnDrop:
            to_.fail_on_drop = true;
            break;
        case Opt::kJson:
            to_.json = true;
            break;
        case Opt::kQuiet:
            ++to_.quiet;
            break;
        case Opt::kVerbose:
            ++to_.verbose;
            text.whole = true;
            break;
        default:
            break;
    }
    return {};
}

Parsed<void> Builder::apply(const Given& given) {
    if (given.desc->opt == Opt::kPid && to_.verb == Verb::kRun)
        return usage(Msg::kUsageConflict, {.option = known("-p PID"),
                                           .value = known("a command to run"),
                                           .example = known("utrace attach -p PID")});
    if ((given.desc->verbs & verb_bit(to_.verb)) == 0)
        return usage(Msg::kUsageOptionVerb,
                     {.arg = known(given.typed), .verb = known(verb_desc(to_.verb).name)});
    if (given.desc->opt == Opt::kLater)
        return later("option '" + given.typed + "' (" + given.desc->does + ")",
                     given.desc->instead);
    return given.desc->arg != nullptr ? apply_value(given) : apply_flag(given);
}

Parsed<void> Builder::finish() {
    if ((verb_bit(to_.verb) & kTracing) == 0) return {};
    if (to_.json)
        return later("--format json for a log", "utrace doctor --format json",
                     "events are text only; messages of the other verbs have a JSON form.");
    if (to_.verb == Verb::kRun && to_.command.empty())
        return usage(Msg::kUsageNoCommand, {.verb = known("run"),
                                            .expect = known("a command"),
                                            .example = known("utrace run -- ls -l")});
    if (to_.verb == Verb::kAttach && to_.pids.empty())
        return usage(Msg::kUsageNoCommand, {.verb = known("attach"),
                                            .expect = known("a process: -p PID"),
                                            .example = known("utrace attach -p 4242")});
    if (to_.verb == Verb::kAttach && !to_.words.empty())
        return usage(Msg::kUsageValue, {.arg = quote(to_.words.front()),
                                        .option = known("attach"),
                                        .expect = known("an option"),
                                        .example = known("utrace run -- COMMAND")});
    auto engines = engines_.finish();
    if (!engines) return std::unexpected(engines.error());
    to_.engines = std::move(*engines);
    return {};
}

std::unexpected<Complaint> unknown_verb(std::string_view word) {
    Nearest nearest(word);
    for (const auto& desc : verbs()) nearest.offer(desc.name);
    return std::unexpected(Complaint{
        Msg::kUsageVerb, {.arg = quote(word), .near = known(nearest.found())}, kExitNotFound});
}

bool has(const std::vector<Given>& given, Opt opt) {
    for (const auto& entry : given)
        if (entry.desc->opt == opt) return true;
    return false;
}

/// Turns `--help` and `--version` into their verbs; nothing else of the line matters then.
bool answer_help(const std::vector<Given>& given, Invocation& to, bool verb_typed) {
    if (has(given, Opt::kHelp)) {
        if (verb_typed) to.words = {verb_desc(to.verb).name};
        to.verb = Verb::kHelp;
        return true;
    }
    if (!has(given, Opt::kVersion)) return false;
    to.verb = Verb::kVersion;
    return true;
}

std::unexpected<Complaint> later_verb(const VerbDesc& desc) {
    return later(std::string("verb '") + desc.name + "' (" + desc.does + ")", desc.instead,
                 std::string("a program of that name is started by:  utrace run -- ") + desc.name);
}

}  // namespace

std::string nearest_option(std::string_view word, Verb verb) {
    // A misspelt --pid behind run leads to attach all the same.
    const std::uint32_t mask = verb == Verb::kRun ? kTracing : verb_bit(verb);
    Nearest nearest(word);
    for (const auto& desc : options())
        if (desc.name != nullptr && (desc.verbs & mask) != 0 && desc.opt != Opt::kLater)
            nearest.offer(desc.name);
    return nearest.found().empty() ? std::string() : "--" + std::string(nearest.found());
}

Parsed<Invocation> parse(const std::vector<std::string>& words, const char* path) {
    Invocation to;
    Scanner scanner(words);
    std::vector<Given> given;
    auto stop = scanner.scan(1, "run", given);
    if (!stop) return std::unexpected(stop.error());
    std::size_t next = *stop - 1;  // index into words
    const VerbDesc* verb = nullptr;
    if (!scanner.stopped_at_dashes() && next < words.size()) verb = find_verb(words[next]);
    to.verb_implied = verb == nullptr;
    if (verb != nullptr) {
        if (verb->verb == Verb::kLater) return later_verb(*verb);
        to.verb = verb->verb;
        stop = scanner.scan(next + 2, verb->name, given);
        if (!stop) return std::unexpected(stop.error());
        next = *stop - 1;
    }
    if (answer_help(given, to, verb != nullptr)) return to;
    std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(next), words.end());
    if (verb == nullptr && rest.empty()) {
        if (given.empty()) {
            to.verb = Verb::kHelp;
            return to;
        }
        if (has(given, Opt::kPid)) to.verb = Verb::kAttach;
    }
    // `utrace recrod -p 1`: a slip in the verb, unless such a command exists.
    if (verb == nullptr && !rest.empty() && !scanner.stopped_at_dashes() &&
        rest[0].find('/') == rest[0].npos && !command_exists(rest[0], path))
        return unknown_verb(rest[0]);
    (to.verb == Verb::kRun ? to.command : to.words) = std::move(rest);
    Builder builder(to);
    for (const auto& entry : given)
        if (auto applied = builder.apply(entry); !applied) return std::unexpected(applied.error());
    if (auto finished = builder.finish(); !finished) return std::unexpected(finished.error());
    return to;
}

}  // namespace utrace::cli
