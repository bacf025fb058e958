// SPDX-License-Identifier: MIT
// follow_me: says "ready" with two threads; after a line on stdin the leader makes 11 getuid calls,
// the other thread 22, a new thread 33 and a forked child 44; says "end" and waits for a line.
#include <pthread.h>
#include <sys/wait.h>

#include "counted.h"

static int gate[2];

static void calls(long n) {
    for (long i = 0; i < n; ++i) syscall(SYS_getuid);
}

static void* old_thread(void* arg) {
    (void)arg;
    char byte;
    CHECK(read(gate[0], &byte, 1) == 1);
    calls(22);
    return NULL;
}

static void* new_thread(void* arg) {
    (void)arg;
    calls(33);
    return NULL;
}

int main(void) {
    pthread_t old, fresh;
    char line[8];
    CHECK(pipe(gate) == 0);
    CHECK(pthread_create(&old, NULL, old_thread, NULL) == 0);
    say("ready");
    CHECK(read(0, line, sizeof line) > 0);
    calls(11);
    CHECK(write(gate[1], "x", 1) == 1);
    CHECK(pthread_join(old, NULL) == 0);
    CHECK(pthread_create(&fresh, NULL, new_thread, NULL) == 0);
    CHECK(pthread_join(fresh, NULL) == 0);
    const pid_t pid = fork();
    if (pid == 0) {
        calls(44);
        _exit(0);
    }
    CHECK(waitpid(pid, NULL, 0) == pid);
    say("end");
    CHECK(read(0, line, sizeof line) > 0);
    return 0;
}
