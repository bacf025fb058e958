// SPDX-License-Identifier: MIT
// futex_pingpong ROUNDS: two threads hand a turn to each other through one futex word.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int turn;
static long rounds = 5000;

static void play(int me) {
    for (long i = 0; i < rounds; ++i) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != me)
            syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !me, NULL, NULL, 0);
        __atomic_store_n(&turn, !me, __ATOMIC_RELEASE);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void* other(void* unused) {
    play(1);
    return unused;
}

int main(int argc, char** argv) {
    if (argc > 1) rounds = atol(argv[1]);
    pthread_t thread;
    if (pthread_create(&thread, NULL, other, NULL) != 0) return 1;
    play(0);
    pthread_join(thread, NULL);
    return 0;
}
