// SPDX-License-Identifier: MIT
// what:     runs a command under plain ptrace and hands its records to a TextLog; a test helper.
// who:      the decode tests.
// lifetime: one call, one command.
// cost:     two stops a system call.
// see:      docs/design/0001-architecture.md, "Text".
#pragma once

#include <string>
#include <vector>

#include "decode/text_options.h"

namespace utrace::decode::test {

/// The log of `command` and all its children. `split` writes separate entry and exit records for
/// every call, not only for those that may block. Empty when the command could not be run.
std::string trace(const std::vector<std::string>& command, const TextOptions& options, bool split);

}  // namespace utrace::decode::test
