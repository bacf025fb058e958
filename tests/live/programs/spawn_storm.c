// SPDX-License-Identifier: MIT
// spawn_storm N: N children by posix_spawn and N by vfork, each `true`-like: this program with "-".
#define _GNU_SOURCE
#include <spawn.h>
#include <sys/wait.h>

#include "counted.h"

extern char** environ;

int main(int argc, char** argv) {
    if (argc > 1 && argv[1][0] == '-') return 3;
    static long n, good;  // vfork gives the child our stack
    n = argument(argc, argv, 1, 20);
    char* const child[] = {argv[0], (char*)"-", NULL};
    for (volatile long i = 0; i < n; ++i) {
        pid_t pid;
        int status;
        CHECK(posix_spawn(&pid, argv[0], NULL, NULL, child, environ) == 0);
        CHECK(waitpid(pid, &status, 0) == pid);
        good += WIFEXITED(status) && WEXITSTATUS(status) == 3;
        pid = vfork();
        CHECK(pid >= 0);
        if (pid == 0) {
            execv(argv[0], child);
            _exit(99);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        good += WIFEXITED(status) && WEXITSTATUS(status) == 3;
    }
    said("execve", 2 * n + 1);
    said("wait4", 2 * n);
    said("good", good);
    return 0;
}
