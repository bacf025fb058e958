// SPDX-License-Identifier: MIT
// threads COUNT: starts threads one after the other; each ends at once, all are joined at the end.
// A tracer pays for every birth and death. When the system has no room for another thread the ones
// so far are joined first, so the count is always reached.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void* nothing(void* unused) { return unused; }

int main(int argc, char** argv) {
    const long count = argc > 1 ? atol(argv[1]) : 5000;
    pthread_t* threads = calloc((size_t)count, sizeof *threads);
    pthread_attr_t attr;
    if (threads == NULL || pthread_attr_init(&attr) != 0) return 1;
    pthread_attr_setstacksize(&attr, 64 << 10);
    long joined = 0;
    for (long i = 0; i < count; ++i) {
        int err = pthread_create(&threads[i], &attr, nothing, NULL);
        if (err != 0 && joined < i) {
            while (joined < i) pthread_join(threads[joined++], NULL);
            err = pthread_create(&threads[i], &attr, nothing, NULL);
        }
        if (err != 0) {
            fprintf(stderr, "threads: pthread_create: %s\n", strerror(err));
            return 1;
        }
    }
    while (joined < count) pthread_join(threads[joined++], NULL);
    free(threads);
    return 0;
}
