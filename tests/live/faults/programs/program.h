// SPDX-License-Identifier: MIT
// what:     shared parts of the programs that the fault tests run bare and traced.
// who:      the files of this folder; each mode checks its own results.
// lifetime: a mode runs once per process and returns the exit status.
// cost:     none to speak of.
// see:      tests/live/faults/fault_test.h.
#pragma once

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

/// Ends the process with status 99 and one line that names what was not as it should be.
#define CHECK(condition)                                         \
    do {                                                         \
        if (!(condition)) wrong(#condition, __FILE__, __LINE__); \
    } while (0)

_Noreturn void wrong(const char* what, const char* file, int line);

/// Says "begin": everything after this may meet a fault.
void begin(void);
/// Waits for one byte on stdin; end of file is an answer, too. Returns whether a byte came.
int wait_for_go(void);
/// waitpid without retry on anything but EINTR by a handler of our own; checks the status.
void expect_exit(pid_t pid, int code);
/// The n-th word after the mode as a number.
long number(char** words, int n, long fallback);
void write_line(const char* text);
/// Path of this executable.
const char* self_path(void);

int mode_exit(char** words);
int mode_work(char** words);
int mode_spawners(char** words);
int mode_threads(char** words);
int mode_crowd(char** words);
int mode_chains(char** words);
int mode_exec_generations(char** words);
int mode_exec_storm(char** words);
int mode_vfork(char** words);
int mode_leader_exits(char** words);
int mode_exit_group(char** words);
int mode_identities(char** words);
int mode_orphans(char** words);
int mode_daemon(char** words);
int mode_namespaces(char** words);
int mode_group_stop(char** words);
int mode_kill_group(char** words);
int mode_kill_all(char** words);
int mode_terminal(char** words);
int mode_state(char** words);
