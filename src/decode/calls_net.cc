// SPDX-License-Identifier: MIT
// Socket calls, and the calls that wait for descriptors.
#include <algorithm>

#include "decode/net.h"

namespace utrace::decode {
namespace {

constexpr std::uint32_t kInet = 2, kInet6 = 10, kNetlink = 16, kPacket = 17;

void protocol(Printer& p, std::uint32_t family, std::uint64_t value) {
    const auto v = static_cast<std::uint32_t>(value);
    switch (family) {
        case kInet:
        case kInet6:
            p.symbol(XlatId::kInetProtocols, v);
            break;
        case kNetlink:
            p.symbol(XlatId::kNetlinkProtocols, v);
            break;
        case kPacket: {
            const auto ether = __builtin_bswap16(static_cast<std::uint16_t>(v));
            p.put("htons(");
            ether == 3 ? p.put("ETH_P_ALL") : p.hex(ether);
            p.put(')');
            break;
        }
        default:
            p.udec(v);
            break;
    }
}

void socket(Printer& p) {
    p.argument(0);
    p.next();
    p.argument(1);
    p.next();
    protocol(p, static_cast<std::uint32_t>(p.arg(0)), p.arg(2));
}

/// `addr, [before => after]` of accept and its like.
void address_out(Printer& p, unsigned i) {
    const Bytes before = p.in(i + 1, 4);
    const Bytes after = p.out_bytes(i + 1, 4);
    const auto length = load<std::uint32_t>(after.empty() ? before : after);
    const Blob* address = p.call.blob(i, 1);
    if (p.call.failed() || address == nullptr || after.empty()) {
        p.ptr(p.arg(i)).next();
        p.arg(i + 1) == 0 || before.empty() || p.arg(i) == 0
            ? p.ptr(p.arg(i + 1))
            : p.put('[').udec(load<std::uint32_t>(before)).put(']');
        return;
    }
    const auto room = before.empty() ? length : load<std::uint32_t>(before);
    print_sockaddr(p, address->bytes, std::min(length, room));
    p.next().put('[');
    if (!before.empty() && room != length) {
        p.udec(room).put(" => ");
    }
    p.udec(length).put(']');
}

void accept(Printer& p) {
    p.argument(0);
    p.next();
    if (!p.split()) {
        address_out(p, 1);
    }
}

void accept4(Printer& p) {
    accept(p);
    if (!p.stopped()) {
        p.next();
        p.argument(3);
    }
}

void recvfrom(Printer& p) {
    p.argument(0);
    p.next();
    if (p.split()) {
        return;
    }
    p.memory(1, 1);
    p.next().udec(p.arg(2)).next();
    p.argument(3);
    p.next();
    address_out(p, 4);
}

void sendmsg(Printer& p) {
    p.argument(0);
    p.next();
    ElementCursor cursor(p.call, 1, 0);
    const Bytes header = p.in(1, 56);
    header.empty() || p.opaque() ? void(p.ptr(p.arg(1)))
                                 : print_msghdr(p, header, ~std::uint64_t{0}, -1, cursor);
    p.next();
    p.argument(2);
}

void recvmsg(Printer& p) {
    p.argument(0);
    p.next();
    if (p.split()) {
        return;
    }
    const Bytes before = p.in(1, 56);
    const Bytes after = p.out_bytes(1, 56);
    const auto room = before.empty() ? -1 : std::int64_t{load<std::uint32_t>(before, 8)};
    if (p.call.failed() && !before.empty() && !p.opaque()) {
        p.first("msg_namelen").dec(room).put('}');
    } else if (p.call.failed() || after.empty() || p.opaque()) {
        p.ptr(p.arg(1));
    } else {
        ElementCursor cursor(p.call, 1, 1);
        print_msghdr(p, after, static_cast<std::uint64_t>(p.call.ret), room, cursor);
    }
    p.next();
    p.argument(2);
}

void messages(Printer& p, unsigned when) {
    constexpr std::size_t kSize = 64;
    const Blob* vector = p.call.blob(1, when);
    vector = vector == nullptr ? p.call.blob(1, 0) : vector;
    const auto count = static_cast<std::uint64_t>(p.call.ret);
    if (p.call.failed() || vector == nullptr || p.opaque()) {
        p.ptr(p.arg(1));
        return;
    }
    ElementCursor cursor(p.call, 1, when);
    const Bytes lengths = p.out_bytes(1, kSize);
    p.put('[');
    for (std::uint64_t k = 0; k < count && (k + 1) * kSize <= vector->bytes.size(); ++k) {
        const std::size_t at = k * kSize;
        const auto length = load<std::uint32_t>(lengths.empty() ? vector->bytes : lengths, at + 56);
        p.put(k == 0 ? "" : ", ").put("{msg_hdr=");
        print_msghdr(p, vector->bytes.subspan(at, 56), when == 1 ? length : ~std::uint64_t{0}, -1,
                     cursor);
        p.field_udec("msg_len", length).put('}');
    }
    p.put(']');
}

void sendmmsg(Printer& p) {
    p.argument(0);
    p.next();
    if (p.split()) {
        return;
    }
    messages(p, 0);
    p.next().udec(static_cast<std::uint32_t>(p.arg(2))).next();
    p.argument(3);
}

void recvmmsg(Printer& p) {
    p.argument(0);
    p.next();
    if (p.split()) {
        return;
    }
    messages(p, 1);
    p.next().udec(static_cast<std::uint32_t>(p.arg(2))).next();
    p.argument(3);
    p.next();
    p.memory(4, 0);
}

void option_name(Printer& p) {
    const auto level = static_cast<std::uint32_t>(p.arg(1));
    const auto name = static_cast<std::uint32_t>(p.arg(2));
    switch (level) {
        case 0:
            p.symbol(XlatId::kSockIpOptions, name);
            break;
        case 1:
            p.symbol(XlatId::kSockOptions, name);
            break;
        case 6:
            p.symbol(XlatId::kSockTcpOptions, name);
            break;
        case 17:
            p.symbol(XlatId::kSockUdpOptions, name);
            break;
        case 41:
            p.symbol(XlatId::kSockIpv6Options, name);
            break;
        case 263:
            p.symbol(XlatId::kSockPacketOptions, name);
            break;
        case 270:
            p.symbol(XlatId::kSockNetlinkOptions, name);
            break;
        default:
            p.hex(name);
            break;
    }
}

void option_value(Printer& p, Bytes b, std::uint64_t length) {
    constexpr std::uint32_t kSocket = 1, kLinger = 13, kCredentials = 17, kBindDevice = 25;
    const bool socket_level = static_cast<std::uint32_t>(p.arg(1)) == kSocket;
    const auto name = static_cast<std::uint32_t>(p.arg(2));
    if (socket_level && name == kLinger && length >= 8 && b.size() >= 8) {
        p.first("l_onoff").dec(load<std::int32_t>(b));
        p.field_dec("l_linger", load<std::int32_t>(b, 4)).put('}');
    } else if (socket_level && name == kCredentials && length >= 12 && b.size() >= 12) {
        p.first("pid").dec(load<std::int32_t>(b));
        p.field("uid").id(load<std::uint32_t>(b, 4));
        p.field("gid").id(load<std::uint32_t>(b, 8)).put('}');
    } else if (socket_level && name == kBindDevice) {
        p.text(b.first(std::min<std::size_t>(b.size(), length)));
    } else if (length == 4 && b.size() >= 4) {
        p.put('[').dec(load<std::int32_t>(b)).put(']');
    } else {
        p.buffer(b, length);
    }
}

void option_head(Printer& p) {
    p.argument(0);
    p.next();
    p.argument(1);
    p.next();
    option_name(p);
    p.next();
}

void setsockopt(Printer& p) {
    option_head(p);
    const Blob* b = p.call.blob(3, 0);
    const auto length = static_cast<std::int32_t>(p.arg(4));
    b == nullptr || length < 0 ? void(p.ptr(p.arg(3)))
                               : option_value(p, b->bytes, static_cast<std::uint64_t>(length));
    p.next().dec(length);
}

void getsockopt(Printer& p) {
    option_head(p);
    if (p.split()) {
        return;
    }
    const Blob* b = p.call.blob(3, 1);
    const Bytes before = p.in(4, 4);
    const Bytes after = p.out_bytes(4, 4);
    const auto length = load<std::uint32_t>(after.empty() ? before : after);
    b == nullptr || p.call.failed() ? void(p.ptr(p.arg(3))) : option_value(p, b->bytes, length);
    p.next();
    if (before.empty() && after.empty()) {
        p.ptr(p.arg(4));
        return;
    }
    p.put('[');
    if (!before.empty() && load<std::uint32_t>(before) != length) {
        p.udec(load<std::uint32_t>(before)).put(" => ");
    }
    p.udec(length).put(']');
}

// ------------------------------------------------------------------------------------- waiting

constexpr std::size_t kPollSize = 8;

void poll_entry(Printer& p, unsigned i, std::uint64_t count) {
    const Blob* b = p.blob_or_address(i, 0);
    if (b == nullptr) {
        return;
    }
    const std::uint64_t shown =
        p.abbrev() ? std::min<std::uint64_t>(count, p.options().array_limit) : count;
    p.put('[');
    std::uint64_t k = 0;
    for (; k < shown && (k + 1) * kPollSize <= b->bytes.size(); ++k) {
        p.put(k == 0 ? "" : ", ").first("fd").dec(load<std::int32_t>(b->bytes, k * kPollSize));
        const auto events = load<std::uint16_t>(b->bytes, k * kPollSize + 4);
        if (load<std::int32_t>(b->bytes, k * kPollSize) >= 0) {
            p.field("events").flags(XlatId::kPollEvents, events);
        }
        p.put('}');
    }
    p.put(k < count ? ", ...]" : "]");
}

void poll_aux(Printer& p, const Blob* timeout) {
    if (p.call.failed()) {
        return;
    }
    Writer aux(p.aux(), p.options());
    if (p.call.ret == 0) {
        aux.put("Timeout");
        return;
    }
    const Blob* b = p.call.blob(0, 1);
    if (b == nullptr) {
        return;
    }
    aux.put('[');
    bool first = true;
    for (std::size_t at = 0; at + kPollSize <= b->bytes.size(); at += kPollSize) {
        const auto events = load<std::uint16_t>(b->bytes, at + 6);
        if (events == 0) {
            continue;
        }
        aux.put(first ? "" : ", ").first("fd").dec(load<std::int32_t>(b->bytes, at));
        first = false;
        aux.field("revents").flags(XlatId::kPollEvents, events).put('}');
    }
    aux.put(']');
    if (timeout != nullptr && timeout->bytes.size() >= 16) {
        aux.put(", left ").first("tv_sec").dec(load<std::int64_t>(timeout->bytes));
        aux.field_dec("tv_nsec", load<std::int64_t>(timeout->bytes, 8)).put('}');
    }
}

void poll(Printer& p) {
    const auto count = static_cast<std::uint32_t>(p.arg(1));
    poll_entry(p, 0, count);
    p.next().udec(count).next().dec(p.int_arg(2));
    if (!p.entry_only()) {
        poll_aux(p, nullptr);
    }
}

void ppoll(Printer& p) {
    const auto count = static_cast<std::uint32_t>(p.arg(1));
    poll_entry(p, 0, count);
    p.next().udec(count).next();
    p.memory(2, 0);
    p.next();
    p.memory(3, 0);
    p.next().udec(p.arg(4));
    if (!p.entry_only()) {
        poll_aux(p, p.arg(2) != 0 ? p.call.blob(2, 1) : nullptr);
    }
}

void fd_set(Writer& w, Bytes b, std::int64_t limit) {
    w.put('[');
    bool first = true;
    const auto bits = std::min<std::int64_t>(limit, static_cast<std::int64_t>(b.size()) * 8);
    for (std::int64_t fd = 0; fd < bits; ++fd) {
        const auto byte = static_cast<unsigned>(b[static_cast<std::size_t>(fd / 8)]);
        if ((byte >> (fd % 8) & 1) != 0) {
            w.put(first ? "" : " ").dec(fd);
            first = false;
        }
    }
    w.put(']');
}

bool is_empty_set(Bytes b, std::int64_t limit) {
    const auto bits = std::min<std::int64_t>(limit, static_cast<std::int64_t>(b.size()) * 8);
    for (std::int64_t fd = 0; fd < bits; ++fd) {
        if ((static_cast<unsigned>(b[static_cast<std::size_t>(fd / 8)]) >> (fd % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

void select_aux(Printer& p, std::string_view fraction) {
    if (p.call.failed()) {
        return;
    }
    Writer aux(p.aux(), p.options());
    if (p.call.ret == 0) {
        aux.put("Timeout");
        return;
    }
    static constexpr std::string_view kNames[] = {"in ", "out ", "except "};
    bool first = true;
    for (unsigned i = 1; i <= 3; ++i) {
        const Blob* b = p.call.blob(i, 1);
        if (b == nullptr || is_empty_set(b->bytes, p.int_arg(0))) {
            continue;
        }
        aux.put(first ? "" : ", ").put(kNames[i - 1]);
        first = false;
        fd_set(aux, b->bytes, p.int_arg(0));
    }
    const Bytes left = p.out_bytes(4, 16);
    if (p.arg(4) != 0 && !left.empty()) {
        aux.put(first ? "left " : ", left ").first("tv_sec").dec(load<std::int64_t>(left));
        aux.field_dec(fraction, load<std::int64_t>(left, 8)).put('}');
    }
}

void select_head(Printer& p) {
    p.dec(p.int_arg(0));
    for (unsigned i = 1; i <= 3; ++i) {
        p.next();
        if (const Blob* b = p.blob_or_address(i, 0)) {
            fd_set(p, b->bytes, p.int_arg(0));
        }
    }
    p.next();
    p.memory(4, 0);
}

void select(Printer& p) {
    select_head(p);
    if (!p.entry_only()) {
        select_aux(p, "tv_usec");
    }
}

void pselect6(Printer& p) {
    select_head(p);
    p.next();
    // The argument points to { address, size }; the set itself is the element.
    const Bytes b = p.in(5, 16);
    if (b.empty()) {
        p.ptr(p.arg(5));
    } else {
        const Blob* set = p.call.blob(5, 0, BlobKind::kElement);
        const auto address = load<std::uint64_t>(b);
        const auto size = load<std::uint64_t>(b, 8);
        if (address == 0 && size == 0) {
            p.put("NULL");
        } else {
            p.first("sigmask");
            set == nullptr
                ? p.ptr(address)
                : p.sigset(set->bytes.first(std::min<std::size_t>(set->bytes.size(), size)));
            p.field_udec("sigsetsize", size).put('}');
        }
    }
    if (!p.entry_only()) {
        select_aux(p, "tv_nsec");
    }
}

void epoll_ctl(Printer& p) {
    constexpr int kDelete = 2;
    p.argument(0);
    p.next();
    p.argument(1);
    p.next();
    p.argument(2);
    p.next();
    p.int_arg(1) == kDelete ? void(p.ptr(p.arg(3))) : p.argument(3);
}

void epoll_event(Writer& w, Bytes b) {
    w.first("events").flags(XlatId::kEpollEvents, load<std::uint32_t>(b));
    w.field("data").first("u32").udec(load<std::uint32_t>(b, 4));
    w.field_udec("u64", load<std::uint64_t>(b, 4)).put("}}");
}

void epoll_tail(Printer& p) {
    p.argument(0);
    p.next();
    if (p.split()) {
        return;
    }
    if (p.call.ret == 0 && p.arg(1) != 0 && !p.call.failed()) {
        p.put("[]");
    } else {
        p.memory(1, 1);
    }
    p.next().dec(p.int_arg(2)).next();
    for (unsigned i = 3; i < p.call.desc->nargs; ++i) {
        p.put(i == 3 ? "" : ", ");
        p.argument(i);
    }
}

constexpr NamedCall kCalls[] = {
    {"socket", socket},
    {"accept", accept},
    {"accept4", accept4},
    {"getsockname", accept},
    {"getpeername", accept},
    {"recvfrom", recvfrom},
    {"sendmsg", sendmsg},
    {"recvmsg", recvmsg},
    {"sendmmsg", sendmmsg},
    {"recvmmsg", recvmmsg},
    {"setsockopt", setsockopt},
    {"getsockopt", getsockopt},
    {"poll", poll},
    {"ppoll", ppoll},
    {"select", select},
    {"pselect6", pselect6},
    {"epoll_ctl", epoll_ctl},
    {"epoll_wait", epoll_tail},
    {"epoll_pwait", epoll_tail},
    {"epoll_pwait2", epoll_tail},
};

constexpr NamedStruct kStructs[] = {
    {"epoll_event", 12, epoll_event},
};

}  // namespace

std::span<const NamedCall> net_calls() { return kCalls; }
std::span<const NamedStruct> net_structs() { return kStructs; }

}  // namespace utrace::decode
