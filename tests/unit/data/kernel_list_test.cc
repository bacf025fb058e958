// SPDX-License-Identifier: MIT
// The running kernel's own list of system calls against data/syscalls.tsv.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "capture/syscall_table.h"

namespace utrace::capture {
namespace {

/// Functions whose name is not that of the call.
std::string call_name(std::string function) {
    for (const auto& [kernel, user] : {std::pair{"newstat", "stat"},
                                       {"newfstat", "fstat"},
                                       {"newlstat", "lstat"},
                                       {"newuname", "uname"},
                                       {"sendfile64", "sendfile"},
                                       {"umount", "umount2"}}) {
        if (function == kernel) return user;
    }
    return function;
}

/// Kernel functions with a system call's prefix that have no x86-64 number: entry points of 32-bit
/// and of other machines' tables.
bool without_number(const std::string& name) {
    static const std::set<std::string> kNames = {
        "ni_syscall",       "fadvise64_64", "fstatfs64",    "statfs64",
        "gethostname",      "llseek",       "mmap_pgoff",   "nice",
        "oldumount",        "olduname",     "recv",         "send",
        "sgetmask",         "signal",       "sigpending",   "sigprocmask",
        "sigsuspend",       "socketcall",   "ssetmask",     "stime",
        "sync_file_range2", "waitpid",      "ipc",          "rtas",
        "spu_create",       "spu_run",      "subpage_prot", "vm86",
        "vm86old"};
    const auto ends = [&](std::string_view tail) { return name.ends_with(tail); };
    const auto begins = [&](std::string_view head) { return name.starts_with(head); };
    return kNames.contains(name) || ends("_time32") || ends("16") || ends("time32") ||
           ends("adjtime32") || ends("gettime32") || ends("settime32") || begins("ia32_") ||
           begins("old_") || begins("s390_") || begins("pciconfig_") ||
           name.find('.') != std::string::npos;
}

std::set<std::string> from_tracefs() {
    std::set<std::string> names;
    constexpr std::string_view kPrefix = "sys_enter_";
    for (const char* root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
        std::error_code error;
        std::filesystem::directory_iterator entries(std::string(root) + "/events/syscalls", error);
        if (error) continue;
        for (const auto& entry : entries) {
            const std::string name = entry.path().filename();
            if (name.starts_with(kPrefix)) names.insert(name.substr(kPrefix.size()));
        }
    }
    return names;
}

std::set<std::string> from_kallsyms() {
    std::set<std::string> names;
    std::ifstream symbols("/proc/kallsyms");
    std::string line;
    constexpr std::string_view kPrefix = "__x64_sys_";
    while (std::getline(symbols, line)) {
        std::istringstream words(line);
        std::string address;
        std::string type;
        std::string name;
        words >> address >> type >> name;
        if (name.starts_with(kPrefix)) names.insert(name.substr(kPrefix.size()));
    }
    return names;
}

TEST(KernelList, TableHasEveryCallOfTheRunningKernel) {
    std::set<std::string> names = from_tracefs();
    if (names.empty()) names = from_kallsyms();
    if (names.empty()) {
        GTEST_SKIP() << "neither tracefs events/syscalls nor __x64_sys_* in /proc/kallsyms is "
                        "readable: mount tracefs and run with its permissions";
    }
    EXPECT_GE(names.size(), 200u);
    for (const std::string& function : names) {
        const std::string name = call_name(function);
        if (syscall_number(name) >= 0 || without_number(name)) continue;
        ADD_FAILURE() << "data/syscalls.tsv has no row for " << name;
    }
}

}  // namespace
}  // namespace utrace::capture
