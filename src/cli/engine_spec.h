// SPDX-License-Identifier: MIT
// what:     parses the values of -e: engines with their keys, and strace's qualifiers.
// who:      parse(); collects over all -e of one command line.
// lifetime: one EngineList per command line.
// cost:     one pass over the text.
// see:      docs/man/utrace.1.scd, "ENGINES".
#pragma once

#include <string_view>
#include <vector>

#include "cli/option_table.h"
#include "cli/sets.h"

namespace utrace::cli {

/// The engines of one command line, in the order given. Qualifiers apply to every log, and to every
/// count where they have the key; when no log was named, a qualifier implies one.
class EngineList {
  public:
    /// One value of -e.
    Parsed<void> add(std::string_view text);
    /// Engines with names `log#1` … and qualifiers applied; never empty.
    Parsed<std::vector<EngineSpec>> finish();

  private:
    Parsed<void> add_engine(std::string_view name, std::string_view key_text);
    Parsed<void> add_qualifier(std::string_view name, std::string_view value);
    Parsed<void> apply(EngineSpec& spec, const KeyDesc& key, std::string_view option,
                       std::string_view value, char separator);

    struct Qualifier {
        const KeyDesc* key;
        std::string value;
    };
    std::vector<EngineSpec> engines_;
    std::vector<Qualifier> qualifiers_;
    std::vector<std::uint32_t> keys_given_;  ///< per engine: bits of Key set by its own keys
};

}  // namespace utrace::cli
