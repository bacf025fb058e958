// SPDX-License-Identifier: MIT
#include "live/faults/fault_test.h"

#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <regex>
#include <sstream>

#include "base/proc.h"
#include "base/sys.h"

namespace utrace::live {

bool long_set() { return std::getenv("UTRACE_TEST_LONG") != nullptr; }

unsigned repetitions(unsigned full) { return long_set() ? full : std::max(1u, full / 100); }

Lives lives_of(const std::string& log) {
    // "PID clone(…) = CHILD" or "PID <... clone resumed>…) = CHILD": a positive result is a birth;
    // a clone that a job-control stop broke off is told when it is made again.
    static const std::regex birth(
        R"(^\d+ +(<\.\.\. )?(restart_syscall\(<\.\.\. resuming interrupted )?)"
        R"((clone|clone3|fork|vfork)( resumed>|\(| \.\.\.>).* = [1-9]\d*$)");
    static const std::regex mark(R"(prctl\(0x7574\w*[^,]*, (0x[0-9a-f]+|\d+))");
    Lives lives;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
        std::smatch found;
        if (line.find("+++ exited with ") != std::string::npos ||
            line.find("+++ killed by ") != std::string::npos) {
            ++lives.ends;
        } else if (line.find("+++ superseded by ") != std::string::npos) {
            ++lives.superseded;
        } else if (std::regex_search(line, found, mark)) {
            ++lives.marks[std::strtol(found[1].str().c_str(), nullptr, 0)];
        } else if (std::regex_match(line, birth)) {
            ++lives.births;
        }
    }
    return lives;
}

void Fault::SetUp() {
    LiveTest::SetUp();
    const char* given = std::getenv("UTRACE_TEST_SEED");
    const std::uint64_t seed =
        given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device()();
    std::cout << "UTRACE_TEST_SEED=" << seed << '\n';
    random_.seed(seed);
}

Words Fault::mode(Words words) { return Words{program("fault_program")} + words; }

const Result& Fault::bare(const Words& command, const std::string& input) {
    std::string key;
    for (const std::string& word : command) key += word + '\n';
    auto at = bare_.find(key);
    if (at == bare_.end()) {
        Spawn spawn{.argv = command};
        spawn.input = input;
        at = bare_.emplace(key, run(std::move(spawn))).first;
        EXPECT_TRUE(WIFEXITED(at->second.status)) << at->second.text();
        EXPECT_NE(at->second.out.find("\nok"), std::string::npos) << at->second.text();
    }
    return at->second;
}

Spawn Fault::traced(const Words& command, const Words& options) {
    return {.argv = utrace({"run", "--stats", "--ring", "32M", "-o", path("log"), "-e",
                            "trace=clone,clone3,fork,vfork,execve,execveat,prctl", "-e",
                            "signal=none"}) +
                    options + Words{"--"} + command};
}

Lives Fault::expect_same(const Words& command, const Words& options, const std::string& input) {
    const Result& wanted = bare(command, input);
    Spawn spawn = traced(command, options);
    spawn.input = input;
    const Result got = run(std::move(spawn));
    EXPECT_EQ(got.status, wanted.status) << got.text();
    EXPECT_EQ(got.out, wanted.out) << got.err;
    EXPECT_NE(got.err.find(", 0 lost"), std::string::npos) << got.err;
    return lives_of(log());
}

void Fault::wait_random(std::uint64_t limit_ns) {
    const std::uint64_t wait = below(limit_ns);
    const timespec pause{static_cast<time_t>(wait / 1'000'000'000),
                         static_cast<long>(wait % 1'000'000'000)};
    ::nanosleep(&pause, nullptr);
}

Fault::Family Fault::family_of(pid_t client) {
    Family family;
    for (const pid_t pid : descendants()) {
        auto status = proc::status(pid);
        if (!status || status->ppid != client) continue;
        (proc::comm(pid) == "utrace-keeper" ? family.keeper : family.program) = pid;
    }
    return family;
}

void Fault::expect_untraced(pid_t pid) {
    const std::uint64_t deadline = sys::now_ns() + kDeadline;
    while (tracer_pid(pid) > 0) {
        if (sys::now_ns() >= deadline) {
            ADD_FAILURE() << pid << " is still traced by " << tracer_pid(pid);
            return;
        }
        ::poll(nullptr, 0, 1);
    }
}

int Fault::adopted_status(pid_t pid) {
    auto pidfd = sys::pidfd_open(pid);
    if (!pidfd) return -1;
    pollfd wait{pidfd->get(), POLLIN, 0};
    if (UTRACE_RETRY(::poll(&wait, 1, static_cast<int>(kDeadline / 1'000'000))) == 0) {
        ADD_FAILURE() << pid << " does not end, state " << status_field(pid, "State");
        sys::pidfd_send_signal(pidfd->get(), SIGKILL);
    }
    int status = -1;
    return UTRACE_RETRY(::waitpid(pid, &status, 0)) == pid ? status : -1;
}

bool Fault::kill_process(pid_t pid) {
    auto pidfd = sys::pidfd_open(pid);
    return pidfd && sys::pidfd_send_signal(pidfd->get(), SIGKILL) == 0;
}

bool Fault::is_root() { return ::geteuid() == 0; }

bool Fault::has_tool(const std::string& name) {
    for (const char* folder : {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/local/bin/"})
        if (::access((folder + name).c_str(), X_OK) == 0) return true;
    return false;
}

}  // namespace utrace::live
