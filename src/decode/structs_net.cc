// SPDX-License-Identifier: MIT
// Sockets: addresses, messages, options.
#include <arpa/inet.h>

#include <algorithm>

#include "decode/net.h"

namespace utrace::decode {
namespace {

// linux/socket.h
constexpr std::uint16_t kUnix = 1, kInet = 2, kInet6 = 10, kNetlink = 16, kPacket = 17;

std::uint16_t be16(Bytes b, std::size_t at) {
    return __builtin_bswap16(load<std::uint16_t>(b, at));
}

void unix_path(Writer& w, Bytes path) {
    w.field("sun_path");
    if (path[0] == std::byte{0}) {
        w.put('@');
        w.string(path.subspan(1), false);
        return;
    }
    const auto end = std::find(path.begin(), path.end(), std::byte{0});
    w.string(path.first(static_cast<std::size_t>(end - path.begin())), false);
}

void inet6(Writer& w, Bytes a) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(AF_INET6, a.data() + 8, text, sizeof text);
    w.field("sin6_port").put("htons(").udec(be16(a, 2)).put(')');
    w.field("sin6_flowinfo").put("htonl(");
    w.udec(__builtin_bswap32(load<std::uint32_t>(a, 4))).put(')');
    w.put(", inet_pton(AF_INET6, \"").put(text).put("\", &sin6_addr)");
    w.field_udec("sin6_scope_id", load<std::uint32_t>(a, 24));
}

void packet(Writer& w, Bytes a) {
    w.field("sll_protocol").put("htons(").hex(be16(a, 2)).put(')');
    w.field_dec("sll_ifindex", load<std::int32_t>(a, 4));
    w.field_hex("sll_hatype", load<std::uint16_t>(a, 8));
    w.field_udec("sll_pkttype", load<std::uint8_t>(a, 10));
    const auto length = load<std::uint8_t>(a, 11);
    w.field_udec("sll_halen", length);
    if (length != 0 && a.size() > 12) {
        w.field("sll_addr").put('[');
        for (std::size_t i = 0; i < length && 12 + i < a.size() && i < 8; ++i) {
            w.put(i == 0 ? "0x" : ", 0x").hex_digits(load<std::uint8_t>(a, 12 + i), 2);
        }
        w.put(']');
    }
}

void other(Writer& w, Bytes a) { w.field("sa_data").string(a.subspan(2), false); }

}  // namespace

void print_sockaddr(Writer& w, Bytes address, std::uint64_t length) {
    const Bytes a = address.first(std::min<std::size_t>(address.size(), length));
    if (a.size() < 2) {
        w.put('{').put("sa_family=").symbol(XlatId::kAddrfams, 0).put('}');
        return;
    }
    const auto family = load<std::uint16_t>(a);
    w.first("sa_family").symbol(XlatId::kAddrfams, family);
    if (family == kUnix && a.size() > 2) {
        unix_path(w, a.subspan(2));
    } else if (family == kInet && a.size() >= 16) {
        char text[INET_ADDRSTRLEN] = "";
        inet_ntop(AF_INET, a.data() + 4, text, sizeof text);
        w.field("sin_port").put("htons(").udec(be16(a, 2)).put(')');
        w.field("sin_addr").put("inet_addr(\"").put(text).put("\")");
    } else if (family == kInet6 && a.size() >= 24) {
        inet6(w, a);
    } else if (family == kNetlink && a.size() >= 12) {
        w.field_dec("nl_pid", load<std::int32_t>(a, 4));
        w.field("nl_groups").hex_digits(load<std::uint32_t>(a, 8), 8);
    } else if (family == kPacket && a.size() >= 12) {
        packet(w, a);
    } else if (a.size() > 2) {
        other(w, a);
    }
    w.put('}');
}

namespace {

constexpr std::uint32_t kSolSocket = 1;

void cmsg_data(Writer& w, Bytes data, std::uint32_t level, std::uint32_t type) {
    constexpr std::uint32_t kRights = 1, kCredentials = 2;
    if (level == kSolSocket && type == kRights && data.size() >= 4) {
        w.field("cmsg_data").put('[');
        for (std::size_t i = 0; i + 4 <= data.size(); i += 4) {
            w.put(i == 0 ? "" : ", ").dec(load<std::int32_t>(data, i));
        }
        w.put(']');
    } else if (level == kSolSocket && type == kCredentials && data.size() >= 12) {
        w.field("cmsg_data").first("pid").dec(load<std::int32_t>(data));
        w.field("uid").id(load<std::uint32_t>(data, 4));
        w.field("gid").id(load<std::uint32_t>(data, 8)).put('}');
    } else if (!data.empty()) {
        w.field("cmsg_data").string(data, false);
    }
}

void control(Writer& w, Bytes b, bool cut) {
    constexpr std::size_t kHead = 16;
    w.put('[');
    bool first = true;
    while (b.size() >= kHead) {
        const auto length = load<std::uint64_t>(b);
        const auto level = load<std::uint32_t>(b, 8);
        const auto type = load<std::uint32_t>(b, 12);
        w.put(first ? "" : ", ");
        first = false;
        w.first("cmsg_len").udec(length);
        w.field("cmsg_level").symbol(XlatId::kSockLevels, level);
        w.field("cmsg_type");
        level == kSolSocket ? w.symbol(XlatId::kScmTypes, type) : w.hex(type);
        const std::uint64_t whole = std::min<std::uint64_t>(length, b.size());
        if (whole > kHead) {
            cmsg_data(w, b.subspan(kHead, whole - kHead), level, type);
        }
        w.put('}');
        if (length < kHead || length > b.size()) {
            break;
        }
        b = b.subspan(std::min<std::size_t>((length + 7) & ~std::uint64_t{7}, b.size()));
    }
    w.put(cut ? ", ...]" : "]");
}

}  // namespace

/// iovec array `vector` of argument `i`; its bytes are the next elements in `cursor`.
void print_iovecs(Printer& p, Bytes vector, std::uint64_t count, std::uint64_t limit,
                  ElementCursor& cursor) {
    const std::uint64_t shown = std::min<std::uint64_t>(count, p.options().array_limit);
    std::uint64_t left = limit;
    p.put('[');
    std::uint64_t k = 0;
    for (; k < shown && (k + 1) * 16 <= vector.size(); ++k) {
        const auto base = load<std::uint64_t>(vector, k * 16);
        const auto length = load<std::uint64_t>(vector, k * 16 + 8);
        const std::uint64_t here = std::min(length, left);
        left -= here;
        p.put(k == 0 ? "" : ", ").first("iov_base");
        const Blob* e = cursor.next();
        if (e == nullptr || (e->fault() && e->bytes.empty()) || base == 0) {
            p.ptr(base);
        } else {
            p.buffer(e->bytes, here);
        }
        p.field_udec("iov_len", length).put('}');
    }
    p.put(k < count ? (k == 0 ? "...]" : ", ...]") : "]");
}

const Blob* ElementCursor::next_of(BlobKind kind) {
    for (std::size_t k = at_; k < call_.blobs.size(); ++k) {
        const Blob& b = call_.blobs[k];
        if (b.arg == arg_ && b.when == when_ && b.kind == kind) {
            at_ = k + 1;
            return &b;
        }
    }
    return nullptr;
}

/// One message; `b` is the struct msghdr, `namelen_before` the length before the call or -1.
void print_msghdr(Printer& p, Bytes b, std::uint64_t limit, std::int64_t namelen_before,
                  ElementCursor& cursor) {
    const auto name = load<std::uint64_t>(b);
    const auto name_length = load<std::uint32_t>(b, 8);
    const auto vector = load<std::uint64_t>(b, 16);
    const auto count = load<std::uint64_t>(b, 24);
    const auto control_at = load<std::uint64_t>(b, 32);
    const auto control_length = load<std::uint64_t>(b, 40);
    const Blob* name_blob =
        name != 0 && name_length != 0 ? cursor.next_of(BlobKind::kName) : nullptr;
    p.first("msg_name");
    name_blob != nullptr ? print_sockaddr(p, name_blob->bytes, name_length) : void(p.ptr(name));
    p.field("msg_namelen");
    if (namelen_before >= 0 && namelen_before != name_length) {
        p.dec(namelen_before).put(" => ");
    }
    p.udec(name_length);
    p.field("msg_iov");
    const Blob* iov = vector != 0 ? cursor.next_of(BlobKind::kVector) : nullptr;
    iov != nullptr ? print_iovecs(p, iov->bytes, count, limit, cursor) : void(p.ptr(vector));
    p.field_udec("msg_iovlen", count);
    if (control_length != 0) {
        p.field("msg_control");
        const Blob* c = control_at != 0 ? cursor.next_of(BlobKind::kAncillary) : nullptr;
        c != nullptr && c->bytes.size() >= 16 ? control(p, c->bytes, c->cut())
                                              : void(p.ptr(control_at));
    }
    p.field_udec("msg_controllen", control_length);
    p.field("msg_flags").flags(XlatId::kMsgFlags, load<std::uint32_t>(b, 48)).put('}');
}

}  // namespace utrace::decode
