// SPDX-License-Identifier: MIT
#include "cli/help.h"

#include <fmt/format.h>

#include "cli/exit_status.h"
#include "cli/quoting.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "cli/verbs.h"

#ifndef UTRACE_VERSION
#error "UTRACE_VERSION comes from the build"
#endif

namespace utrace::cli {

namespace {

constexpr std::size_t kNameColumn = 28;
constexpr std::size_t kVerbColumn = 40;

std::string padded(std::string text, std::size_t width = kNameColumn) {
    const std::size_t columns = columns_of(text);
    text.append(columns < width ? width - columns : 1, ' ');
    return text;
}

std::string option_line(const OptionDesc& desc) {
    std::string names = "  ";
    if (desc.letter != 0) names += std::string("-") + desc.letter;
    if (desc.name != nullptr)
        names += std::string(desc.letter != 0 ? ", --" : "    --") + desc.name;
    if (desc.arg != nullptr) names += std::string(" ") + desc.arg;
    std::string line;
    if (columns_of(names) >= kNameColumn)
        line = names + "\n" + std::string(kNameColumn, ' ');
    else
        line = padded(names);
    line += desc.does;
    if (*desc.instead != 0) line += fmt::format(" [{}]", desc.instead);
    return line + "\n";
}

std::string options_block(Verb verb) {
    std::string text;
    for (const auto& desc : options())
        if ((desc.verbs & verb_bit(verb)) != 0 && desc.opt != Opt::kLater)
            text += option_line(desc);
    return text;
}

std::string engine_names() {
    std::string names;
    for (const auto& desc : engines())
        if (desc.here) names += (names.empty() ? "" : " ") + std::string(desc.name);
    return names;
}

int finish(const std::string& text) { return print_out(text) ? kExitDone : kExitIncomplete; }

}  // namespace

std::string overview_text() {
    std::string text =
        "utrace [OPTIONS] VERB [OPTIONS] [--] [COMMAND ARG…]\n"
        "Without a verb: run. Parsing stops at the first word that is no option.\n\n";
    for (const auto& desc : verbs())
        if (desc.verb != Verb::kLater)
            text += padded(fmt::format("  {} {}", desc.name, desc.synopsis), kVerbColumn) +
                    desc.does + "\n";
    text +=
        "\nutrace help VERB  lists its options;  utrace explain ID  explains a message.\n"
        "Engines of -e: ";
    return text + engine_names() + " (utrace engines -v)\n";
}

std::string verb_text(const VerbDesc& verb) {
    std::string text = fmt::format("utrace {} {}\n{}.\n\n", verb.name, verb.synopsis, verb.does);
    text += options_block(verb.verb);
    if ((verb_bit(verb.verb) & kTracing) == 0) return text;
    text += "\n-e QUALIFIER=SET, for the log:\n";
    for (const auto& key : keys())
        if (key.qualifier && key.key != Key::kLater)
            text += padded(fmt::format("  {}={}", key.name, key.value)) +
                    fmt::format("{} [{}]\n", key.does, key.fallback);
    return text;
}

std::string version_text() {
    return fmt::format("utrace {}\nhosts: ptrace\nengines: {}\nmachine: x86_64\n", UTRACE_VERSION,
                       engine_names());
}

std::string engine_text(const EngineDesc& engine, bool with_keys) {
    std::string text = fmt::format("{:<8}{}\n", engine.name, engine.does);
    if (!with_keys) return text;
    const unsigned bit = 1u << static_cast<unsigned>(engine.kind);
    for (const auto& key : keys())
        if ((key.engines & bit) != 0 && key.key != Key::kLater)
            text += padded(fmt::format("  {}={}", key.name, key.value)) +
                    fmt::format("{} [{}]\n", key.does, key.fallback);
    return text + fmt::format("  example: utrace run -e {}:trace=%file+read -- ls\n", engine.name);
}

int help_verb(const Invocation& invocation) {
    if (invocation.words.empty()) return finish(overview_text());
    const std::string& word = invocation.words.front();
    const VerbDesc* verb = find_verb(word);
    if (verb != nullptr && verb->verb != Verb::kLater) return finish(verb_text(*verb));
    Nearest nearest(word);
    for (const auto& desc : verbs())
        if (desc.verb != Verb::kLater) nearest.offer(desc.name);
    say(Msg::kUsageHelp, {.arg = quote(word), .near = known(nearest.found())});
    return kExitUsage;
}

int version_verb(const Invocation&) { return finish(version_text()); }

int engines_verb(const Invocation& invocation) {
    std::string text;
    for (const auto& word : invocation.words) {
        const EngineDesc* engine = find_engine(word);
        if (engine == nullptr || !engine->here) {
            Nearest nearest(word);
            for (const auto& desc : engines())
                if (desc.here) nearest.offer(desc.name);
            say(Msg::kUsageEngine, {.arg = quote(word),
                                    .near = known(nearest.found()),
                                    .list = known(engine_names())});
            return kExitUsage;
        }
        text += engine_text(*engine, true);
    }
    if (invocation.words.empty())
        for (const auto& engine : engines())
            if (engine.here) text += engine_text(engine, invocation.verbose > 0);
    return finish(text);
}

int explain_verb(const Invocation& invocation) {
    std::string text;
    if (invocation.words.empty())
        for (unsigned i = 0; i < explanation_count(); ++i)
            text += std::string(explanation_id(i)) + "\n";
    for (const auto& word : invocation.words) {
        const char* long_text = explanation(word);
        if (long_text == nullptr) {
            Nearest nearest(word);
            for (unsigned i = 0; i < explanation_count(); ++i) nearest.offer(explanation_id(i));
            say(Msg::kUsageExplain, {.arg = quote(word), .near = known(nearest.found())});
            return kExitUsage;
        }
        text += fmt::format("{}\n{}", explanation_id_of(word), long_text);
    }
    return finish(text);
}

}  // namespace utrace::cli
