// SPDX-License-Identifier: MIT
// what:     one traced thread under the ptrace host: its core task plus what ptrace needs to know.
// who:      the keeper's loop thread only.
// lifetime: from seize or birth until death or detach; owned by PtraceHost's table.
// cost:     a few hundred bytes a thread; capture scratch is borrowed only while a call is open.
// see:      docs/design/0004-ptrace-host.md.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "core/task.h"
#include "utrace/engine_abi.h"
#include "utrace/record.h"

namespace utrace::host {

/// The system call a task is in, as its entry stop told it.
struct CallContext {
    utrace_syscall sys{};     ///< what engines see; the same object from entry to exit
    std::uint64_t start = 0;  ///< CLOCK_MONOTONIC ns at entry, 0 unknown
    bool resumed = false;     ///< already blocked when we attached; its entry was never reported
    Abi abi() const noexcept { return static_cast<Abi>(sys.abi); }
};

class PtraceHost;

class PtraceTask {
  public:
    enum class State : std::uint8_t {
        kRunning,  ///< in user code, in a call, or not stopped for us yet
        kStopped,  ///< stopped; its stop is being handled
        kHeld,     ///< stopped and staying so: an engine's STOP, or a child waiting for its parent
        kListening,  ///< job-control stop, PTRACE_LISTEN
        kDead,
    };

    PtraceTask(PtraceHost& owner, Tid id, Pid group) noexcept : host(owner), tid(id), tgid(group) {}
    static PtraceTask& of(const core::Task& t) noexcept {
        return *static_cast<PtraceTask*>(t.host_data());
    }

    core::Task core;
    PtraceHost& host;
    Tid tid;
    Pid tgid;
    State state = State::kRunning;
    bool syscall_mode = false;   ///< last resumed with PTRACE_SYSCALL
    bool held_at_entry = false;  ///< stopped by an engine in the entry pass
    bool at_entry = false;       ///< the stop being handled (or held) is a call's entry
    bool in_call = false;        ///< between an entry and an exit stop
    bool interrupted = false;    ///< our PTRACE_INTERRUPT is outstanding: no stop since
    bool may_break = false;      ///< an interrupt may end the call under way early
    bool swallow_entry = false;  ///< next entry stop repeats a call we interrupted
    bool prelude = false;        ///< launched by us, has not reached its execve yet
    bool detaching = false;
    bool awaits_parent = false;  ///< born; its parent's CLONE pass has not ended
    bool awaits_birth = false;   ///< parent's event seen; its own first stop has not
    bool job_stopped = false;
    Pid opened_as{};  ///< process a client opened and has not attached to yet; births inherit it
    std::uint8_t job_signal = 0;     ///< signal of the job-control stop
    std::int32_t exit_status = 0;    ///< wait status, valid in the DEATH pass
    Tid superseded_by{};             ///< tid whose execve ended this task; valid in the DEATH pass
    std::uint32_t pass = 0;          ///< number of the pass now running; one event, one number
    std::int64_t broken_result = 0;  ///< restart code of an exit stop kept from the engines
    int parting_signal = 0;          ///< signal to deliver when a held task goes on
    std::uint64_t parked_at = 0;     ///< when an unknown child was parked, ns
    CallContext call;
    void* capture = nullptr;  ///< the recorder's, from entry to exit
    void* links = nullptr;    ///< the recorder's: who records this task
};

}  // namespace utrace::host
