// SPDX-License-Identifier: MIT
// what:     one protocol connection: sends and receives whole messages with their fds, checked.
// who:      one thread per connection.
// lifetime: closes its socket and every fd it received and nobody took.
// cost:     one system call per message; never blocks except in recv_before() and call().
// see:      docs/design/0001-architecture.md, "Protocol".
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "session/protocol.h"

namespace utrace::session {

struct Message {
    MsgType type{};  ///< may be one we do not know; see refusal()
    std::uint16_t flags = 0;
    std::uint64_t cookie = 0;
    std::vector<std::byte> body;
    std::vector<UniqueFd> fds;  ///< at most kMaxFds

    bool is_reply() const noexcept { return (flags & kMsgReply) != 0; }
};

/// Splits a datagram. EPROTO: the size is not the datagram's, or not between a header and
/// kMaxMessage; the connection is to be closed.
[[nodiscard]] Expected<Message> parse(std::span<const std::byte> datagram);

/// The errno a keeper must answer before it looks at the body: ENOSYS: type unknown; EINVAL: flag
/// unknown. 0: go on.
int refusal(const Message& message) noexcept;

/// Checks a body against the growth rule and copies it. A shorter one is filled with zeros, a
/// longer one must have a zero tail. EINVAL: size field wrong or below the first published size, or
/// an unknown flag. E2BIG: the sender says something we do not understand.
template <class T>
[[nodiscard]] Expected<T> decode(const Message& message) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T>);
    const auto refuse = [&](int err) {
        return fail(err, std::string(name(message.type)), {}, Reason::kProtocol);
    };
    if ((message.flags & ~kMsgKnownFlags) != 0) return refuse(EINVAL);
    const std::span<const std::byte> body = message.body;
    std::uint32_t size = 0;
    if (body.size() < sizeof size) return refuse(EINVAL);
    std::memcpy(&size, body.data(), sizeof size);
    if (size != body.size() || size < T::kMinSize) return refuse(EINVAL);
    const std::size_t copied = std::min(body.size(), sizeof(T));
    for (const std::byte b : body.subspan(copied)) {
        if (b != std::byte{0}) return refuse(E2BIG);
    }
    T out{};
    std::memcpy(&out, body.data(), copied);
    out.size = sizeof(T);
    if constexpr (requires { T::kKnownFlags; }) {
        if ((out.flags & ~T::kKnownFlags) != 0) return refuse(EINVAL);
    }
    return out;
}

/// A NUL-padded name field as text; never reads past the field.
template <std::size_t N>
std::string_view text(const char (&field)[N]) noexcept {
    return {field, ::strnlen(field, N)};
}
/// Fills a name field; what does not fit is cut.
template <std::size_t N>
void set_text(char (&field)[N], std::string_view value) noexcept {
    std::memset(field, 0, N);
    value.copy(field, N - 1);
}

/// Who is at the other end, as the kernel says.
struct Peer {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    UniqueFd pidfd;
};

class Connection {
  public:
    Connection() = default;
    explicit Connection(UniqueFd socket) : socket_(std::move(socket)) {}
    /// Both ends, for a keeper forked by its client and for tests.
    [[nodiscard]] static Expected<std::pair<Connection, Connection>> make_pair();

    int fd() const noexcept { return socket_.get(); }
    explicit operator bool() const noexcept { return static_cast<bool>(socket_); }
    void close() noexcept { socket_.reset(); }

    /// Sends one message at once or not at all; sets body.size. EAGAIN: the peer does not read;
    /// keep the message and poll for POLLOUT. EPIPE, ECONNRESET: the peer is gone.
    template <class T>
    [[nodiscard]] Expected<void> send(MsgType type, std::uint64_t cookie, T body,
                                      std::span<const int> fds = {}, std::uint16_t flags = 0) {
        static_assert(std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T>);
        body.size = sizeof body;
        return send_bytes(type, cookie, std::as_bytes(std::span<const T, 1>(&body, 1)), fds, flags);
    }
    /// Answers `request`.
    template <class T>
    [[nodiscard]] Expected<void> reply(const Message& request, T body,
                                       std::span<const int> fds = {}) {
        return send(request.type, request.cookie, body, fds, kMsgReply);
    }
    [[nodiscard]] Expected<void> reply_error(const Message& request, const Error& error) {
        return reply(request, reply_of(error));
    }
    [[nodiscard]] Expected<void> reply_ok(const Message& request) {
        return reply(request, Reply{});
    }
    [[nodiscard]] Expected<void> send_bytes(MsgType type, std::uint64_t cookie,
                                            std::span<const std::byte> body,
                                            std::span<const int> fds, std::uint16_t flags);

    /// The next message. EAGAIN: none now. ECONNRESET: the peer is gone. EPROTO: it sent rubbish
    /// and the connection must be closed.
    [[nodiscard]] Expected<Message> recv();
    /// As recv(), but waits until `deadline_ns` of CLOCK_MONOTONIC. ETIMEDOUT: nothing came.
    [[nodiscard]] Expected<Message> recv_before(std::uint64_t deadline_ns);

    /// Sends a request and waits for its answer; what arrives in between is kept for recv(). The
    /// errors are those of send() and recv_before() and the one the peer answered.
    template <class R, class T>
    [[nodiscard]] Expected<R> call(MsgType type, const T& body, std::uint64_t deadline_ns,
                                   std::vector<UniqueFd>* fds_out = nullptr,
                                   std::span<const int> fds = {}) {
        const std::uint64_t cookie = ++last_cookie_;
        if (auto sent = send(type, cookie, body, fds); !sent) return std::unexpected(sent.error());
        auto answer = await_reply(cookie, deadline_ns);
        if (!answer) return std::unexpected(answer.error());
        auto out = decode<R>(*answer);
        if (!out) return std::unexpected(out.error());
        if (out->status != 0)
            return std::unexpected(
                error_of({sizeof(Reply), out->status, out->reason, 0, out->number}, type));
        if (fds_out != nullptr) *fds_out = std::move(answer->fds);
        return out;
    }

    /// EACCES: neither our user nor root, or it runs with mixed ids.
    [[nodiscard]] Expected<Peer> checked_peer() const;
    /// Credentials at the time of connect (or listen). The pidfd names that very process.
    [[nodiscard]] Expected<Peer> peer() const;

  private:
    [[nodiscard]] Expected<Message> recv_socket();
    [[nodiscard]] Expected<Message> await_reply(std::uint64_t cookie, std::uint64_t deadline_ns);
    [[nodiscard]] Expected<void> wait_readable(std::uint64_t deadline_ns) const;

    UniqueFd socket_;
    std::uint64_t last_cookie_ = 0;
    std::deque<Message> kept_;
    std::vector<std::byte> buffer_;
};

}  // namespace utrace::session
