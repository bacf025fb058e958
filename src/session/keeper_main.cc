// SPDX-License-Identifier: MIT
#include "session/keeper_main.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <utility>

#include "session/keeper.h"

namespace utrace::session {

int keeper_main() {
    ::fcntl(kKeeperSocket, F_SETFD, FD_CLOEXEC);
    ::prctl(PR_SET_NAME, kKeeperName);
    // Rings and captured bytes are the program's data: not for other processes of this user.
    ::prctl(PR_SET_DUMPABLE, 0);
    std::optional<SessionDir> dir;
    if (auto opened = SessionDir::open()) dir = std::move(*opened);
    Keeper keeper(std::move(dir), Connection(UniqueFd(kKeeperSocket)));
    return keeper.run();
}

}  // namespace utrace::session
