// SPDX-License-Identifier: MIT
// exec_thread: a thread that is not the leader executes this program again while others compute.
#include <pthread.h>

#include "counted.h"

static void* spin(void* arg) {
    (void)arg;
    for (;;) syscall(SYS_sched_yield);
    return NULL;
}

static char* self;
static void* replace(void* arg) {
    (void)arg;
    execl(self, self, "again", (char*)NULL);
    _exit(98);
    return NULL;
}

int main(int argc, char** argv) {
    if (argc > 1) {
        printf("pid kept %d\n", getpid() == atoi(getenv("FIRST_PID")));
        printf("leader %d\n", getpid() == (pid_t)syscall(SYS_gettid));
        return 5;
    }
    char text[32];
    snprintf(text, sizeof text, "%d", getpid());
    setenv("FIRST_PID", text, 1);
    self = argv[0];
    pthread_t id;
    for (int i = 0; i < 4; ++i) CHECK(pthread_create(&id, NULL, spin, NULL) == 0);
    CHECK(pthread_create(&id, NULL, replace, NULL) == 0);
    pthread_join(id, NULL);
    return 97;
}
