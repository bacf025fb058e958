// SPDX-License-Identifier: MIT
// what:     why a process cannot be attached to, read from /proc, and the message for it.
// who:      the verbs attach and doctor, before an attach and after a refused one.
// lifetime: values; the answer is a snapshot, the process may change at any time.
// cost:     about eight small /proc files.
// see:      docs/man/utrace-attach.1.scd, "RIGHTS".
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/say.h"

namespace utrace::cli {

/// What /proc says about a process; `proc` can be another directory in tests.
struct ProcessFacts {
    bool exists = false;
    std::string name;  ///< tainted
    char state = '?';
    pid_t process = 0;  ///< Tgid
    pid_t parent = 0;
    pid_t tracer = 0;
    std::string tracer_name;  ///< tainted; empty when unseen
    std::vector<uid_t> uids;  ///< real, effective, saved, file system
    std::vector<gid_t> gids;
    std::uint64_t capabilities = 0;  ///< permitted
    int seccomp = -1;                ///< 0 none, 1 strict, 2 filter
    bool no_new_privs = false;
    bool kernel_thread = false;
    bool not_dumpable = false;   ///< as far as the owner of /proc/PID tells
    std::string user_namespace;  ///< "user:[4026531837]"; empty when unreadable
    std::string wait_channel;
    int threads = 0;
};

ProcessFacts read_process(pid_t pid, const std::string& proc = "/proc");

/// The one who wants to attach.
struct Observer {
    ProcessFacts facts;  ///< of ourselves
    uid_t uid = 0;       ///< real ids: the kernel compares these
    gid_t gid = 0;
    bool may_trace_all = false;  ///< CAP_SYS_PTRACE is effective
};
Observer read_observer(const std::string& proc = "/proc");
/// kernel.yama.ptrace_scope, or nothing without Yama.
std::optional<int> yama_scope(const std::string& proc = "/proc");

/// The reason why attaching to `pid` fails with `err` (0: asked before trying; then an Error with
/// reason kNone means that nothing speaks against it).
Error why_not_attach(pid_t pid, int err, const std::string& proc = "/proc");

/// The same from values read before.
Error attach_reason(pid_t pid, int err, const ProcessFacts& facts, const Observer& us,
                    std::optional<int> scope);

/// The message for any Error of the layers below; `status` is the exit status that goes with it.
Complaint complaint_of(const Error& error, int status = 125);
/// The message for an Error of why_not_attach(), with the values read again from /proc.
Complaint attach_complaint(pid_t pid, const Error& error, const std::string& proc = "/proc");

}  // namespace utrace::cli
