// SPDX-License-Identifier: MIT
#include "live/support/live_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "base/proc.h"
#include "base/sys.h"

namespace utrace::live {
namespace {

constexpr std::uint64_t kLeaveWithin = 30'000'000'000;

// pid and parent of every process.
std::map<pid_t, pid_t> parents() {
    std::map<pid_t, pid_t> out;
    DIR* proc = ::opendir("/proc");
    if (proc == nullptr) return out;
    while (const dirent* entry = ::readdir(proc)) {
        const pid_t pid = std::atoi(entry->d_name);
        if (pid <= 0) continue;
        if (auto status = proc::status(pid)) out[pid] = status->ppid;
    }
    ::closedir(proc);
    return out;
}

std::vector<pid_t> children_of(const std::map<pid_t, pid_t>& tree, pid_t parent) {
    std::vector<pid_t> out;
    for (const auto& [pid, its_parent] : tree)
        if (its_parent == parent) out.push_back(pid);
    return out;
}

std::string describe(pid_t pid) {
    auto status = proc::status(pid);
    std::string text = std::to_string(pid) + " (" + proc::comm(pid) + ")";
    if (status)
        text +=
            std::string(" state ") + status->state + " tracer " + std::to_string(status->tracer);
    return text;
}

// Waits for one child and reaps it. False at the deadline.
bool reap_child(pid_t pid, std::uint64_t deadline) {
    auto pidfd = sys::pidfd_open(pid);
    if (!pidfd) return true;
    const std::uint64_t now = sys::now_ns();
    pollfd wait{pidfd->get(), POLLIN, 0};
    const int left = now >= deadline ? 0 : static_cast<int>((deadline - now) / 1'000'000);
    if (UTRACE_RETRY(::poll(&wait, 1, left)) <= 0) return false;
    siginfo_t info{};
    (void)UTRACE_RETRY(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG));
    return true;
}

void kill_child(pid_t pid) {
    auto pidfd = sys::pidfd_open(pid);
    if (pidfd) sys::pidfd_send_signal(pidfd->get(), SIGKILL);
}

}  // namespace

void LiveTest::SetUp() {
    // What a test leaves behind becomes a child of this process and is seen at the end.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    ::signal(SIGPIPE, SIG_IGN);
    const char* base = std::getenv("UTRACE_TEST_DIR");
    std::string name = std::string(base != nullptr ? base : "/tmp") + "/utrace-live-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr) << name;
    dir_ = std::filesystem::canonical(name).string();
    for (const char* part : {"run", "home", "tmp"})
        ASSERT_EQ(::mkdir(path(part).c_str(), 0700), 0) << part;
    ::setenv("XDG_RUNTIME_DIR", path("run").c_str(), 1);
    ::setenv("HOME", path("home").c_str(), 1);
    ::setenv("TMPDIR", path("tmp").c_str(), 1);
    ::setenv("LC_ALL", "C", 1);
    ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

void LiveTest::TearDown() {
    expect_no_process();
    if (!sockets_allowed_) expect_no_socket();
    if (!HasFailure()) {
        std::error_code ignored;
        std::filesystem::remove_all(dir_, ignored);
        return;
    }
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    std::cerr << "kept " << dir_
              << "; again: " << std::filesystem::read_symlink("/proc/self/exe").string()
              << " --gtest_filter=" << info->test_suite_name() << '.' << info->name() << '\n';
}

void LiveTest::expect_no_process() {
    const std::uint64_t deadline = sys::now_ns() + kLeaveWithin;
    bool killed = false;
    for (;;) {
        const auto left = children_of(parents(), ::getpid());
        if (left.empty()) return;
        for (const pid_t pid : left) {
            if (reap_child(pid, killed ? sys::now_ns() + kLeaveWithin : deadline)) continue;
            ADD_FAILURE() << "left behind: " << describe(pid);
            killed = true;
            kill_child(pid);
        }
    }
}

void LiveTest::expect_no_socket() {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(session_dir(), ignored))
        if (entry.path().filename() != "lock")
            ADD_FAILURE() << "left in the session directory: " << entry.path().filename();
}

std::vector<pid_t> LiveTest::keepers() const {
    std::vector<pid_t> out;
    for (const pid_t pid : descendants())
        if (proc::comm(pid) == "utrace-keeper") out.push_back(pid);
    return out;
}

std::vector<pid_t> descendants() {
    const auto tree = parents();
    std::vector<pid_t> out = children_of(tree, ::getpid());
    for (std::size_t i = 0; i < out.size(); ++i)
        for (const pid_t pid : children_of(tree, out[i])) out.push_back(pid);
    std::erase_if(out, [](pid_t pid) {
        auto status = proc::status(pid);
        return !status || status->state == 'Z' || status->state == 'X';
    });
    return out;
}

std::string utrace_path() { return UTRACE_UNDER_TEST; }
std::string program(const std::string& name) { return std::string(LIVE_PROGRAMS) + "/" + name; }

Words operator+(Words first, const Words& words) {
    first.insert(first.end(), words.begin(), words.end());
    return first;
}

const std::string& host() {
    static const std::string name = [] {
        const char* set = std::getenv("UTRACE_TEST_HOST");
        return std::string(set != nullptr ? set : "ptrace");
    }();
    return name;
}

Words utrace(Words words) {
    const bool traces = !words.empty() && (words.front() == "run" || words.front() == "attach");
    if (traces) words.insert(words.begin() + 1, {"--host", host()});
    return Words{utrace_path()} + words;
}

// ---------------------------------------------------------------- files and /proc

std::string read_text(const std::string& path) {
    auto text = sys::read_file(path.c_str(), std::size_t{1} << 30);
    if (!text) ADD_FAILURE() << "cannot read " << path;
    return text ? *text : std::string();
}

void write_text(const std::string& path, const std::string& text, unsigned mode) {
    auto fd = sys::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, mode);
    ASSERT_TRUE(fd) << path;
    ASSERT_TRUE(sys::write_all(fd->get(), text)) << path;
    ASSERT_EQ(::fchmod(fd->get(), mode), 0);
}

std::string status_field(pid_t tid, const std::string& name) {
    auto text = sys::read_file(("/proc/" + std::to_string(tid) + "/status").c_str());
    if (!text) return {};
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(name + ":")) continue;
        const auto at = line.find_first_not_of(" \t", name.size() + 1);
        return at == std::string::npos ? std::string() : line.substr(at);
    }
    return {};
}

pid_t tracer_pid(pid_t tid) {
    auto status = proc::status(tid);
    return status ? status->tracer : -1;
}

namespace {
// Looks until `done`: for what nobody can be told about. False at the deadline.
template <class Done>
bool look_until(Done done) {
    const std::uint64_t deadline = sys::now_ns() + kDeadline;
    while (!done()) {
        if (sys::now_ns() >= deadline) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}
}  // namespace

bool wait_blocked(pid_t tid, long nr) {
    // The kernel shows the call number only of a task that has left its CPU.
    const bool blocked = look_until([&] { return proc::blocked_call(tid) == nr; });
    EXPECT_TRUE(blocked) << tid << " does not block in system call " << nr;
    return blocked;
}

bool wait_zombie(pid_t pid) {
    const bool zombie = look_until([&] {
        auto status = proc::status(pid);
        return status && status->state == 'Z';
    });
    EXPECT_TRUE(zombie) << pid << " does not become a zombie";
    return zombie;
}

bool wait_stopped(pid_t pid) {
    const bool stopped = look_until([&] {
        auto status = proc::status(pid);
        return status && (status->state == 'T' || status->state == 't');
    });
    EXPECT_TRUE(stopped) << pid << " does not stop";
    return stopped;
}

bool wait_text(const std::string& path, const std::string& text) {
    const bool there = look_until([&] {
        auto now = sys::read_file(path.c_str(), std::size_t{1} << 30);
        return now && now->find(text) != std::string::npos;
    });
    EXPECT_TRUE(there) << "no '" << text << "' in " << path;
    return there;
}

std::uint64_t text_hash(pid_t pid) {
    const std::string base = "/proc/" + std::to_string(pid);
    const std::string file = std::filesystem::read_symlink(base + "/exe").string();
    auto mem = sys::open((base + "/mem").c_str(), O_RDONLY);
    std::istringstream maps(read_text(base + "/maps"));
    std::uint64_t hash = 0xcbf29ce484222325;
    bool any = false;
    for (std::string line; mem && std::getline(maps, line);) {
        if (!line.ends_with(file) || line.find(" r-xp ") == std::string::npos) continue;
        char* end = nullptr;
        const std::uint64_t from = std::strtoull(line.c_str(), &end, 16);
        const std::uint64_t to = std::strtoull(end + 1, nullptr, 16);
        std::string bytes(to - from, '\0');
        const ssize_t n = ::pread(mem->get(), bytes.data(), bytes.size(), static_cast<off_t>(from));
        EXPECT_EQ(n, static_cast<ssize_t>(bytes.size()));
        for (const char byte : bytes)
            hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
        any = true;
    }
    EXPECT_TRUE(any) << "no text of " << file << " in " << base << "/maps";
    return hash;
}

std::vector<pid_t> thread_ids(pid_t pid) {
    std::vector<pid_t> out;
    if (auto threads = proc::threads(pid))
        for (const Tid tid : *threads) out.push_back(raw(tid));
    return out;
}

}  // namespace utrace::live
