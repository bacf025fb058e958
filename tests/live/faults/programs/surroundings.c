// SPDX-License-Identifier: MIT
// What a program finds around itself: namespaces, file descriptors, masks, limits.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

static void write_file(const char* path, const char* text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(close(fd) == 0);
}

static void become_root_of_own_namespace(void) {
    char map[64];
    const unsigned uid = geteuid(), gid = getegid();
    CHECK(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", gid);
    write_file("/proc/self/gid_map", map);
    CHECK(getuid() == 0 && getgid() == 0);
    CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

// How /proc is changed before the work goes on.
enum { kProcAsItIs, kProcReadOnly, kProcMissing, kChroot };

static void change_surroundings(int how) {
    struct stat st;
    switch (how) {
        case kProcReadOnly:
            CHECK(mount("/proc", "/proc", NULL, MS_BIND | MS_REC, NULL) == 0);
            CHECK(mount(NULL, "/proc", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0 ||
                  mount(NULL, "/proc", NULL,
                        MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                        NULL) == 0);
            break;
        case kProcMissing:
            CHECK(mount("none", "/proc", "tmpfs", 0, NULL) == 0);
            CHECK(stat("/proc/self", &st) == -1 && errno == ENOENT);
            break;
        case kChroot:
            CHECK(mount("none", "/tmp", "tmpfs", 0, NULL) == 0);
            CHECK(mkdir("/tmp/new", 0755) == 0 && mkdir("/tmp/new/inside", 0755) == 0);
            CHECK(chroot("/tmp/new") == 0 && chdir("/") == 0);
            CHECK(stat("/inside", &st) == 0 && stat("/proc", &st) == -1);
            break;
        default:
            break;
    }
}

static void work_a_little(void) {
    for (int i = 0; i < 10; ++i) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) _exit(30 + i);
        expect_exit(child, 30 + i);
    }
}

// namespaces: a child for each change.
int mode_namespaces(char** words) {
    (void)words;
    begin();
    for (int how = kProcAsItIs; how <= kChroot; ++how) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            become_root_of_own_namespace();
            change_surroundings(how);
            work_a_little();
            _exit(40 + how);
        }
        expect_exit(child, 40 + how);
    }
    write_line("ok 4");
    return 0;
}

static int by_number(const void* a, const void* b) { return *(const int*)a - *(const int*)b; }

static void print_descriptor(int fd) {
    char path[64], target[512], text[700];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(path, target, sizeof target - 1);
    CHECK(n >= 0);
    target[n] = 0;
    // pipe:[NUMBER] and the like differ in each run.
    char* number_part = strchr(target, '[');
    if (number_part != NULL && strchr(target, ':') != NULL) *number_part = 0;
    snprintf(text, sizeof text, "fd %d %s status 0x%x flags 0x%x", fd, target,
             (unsigned)fcntl(fd, F_GETFL), (unsigned)fcntl(fd, F_GETFD));
    write_line(text);
}

static void print_descriptors(void) {
    int numbers[256];
    size_t many = 0;
    DIR* folder = opendir("/proc/self/fd");
    CHECK(folder != NULL);
    for (struct dirent* entry; (entry = readdir(folder)) != NULL;) {
        const int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(folder)) continue;
        CHECK(many < sizeof numbers / sizeof *numbers);
        numbers[many++] = fd;
    }
    qsort(numbers, many, sizeof *numbers, by_number);
    for (size_t i = 0; i < many; ++i) print_descriptor(numbers[i]);
    CHECK(closedir(folder) == 0);
}

static void print_status_lines(void) {
    static const char* const kWanted[] = {
        "Umask:",  "Groups:", "SigQ:",   "SigPnd:",     "ShdPnd:",  "SigBlk:",
        "SigIgn:", "SigCgt:", "CapEff:", "NoNewPrivs:", "Seccomp:", "Threads:"};
    char line[512];
    FILE* file = fopen("/proc/self/status", "re");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        for (size_t i = 0; i < sizeof kWanted / sizeof *kWanted; ++i)
            if (strncmp(line, kWanted[i], strlen(kWanted[i])) == 0 && strcmp(kWanted[i], "SigQ:"))
                write_line(line);
    }
    CHECK(fclose(file) == 0);
}

// state: everything a run under us must not change, one line each. A child has the same.
int mode_state(char** words) {
    char text[600], folder[300];
    begin();
    if (words[0] != NULL) CHECK(wait_for_go());
    print_descriptors();
    print_status_lines();
    for (int i = 0; i < RLIMIT_NLIMITS; ++i) {
        struct rlimit limit;
        CHECK(getrlimit(i, &limit) == 0);
        snprintf(text, sizeof text, "limit %d %llx %llx", i, (unsigned long long)limit.rlim_cur,
                 (unsigned long long)limit.rlim_max);
        write_line(text);
    }
    CHECK(getcwd(folder, sizeof folder) != NULL);
    snprintf(text, sizeof text, "nice %d policy %d leader %d session %d folder %s",
             getpriority(PRIO_PROCESS, 0), sched_getscheduler(0), getpgrp() == getpid(),
             getsid(0) == getpid(), folder);
    write_line(text);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        print_descriptors();
        _exit(0);
    }
    expect_exit(child, 0);
    write_line("ok");
    return 0;
}
