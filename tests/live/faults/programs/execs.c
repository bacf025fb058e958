// SPDX-License-Identifier: MIT
// Changes of the program: execve by any thread, by descriptor, through scripts, after vfork.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

extern char** environ;

static void* wait_for_ever(void* unused) {
    for (;;) pause();
    return unused;
}

static char next_generation[24], thread_count[24], first_pid[24];

static atomic_int created;

static void* replace_program(void* leader) {
    // Our own birth must be over for the leader, too: its clone call has to return before it dies.
    while (!atomic_load(&created)) sched_yield();
    // With the leader gone, its id is taken over all the same.
    if (leader != NULL) CHECK(pthread_join(*(pthread_t*)leader, NULL) == 0);
    char* const argv[] = {"fault_program", "exec-generations", next_generation,
                          thread_count,    first_pid,          NULL};
    execve(self_path(), argv, environ);
    CHECK(!"execve returned");
    return NULL;
}

// exec-generations G THREADS: a thread that is not the leader executes the next generation.
int mode_exec_generations(char** words) {
    static pthread_t leader;
    const long left = number(words, 0, 5);
    const long many = number(words, 1, 100);
    const long pid = number(words, 2, getpid());
    CHECK(getpid() == pid);
    CHECK(syscall(SYS_gettid) == pid);
    if (words[2] == NULL || words[1] == NULL || words[0] == NULL) begin();
    if (left == 0) {
        char text[80];
        snprintf(text, sizeof text, "ok %ld", many);
        write_line(text);
        return 23;
    }
    snprintf(next_generation, sizeof next_generation, "%ld", left - 1);
    snprintf(thread_count, sizeof thread_count, "%ld", many);
    snprintf(first_pid, sizeof first_pid, "%ld", pid);
    pthread_t thread;
    for (long i = 1; i < many; ++i) CHECK(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
    leader = pthread_self();
    const int leave = left % 2 == 0;
    CHECK(pthread_create(&thread, NULL, replace_program, leave ? &leader : NULL) == 0);
    atomic_store(&created, 1);
    if (leave) pthread_exit(NULL);
    for (;;) pause();
}

static char folder[64], inner[128], outer[128], broken[128];

static void make_script(const char* path, const char* line) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    CHECK(fd >= 0);
    CHECK(write(fd, line, strlen(line)) == (ssize_t)strlen(line));
    CHECK(close(fd) == 0);
}

static void make_scripts(void) {
    char line[4300];
    strcpy(folder, "/tmp/fault_program.XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(inner, sizeof inner, "%s/inner", folder);
    snprintf(outer, sizeof outer, "%s/outer", folder);
    snprintf(broken, sizeof broken, "%s/broken", folder);
    snprintf(line, sizeof line, "#!%s exit 9\n", self_path());
    // The kernel passes "exit 9" as one word, which is no mode: status 97.
    make_script(inner, line);
    snprintf(line, sizeof line, "#!%s\n", inner);
    make_script(outer, line);
    make_script(broken, "\177no program at all\n");
}

static int copy_in_memory(void) {
    const int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const int to = memfd_create("copy", MFD_CLOEXEC);
    CHECK(from >= 0 && to >= 0);
    for (ssize_t n = 1; n > 0;) {
        n = sendfile(to, from, NULL, 1 << 20);
        CHECK(n >= 0);
    }
    CHECK(close(from) == 0);
    return to;
}

// Each way to execute; failing ones first. Returns the status the parent has to see.
static int execute(int way, int memory) {
    char* const leave[] = {"fault_program", "exit", "11", NULL};
    char* const plain[] = {"script", NULL};
    switch (way) {
        case 0:
            CHECK(execve("/no/such/program", plain, environ) == -1 && errno == ENOENT);
            CHECK(execve("/", plain, environ) == -1 && errno == EACCES);
            CHECK(execve(broken, plain, environ) == -1 && errno == ENOEXEC);
            _exit(11);
        case 1:
            execve(self_path(), leave, environ);
            break;
        case 2: {
            const int fd = open(self_path(), O_PATH | O_CLOEXEC);
            CHECK(fd >= 0);
            fexecve(fd, leave, environ);
            break;
        }
        case 3:
            execve(outer, plain, environ);
            break;
        default:
            fexecve(memory, leave, environ);
            break;
    }
    CHECK(!"execve returned");
    return 0;
}

// exec-storm N: N children, each executes in another way.
int mode_exec_storm(char** words) {
    const long many = number(words, 0, 50);
    make_scripts();
    const int memory = copy_in_memory();
    begin();
    for (long i = 0; i < many; ++i) {
        const int way = (int)(i % 5);
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) execute(way, memory);
        expect_exit(child, way == 3 ? 97 : 11);
    }
    CHECK(unlink(inner) == 0 && unlink(outer) == 0 && unlink(broken) == 0 && rmdir(folder) == 0);
    char text[80];
    snprintf(text, sizeof text, "ok %ld", many);
    write_line(text);
    return 0;
}

static atomic_long vforks;

static void* vfork_many(void* argument) {
    const long many = *(const long*)argument;
    const char* const self = self_path();
    char* const leave[] = {"fault_program", "exit", "12", NULL};
    for (long i = 0; i < many; ++i) {
        volatile long seen = 0;
        const pid_t child = vfork();
        CHECK(child >= 0);
        if (child == 0) {
            seen = i + 1;
            if (i % 2 == 0) execve(self, leave, environ);
            _exit(13);
        }
        CHECK(seen == i + 1);  // the child ran first, in our memory
        expect_exit(child, i % 2 == 0 ? 12 : 13);
        ++vforks;
    }
    return NULL;
}

// vfork THREADS EACH
int mode_vfork(char** words) {
    const long many = number(words, 0, 4);
    long each = number(words, 1, 10);
    pthread_t threads[16];
    CHECK(many <= 16);
    (void)self_path();
    begin();
    for (long i = 0; i < many; ++i)
        CHECK(pthread_create(&threads[i], NULL, vfork_many, &each) == 0);
    for (long i = 0; i < many; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(vforks == many * each);
    char text[80];
    snprintf(text, sizeof text, "ok %ld", (long)vforks);
    write_line(text);
    return 0;
}

static pthread_t first_thread;

static void* outlive_leader(void* unused) {
    CHECK(pthread_join(first_thread, NULL) == 0);
    begin();
    // Two steps of work while somebody attaches and detaches, then another program.
    for (int step = 0; step < 2; ++step) {
        CHECK(wait_for_go());
        for (int i = 0; i < 20; ++i) CHECK(getppid() > 0);
        write_line("step");
    }
    CHECK(wait_for_go());
    char* const argv[] = {"fault_program", "work", "20", NULL};
    execve(self_path(), argv, environ);
    CHECK(!"execve returned");
    return unused;
}

// leader-exits: the leader ends first, another thread goes on and executes the next program.
int mode_leader_exits(char** words) {
    (void)words;
    pthread_t thread;
    first_thread = pthread_self();
    CHECK(pthread_create(&thread, NULL, outlive_leader, NULL) == 0);
    pthread_exit(NULL);
}
