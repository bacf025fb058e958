// SPDX-License-Identifier: MIT
// what:     reads the /proc files of a process that everybody needs: status, start time, threads.
// who:      any thread.
// lifetime: free functions returning values.
// cost:     an open and a read each; never on a path taken once per event.
// see:      proc(5).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"

namespace utrace::proc {

/// The fields of /proc/PID/status we use. Signal sets have bit signo-1.
struct Status {
    std::string name;
    char state = '?';
    pid_t tgid = 0;
    pid_t ppid = 0;
    pid_t tracer = 0;
    int threads = 0;
    std::uint32_t uid[4] = {};  ///< real, effective, saved, fs
    std::uint32_t gid[4] = {};
    std::uint64_t pending = 0, shared_pending = 0, blocked = 0, ignored = 0, caught = 0;
    std::uint64_t cap_effective = 0;
    int no_new_privs = 0;
    int seccomp = 0;
    bool kernel_thread = false;
};

/// Status of a process or thread (any tid works). ENOENT/ESRCH: there is none.
Expected<Status> status(pid_t tid);
/// Field 22 of /proc/PID/stat: start time in clock ticks since boot; with the pid it is an
/// identity.
Expected<std::uint64_t> start_time(pid_t pid);
/// Thread ids of a process, from /proc/PID/task; may miss or invent one while threads come and go.
Expected<std::vector<Tid>> threads(pid_t pid);
/// Thread name, at most 15 bytes, tainted.
std::string comm(pid_t tid);
/// What /proc/TID/syscall says: number of the call the thread is blocked in, -1 none, -2 unknown
/// (running, or not readable).
long blocked_call(pid_t tid);

}  // namespace utrace::proc
