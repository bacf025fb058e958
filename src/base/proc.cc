// SPDX-License-Identifier: MIT
#include "base/proc.h"

#include <dirent.h>
#include <fmt/format.h>

#include <cctype>
#include <cstdlib>
#include <string_view>

#include "base/sys.h"

namespace utrace::proc {
namespace {

std::uint64_t number(std::string_view text, int base = 10) {
    return std::strtoull(std::string(text).c_str(), nullptr, base);
}

void ids(std::string_view text, std::uint32_t (&out)[4]) {
    const std::string copy(text);
    char* at = const_cast<char*>(copy.c_str());
    for (auto& id : out) id = static_cast<std::uint32_t>(std::strtoul(at, &at, 10));
}

void field(Status& s, std::string_view key, std::string_view value) {
    if (key == "Name")
        s.name = value;
    else if (key == "State")
        s.state = value.empty() ? '?' : value[0];
    else if (key == "Tgid")
        s.tgid = static_cast<pid_t>(number(value));
    else if (key == "PPid")
        s.ppid = static_cast<pid_t>(number(value));
    else if (key == "TracerPid")
        s.tracer = static_cast<pid_t>(number(value));
    else if (key == "Uid")
        ids(value, s.uid);
    else if (key == "Gid")
        ids(value, s.gid);
    else if (key == "Threads")
        s.threads = static_cast<int>(number(value));
    else if (key == "SigPnd")
        s.pending = number(value, 16);
    else if (key == "ShdPnd")
        s.shared_pending = number(value, 16);
    else if (key == "SigBlk")
        s.blocked = number(value, 16);
    else if (key == "SigIgn")
        s.ignored = number(value, 16);
    else if (key == "SigCgt")
        s.caught = number(value, 16);
    else if (key == "CapEff")
        s.cap_effective = number(value, 16);
    else if (key == "NoNewPrivs")
        s.no_new_privs = static_cast<int>(number(value));
    else if (key == "Seccomp")
        s.seccomp = static_cast<int>(number(value));
    else if (key == "Kthread")
        s.kernel_thread = value == "1";
}

}  // namespace

Expected<Status> status(pid_t tid) {
    auto text = sys::read_file(fmt::format("/proc/{}/status", tid).c_str());
    if (!text) return std::unexpected(text.error());
    Status s;
    std::string_view rest(*text);
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        auto value = line.substr(colon + 1);
        while (!value.empty() && (value.front() == '\t' || value.front() == ' '))
            value.remove_prefix(1);
        field(s, line.substr(0, colon), value);
    }
    return s;
}

Expected<std::uint64_t> start_time(pid_t pid) {
    auto text = sys::read_file(fmt::format("/proc/{}/stat", pid).c_str());
    if (!text) return std::unexpected(text.error());
    // The name may hold blanks and parentheses; fields count from the last one.
    const auto paren = text->rfind(')');
    if (paren == std::string::npos) return fail(EINVAL, "parse", "/proc/PID/stat");
    std::string_view rest(*text);
    rest.remove_prefix(paren + 1);
    for (int skip = 0; skip < 20; ++skip) {
        const auto blank = rest.find(' ');
        if (blank == std::string_view::npos) return fail(EINVAL, "parse", "/proc/PID/stat");
        rest.remove_prefix(blank + 1);
    }
    return number(rest.substr(0, rest.find(' ')));
}

Expected<std::vector<Tid>> threads(pid_t pid) {
    const std::string path = fmt::format("/proc/{}/task", pid);
    DIR* dir = ::opendir(path.c_str());
    if (dir == nullptr) return fail(errno, "opendir", path);
    std::vector<Tid> out;
    while (const dirent* entry = ::readdir(dir)) {
        if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])))
            out.push_back(static_cast<Tid>(number(entry->d_name)));
    }
    ::closedir(dir);
    return out;
}

std::string comm(pid_t tid) {
    auto text = sys::read_file(fmt::format("/proc/{}/comm", tid).c_str(), 64);
    if (!text) return {};
    if (!text->empty() && text->back() == '\n') text->pop_back();
    return *text;
}

long blocked_call(pid_t tid) {
    auto text = sys::read_file(fmt::format("/proc/{}/syscall", tid).c_str(), 256);
    if (!text || text->empty() || !(std::isdigit((unsigned char)(*text)[0]) || (*text)[0] == '-'))
        return -2;
    return std::strtol(text->c_str(), nullptr, 10);
}

}  // namespace utrace::proc
