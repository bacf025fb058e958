// SPDX-License-Identifier: MIT
// what:     finds the file a command name stands for, with the reason when there is none.
// who:      the verb run, before it starts anything.
// lifetime: values.
// cost:     a few stat calls per PATH entry.
// see:      docs/man/utrace-run.1.scd, "WHICH FILE IS RUN".
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "cli/say.h"

namespace utrace::cli {

struct Command {
    std::string path;         ///< what to hand to execve
    std::string interpreter;  ///< of a '#!' script; empty for others
    mode_t mode = 0;
    uid_t owner = 0;
    gid_t group = 0;
    bool set_id = false;  ///< set-uid, set-gid or file capabilities that would change rights
};

/// Searches as execvp does. `path` is the value of PATH of the command, null when not set.
///   kNotFound       ENOENT ENOTDIR: no such file; `detail` lists the PATH entries tried, or the
///                   missing interpreter, `object` the file
///   kNotExecutable  EACCES EISDIR ENOEXEC: `object` is the file, `number` its mode
Expected<Command> find_command(const std::string& name, const char* path);

/// Whether find_command() finds an executable or a file that only lacks the right to be run.
bool command_exists(const std::string& name, const char* path);

/// The message for a failed search, with exit status 126 or 127.
Complaint command_complaint(const std::string& name, const Error& error);
/// The warning for a set-id command.
Complaint set_id_warning(const std::string& name, const Command& command);

}  // namespace utrace::cli
