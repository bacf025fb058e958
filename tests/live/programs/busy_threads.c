// SPDX-License-Identifier: MIT
// busy_threads THREADS: threads make getppid calls and check each result until a line comes on
// stdin; then the program says "good" if nothing was ever wrong. Says "ready" when all run. With
// "steps": each further line "N" makes every thread do exactly N getuid calls, answered by "done".
#include <pthread.h>
#include <stdatomic.h>

#include "counted.h"

static atomic_int started, stop, bad;
static atomic_long steps_wanted;
static pthread_barrier_t begin, end;
static pid_t parent;

static void* busy(void* arg) {
    (void)arg;
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&stop)) {
        if (syscall(SYS_getppid) != parent) atomic_store(&bad, 1);
        if (syscall(SYS_close, -1) != -1 || errno != EBADF) atomic_store(&bad, 1);
    }
    return NULL;
}

static void* stepper(void* arg) {
    (void)arg;
    atomic_fetch_add(&started, 1);
    for (;;) {
        pthread_barrier_wait(&begin);
        if (atomic_load(&stop)) return NULL;
        for (long i = atomic_load(&steps_wanted); i > 0; --i) syscall(SYS_getuid);
        pthread_barrier_wait(&end);
    }
}

int main(int argc, char** argv) {
    const long threads = argument(argc, argv, 1, 8);
    const int steps = argc > 2;
    parent = getppid();
    pthread_barrier_init(&begin, NULL, (unsigned)threads + 1);
    pthread_barrier_init(&end, NULL, (unsigned)threads + 1);
    pthread_t* ids = calloc((size_t)threads, sizeof *ids);
    for (long i = 0; i < threads; ++i)
        CHECK(pthread_create(&ids[i], NULL, steps ? stepper : busy, NULL) == 0);
    while (atomic_load(&started) < threads) sched_yield();
    say("ready");
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL && steps && atol(line) > 0) {
        atomic_store(&steps_wanted, atol(line));
        pthread_barrier_wait(&begin);
        pthread_barrier_wait(&end);
        say("done");
    }
    atomic_store(&stop, 1);
    if (steps) pthread_barrier_wait(&begin);
    for (long i = 0; i < threads; ++i) CHECK(pthread_join(ids[i], NULL) == 0);
    say(atomic_load(&bad) ? "bad" : "good");
    return 0;
}
