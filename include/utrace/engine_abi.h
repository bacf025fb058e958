// SPDX-License-Identifier: MIT
// what:     the C ABI between an engine and whoever calls it.
// who:      engines in C or C++; callbacks run as the task, no lock held, and must not wait.
// lifetime: ops and name are copied by attach; data is the engine's until release(data).
// cost:     plain structs; no code.
// see:      docs/design/0002-report-pass.md, "The C ABI".
//
// Every struct starts with its size and fields are only appended. Larger than known: the unknown
// tail must be zero, else E2BIG. Smaller: missing fields read as zero. Below the first published
// size: EINVAL. A null callback is legal; it counts as the polite answer.
#ifndef UTRACE_ENGINE_ABI_H
#define UTRACE_ENGINE_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct utrace_task utrace_task;
typedef struct utrace_engine utrace_engine;

/* How a call's number and arguments are to be read; the values of utrace::Abi. */
enum { UTRACE_ABI_X86_64 = 0, UTRACE_ABI_I386 = 1, UTRACE_ABI_X32 = 2, UTRACE_ABI_UNKNOWN = 255 };

/* utrace_syscall.flags. The host and the core write them; what an engine stores there is ignored.
 */
enum {
    UTRACE_SYSCALL_RESTARTED = 0x1, /* kernel restart of an interrupted call */
    UTRACE_SYSCALL_ENTERED = 0x2,   /* this call had an entry pass */
    UTRACE_SYSCALL_ABORTED = 0x4    /* no call was made */
};

/* One system call, from entry to exit. The host keeps one object per call and hands the same one to
 * both passes; in the exit pass nr and args are what the entry passes left. */
typedef struct utrace_syscall {
    uint32_t size;
    uint32_t nr;    /* UINT32_MAX = no call */
    uint32_t abi;   /* UTRACE_ABI_ */
    uint32_t flags; /* UTRACE_SYSCALL_ */
    uint64_t args[6];
    int64_t result; /* valid in the exit pass and after an abort */
} utrace_syscall;

/* What happens on delivery, in the words of sigaction(2). */
typedef struct utrace_disposition {
    uint32_t size;
    uint32_t reserved;
    uint64_t handler; /* 0 default, 1 ignore */
    uint64_t flags;   /* SA_ */
    uint64_t mask;
    uint64_t restorer;
} utrace_disposition;

typedef struct utrace_signal {
    uint32_t size;
    int32_t signo; /* 0 in a pre-signal report with nothing to deliver */
    void* siginfo; /* siginfo_t of the task's ABI, may be edited */
    uint32_t siginfo_size;
    uint32_t reserved;
    utrace_disposition* disposition;    /* what will be used, may be edited; null = unknown */
    const utrace_disposition* original; /* as the task set it; null in a pre-signal report */
} utrace_signal;

typedef struct utrace_exec {
    uint32_t size;
    int32_t
        former_tid; /* id of the caller before exec; differs from the new one if not the leader */
    const char* filename; /* tainted; null = unknown */
} utrace_exec;

typedef struct utrace_call {
    uint32_t size;
    uint32_t action; /* merged Resume so far | verdict of the predecessors | flags */
    utrace_engine* engine;
    void* data;
    utrace_task* task;
} utrace_call;

/* abi_flags */
enum { UTRACE_OPS_VECTOR = 0x1 /* needs vector registers saved around callbacks */ };

typedef struct utrace_engine_ops {
    uint32_t size, abi_flags;
    uint32_t (*report_quiesce)(const utrace_call*, uint64_t event_mask);
    uint32_t (*report_syscall_entry)(const utrace_call*, utrace_syscall*);
    uint32_t (*report_syscall_exit)(const utrace_call*, utrace_syscall*);
    uint32_t (*report_clone)(const utrace_call*, uint64_t clone_flags, utrace_task* child);
    uint32_t (*report_exec)(const utrace_call*, const utrace_exec*);
    uint32_t (*report_signal)(const utrace_call*, utrace_signal*);
    uint32_t (*report_jctl)(const utrace_call*, int type, int notify);
    uint32_t (*report_exit)(const utrace_call*, int orig_code, int* code);
    uint32_t (*report_death)(const utrace_call*, int group_dead, int signal);
    void (*report_reap)(const utrace_call*);
    uint32_t (*report_extension)(const utrace_call*, uint32_t event, const void* record,
                                 uint32_t length);
    void (*release)(void* data);
} utrace_engine_ops;

typedef struct utrace_attach_params {
    uint32_t size, flags; /* flags: utrace::AttachFlag */
    int32_t level;        /* low = nearest the kernel */
    uint32_t reply_ms;    /* deadline of a remote engine's replies, 0 = none */
    const utrace_engine_ops* ops;
    void* data;
    const char* name;
} utrace_attach_params;

#ifdef __cplusplus
}
#endif

#endif
