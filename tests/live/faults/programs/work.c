// SPDX-License-Identifier: MIT
// A bit of everything, with each result checked: the program that survives our deaths.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

static atomic_int handled;
static atomic_int threads_run;

static void count_signal(int signo) {
    (void)signo;
    ++handled;
}

static void* run_thread(void* argument) {
    CHECK(getpid() > 0);
    threads_run += *(int*)argument;
    return NULL;
}

static void pipe_round(int round, int* pipes) {
    unsigned char out[96], in[96];
    for (size_t i = 0; i < sizeof out; ++i) out[i] = (unsigned char)(round * 7 + (int)i);
    CHECK(write(pipes[1], out, sizeof out) == sizeof out);
    CHECK(read(pipes[0], in, sizeof in) == sizeof in);
    CHECK(memcmp(out, in, sizeof out) == 0);
}

// How many calls may say EINTR: one, when the keeper dies (the kernel wakes the task for that; a
// stated exception of the contract), otherwise none.
static long may_be_cut;

// Calls that a careless tracer cuts short.
static void blocking_round(int poll_fd) {
    struct epoll_event event;
    const int events = epoll_wait(poll_fd, &event, 1, 1);
    CHECK(events == 0 || (events == -1 && errno == EINTR && may_be_cut-- > 0));
    const struct timespec nap = {0, 200000};
    CHECK(nanosleep(&nap, NULL) == 0);
}

static void error_round(void) {
    struct stat st;
    errno = 0;
    CHECK(stat("/no/such/file", &st) == -1 && errno == ENOENT);
    CHECK(close(-1) == -1 && errno == EBADF);
    void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    CHECK(munmap(page, 4096) == 0);
}

int mode_work(char** words) {
    const long rounds = number(words, 0, 200);
    may_be_cut = number(words, 1, 0);
    int pipes[2], forks = 0;
    CHECK(pipe(pipes) == 0);
    const int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK(poll_fd >= 0);
    struct sigaction action = {.sa_handler = count_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    begin();
    for (int i = 0; i < rounds; ++i) {
        pipe_round(i, pipes);
        error_round();
        CHECK(raise(SIGUSR1) == 0);
        if (i % 4 == 0) blocking_round(poll_fd);
        if (i % 10 == 3) {
            const pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) _exit(i % 64);
            expect_exit(child, i % 64);
            ++forks;
        }
        if (i % 10 == 7) {
            int one = 1;
            pthread_t thread;
            CHECK(pthread_create(&thread, NULL, run_thread, &one) == 0);
            CHECK(pthread_join(thread, NULL) == 0);
        }
    }
    CHECK(handled == rounds);
    char text[100];
    snprintf(text, sizeof text, "ok %ld %d %d %d", rounds, handled, forks, threads_run);
    write_line(text);
    return 17;
}
