// SPDX-License-Identifier: MIT
// what:     the exit statuses of the command line, by name.
// who:      src/cli only; a status of the traced program itself is passed through as it is.
// lifetime: constants.
// cost:     none.
// see:      docs/man/utrace.1.scd, "EXIT STATUS".
#pragma once

namespace utrace::cli {

enum ExitStatus : int {
    kExitDone = 0,
    kExitCheckFailed = 1,   ///< a check failed or nothing matched
    kExitIncomplete = 123,  ///< the observation is incomplete; the program's status is in a message
    kExitUsage = 124,       ///< bad usage
    kExitFailed = 125,      ///< utrace failed before the program ran or was attached
    kExitNotExecutable = 126,
    kExitNotFound = 127,
};

}  // namespace utrace::cli
