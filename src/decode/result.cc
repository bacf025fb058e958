// SPDX-License-Identifier: MIT
// The text after `= `.
#include "capture/names.h"
#include "decode/printer.h"

namespace utrace::decode {
namespace {

struct Restart {
    int number;
    std::string_view name;
    std::string_view text;
};
// include/linux/errno.h; the kernel's own codes, seen only by somebody who looks at the exit.
constexpr Restart kRestarts[] = {
    {512, "ERESTARTSYS", "To be restarted if SA_RESTART is set"},
    {513, "ERESTARTNOINTR", "To be restarted"},
    {514, "ERESTARTNOHAND", "To be restarted if no handler"},
    {516, "ERESTART_RESTARTBLOCK", "Interrupted by signal"},
};

void print_error(Printer& p, int error) {
    for (const Restart& r : kRestarts) {
        if (r.number == error) {
            p.put("? ").put(r.name).put(" (").put(r.text).put(')');
            return;
        }
    }
    const char* name = capture::errno_name(error);
    p.put("-1 ");
    if (name == nullptr) {
        p.put("(errno ").dec(error).put(')');
    } else {
        p.put(name).put(" (").put(capture::errno_text(error)).put(')');
    }
}

void print_value(Printer& p) {
    const auto value = static_cast<std::uint64_t>(p.call.ret);
    if (p.raw() || p.wants_hex_result()) {
        p.hex(value);
        return;
    }
    using capture::RetKind;
    switch (p.call.desc != nullptr ? p.call.desc->ret : RetKind::kDec) {
        case RetKind::kHex:
            p.hex(value);
            break;
        case RetKind::kOctal:
            p.octal(value);
            break;
        case RetKind::kFd: {
            p.dec(p.call.ret);
            const Blob* path = p.call.blob(6, 1, BlobKind::kFdPath);
            if (path != nullptr && p.options().fd_paths) {
                p.fd_path(path->bytes);
            }
            break;
        }
        case RetKind::kTime:
        default:
            p.dec(p.call.ret);
            break;
    }
}

}  // namespace

void print_result(Printer& p) {
    if (p.call.desc != nullptr && p.call.desc->ret == capture::RetKind::kNone) {
        p.put('?');
        return;
    }
    if (const int error = p.call.error(); error != 0) {
        print_error(p, error);
        return;
    }
    print_value(p);
}

}  // namespace utrace::decode
