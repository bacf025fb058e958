// SPDX-License-Identifier: MIT
// what:     help, version and the list of engines as text, made from the option table.
// who:      the verbs help, version, engines and explain; tests.
// lifetime: results own their text.
// cost:     one pass over the tables.
// see:      docs/man/utrace.1.scd.
#pragma once

#include <string>

#include "cli/option_table.h"

namespace utrace::cli {

/// `utrace help`: verbs, and where to read on.
std::string overview_text();
/// `utrace help VERB`, `utrace VERB --help`.
std::string verb_text(const VerbDesc& verb);
std::string version_text();
/// One line per engine, or with `keys` one block per engine.
std::string engine_text(const EngineDesc& engine, bool keys);

}  // namespace utrace::cli
