// SPDX-License-Identifier: MIT
// getppid COUNT: nothing but cheap system calls; the worst case of any tracer.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
    const long count = argc > 1 ? atol(argv[1]) : 1000000;
    for (long i = 0; i < count; ++i) syscall(SYS_getppid);
    return 0;
}
