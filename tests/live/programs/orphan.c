// SPDX-License-Identifier: MIT
// orphan FIFO N: leaves a daemon behind and ends with status 4. The daemon waits until the FIFO has
// a reader, makes N getppid calls and ends.
#include <fcntl.h>

#include "counted.h"

int main(int argc, char** argv) {
    CHECK(argc == 3);
    const long n = atol(argv[2]);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid > 0) return 4;
    CHECK(setsid() > 0);
    const int fd = open(argv[1], O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    for (long i = 0; i < n; ++i) syscall(SYS_getppid);
    CHECK(write(fd, "done\n", 5) == 5);
    return 0;
}
