// SPDX-License-Identifier: MIT
// what:     a HostListener that wants nothing and remembers how the last task ended.
// who:      tests that drive the ptrace host themselves.
// lifetime: outlives the host it is given to.
// cost:     none.
// see:      src/host/ptrace/host.h.
#pragma once

#include "host/ptrace/host.h"

namespace utrace::host {

class QuietListener final : public HostListener {
  public:
    void task_added(PtraceTask&, PtraceTask*) override {}
    bool keep_child(PtraceTask&) override { return false; }
    void call_entered(PtraceTask&) override {}
    void call_left(PtraceTask&) override {}
    void call_resumed(PtraceTask&) override {}
    void task_gone(PtraceTask&, Gone, int how) override { status = how; }
    void idle() override {}

    int status = -1;  ///< wait status of the last task that ended
};

}  // namespace utrace::host
