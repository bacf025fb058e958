// SPDX-License-Identifier: MIT
#include "cli/descendants.h"

#include <dirent.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>

#include "base/proc.h"

namespace utrace::cli {

void add_descendants(pid_t root, std::vector<pid_t>& pids) {
    std::multimap<pid_t, pid_t> children;
    DIR* dir = ::opendir("/proc");
    if (dir == nullptr) return;
    while (const dirent* entry = ::readdir(dir)) {
        if (!std::isdigit(static_cast<unsigned char>(entry->d_name[0]))) continue;
        const auto pid = static_cast<pid_t>(std::atoi(entry->d_name));
        if (auto status = proc::status(pid)) children.emplace(status->ppid, pid);
    }
    ::closedir(dir);
    std::vector<pid_t> open{root};
    while (!open.empty()) {
        const pid_t parent = open.front();
        open.erase(open.begin());
        const auto [from, to] = children.equal_range(parent);
        for (auto it = from; it != to; ++it) {
            open.push_back(it->second);
            if (std::find(pids.begin(), pids.end(), it->second) == pids.end())
                pids.push_back(it->second);
        }
    }
}

}  // namespace utrace::cli
