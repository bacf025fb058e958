// SPDX-License-Identifier: MIT
// all_signals ROUNDS: a handler for every signal that can have one; raises each, counts each.
#include <signal.h>

#include "counted.h"

static volatile sig_atomic_t seen[65];

static void handler(int signo, siginfo_t* info, void* context) {
    (void)context;
    if (info->si_pid == getpid()) ++seen[signo];
}

int main(int argc, char** argv) {
    const long rounds = argument(argc, argv, 1, 3);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    int handled = 0;
    for (int signo = 1; signo <= 64; ++signo)
        if (signo != SIGKILL && signo != SIGSTOP && signo != 32 && signo != 33) {
            CHECK(sigaction(signo, &action, NULL) == 0);
            ++handled;
        }
    const pid_t pid = getpid();
    for (long round = 0; round < rounds; ++round)
        for (int signo = 1; signo <= 64; ++signo)
            if (signo != SIGKILL && signo != SIGSTOP && signo != 32 && signo != 33)
                CHECK(syscall(SYS_tgkill, pid, pid, signo) == 0);
    for (int signo = 1; signo <= 64; ++signo)
        if (seen[signo] != 0) printf("signal_%d %d\n", signo, (int)seen[signo]);
    said("tgkill", rounds * handled);
    said("rt_sigreturn", rounds * handled);
    return 0;
}
