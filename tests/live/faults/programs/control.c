// SPDX-License-Identifier: MIT
// Job control, terminals and signals to whole groups.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

static int closing[2];

static void* wait_for_end(void* unused) {
    char byte;
    // The pipe is closed at the end; a stop on the way must not show.
    CHECK(read(closing[0], &byte, 1) == 0);
    return unused;
}

static void stopped_side(long many) {
    pthread_t threads[1000];
    pthread_attr_t attributes;
    CHECK(close(closing[1]) == 0);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 65536) == 0);
    for (long i = 0; i < many; ++i)
        CHECK(pthread_create(&threads[i], &attributes, wait_for_end, NULL) == 0);
    for (long i = 0; i < many; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    _exit(41);
}

// group-stop THREADS TIMES: the parent of a process with many threads stops and continues it.
int mode_group_stop(char** words) {
    const long many = number(words, 0, 50);
    const long times = number(words, 1, 10);
    CHECK(many <= 1000);
    CHECK(pipe2(closing, O_CLOEXEC) == 0);
    begin();
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) stopped_side(many);
    CHECK(close(closing[0]) == 0);
    for (long i = 0; i < times; ++i) {
        int status = 0;
        CHECK(kill(child, SIGSTOP) == 0);
        CHECK(waitpid(child, &status, WUNTRACED) == child);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
        CHECK(waitpid(child, &status, WUNTRACED | WNOHANG) == 0);
        CHECK(kill(child, SIGCONT) == 0);
        CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    }
    CHECK(close(closing[1]) == 0);
    expect_exit(child, 41);
    char text[80];
    snprintf(text, sizeof text, "ok %ld %ld", many, times);
    write_line(text);
    return 0;
}

static atomic_int heard[65];

static void hear(int signo) { ++heard[signo]; }

static void hear_all(const int* signals, size_t many) {
    struct sigaction action = {.sa_handler = hear, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < many; ++i) CHECK(sigaction(signals[i], &action, NULL) == 0);
}

// kill-group N: signals to the own process group, from the program and from a child of it.
int mode_kill_group(char** words) {
    static const int kSignals[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGALRM, SIGHUP, SIGINT, SIGQUIT};
    enum { kMany = sizeof kSignals / sizeof *kSignals };
    const long many = number(words, 0, 5);
    hear_all(kSignals, kMany);
    begin();
    for (long i = 0; i < many; ++i) {
        for (size_t s = 0; s < kMany; ++s) {
            const int before = heard[kSignals[s]];
            CHECK(kill(0, kSignals[s]) == 0);
            CHECK(heard[kSignals[s]] == before + 1);
        }
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            CHECK(kill(0, SIGUSR1) == 0);
            _exit(42);
        }
        expect_exit(child, 42);
        CHECK(heard[SIGUSR1] == 2 * (i + 1));
    }
    char text[80];
    snprintf(text, sizeof text, "ok %ld %d", many, heard[SIGUSR1]);
    write_line(text);
    return 0;
}

// kill-all SIGNAL: to everybody there is; only for a pid namespace of its own.
int mode_kill_all(char** words) {
    const int signo = (int)number(words, 0, SIGUSR1);
    CHECK(getppid() <= 20);
    if (signo != SIGKILL) hear_all(&signo, 1);
    begin();
    CHECK(kill(-1, signo) == 0 || errno == ESRCH);  // alone but for init
    for (int i = 0; i < 50; ++i) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) _exit(i);
        expect_exit(child, i);
    }
    char text[80];
    snprintf(text, sizeof text, "ok %d", heard[signo]);
    write_line(text);
    return 0;
}

static void say_signal(int signo) {
    char text[40];
    const int before = errno;
    ++heard[signo];
    snprintf(text, sizeof text, "signal %d", signo);
    write_line(text);
    errno = before;
}

// terminal: tells what the terminal sends it; a line "end" on the terminal ends it.
int mode_terminal(char** words) {
    (void)words;
    struct sigaction action = {.sa_handler = say_signal, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGINT, &action, NULL) == 0);
    CHECK(sigaction(SIGQUIT, &action, NULL) == 0);
    CHECK(sigaction(SIGCONT, &action, NULL) == 0);
    CHECK(sigaction(SIGHUP, &action, NULL) == 0);
    const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    CHECK(terminal >= 0);
    CHECK(tcgetpgrp(terminal) == getpgrp());
    char text[64];
    snprintf(text, sizeof text, "pid %d", (int)getpid());
    write_line(text);
    begin();
    char line[64];
    for (;;) {
        const ssize_t n = read(terminal, line, sizeof line - 1);
        if (n <= 0) {
            // A hangup: end of file or EIO, and SIGHUP from the dying session leader.
            while (heard[SIGHUP] == 0) pause();
            write_line("ok hangup");
            return 5;
        }
        line[n] = 0;
        if (strcmp(line, "end\n") == 0) break;
        write_line("line");
    }
    write_line("ok");
    return 6;
}
