// SPDX-License-Identifier: MIT
#include "session/wire.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>

#include "base/sys.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // Linux 6.5; libc headers before that lack it
#endif

namespace utrace::session {
namespace {

/// Messages that may arrive before an answer; a keeper's queue per client is smaller.
constexpr std::size_t kMaxKept = 32768;

Expected<void> check_ids(const Peer& peer) {
    auto status = sys::read_file(("/proc/" + std::to_string(peer.pid) + "/status").c_str());
    if (!status) return std::unexpected(status.error());
    // The pidfd still being alive proves that the file was the peer's, not a later process'.
    if (sys::pidfd_send_signal(peer.pidfd.get(), 0) != 0 && errno != EPERM)
        return fail(errno, "pidfd_send_signal", "peer", Reason::kNoSuchProcess, peer.pid);
    const std::size_t at = status->find("\nUid:");
    if (at == std::string::npos) return fail(EPROTO, "read", "status");
    const char* text = status->c_str() + at + 5;
    for (int i = 0; i < 3; ++i) {  // real, effective, saved
        char* end = nullptr;
        const unsigned long id = std::strtoul(text, &end, 10);
        if (end == text || id != peer.uid)
            return fail(EACCES, "connect", "peer", Reason::kCredentials, peer.pid);
        text = end;
    }
    return {};
}

/// Moves the fds of all control messages into `out`; what is more than kMaxFds is closed.
void take_fds(msghdr& header, std::vector<UniqueFd>& out) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            UniqueFd owned(fd);
            if (out.size() < kMaxFds) out.push_back(std::move(owned));
        }
    }
}

}  // namespace

Expected<Message> parse(std::span<const std::byte> datagram) {
    MsgHeader header;
    if (datagram.size() < sizeof header || datagram.size() > kMaxMessage)
        return fail(EPROTO, "recv", "message", Reason::kProtocol,
                    static_cast<std::int64_t>(datagram.size()));
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.size != datagram.size())
        return fail(EPROTO, "recv", "message", Reason::kProtocol, header.size);
    Message out;
    out.type = static_cast<MsgType>(header.type);
    out.flags = header.flags;
    out.cookie = header.cookie;
    out.body.assign(datagram.begin() + sizeof header, datagram.end());
    return out;
}

int refusal(const Message& message) noexcept {
    if (!known(static_cast<std::uint16_t>(message.type))) return ENOSYS;
    return (message.flags & ~kMsgKnownFlags) != 0 ? EINVAL : 0;
}

Expected<std::pair<Connection, Connection>> Connection::make_pair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return fail(errno, "socketpair");
    return std::pair(Connection(UniqueFd(fds[0])), Connection(UniqueFd(fds[1])));
}

Expected<void> Connection::send_bytes(MsgType type, std::uint64_t cookie,
                                      std::span<const std::byte> body, std::span<const int> fds,
                                      std::uint16_t flags) {
    if (body.size() > kMaxMessage - sizeof(MsgHeader) || fds.size() > kMaxFds)
        return fail(EMSGSIZE, "send", std::string(name(type)));
    MsgHeader header{static_cast<std::uint32_t>(sizeof header + body.size()),
                     static_cast<std::uint16_t>(type), flags, cookie};
    iovec parts[2] = {{&header, sizeof header}, {const_cast<std::byte*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
    if (!fds.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
    }
    const ssize_t n = UTRACE_RETRY(::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (n < 0) return fail(errno, "send", std::string(name(type)));
    return {};
}

Expected<Message> Connection::recv() {
    if (kept_.empty()) return recv_socket();
    Message out = std::move(kept_.front());
    kept_.pop_front();
    return out;
}

Expected<Message> Connection::recv_socket() {
    buffer_.resize(kMaxMessage);
    iovec part{buffer_.data(), buffer_.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t n =
        UTRACE_RETRY(::recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
    if (n < 0) return fail(errno, "recv");
    std::vector<UniqueFd> fds;
    take_fds(header, fds);
    if (n == 0) return fail(ECONNRESET, "recv");
    if ((header.msg_flags & MSG_TRUNC) != 0)
        return fail(EPROTO, "recv", "message", Reason::kProtocol, kMaxMessage);
    auto out = parse({buffer_.data(), static_cast<std::size_t>(n)});
    if (out) out->fds = std::move(fds);
    return out;
}

Expected<void> Connection::wait_readable(std::uint64_t deadline_ns) const {
    const std::uint64_t now = sys::now_ns();
    if (now >= deadline_ns) return fail(ETIMEDOUT, "recv");
    const std::uint64_t left = deadline_ns - now;
    const timespec limit{static_cast<time_t>(left / 1'000'000'000u),
                         static_cast<long>(left % 1'000'000'000u)};
    pollfd poll{socket_.get(), POLLIN, 0};
    const int ready = ::ppoll(&poll, 1, &limit, nullptr);
    if (ready < 0 && errno != EINTR) return fail(errno, "ppoll");
    return {};
}

Expected<Message> Connection::recv_before(std::uint64_t deadline_ns) {
    for (;;) {
        auto out = recv();
        if (out || out.error().err != EAGAIN) return out;
        if (auto ok = wait_readable(deadline_ns); !ok) return std::unexpected(ok.error());
    }
}

Expected<Message> Connection::await_reply(std::uint64_t cookie, std::uint64_t deadline_ns) {
    for (;;) {
        auto out = recv_socket();
        if (out && out->is_reply() && out->cookie == cookie) return out;
        if (out) {
            if (kept_.size() >= kMaxKept) return fail(EPROTO, "recv", {}, Reason::kLimit, kMaxKept);
            kept_.push_back(std::move(*out));
            continue;
        }
        if (out.error().err != EAGAIN) return out;
        if (auto ok = wait_readable(deadline_ns); !ok) return std::unexpected(ok.error());
    }
}

Expected<Peer> Connection::peer() const {
    ucred cred{};
    socklen_t size = sizeof cred;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
        return fail(errno, "SO_PEERCRED");
    int pidfd = -1;
    size = sizeof pidfd;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0)
        return Peer{cred.pid, cred.uid, cred.gid, UniqueFd(pidfd)};
    if (errno != ENOPROTOOPT) return fail(errno, "SO_PEERPIDFD");
    auto opened = sys::pidfd_open(cred.pid);
    if (!opened) return std::unexpected(opened.error());
    return Peer{cred.pid, cred.uid, cred.gid, std::move(*opened)};
}

Expected<Peer> Connection::checked_peer() const {
    auto out = peer();
    if (!out) return out;
    if (out->uid != ::geteuid() && out->uid != 0)
        return fail(EACCES, "connect", "peer", Reason::kKeeperForeign, out->pid);
    if (auto ok = check_ids(*out); !ok) return std::unexpected(ok.error());
    return out;
}

}  // namespace utrace::session
