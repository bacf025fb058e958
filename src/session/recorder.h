// SPDX-License-Identifier: MIT
// what:     the keeper's half of recording engines: captures events into the rings of clients.
// who:      the keeper's loop thread only.
// lifetime: a Sink per client, a Group per ATTACH, an engine of the core per (group, task).
// cost:     an event is captured once, whoever wants it, and copied once per interested client.
// see:      docs/design/0001-architecture.md, "One path".
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "capture/capture.h"
#include "core/task.h"
#include "host/ptrace/host.h"
#include "ring/producer.h"
#include "ring/ring_set.h"

namespace utrace::session {

class Recorder;

/// Where one client's records go.
struct Sink {
    explicit Sink(ring::RingSet set) : rings(std::move(set)), producer(rings.producer(0)) {}
    ring::RingSet rings;
    ring::Producer producer;
    std::uint64_t committed = 0;  ///< events in the ring
};

/// What one ATTACH asked for: one engine per task of its scope.
struct Group {
    std::uint32_t id = 0;
    std::string name;
    std::int32_t level = 100;
    std::uint64_t events = 0;
    std::bitset<512> syscalls;
    bool all_syscalls = true;
    bool memory = true;  ///< wants what arguments point to
    bool follow_threads = true;
    bool follow_processes = true;
    bool exit_kill = false;
    std::uint32_t depth = 0;  ///< generations of processes to follow, 0 = no limit
    capture::Limits limits;
    Sink* sink = nullptr;
    Recorder* recorder = nullptr;
    std::size_t tasks = 0;  ///< engines alive
};

/// One group's hold on one task.
struct Proxy {
    Group* group = nullptr;
    host::PtraceTask* task = nullptr;
    core::Engine* engine = nullptr;
    std::uint32_t depth = 0;  ///< generations below the process the group was attached to
};

class Recorder {
  public:
    Recorder();
    ~Recorder();

    /// Attaches the group's engine to a task. 0 or -errno as utrace_attach.
    int attach(Group& group, host::PtraceTask& task, std::uint32_t depth = 0);
    /// Detaches the group's engine from a task it holds; tells the client when `tell`.
    void detach(Group& group, host::PtraceTask& task);
    /// Group's engine on a task, or null.
    Proxy* proxy_of(const Group& group, const host::PtraceTask& task) const noexcept;
    /// True when any group holds the task.
    static bool recorded(const host::PtraceTask& task) noexcept;

    /// Writes a THREAD or PROCESS record about `task` to one group's client.
    void task_record(Group& group, host::PtraceTask& task, TaskEvent what, int other, int status);
    void task_record_all(host::PtraceTask& task, TaskEvent what, int other, int status);
    /// The task was found blocked in a call when recording began.
    void call_resumed(host::PtraceTask& task);
    /// The group joined while the task is inside a call: the log shows what it waits for.
    void call_in_progress(Group& group, host::PtraceTask& task);
    void call_entered(host::PtraceTask& task) noexcept;
    void call_left(host::PtraceTask& task) noexcept;
    /// Frees what the recorder keeps for a task that leaves the host.
    void forget(host::PtraceTask& task) noexcept;

    // Called by the engine callbacks.
    void entry(Proxy& proxy);
    void exit(Proxy& proxy);
    void signal(Proxy& proxy, const utrace_signal& signal);
    void death(Proxy& proxy);
    void child(Proxy& proxy, host::PtraceTask& child, std::uint64_t clone_flags);

  private:
    struct Slot;
    struct Link;
    struct TaskLinks;

    TaskLinks& links(host::PtraceTask& task);
    Link& link(host::PtraceTask& task, Sink& sink);
    bool claim(Link& link, const host::PtraceTask& task) noexcept;
    Slot& open_slot(host::PtraceTask& task, bool entry_seen, bool with_memory);
    void close_slot(host::PtraceTask& task) noexcept;
    void write(Sink& sink, Link& link, const host::PtraceTask& task, RecordType type,
               std::uint16_t flags, const void* payload, std::uint32_t size);
    void blind(Proxy& proxy, Link& link);
    void write_call(Proxy& proxy, Link& link, RecordType type, std::uint16_t flags);

    std::vector<std::unique_ptr<Slot>> free_slots_;
    capture::Limits limits_;  // the widest anybody asked for
};

}  // namespace utrace::session
