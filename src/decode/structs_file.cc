// SPDX-License-Identifier: MIT
// Files: status, locks, directory entries, terminals and the small values behind pointers.
#include "decode/printer.h"

namespace utrace::decode {
namespace {

constexpr std::uint32_t kTypeMask = 0170000, kTypeChar = 0020000, kTypeBlock = 0060000;

bool is_device(std::uint32_t mode) {
    return (mode & kTypeMask) == kTypeChar || (mode & kTypeMask) == kTypeBlock;
}

void stat_time(Writer& w, std::string_view seconds, std::string_view nanoseconds, Bytes b,
               std::size_t at) {
    const auto s = load<std::int64_t>(b, at);
    const auto ns = load<std::int64_t>(b, at + 8);
    w.field(seconds).dec(s).time_comment(s, ns);
    w.field_dec(nanoseconds, ns);
}

void stat(Writer& w, Bytes b) {
    const auto mode = load<std::uint32_t>(b, 24);
    w.put('{');
    if (!w.abbrev()) {
        w.put("st_dev=").dev(load<std::uint64_t>(b));
        w.field_udec("st_ino", load<std::uint64_t>(b, 8)).next();
    }
    w.put("st_mode=").mode(mode);
    if (!w.abbrev()) {
        w.field_udec("st_nlink", load<std::uint64_t>(b, 16));
        w.field_udec("st_uid", load<std::uint32_t>(b, 28));
        w.field_udec("st_gid", load<std::uint32_t>(b, 32));
        w.field_udec("st_blksize", load<std::uint64_t>(b, 56));
        w.field_udec("st_blocks", load<std::uint64_t>(b, 64));
    }
    if (is_device(mode)) {
        w.field("st_rdev").dev(load<std::uint64_t>(b, 40));
    } else {
        w.field_dec("st_size", load<std::int64_t>(b, 48));
    }
    if (w.abbrev()) {
        w.put(", ...}");
        return;
    }
    stat_time(w, "st_atime", "st_atime_nsec", b, 72);
    stat_time(w, "st_mtime", "st_mtime_nsec", b, 88);
    stat_time(w, "st_ctime", "st_ctime_nsec", b, 104);
    w.put('}');
}

void statx_time(Writer& w, std::string_view name, Bytes b, std::size_t at) {
    const auto s = load<std::int64_t>(b, at);
    const auto ns = load<std::uint32_t>(b, at + 8);
    w.field(name).first("tv_sec").dec(s).field_udec("tv_nsec", ns).put('}');
    w.time_comment(s, ns);
}

void statx(Writer& w, Bytes b) {
    w.first("stx_mask").flags(XlatId::kStatxMasks, load<std::uint32_t>(b));
    if (!w.abbrev()) {
        w.field_udec("stx_blksize", load<std::uint32_t>(b, 4));
    }
    w.field("stx_attributes").flags(XlatId::kStatxAttrs, load<std::uint64_t>(b, 8));
    if (!w.abbrev()) {
        w.field_udec("stx_nlink", load<std::uint32_t>(b, 16));
        w.field_udec("stx_uid", load<std::uint32_t>(b, 20));
        w.field_udec("stx_gid", load<std::uint32_t>(b, 24));
    }
    w.field("stx_mode").mode(load<std::uint16_t>(b, 28));
    if (!w.abbrev()) {
        w.field_udec("stx_ino", load<std::uint64_t>(b, 32));
    }
    w.field_udec("stx_size", load<std::uint64_t>(b, 40));
    if (w.abbrev()) {
        w.put(", ...}");
        return;
    }
    w.field_udec("stx_blocks", load<std::uint64_t>(b, 48));
    w.field("stx_attributes_mask").flags(XlatId::kStatxAttrs, load<std::uint64_t>(b, 56));
    statx_time(w, "stx_atime", b, 64);
    statx_time(w, "stx_btime", b, 80);
    statx_time(w, "stx_ctime", b, 96);
    statx_time(w, "stx_mtime", b, 112);
    w.field_udec("stx_rdev_major", load<std::uint32_t>(b, 128));
    w.field_udec("stx_rdev_minor", load<std::uint32_t>(b, 132));
    w.field_udec("stx_dev_major", load<std::uint32_t>(b, 136));
    w.field_udec("stx_dev_minor", load<std::uint32_t>(b, 140));
    w.field_hex("stx_mnt_id", load<std::uint64_t>(b, 144)).put('}');
}

void statfs(Writer& w, Bytes b) {
    const auto at = [&](std::size_t i) { return load<std::uint64_t>(b, 8 * i); };
    w.first("f_type").symbol(XlatId::kFsMagic, at(0));
    static constexpr std::string_view kNames[] = {"f_bsize",  "f_blocks", "f_bfree",
                                                  "f_bavail", "f_files",  "f_ffree"};
    for (std::size_t i = 0; i < 6; ++i) {
        w.field_udec(kNames[i], at(i + 1));
    }
    w.field("f_fsid").put("{val=[").hex(load<std::uint32_t>(b, 56));
    w.next().hex(load<std::uint32_t>(b, 60)).put("]}");
    w.field_udec("f_namelen", at(8));
    w.field_udec("f_frsize", at(9));
    w.field("f_flags").flags(XlatId::kStatfsFlags, at(10)).put('}');
}

void flock(Writer& w, Bytes b) {
    w.first("l_type").symbol(XlatId::kLockTypes, load<std::uint16_t>(b));
    w.field("l_whence").symbol(XlatId::kWhence, load<std::uint16_t>(b, 2));
    w.field_dec("l_start", load<std::int64_t>(b, 8));
    w.field_dec("l_len", load<std::int64_t>(b, 16)).put('}');
}

void owner_ex(Writer& w, Bytes b) {
    w.first("type").symbol(XlatId::kOwnerTypes, load<std::uint32_t>(b));
    w.field_dec("pid", load<std::int32_t>(b, 4)).put('}');
}

void open_how(Writer& w, Bytes b) {
    constexpr std::uint64_t kCreate = 0100, kTmpfile = 020000000;
    const auto flags = load<std::uint64_t>(b);
    const auto mode = load<std::uint64_t>(b, 8);
    w.first("flags").flags(XlatId::kOpenFlags, flags);
    if ((flags & (kCreate | kTmpfile)) != 0 || mode != 0) {
        w.field("mode").octal(mode);
    }
    w.field("resolve").flags(XlatId::kOpenResolveFlags, load<std::uint64_t>(b, 16)).put('}');
}

void winsize(Writer& w, Bytes b) {
    w.first("ws_row").udec(load<std::uint16_t>(b));
    w.field_udec("ws_col", load<std::uint16_t>(b, 2));
    w.field_udec("ws_xpixel", load<std::uint16_t>(b, 4));
    w.field_udec("ws_ypixel", load<std::uint16_t>(b, 6)).put('}');
}

void termios(Writer& w, Bytes b) {
    w.first("c_iflag").flags(XlatId::kTermIflag, load<std::uint32_t>(b));
    w.field("c_oflag").flags(XlatId::kTermOflag, load<std::uint32_t>(b, 4));
    w.field("c_cflag").flags(XlatId::kTermCflag, load<std::uint32_t>(b, 8));
    w.field("c_lflag").flags(XlatId::kTermLflag, load<std::uint32_t>(b, 12));
    if (w.abbrev()) {
        w.put(", ...}");
        return;
    }
    w.field_udec("c_line", load<std::uint8_t>(b, 16));
    w.field("c_cc");
    quote(TaintedBytes(b.subspan(17, 19)), {.hex = HexMode::kAll}, w.out());
    w.put('}');
}

// The small values behind pointers: one shape, `[value]`.
void int_value(Writer& w, Bytes b) { w.put('[').dec(load<std::int32_t>(b)).put(']'); }
void uint_value(Writer& w, Bytes b) { w.put('[').udec(load<std::uint32_t>(b)).put(']'); }
void long_value(Writer& w, Bytes b) { w.put('[').dec(load<std::int64_t>(b)).put(']'); }
void ulong_value(Writer& w, Bytes b) { w.put('[').udec(load<std::uint64_t>(b)).put(']'); }
void ptr_value(Writer& w, Bytes b) { w.put('[').ptr(load<std::uint64_t>(b)).put(']'); }
void iovec_value(Writer& w, Bytes b) {
    w.first("iov_base").ptr(load<std::uint64_t>(b));
    w.field_udec("iov_len", load<std::uint64_t>(b, 8)).put('}');
}
void id_value(Writer& w, Bytes b) { w.put('[').id(load<std::uint32_t>(b)).put(']'); }

constexpr NamedStruct kStructs[] = {
    {"stat", 144, stat},     {"statx", 152, statx},       {"statfs", 120, statfs},
    {"flock", 24, flock},    {"f_owner_ex", 8, owner_ex}, {"open_how", 24, open_how},
    {"winsize", 8, winsize}, {"termios", 36, termios},    {"termios2", 36, termios},
    {"int", 4, int_value},   {"uint", 4, uint_value},     {"socklen", 4, uint_value},
    {"long", 8, long_value}, {"loff", 8, long_value},     {"ulong", 8, ulong_value},
    {"ptr", 8, ptr_value},   {"uid", 4, id_value},        {"gid", 4, id_value},
    {"fd", 4, int_value},    {"iovec", 16, iovec_value},
};

}  // namespace

std::span<const NamedStruct> file_structs() { return kStructs; }

}  // namespace utrace::decode
