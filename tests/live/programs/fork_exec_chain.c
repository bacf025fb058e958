// SPDX-License-Identifier: MIT
// fork_exec_chain DEPTH: each link makes 3 getppid calls, forks, the child executes the next link.
#include <sys/wait.h>

#include "counted.h"

int main(int argc, char** argv) {
    const long depth = argument(argc, argv, 1, 10);
    for (int i = 0; i < 3; ++i) syscall(SYS_getppid);
    said("getppid", 3);
    said("execve", 1);
    fflush(stdout);
    if (depth == 0) return 0;
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        char text[32];
        snprintf(text, sizeof text, "%ld", depth - 1);
        execl(argv[0], argv[0], text, (char*)NULL);
        _exit(99);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    said("wait4", 1);
    return WEXITSTATUS(status);
}
