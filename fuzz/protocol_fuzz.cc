// SPDX-License-Identifier: MIT
// Datagrams of a hostile peer through parse() and every decode(), and the texts of a session
// directory through their parsers.
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

#include "session/protocol.h"
#include "session/session_dir.h"
#include "session/wire.h"

namespace {

using namespace utrace::session;

void require(bool condition) {
    if (!condition) std::abort();
}

/// What was accepted must be accepted again, and mean the same, in the form we would send it.
template <class T>
void check(const Message& message) {
    auto out = decode<T>(message);
    if (!out) {
        const int err = out.error().err;
        require(err == EINVAL || err == E2BIG);
        return;
    }
    require(out->size == sizeof(T));
    Message again;
    again.type = message.type;
    again.body.resize(sizeof(T));
    std::memcpy(again.body.data(), &*out, sizeof(T));
    auto second = decode<T>(again);
    require(second.has_value() && std::memcmp(&*second, &*out, sizeof(T)) == 0);
}

template <class... T>
void check_all(const Message& message) {
    (check<T>(message), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto id = parse_socket_name(text)) {
        const auto again = parse_socket_name(socket_name(*id));
        require(again.has_value() && *again == *id);
    }
    (void)parse_start_time(text);

    auto message = parse(std::as_bytes(std::span(data, size)));
    if (!message) return 0;
    require(message->body.size() + sizeof(MsgHeader) == size);
    (void)refusal(*message);
    check_all<Reply, Simple, Hello, Welcome, Target, Launch, OpenReply, TasksReply, Attach,
              AttachReply, SetEvents, SetSyscalls, Detach, Event, Ping, SessionEnd>(*message);
    if (auto hello = decode<Hello>(*message))
        require(text.size() >= ::utrace::session::text(hello->name).size());
    if (auto reply = decode<Reply>(*message)) require(error_of(*reply, message->type).err > 0);
    return 0;
}
