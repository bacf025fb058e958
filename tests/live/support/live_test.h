// SPDX-License-Identifier: MIT
// what:     the fixture of live tests: own directory, own sessions, nothing left behind.
// who:      test bodies; one test at a time in a process.
// lifetime: the directory is removed after success and kept after failure.
// cost:     a scan of /proc at the end of each test.
// see:      docs/design/0001-architecture.md, "Tests".
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "live/support/child.h"

namespace utrace::live {

/// Path of the utrace under test, and of a program of tests/live/programs.
std::string utrace_path();
std::string program(const std::string& name);
/// utrace, then `words`.
Words utrace(Words words);
/// The host the tests of this run use: UTRACE_TEST_HOST, set by ctest, one name per registered run.
const std::string& host();
/// `words` after `first`.
Words operator+(Words first, const Words& words);

/// One row of the table of the count engine.
struct Row {
    std::uint64_t calls = 0, errors = 0;
    bool operator==(const Row&) const = default;
};
using Counts = std::map<std::string, Row>;
/// Every table in `text`, in order, without the total.
std::vector<Counts> count_tables(const std::string& text);
/// The only table in `text`; fails the test when there is not exactly one.
Counts count_table(const std::string& text);
/// Calls per name in the text of a log: a call cut in two parts is one.
std::map<std::string, std::uint64_t> logged_calls(const std::string& log);
std::uint64_t calls_of(const Counts& counts, const std::string& name);

/// "name count" lines (V1) of a program's stdout.
std::map<std::string, std::uint64_t> said_counts(const std::string& out);

std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text, unsigned mode = 0644);

/// A field of /proc/TID/status; empty when there is none.
std::string status_field(pid_t tid, const std::string& name);
/// TracerPid; -1 when there is no such task.
pid_t tracer_pid(pid_t tid);
/// Waits until the only thread of `pid` blocks in system call `nr`; fails the test at the deadline.
bool wait_blocked(pid_t tid, long nr);
/// Waits until `pid` is a zombie, which stays until its parent waits.
bool wait_zombie(pid_t pid);
/// Waits until `pid` is stopped, by a signal or for a tracer.
bool wait_stopped(pid_t pid);
/// Waits until the file at `path` contains `text`; fails the test at the deadline.
bool wait_text(const std::string& path, const std::string& text);
/// FNV-1a over the executable mappings of the process' own file, read from /proc/PID/mem.
std::uint64_t text_hash(pid_t pid);
std::vector<pid_t> thread_ids(pid_t pid);
/// Living processes (not threads, not zombies) whose ancestor is this test.
std::vector<pid_t> descendants();

class LiveTest : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    const std::string& dir() const { return dir_; }
    std::string path(const std::string& name) const { return dir_ + "/" + name; }
    /// Where the keepers of this test have their sockets.
    std::string session_dir() const { return dir_ + "/run/utrace"; }
    /// A test that kills keepers leaves their sockets to the next client.
    void allow_dead_sockets() { sockets_allowed_ = true; }
    /// Pids of the living keepers of this test, named utrace-keeper.
    std::vector<pid_t> keepers() const;

  private:
    void expect_no_process();
    void expect_no_socket();

    std::string dir_;
    bool sockets_allowed_ = false;
};

}  // namespace utrace::live
