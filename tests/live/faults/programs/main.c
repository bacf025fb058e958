// SPDX-License-Identifier: MIT
// The programs of the fault tests in one executable: fault_program MODE [NUMBER…].
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

static const struct {
    const char* name;
    int (*run)(char** words);
} kModes[] = {
    {"exit", mode_exit},
    {"work", mode_work},
    {"spawners", mode_spawners},
    {"threads", mode_threads},
    {"crowd", mode_crowd},
    {"chains", mode_chains},
    {"exec-generations", mode_exec_generations},
    {"exec-storm", mode_exec_storm},
    {"vfork", mode_vfork},
    {"leader-exits", mode_leader_exits},
    {"exit-group", mode_exit_group},
    {"identities", mode_identities},
    {"orphans", mode_orphans},
    {"daemon", mode_daemon},
    {"namespaces", mode_namespaces},
    {"group-stop", mode_group_stop},
    {"kill-group", mode_kill_group},
    {"kill-all", mode_kill_all},
    {"terminal", mode_terminal},
    {"state", mode_state},
};

void write_line(const char* text) {
    char line[512];
    const int length = snprintf(line, sizeof line, "%s\n", text);
    if (write(STDOUT_FILENO, line, (size_t)length) != length) _exit(98);
}

void wrong(const char* what, const char* file, int line) {
    char text[400];
    const char* name = strrchr(file, '/');
    snprintf(text, sizeof text, "wrong: %s at %s:%d, errno %d", what, name ? name + 1 : file, line,
             errno);
    write_line(text);
    _exit(99);
}

void begin(void) { write_line("begin"); }

int wait_for_go(void) {
    char byte;
    ssize_t n;
    do {
        n = read(STDIN_FILENO, &byte, 1);
    } while (n < 0 && errno == EINTR);
    return n == 1;
}

void expect_exit(pid_t pid, int code) {
    int status = 0;
    pid_t got;
    do {
        got = waitpid(pid, &status, 0);
    } while (got < 0 && errno == EINTR);
    CHECK(got == pid);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == code);
}

long number(char** words, int n, long fallback) {
    for (int i = 0; i < n; ++i)
        if (words[i] == NULL) return fallback;
    return words[n] == NULL ? fallback : strtol(words[n], NULL, 10);
}

const char* self_path(void) {
    // Read once: /proc/self/exe is gone while the leader is a zombie.
    static char path[4096];
    if (path[0] != 0) return path;
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    CHECK(n > 0);
    path[n] = 0;
    return path;
}

int mode_exit(char** words) { return (int)number(words, 0, 0); }

int main(int argc, char** argv) {
    if (argc < 2) return 97;
    // A deadline for a program nobody waits for any more.
    alarm(300);
    (void)self_path();
    for (size_t i = 0; i < sizeof kModes / sizeof *kModes; ++i)
        if (strcmp(argv[1], kModes[i].name) == 0) return kModes[i].run(argv + 2);
    return 97;
}
