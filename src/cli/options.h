// SPDX-License-Identifier: MIT
// what:     from argv to an Invocation: getopt_long behind the option table.
// who:      main and tests; one thread at a time (getopt keeps static state).
// lifetime: the result owns its strings.
// cost:     one pass over argv; one PATH search when no verb was typed.
// see:      docs/man/utrace.1.scd, "OPTIONS".
#pragma once

#include <string>
#include <vector>

#include "cli/sets.h"

namespace utrace::cli {

/// Parses the words after the program's name. `path` is the value of PATH: a first word that is no
/// verb must be a command found there.
Parsed<Invocation> parse(const std::vector<std::string>& words, const char* path);

/// Nearest long option of `verb` to `word` (without dashes), with its dashes; empty when none is
/// near.
std::string nearest_option(std::string_view word, Verb verb);

}  // namespace utrace::cli
