// SPDX-License-Identifier: MIT
// what:     one function per verb of the command line.
// who:      main, after parse(); each runs once, on the main thread, and returns the exit status.
// lifetime: free functions.
// cost:     that of the verb.
// see:      docs/man/utrace.1.scd, "VERBS".
#pragma once

#include "cli/invocation.h"

namespace utrace::cli {

int run_verb(const Invocation& invocation);
int attach_verb(const Invocation& invocation);
int engines_verb(const Invocation& invocation);
int doctor_verb(const Invocation& invocation);
int explain_verb(const Invocation& invocation);
int help_verb(const Invocation& invocation);
int version_verb(const Invocation& invocation);

}  // namespace utrace::cli
