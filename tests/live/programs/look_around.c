// SPDX-License-Identifier: MIT
// look_around: prints what a program can see of its own surroundings: fds, masks, parent, names.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "counted.h"

static void print_fds(void) {
    for (int fd = 0; fd < 256; ++fd) {
        const int flags = fcntl(fd, F_GETFD);
        if (flags >= 0) printf("fd %d flags %d status 0x%x\n", fd, flags, fcntl(fd, F_GETFL));
    }
}

static void print_status(void) {
    static const char* const kFields[] = {"SigBlk",     "SigIgn", "SigCgt",  "SigPnd",  "ShdPnd",
                                          "NoNewPrivs", "Umask",  "Seccomp", "Threads", "Groups"};
    FILE* file = fopen("/proc/self/status", "re");
    CHECK(file != NULL);
    char line[4096];
    while (fgets(line, sizeof line, file) != NULL)
        for (size_t i = 0; i < sizeof kFields / sizeof *kFields; ++i)
            if (strncmp(line, kFields[i], strlen(kFields[i])) == 0) fputs(line, stdout);
    fclose(file);
}

int main(int argc, char** argv) {
    (void)argv;
    printf("argc %d\n", argc);
    print_fds();
    print_status();
    struct rlimit limit;
    for (int what = 0; what < RLIM_NLIMITS; ++what)
        if (getrlimit(what, &limit) == 0)
            printf("limit %d %lu %lu\n", what, (unsigned long)limit.rlim_cur,
                   (unsigned long)limit.rlim_max);
    extern char** environ;
    for (char** entry = environ; *entry != NULL; ++entry)
        if (strncmp(*entry, "_=", 2) != 0) puts(*entry);
    char here[4096];
    puts(getcwd(here, sizeof here));
    printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
    return 0;
}
