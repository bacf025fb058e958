// SPDX-License-Identifier: MIT
// The command line: parse, then one function per verb. The only place that decides exit statuses
// besides the verbs themselves.
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <cstring>

#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/verbs.h"
#include "session/keeper_main.h"

namespace utrace::cli {

namespace {

bool wants_colour(Colour choice) {
    if (choice != Colour::kAuto) return choice == Colour::kAlways;
    const char* no_colour = std::getenv("NO_COLOR");
    return (no_colour == nullptr || *no_colour == 0) && ::isatty(STDERR_FILENO) == 1;
}

/// How to complain about a command line that does not parse: a plain look for --json is all there
/// is.
bool asks_for_json(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
        if (words[i] == "--json" || words[i] == "--format=json") return true;
        if (words[i] == "--format" && i + 1 < words.size() && words[i + 1] == "json") return true;
        if (!words[i].starts_with('-') && i > 0) break;
    }
    return false;
}

int dispatch(const Invocation& invocation) {
    switch (invocation.verb) {
        case Verb::kRun:
            return run_verb(invocation);
        case Verb::kAttach:
            return attach_verb(invocation);
        case Verb::kEngines:
            return engines_verb(invocation);
        case Verb::kDoctor:
            return doctor_verb(invocation);
        case Verb::kExplain:
            return explain_verb(invocation);
        case Verb::kHelp:
            return help_verb(invocation);
        case Verb::kVersion:
            return version_verb(invocation);
        case Verb::kLater:
            break;
    }
    return kExitUsage;
}

}  // namespace

static int start(int argc, char** argv) {
    (void)before_output_signals();
    ::setlocale(LC_CTYPE, "");
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    const auto invocation = parse(words, std::getenv("PATH"));
    if (!invocation) {
        set_say_style({.json = asks_for_json(words), .colour = wants_colour(Colour::kAuto)});
        say(invocation.error());
        return invocation.error().status;
    }
    set_say_style({.quiet = invocation->quiet > 0,
                   .json = invocation->json,
                   .colour = wants_colour(invocation->colour)});
    return dispatch(*invocation);
}

}  // namespace utrace::cli

int main(int argc, char** argv) {
    // A keeper is this program under another name (session/client.cc).
    if (argc == 1 && std::strcmp(argv[0], utrace::session::kKeeperName) == 0)
        return utrace::session::keeper_main();
    return utrace::cli::start(argc, argv);
}
