// SPDX-License-Identifier: MIT
// fork_tree DEPTH WIDTH: a tree of processes; each makes one getppid call; the root says how many.
#include <sys/wait.h>

#include "counted.h"

static long grow(long depth, long width) {
    long nodes = 1;
    syscall(SYS_getppid);
    if (depth == 0) return nodes;
    for (long i = 0; i < width; ++i) {
        const pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            grow(depth - 1, width);
            _exit(7);
        }
    }
    for (long i = 0; i < width; ++i) {
        int status = 0;
        CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
    long power = 1;
    for (long i = 0; i < depth; ++i) nodes += power *= width;
    return nodes;
}

int main(int argc, char** argv) {
    said("getppid", grow(argument(argc, argv, 1, 3), argument(argc, argv, 2, 3)));
    return 0;
}
