// SPDX-License-Identifier: MIT
// what:     distinct types for values that belong to a traced program: ids and addresses.
// who:      every hosted part; value types.
// lifetime: value.
// cost:     none.
// see:      docs/design/0001-architecture.md, "Ownership".
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace utrace {

/// Thread id in the keeper's pid namespace.
enum class Tid : std::int32_t {};
/// Process (thread group) id in the keeper's pid namespace.
enum class Pid : std::int32_t {};
/// An address in a traced program; never dereferenced by us.
enum class RemoteAddr : std::uint64_t {};

constexpr pid_t raw(Tid t) { return static_cast<pid_t>(t); }
constexpr pid_t raw(Pid p) { return static_cast<pid_t>(p); }
constexpr std::uint64_t raw(RemoteAddr a) { return static_cast<std::uint64_t>(a); }
constexpr Tid leader_of(Pid p) { return static_cast<Tid>(raw(p)); }

}  // namespace utrace
