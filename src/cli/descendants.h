// SPDX-License-Identifier: MIT
// what:     the processes that descend from one, as /proc shows them at this moment.
// who:      attach --follow tree.
// lifetime: free function.
// cost:     one /proc/PID/status per process of the machine.
// see:      docs/man/utrace-attach.1.scd.
#pragma once

#include <sys/types.h>

#include <vector>

namespace utrace::cli {

/// Appends the descendants of `root` that are not in `pids` yet, parents before children.
void add_descendants(pid_t root, std::vector<pid_t>& pids);

}  // namespace utrace::cli
