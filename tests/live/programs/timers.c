// SPDX-License-Identifier: MIT
// timers N: waits for N SIGALRM of an interval timer and N SIGUSR1 of a POSIX timer; calls that the
// signals interrupt go on as the kernel says.
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "counted.h"

static volatile sig_atomic_t alarms, ticks;
static void on_alarm(int signo) { (void)signo, ++alarms; }
static void on_tick(int signo) { (void)signo, ++ticks; }

int main(int argc, char** argv) {
    const long n = argument(argc, argv, 1, 100);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_flags = SA_RESTART;
    action.sa_handler = on_alarm;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    action.sa_handler = on_tick;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    timer_t timer;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    const struct itimerspec every = {{0, 700000}, {0, 700000}};
    CHECK(timer_settime(timer, 0, &every, NULL) == 0);
    const struct itimerval interval = {{0, 1000}, {0, 1000}};
    CHECK(setitimer(ITIMER_REAL, &interval, NULL) == 0);
    while (alarms < n || ticks < n) {
        const struct timespec nap = {1, 0};
        if (nanosleep(&nap, NULL) == -1) CHECK(errno == EINTR);
    }
    const struct itimerval off = {{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
    CHECK(timer_delete(timer) == 0);
    say("enough");
    return 0;
}
