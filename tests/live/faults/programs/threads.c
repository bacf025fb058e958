// SPDX-License-Identifier: MIT
// Threads: storms of short ones, crowds of waiting ones, chains in which each makes the next.
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "program.h"

// An option no kernel has: one recognisable line in a log, with a number of our choice.
enum { kMarker = 0x75740000 };

static void mark(long value) {
    errno = 0;
    CHECK(syscall(SYS_prctl, kMarker, value, 0, 0, 0) == -1 && errno == EINVAL);
}

static pthread_attr_t small_stack(void) {
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN) == 0);
    return attributes;
}

static atomic_long ended;

static void* end_at_once(void* unused) {
    ++ended;
    return unused;
}

static void* spawn_many(void* argument) {
    const long many = *(const long*)argument;
    for (long i = 0; i < many; ++i) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, end_at_once, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    return NULL;
}

// spawners THREADS EACH: threads that keep creating threads.
int mode_spawners(char** words) {
    const long spawners = number(words, 0, 8);
    long each = number(words, 1, 100);
    pthread_t threads[64];
    CHECK(spawners <= 64);
    begin();
    for (long i = 0; i < spawners; ++i)
        CHECK(pthread_create(&threads[i], NULL, spawn_many, &each) == 0);
    for (long i = 0; i < spawners; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(ended == spawners * each);
    char text[80];
    snprintf(text, sizeof text, "ok %ld", (long)ended);
    write_line(text);
    return 0;
}

// threads N: a storm of N threads, up to 32 at a time.
int mode_threads(char** words) {
    const long many = number(words, 0, 1000);
    enum { kAtOnce = 32 };
    pthread_t threads[kAtOnce];
    pthread_attr_t attributes = small_stack();
    begin();
    for (long made = 0; made < many;) {
        int batch = 0;
        for (; batch < kAtOnce && made < many; ++batch, ++made)
            CHECK(pthread_create(&threads[batch], &attributes, end_at_once, NULL) == 0);
        for (int i = 0; i < batch; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(ended == many);
    char text[80];
    snprintf(text, sizeof text, "ok %ld", many);
    write_line(text);
    return 0;
}

// A crowd waits on one futex word, so that waking it is one call.
static atomic_int gate;

static void* wait_at_gate(void* argument) {
    while (atomic_load(&gate) == 0) {
        const long r = syscall(SYS_futex, &gate, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
        CHECK(r == 0 || errno == EAGAIN);  // never EINTR: nobody signals us
    }
    mark((long)argument);
    ++ended;
    return NULL;
}

// crowd N: N waiting threads; at "go" each makes one marked call and ends.
int mode_crowd(char** words) {
    const long many = number(words, 0, 100);
    pthread_t* threads = calloc((size_t)many, sizeof *threads);
    CHECK(threads != NULL);
    pthread_attr_t attributes = small_stack();
    for (long i = 0; i < many; ++i)
        CHECK(pthread_create(&threads[i], &attributes, wait_at_gate, (void*)i) == 0);
    begin();
    CHECK(wait_for_go());
    atomic_store(&gate, 1);
    CHECK(syscall(SYS_futex, &gate, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0) >= 0);
    for (long i = 0; i < many; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(ended == many);
    char text[80];
    snprintf(text, sizeof text, "ok %ld", many);
    write_line("done");
    CHECK(wait_for_go());
    write_line(text);
    return 0;
}

// A chain: each thread makes its successor and ends. One link that is missed loses the whole rest.
static void* link_of_chain(void* argument) {
    if (atomic_load(&gate) != 0) {
        mark((long)argument);
        ++ended;
        return NULL;
    }
    pthread_t next;
    pthread_attr_t attributes = small_stack();
    CHECK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    while (pthread_create(&next, &attributes, link_of_chain, argument) != 0) sched_yield();
    return NULL;
}

// chains N: N chains run until "go"; the last thread of each makes one marked call.
int mode_chains(char** words) {
    const long many = number(words, 0, 8);
    pthread_attr_t attributes = small_stack();
    CHECK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    for (long i = 0; i < many; ++i) {
        pthread_t first;
        CHECK(pthread_create(&first, &attributes, link_of_chain, (void*)i) == 0);
    }
    begin();
    CHECK(wait_for_go());
    atomic_store(&gate, 1);
    while (ended != many) sched_yield();
    mark(many);
    char text[80];
    snprintf(text, sizeof text, "ok %ld", many);
    write_line(text);
    return 0;
}
