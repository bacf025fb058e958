// SPDX-License-Identifier: MIT
// bystander CALL MS: says "ready", blocks in CALL for MS milliseconds (or, where CALL has no
// timeout, until a line comes on stdin), then says whether the call came back early or was
// interrupted.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "counted.h"

static struct timespec timeout;
static long milliseconds;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int empty_socket(void) {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    return pair[0];
}

static int silent_pipe(void) {
    int pair[2];
    CHECK(pipe(pair) == 0);
    return pair[0];
}

// Each does one call; what is good: 0 for "timed out as asked".
static int in_read(void) {
    char line[8];
    return read(0, line, sizeof line) == 3 ? 0 : 1;
}
static int in_poll(void) {
    struct pollfd fd = {silent_pipe(), POLLIN, 0};
    return poll(&fd, 1, (int)milliseconds);
}
static int in_ppoll(void) {
    struct pollfd fd = {silent_pipe(), POLLIN, 0};
    return ppoll(&fd, 1, &timeout, NULL);
}
static int in_select(void) {
    fd_set set;
    FD_ZERO(&set);
    const int fd = silent_pipe();
    FD_SET(fd, &set);
    struct timeval wait = {timeout.tv_sec, timeout.tv_nsec / 1000};
    return select(fd + 1, &set, NULL, NULL, &wait);
}
static int in_nanosleep(void) { return nanosleep(&timeout, NULL); }
static int in_clock_nanosleep(void) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout.tv_sec + (until.tv_nsec + timeout.tv_nsec) / 1000000000;
    until.tv_nsec = (until.tv_nsec + timeout.tv_nsec) % 1000000000;
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}
static int in_epoll_wait(void) {
    struct epoll_event event;
    return epoll_wait(epoll_create1(0), &event, 1, (int)milliseconds);
}
static int in_futex(void) {
    static unsigned word = 7;
    const long r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 7, &timeout, NULL, 0);
    return r == -1 && errno == ETIMEDOUT ? 0 : 1;
}
static int in_accept(void) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    CHECK(bind(fd, (struct sockaddr*)&name, sizeof(sa_family_t)) == 0 && listen(fd, 1) == 0);
    struct timeval wait = {timeout.tv_sec, timeout.tv_nsec / 1000};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0);
    return accept(fd, NULL, NULL) == -1 && errno == EAGAIN ? 0 : 1;
}
static int in_sigtimedwait(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return sigtimedwait(&set, NULL, &timeout) == -1 && errno == EAGAIN ? 0 : 1;
}
static int in_recv(void) {
    const int fd = empty_socket();
    struct timeval wait = {timeout.tv_sec, timeout.tv_nsec / 1000};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0);
    char byte;
    return recv(fd, &byte, 1, 0) == -1 && errno == EAGAIN ? 0 : 1;
}
static int in_wait4(void) {
    const pid_t pid = fork();
    if (pid == 0) {
        nanosleep(&timeout, NULL);
        _exit(0);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

static const struct {
    const char* name;
    int (*call)(void);
} kCalls[] = {{"read", in_read},
              {"poll", in_poll},
              {"ppoll", in_ppoll},
              {"select", in_select},
              {"nanosleep", in_nanosleep},
              {"clock_nanosleep", in_clock_nanosleep},
              {"epoll_wait", in_epoll_wait},
              {"futex", in_futex},
              {"accept", in_accept},
              {"sigtimedwait", in_sigtimedwait},
              {"recv", in_recv},
              {"wait4", in_wait4}};

int main(int argc, char** argv) {
    CHECK(argc == 3);
    milliseconds = atol(argv[2]);
    timeout.tv_sec = milliseconds / 1000;
    timeout.tv_nsec = milliseconds % 1000 * 1000000;
    for (size_t i = 0; i < sizeof kCalls / sizeof *kCalls; ++i) {
        if (strcmp(kCalls[i].name, argv[1]) != 0) continue;
        say("ready");
        const double begin = now();
        errno = 0;
        const int result = kCalls[i].call();
        const int error = errno;
        const double took = now() - begin;
        // The kernel never wakes a timeout early; a millisecond is rounding of the argument.
        if (result != 0) {
            printf("%s failed: %s\n", argv[1], strerror(error));
        } else if (strcmp(argv[1], "read") != 0 && took < (double)milliseconds - 1) {
            printf("%s came back early\n", argv[1]);
        } else {
            say("as asked");
        }
        fflush(stdout);
        char line[8];
        return read(0, line, sizeof line) > 0 ? 0 : 98;
    }
    return 99;
}
