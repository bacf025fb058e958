// SPDX-License-Identifier: MIT
// getppid_loop N: N calls, then says how many.
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
    const long n = argc > 1 ? atol(argv[1]) : 1000;
    for (long i = 0; i < n; ++i) syscall(SYS_getppid);
    printf("getppid %ld\n", n);
    return 0;
}
