// SPDX-License-Identifier: MIT
// what:     a process started by a test: its output, its signals, its end, each with a deadline.
// who:      test bodies; one thread.
// lifetime: owns pidfd and pipes; kills the process by pidfd when it still runs at destruction.
// cost:     a fork and an execve; while one child is waited for, the pipes of all are emptied.
// see:      docs/design/0001-architecture.md, "Tests".
#pragma once

#include <sys/types.h>
#include <sys/wait.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace utrace::live {

using Words = std::vector<std::string>;

/// Generous: a sanitizer build on a busy machine has to make it.
inline constexpr std::uint64_t kDeadline = 60'000'000'000;

struct Spawn {
    Words argv;  ///< argv[0] is searched in the PATH of the child
    /// Bytes for stdin, then end of file. Without it: /dev/null, or a pipe with `keep_input`.
    std::optional<std::string> input{};
    bool keep_input = false;
    std::vector<std::pair<std::string, std::string>> env{};  ///< added to the test's environment
    std::string cwd{};
    /// Session of its own on a new terminal, which is stdin, stdout and stderr (all in `out`).
    bool terminal = false;
    int out_fd = -1, err_fd = -1;      ///< instead of pipes; borrowed until start() returns
    std::vector<int> extra_fds{};      ///< kept open in the child under the same number
    std::uint64_t file_limit = ~0ull;  ///< soft RLIMIT_FSIZE in bytes
};

struct Result {
    int status = -1;  ///< wait status
    std::string out, err;
    bool exited(int code) const { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
    bool killed(int signo) const { return WIFSIGNALED(status) && WTERMSIG(status) == signo; }
    /// "exited with 3" / "killed by signal 9", then both outputs: for failure messages.
    std::string text() const;
};

class Child {
  public:
    /// Starts it in a process group of its own; it dies with the test (PR_SET_PDEATHSIG).
    /// A command that cannot be executed ends with 127 and says so on stderr.
    static Child start(Spawn spawn);

    Child(Child&& other) noexcept;
    Child& operator=(Child&& other) noexcept;
    ~Child();

    pid_t pid() const noexcept;
    int pidfd() const noexcept;
    /// False: it is dead already.
    bool signal(int signo) const;
    /// The next line of stdout without its newline; fails the test at the deadline or at its end.
    std::string line();
    /// Reads lines until one equals `wanted`. Fails the test and returns false otherwise.
    bool expect_line(std::string_view wanted);
    /// Waits for `text` in the part of stdout not read yet, and reads it away with what is before
    /// it. Fails the test and returns false otherwise.
    bool expect_text(std::string_view text);
    /// Waits until stderr contains `text`. Fails the test and returns false otherwise.
    bool expect_error_text(std::string_view text);
    void send(std::string_view bytes);
    void close_input();
    /// Stops reading stderr: the child's next write there meets a closed pipe.
    void close_error();
    bool running();
    /// Waits for its end. At the deadline: fails the test, kills it.
    Result wait();

    struct State;

  private:
    explicit Child(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Starts, waits.
Result run(Spawn spawn);

}  // namespace utrace::live
