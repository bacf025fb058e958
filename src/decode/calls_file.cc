// SPDX-License-Identifier: MIT
// Calls on files and descriptors whose text the table alone does not give.
#include "decode/printer.h"

namespace utrace::decode {
namespace {

constexpr std::uint64_t kCreate = 0100, kTmpfile = 020000000;  // asm-generic/fcntl.h

void open_tail(Printer& p, unsigned path) {
    p.path_arg(path);
    p.next().flags(XlatId::kOpenFlags, static_cast<std::uint32_t>(p.arg(path + 1)));
    if ((p.arg(path + 1) & (kCreate | kTmpfile)) != 0) {
        p.next().octal(p.arg(path + 2) & 0xffff);
    }
}

void open(Printer& p) { open_tail(p, 0); }

void openat(Printer& p) {
    p.dirfd(0);
    p.next();
    open_tail(p, 1);
}

bool has_device(std::uint64_t mode) {
    return (mode & 0170000) == 0020000 || (mode & 0170000) == 0060000;
}

void mknod_tail(Printer& p, unsigned i) {
    p.path_arg(i);
    p.next().mode(static_cast<std::uint16_t>(p.arg(i + 1)));
    if (has_device(p.arg(i + 1))) {
        p.next().dev(static_cast<std::uint32_t>(p.arg(i + 2)));
    }
}

void mknod(Printer& p) { mknod_tail(p, 0); }

void mknodat(Printer& p) {
    p.dirfd(0);
    p.next();
    mknod_tail(p, 1);
}

/// The descriptors of pipe and socketpair: `[3, 4]`.
void descriptor_pair(Printer& p, unsigned i) {
    const Bytes b = p.out_bytes(i, 8);
    if (b.empty() || p.call.failed()) {
        p.ptr(p.arg(i));
        return;
    }
    p.put('[').dec(load<std::int32_t>(b)).next().dec(load<std::int32_t>(b, 4)).put(']');
}

void pipe(Printer& p) {
    if (!p.split()) {
        descriptor_pair(p, 0);
    }
}

void pipe2(Printer& p) {
    if (p.split()) {
        return;
    }
    descriptor_pair(p, 0);
    p.next();
    p.creation_flags(static_cast<std::uint32_t>(p.arg(1)));
}

void socketpair(Printer& p) {
    p.argument(0);
    p.next();
    p.argument(1);
    p.next().udec(static_cast<std::uint32_t>(p.arg(2))).next();
    if (!p.split()) {
        descriptor_pair(p, 3);
    }
}

/// dirent (reclen at 16) and dirent64 (reclen at 16 too).
void getdents(Printer& p) {
    p.argument(0);
    p.next();
    if (p.split()) {
        return;
    }
    const Blob* b = p.call.blob(1, 1);
    if (p.call.failed() || (b == nullptr && p.call.ret != 0)) {
        p.ptr(p.arg(1));
    } else {
        std::uint64_t count = 0;
        const Bytes list = b != nullptr ? b->bytes : Bytes{};
        for (std::size_t at = 0; at + 18 < list.size(); ++count) {
            const auto length = load<std::uint16_t>(list, at + 16);
            if (length == 0) {
                break;
            }
            at += length;
        }
        p.ptr(p.arg(1)).put(" /* ").udec(count);
        p.put(b != nullptr && b->cut() ? "+" : "").put(count == 1 ? " entry" : " entries");
        p.put(" */");
    }
    p.next();
    p.argument(2);
}

void readlink_tail(Printer& p, unsigned i) {
    p.path_arg(i);
    p.next();
    if (p.split()) {
        return;
    }
    p.memory(i + 1, 1);
    p.next().udec(p.arg(i + 2));
}

void readlink(Printer& p) { readlink_tail(p, 0); }

void readlinkat(Printer& p) {
    p.dirfd(0);
    p.next();
    readlink_tail(p, 1);
}

void getcwd(Printer& p) {
    if (p.split()) {
        return;
    }
    p.call.failed() ? void(p.ptr(p.arg(0))) : p.path_arg(0);
    p.next().udec(p.arg(1));
}

/// Offsets the kernel may move: `[0] => [61]`.
void offset(Printer& p, unsigned i) {
    const Bytes b = p.in(i, 8);
    b.empty() ? p.ptr(p.arg(i)) : p.put('[').dec(load<std::int64_t>(b)).put(']');
}

void sendfile(Printer& p) {
    p.argument(0);
    p.next();
    p.argument(1);
    p.next();
    offset(p, 2);
    if (p.arg(2) != 0) {
        if (p.split()) {
            return;
        }
        const Bytes after = p.out_bytes(2, 8);
        if (p.call.ret > 0 && !after.empty()) {
            p.put(" => [").dec(load<std::int64_t>(after)).put(']');
        }
    }
    p.next().udec(p.arg(3));
}

void splice(Printer& p) {
    p.argument(0);
    p.next();
    offset(p, 1);
    p.next();
    p.argument(2);
    p.next();
    offset(p, 3);
    p.next().udec(p.arg(4)).next();
    p.argument(5);
}

// fcntl commands, linux/fcntl.h
constexpr int kGetfd = 1, kGetfl = 3, kGetlk = 5, kGetsig = 11, kOfdGetlk = 36, kGetlease = 1025,
              kGetSeals = 1034, kGetown = 9, kGetpipeSize = 1032;

void fcntl_lock_pid(Printer& p, Bytes b) {
    // The printed lock ends with }: reopen it for the owner.
    p.out().pop_back();
    p.field_dec("l_pid", load<std::int32_t>(b, 24)).put('}');
}

void fcntl_aux(Printer& p, int command) {
    if (p.call.failed() || p.call.ret <= 0) {
        if (command != kGetfl || p.call.ret != 0) {
            return;
        }
    }
    Writer aux(p.aux(), p.options());
    const auto value = static_cast<std::uint64_t>(p.call.ret);
    switch (command) {
        case kGetfd:
            p.hex_result();
            aux.put("flags ").flags(XlatId::kFdFlags, value);
            break;
        case kGetfl:
            p.hex_result();
            aux.put("flags ").flags(XlatId::kOpenFlags, value);
            break;
        case kGetlease:
            aux.symbol(XlatId::kLockTypes, value);
            break;
        case kGetsig:
            aux.signal(p.call.ret);
            break;
        case kGetSeals:
            aux.put("seals ").flags(XlatId::kSeals, value);
            break;
        default:
            break;
    }
}

void fcntl(Printer& p) {
    const int command = p.int_arg(1);
    p.argument(0);
    p.next().symbol(XlatId::kFcntlCmds, static_cast<std::uint32_t>(command));
    switch (command) {
        case kGetfd:
        case kGetfl:
        case kGetsig:
        case kGetlease:
        case kGetSeals:
        case kGetown:
        case kGetpipeSize:
            break;
        case kGetlk:
        case kOfdGetlk: {
            p.next();
            if (p.split()) {
                return;
            }
            const Bytes b = p.out_bytes(2, 32);
            if (b.empty() || p.call.failed()) {
                p.ptr(p.arg(2));
            } else {
                struct_printer(p.desc(2).type)->print(p, b);
                fcntl_lock_pid(p, b);
            }
            break;
        }
        default:
            p.next();
            if (p.desc(2).dir == capture::Dir::kOut && p.split()) {
                return;
            }
            p.argument(2);
            break;
    }
    if (p.exiting()) {
        fcntl_aux(p, command);
    }
}

void ioctl_command(Printer& p) {
    const auto command = static_cast<std::uint32_t>(p.arg(1));
    const XlatSet& set = capture::xlat_set(XlatId::kIoctlCmds);
    // asm-generic/ioctls.h: the sound timer's commands have the numbers of these three.
    constexpr std::uint32_t kSetAttributes = 0x5402;
    if (command - kSetAttributes < 3 && p.options().xlat == XlatStyle::kAbbrev) {
        static constexpr std::string_view kTimers[] = {
            "SNDCTL_TMR_START or ", "SNDCTL_TMR_STOP or ", "SNDCTL_TMR_CONTINUE or "};
        p.put(kTimers[command - kSetAttributes]);
    }
    if (capture::xlat_name(set, command) != nullptr || p.options().xlat == XlatStyle::kRaw) {
        p.symbol(set, command);
        return;
    }
    static constexpr std::string_view kDirections[] = {"_IOC_NONE", "_IOC_WRITE", "_IOC_READ",
                                                       "_IOC_READ|_IOC_WRITE"};
    p.put("_IOC(").put(kDirections[command >> 30]).next().hex((command >> 8) & 0xff);
    p.next().hex(command & 0xff).next().hex((command >> 16) & 0x3fff).put(')');
}

void ioctl(Printer& p) {
    p.argument(0);
    p.next();
    ioctl_command(p);
    const capture::ArgDesc& a = p.desc(2);
    using capture::ArgKind;
    using capture::Dir;
    if (a.kind == ArgKind::kUnused) {
        return;
    }
    p.next();
    if (a.kind < ArgKind::kPath) {
        // asm-generic/ioctls.h: TCSBRK, TCXONC, TCFLSH, TIOCEXCL, TIOCNXCL, TIOCSCTTY.
        const bool terminal = p.arg(1) >= 0x5409 && p.arg(1) <= 0x540e;
        terminal ? p.dec(p.int_arg(2)) : p.hex(p.arg(2));
        return;
    }
    if (a.dir == Dir::kOut) {
        if (!p.split()) {
            p.memory(2, 1);
        }
        return;
    }
    p.memory(2, 0);
    if (a.dir == Dir::kInOut && p.arg(2) != 0 && !p.split()) {
        p.changed(2);
    }
}

void dup3(Printer& p) {
    p.argument(0);
    p.next();
    p.argument(1);
    p.next();
    p.creation_flags(static_cast<std::uint32_t>(p.arg(2)));
}

constexpr NamedCall kCalls[] = {
    {"dup3", dup3},
    {"open", open},
    {"openat", openat},
    {"mknod", mknod},
    {"mknodat", mknodat},
    {"pipe", pipe},
    {"pipe2", pipe2},
    {"getdents", getdents},
    {"getdents64", getdents},
    {"readlink", readlink},
    {"readlinkat", readlinkat},
    {"getcwd", getcwd},
    {"sendfile", sendfile},
    {"splice", splice},
    {"fcntl", fcntl},
    {"ioctl", ioctl},
    {"copy_file_range", splice},
    {"socketpair", socketpair},
};

}  // namespace

std::span<const NamedCall> file_calls() { return kCalls; }

}  // namespace utrace::decode
