// SPDX-License-Identifier: MIT
#include "session/protocol.h"

#include <cerrno>
#include <string>

namespace utrace::session {

std::string_view name(MsgType type) noexcept {
    switch (type) {
        case MsgType::kHello:
            return "HELLO";
        case MsgType::kHolds:
            return "HOLDS";
        case MsgType::kOpen:
            return "OPEN";
        case MsgType::kTasks:
            return "TASKS";
        case MsgType::kLaunch:
            return "LAUNCH";
        case MsgType::kAttach:
            return "ATTACH";
        case MsgType::kSetEvents:
            return "SET_EVENTS";
        case MsgType::kSetSyscalls:
            return "SET_SYSCALLS";
        case MsgType::kDetach:
            return "DETACH";
        case MsgType::kRelease:
            return "RELEASE";
        case MsgType::kEvent:
            return "EVENT";
        case MsgType::kPing:
            return "PING";
        case MsgType::kSessionEnd:
            return "SESSION_END";
        case MsgType::kPong:
            return "PONG";
    }
    return "?";
}

bool known(std::uint16_t type) noexcept { return name(static_cast<MsgType>(type)) != "?"; }

Reply reply_of(const Error& error) noexcept {
    // A failure without errno must not look like success.
    const int err = error.err > 0 && error.err < 4096 ? error.err : EINVAL;
    return {sizeof(Reply), -err, static_cast<std::uint32_t>(error.reason), 0, error.number};
}

Error error_of(const Reply& reply, MsgType what) {
    const bool sane = reply.status < 0 && reply.status > -4096;
    const bool reason = reply.reason <= static_cast<std::uint32_t>(Reason::kLimit);
    return {sane ? -reply.status : EPROTO,
            reason ? static_cast<Reason>(reply.reason) : Reason::kNone,
            reply.number,
            std::string(name(what)),
            {},
            {}};
}

}  // namespace utrace::session
