// SPDX-License-Identifier: MIT
// what:     starts the command of `run`: forked here, held at a gate until the keeper has it.
// who:      the CLI process, main thread, before any other thread.
// lifetime: owns the child's pidfd and the gate; the child dies at the gate if we do.
// cost:     one fork.
// see:      docs/design/0001-architecture.md, "Launch".
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cli/invocation.h"

namespace utrace::cli {

class Launch {
  public:
    /// Forks the child; it waits at the gate. `path` is the file to execute, `keeper` may trace it.
    static Expected<Launch> prepare(const Invocation& invocation, const std::string& path,
                                    pid_t keeper);

    pid_t pid() const noexcept { return pid_; }
    int pidfd() const noexcept { return pidfd_.get(); }
    /// Opens the gate and waits for the execve. Error: its errno, or of the step before it (`op`).
    Expected<void> go();
    /// The child at the gate is not wanted any more.
    void cancel();
    /// True when the child has ended; `status` is its wait status.
    bool ended(int& status);

  private:
    pid_t pid_ = -1;
    UniqueFd pidfd_;
    UniqueFd gate_;
    UniqueFd failure_;
};

/// Ends this process the way the program ended: exits with its status or dies of its signal.
[[noreturn]] void end_like(int wait_status);

}  // namespace utrace::cli
