// SPDX-License-Identifier: MIT
// what:     where a log goes: opened without following links, written in whole lines.
// who:      the CLI process, one thread per Output.
// lifetime: owns its fd and, for '|CMD', waits for the command in close().
// cost:     one write per flush; lines are gathered in memory up to 64 KiB.
// see:      docs/man/utrace.1.scd, "OUTPUT FILES".
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cli/say.h"

namespace utrace::cli {

/// Blocks SIGPIPE and SIGXFSZ in this thread, so that a closed or full output is an error value.
/// What is started for the user gets `before_output_signals()` back.
void block_output_signals() noexcept;
/// The signal mask as it was when the process started. First call wins: main calls it first.
const sigset_t& before_output_signals() noexcept;

class Output {
  public:
    /// `spec`: empty = stderr, "-" = stdout, "|CMD", a path.
    ///   kOutputRefused  ELOOP: a link on the way; EEXIST: not a regular file (`detail` names the
    ///                   kind); EACCES with `number` = owner: another user's file
    ///   others          errno of open, pipe or fork
    static Expected<Output> open(const std::string& spec);

    Output() = default;
    Output(Output&& other) noexcept = default;
    Output& operator=(Output&& other) noexcept = default;

    /// Adds text that ends in a newline; may flush.
    Expected<void> write(std::string_view lines);
    /// ENOSPC EDQUOT EFBIG EIO: the disk; EPIPE: the reader is gone. After a failure nothing is
    /// written any more and the same error comes again.
    Expected<void> flush();
    /// Flushes, closes, and for '|CMD' waits for the command to end.
    Expected<void> close();

    int fd() const noexcept { return borrowed_ >= 0 ? borrowed_ : fd_.get(); }
    bool is_pipe() const noexcept { return static_cast<bool>(child_); }
    const std::string& name() const noexcept { return name_; }

  private:
    static Expected<Output> open_file(const std::string& path);
    static Expected<Output> open_command(const std::string& command);
    static Output of_fd(int fd, std::string name);

    UniqueFd fd_;
    int borrowed_ = -1;  ///< stdout or stderr, not ours to close
    UniqueFd child_;     ///< pidfd of '|CMD'
    std::string name_;
    std::string pending_;
    Error failure_;
};

/// The message for a failed open.
Complaint output_complaint(const std::string& spec, const Error& error);
/// UT-DROP-02: the message for a failed write at event `number`; exit status 123.
Complaint output_lost_complaint(const Output& output, const Error& error, std::uint64_t number);

}  // namespace utrace::cli
