// SPDX-License-Identifier: MIT
// what:     what the traced programs share: raw calls, checks, "name count" lines.
// who:      programs of this folder.
// lifetime: static functions.
// cost:     none.
// see:      docs/design/0001-architecture.md, "Tests".
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno)); \
            exit(99);                                                                            \
        }                                                                                        \
    } while (0)

static inline long argument(int argc, char** argv, int index, long otherwise) {
    return argc > index ? atol(argv[index]) : otherwise;
}

static inline void say(const char* line) {
    printf("%s\n", line);
    fflush(stdout);
}

static inline void said(const char* name, long count) { printf("%s %ld\n", name, count); }
