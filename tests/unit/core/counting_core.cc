// SPDX-License-Identifier: MIT
// The core's own text, compiled a second time with the counting policy.
#include "counting_memory.h"
#define UTRACE_CORE_MEMORY CountingMemory
#include "core/control.cc"  // NOLINT(bugprone-suspicious-include): the same text, another policy
#include "core/death.cc"    // NOLINT(bugprone-suspicious-include)
#include "core/lists.cc"    // NOLINT(bugprone-suspicious-include)
#include "core/pass.cc"     // NOLINT(bugprone-suspicious-include)
