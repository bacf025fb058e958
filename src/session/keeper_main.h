// SPDX-License-Identifier: MIT
// what:     entry point of the keeper process.
// who:      the command's main, when it was started under the name "utrace-keeper".
// lifetime: the process.
// cost:     -
// see:      docs/design/0001-architecture.md, "Processes".
#pragma once

namespace utrace::session {

/// The descriptor on which a keeper finds its first client.
inline constexpr int kKeeperSocket = 3;
/// argv[0] of a keeper.
inline constexpr char kKeeperName[] = "utrace-keeper";

/// Runs a keeper on kKeeperSocket; returns the exit status.
int keeper_main();

}  // namespace utrace::session
