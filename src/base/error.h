// SPDX-License-Identifier: MIT
// what:     the error value of hosted code: errno, the operation that failed, the object, the reason.
// who:      everybody above the core; a value type.
// lifetime: value.
// cost:     built only when something failed.
// see:      docs/design/0001-architecture.md, "Errors".
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace utrace {

/// Why an operation failed, as far as we know more than errno. The command line maps it to a
/// message of the catalogue; libraries never print.
enum class Reason : std::uint16_t {
    kNone = 0,  ///< errno says it all
    kUsage,     ///< malformed input; `detail` is the text
    kNoSuchProcess,
    kIsThread,  ///< the number is a thread; `number` is its process
    kIsZombie,
    kIsKernelThread,
    kForeignTracer,  ///< `number` is the tracer's pid
    kYama,           ///< `number` is ptrace_scope
    kCredentials,    ///< other uid, not dumpable, or a capability is missing
    kOurselves,      ///< the target is one of our own processes
    kKeeperGone,
    kKeeperForeign,  ///< keeper of another uid
    kNotFound,       ///< command not found
    kNotExecutable,
    kOutputRefused,     ///< link, foreign file, not a regular file
    kProtocol,          ///< peer sent something that does not parse
    kLimit,             ///< a limit was reached; `number` is the limit
    kNotDumpable,       ///< same ids, but the target is not dumpable
    kCapabilities,      ///< the target has capabilities we lack; `detail` is its set in hex
    kForeignNamespace,  ///< other user namespace; `detail` is its name
    kDenied,            ///< everything we can read allows it; `detail` is who may have refused
};

struct Error {
    int err = 0;  ///< errno, 0 when none applies
    Reason reason = Reason::kNone;
    std::int64_t number = 0;  ///< see Reason
    std::string op;           ///< what was tried, e.g. "open"
    std::string object;       ///< on what, e.g. a path; may be tainted, quote before showing
    std::string detail;       ///< value as read
};

template <class T>
using Expected = std::expected<T, Error>;

inline std::unexpected<Error> fail(int err, std::string op, std::string object = {},
                                   Reason reason = Reason::kNone, std::int64_t number = 0,
                                   std::string detail = {}) {
    return std::unexpected(
        Error{err, reason, number, std::move(op), std::move(object), std::move(detail)});
}

}  // namespace utrace
