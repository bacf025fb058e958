// SPDX-License-Identifier: MIT
// Processes and their parents: who may wait for whom, who hears of whose death.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

static pid_t clone_process(unsigned long flags, int exit_signal) {
    return (pid_t)syscall(SYS_clone, flags | (unsigned long)exit_signal, 0, 0, 0, 0);
}

static pid_t child_that_waits(int* gate) {
    int pipes[2];
    CHECK(pipe2(pipes, O_CLOEXEC) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char byte;
        CHECK(close(pipes[1]) == 0);
        CHECK(read(pipes[0], &byte, 1) == 0);
        _exit(21);
    }
    CHECK(close(pipes[0]) == 0);
    *gate = pipes[1];
    return child;
}

// WNOHANG, WNOWAIT and rusage: the status stays until we take it.
static void check_waits(void) {
    int gate = -1, status = 0;
    siginfo_t info;
    struct rusage usage;
    const pid_t child = child_that_waits(&gate);
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    CHECK(close(gate) == 0);
    for (int i = 0; i < 2; ++i) {
        memset(&info, 0, sizeof info);
        CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
        CHECK(info.si_pid == child && info.si_code == CLD_EXITED && info.si_status == 21);
    }
    CHECK(wait4(child, &status, __WALL, &usage) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 21);
    CHECK(waitpid(child, &status, WNOHANG) == -1 && errno == ECHILD);
}

// A child without exit signal is found by __WCLONE and __WALL only.
static void check_clone_children(void) {
    int status = 0;
    pid_t child = clone_process(0, 0);
    CHECK(child >= 0);
    if (child == 0) _exit(22);
    CHECK(waitpid(child, &status, 0) == -1 && errno == ECHILD);
    CHECK(waitpid(child, &status, __WCLONE) == child && WEXITSTATUS(status) == 22);
    child = clone_process(0, SIGUSR2);
    CHECK(child >= 0);
    if (child == 0) _exit(23);
    CHECK(waitpid(child, &status, __WALL) == child && WEXITSTATUS(status) == 23);
}

// An orphan comes to the nearest subreaper, with its status.
static void check_orphan(void) {
    int pipes[2];
    CHECK(pipe2(pipes, O_CLOEXEC) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const pid_t parent = getpid();
        const pid_t orphan = fork();
        CHECK(orphan >= 0);
        if (orphan != 0) _exit(24);
        while (getppid() == parent) sched_yield();
        const pid_t me = getpid();
        CHECK(write(pipes[1], &me, sizeof me) == sizeof me);
        _exit(25);
    }
    expect_exit(child, 24);
    pid_t orphan = 0;
    CHECK(read(pipes[0], &orphan, sizeof orphan) == sizeof orphan);
    expect_exit(orphan, 25);
    CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0);
    CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
}

// orphans N
int mode_orphans(char** words) {
    const long many = number(words, 0, 10);
    struct sigaction action = {.sa_handler = SIG_IGN};
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    begin();
    for (long i = 0; i < many; ++i) {
        check_waits();
        check_clone_children();
        check_orphan();
    }
    char text[80];
    snprintf(text, sizeof text, "ok %ld", many);
    write_line(text);
    return 0;
}

// The child of a child that ends hears of it by the signal it asked for.
static void check_death_signal(void) {
    int pipes[2];
    CHECK(pipe2(pipes, O_CLOEXEC) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int ready[2];
        CHECK(pipe2(ready, O_CLOEXEC) == 0);
        if (fork() == 0) {
            sigset_t set;
            siginfo_t info;
            sigemptyset(&set);
            sigaddset(&set, SIGUSR2);
            CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
            CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0) == 0);
            CHECK(write(ready[1], "r", 1) == 1);
            CHECK(sigwaitinfo(&set, &info) == SIGUSR2);
            CHECK(write(pipes[1], "d", 1) == 1);
            _exit(0);
        }
        char byte;
        CHECK(read(ready[0], &byte, 1) == 1);
        _exit(26);
    }
    char byte = 0;
    expect_exit(child, 26);
    CHECK(read(pipes[0], &byte, 1) == 1 && byte == 'd');
    CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0);
}

// As daemons have always done it: two forks, a session, no way back.
static void check_daemon(void) {
    int pipes[2];
    CHECK(pipe2(pipes, O_CLOEXEC) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const pid_t session = setsid();
        CHECK(session == getpid() && getpgrp() == session);
        const pid_t daemon = fork();
        CHECK(daemon >= 0);
        if (daemon != 0) _exit(27);
        CHECK(getsid(0) == session && getpid() != session);
        CHECK(chdir("/") == 0);
        umask(022);
        CHECK(write(pipes[1], "D", 1) == 1);
        _exit(0);
    }
    char byte = 0;
    expect_exit(child, 27);
    CHECK(close(pipes[1]) == 0);
    CHECK(read(pipes[0], &byte, 1) == 1 && byte == 'D');
    CHECK(read(pipes[0], &byte, 1) == 0);
    CHECK(close(pipes[0]) == 0);
}

static void check_undumpable(void) {
    CHECK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
        _exit(28);
    }
    expect_exit(child, 28);
    CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

// daemon N
int mode_daemon(char** words) {
    const long many = number(words, 0, 10);
    begin();
    for (long i = 0; i < many; ++i) {
        check_daemon();
        check_death_signal();
        check_undumpable();
    }
    char text[80];
    snprintf(text, sizeof text, "ok %ld", many);
    write_line(text);
    return 0;
}

static int code_of(pid_t pid) { return (int)(pid % 199); }

// identities N: N children, four at a time; each asks who it is and says so in its status.
int mode_identities(char** words) {
    const long many = number(words, 0, 100);
    long ended = 0, running = 0, made = 0;
    begin();
    while (ended < many) {
        if (made < many && running < 4) {
            const pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) _exit(code_of((pid_t)syscall(SYS_getpid)));
            ++made;
            ++running;
            continue;
        }
        int status = 0;
        const pid_t child = waitpid(-1, &status, 0);
        CHECK(child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == code_of(child));
        ++ended;
        --running;
    }
    char text[80];
    snprintf(text, sizeof text, "ok %ld", many);
    write_line(text);
    return 0;
}

// ---------------------------------------------------------------- exit_group from any state

static void on_signal(int signo) { (void)signo; }

static void* spin_in_calls(void* unused) {
    for (;;) getppid();
    return unused;
}
static void* sleep_in_call(void* unused) {
    for (;;) pause();
    return unused;
}
static void* signal_itself(void* unused) {
    for (;;) raise(SIGUSR1);
    return unused;
}
static void* end_quickly(void* unused) { return unused; }
static void* make_threads(void* unused) {
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, end_quickly, NULL) == 0) pthread_join(thread, NULL);
    }
    return unused;
}
static void* make_processes(void* unused) {
    for (;;) {
        const pid_t child = vfork();
        if (child == 0) _exit(0);
        if (child > 0) waitpid(child, NULL, 0);
    }
    return unused;
}
static void* stop_group(void* unused) {
    for (;;) kill(getpid(), SIGSTOP);
    return unused;
}

static void end_in_the_middle(int round) {
    static void* (*const kinds[])(void*) = {spin_in_calls, sleep_in_call,  signal_itself,
                                            make_threads,  make_processes, stop_group};
    pthread_t thread;
    struct sigaction action = {.sa_handler = on_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    // The one that stops the whole process only in every third round.
    const int last = round % 3 == 0 ? 6 : 5;
    for (int i = 0; i < last; ++i) CHECK(pthread_create(&thread, NULL, kinds[i], NULL) == 0);
    for (volatile int i = 0; i < (round * 7919) % 20000; ++i) continue;
    _exit(round % 100);
}

// exit-group N: N processes that end while their threads are in all kinds of stops.
int mode_exit_group(char** words) {
    const long many = number(words, 0, 20);
    begin();
    for (long i = 0; i < many; ++i) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) end_in_the_middle((int)i);
        int status = 0;
        for (;;) {
            CHECK(waitpid(child, &status, WUNTRACED) == child);
            if (!WIFSTOPPED(status)) break;
            CHECK(WSTOPSIG(status) == SIGSTOP);
            CHECK(kill(child, SIGCONT) == 0);
        }
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (int)(i % 100));
    }
    char text[80];
    snprintf(text, sizeof text, "ok %ld", many);
    write_line(text);
    return 7;
}
