// SPDX-License-Identifier: MIT
// threads_calls THREADS N: each thread makes N getppid and N/2 failing close calls.
#include <pthread.h>

#include "counted.h"

static long n;

static void* work(void* arg) {
    (void)arg;
    for (long i = 0; i < n; ++i) {
        syscall(SYS_getppid);
        if (i % 2 == 0) syscall(SYS_close, -1);
    }
    return NULL;
}

int main(int argc, char** argv) {
    const long threads = argument(argc, argv, 1, 8);
    n = argument(argc, argv, 2, 100);
    pthread_t* ids = calloc((size_t)threads, sizeof *ids);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 * 1024);
    for (long i = 0; i < threads; ++i) CHECK(pthread_create(&ids[i], &attr, work, NULL) == 0);
    for (long i = 0; i < threads; ++i) CHECK(pthread_join(ids[i], NULL) == 0);
    said("getppid", threads * n);
    said("failed_close", threads * ((n + 1) / 2));
    return 0;
}
