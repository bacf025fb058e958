// SPDX-License-Identifier: MIT
// zombie_leader N [wait]: the main thread ends, another makes N getppid calls and ends the process
// with status 6; with `wait` it says "ready" and starts after a line on stdin.
#include <pthread.h>

#include "counted.h"

static long n;
static int wait_for_line;

static void* work(void* leader) {
    CHECK(pthread_join(*(pthread_t*)leader, NULL) == 0);
    if (wait_for_line) {
        say("ready");
        char line[8];
        CHECK(read(0, line, sizeof line) > 0);
    }
    for (long i = 0; i < n; ++i) syscall(SYS_getppid);
    said("getppid", n);
    exit(6);
}

int main(int argc, char** argv) {
    static pthread_t self;
    self = pthread_self();
    n = argument(argc, argv, 1, 100);
    wait_for_line = argc > 2;
    pthread_t id;
    CHECK(pthread_create(&id, NULL, work, &self) == 0);
    pthread_exit(NULL);
}
