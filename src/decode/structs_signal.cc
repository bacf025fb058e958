// SPDX-License-Identifier: MIT
// Signals: information, actions, sets, and the calls that take them.
#include <algorithm>

#include "decode/printer.h"

namespace utrace::decode {
namespace {

// asm-generic/siginfo.h
constexpr int kSigIll = 4, kSigTrap = 5, kSigBus = 7, kSigFpe = 8, kSigSegv = 11, kSigChld = 17,
              kSigPoll = 29, kSigSys = 31;
constexpr int kSiUser = 0, kSiTimer = -2, kSiTkill = -6;
constexpr int kCldExited = 1;

XlatId code_set(int signo) {
    switch (signo) {
        case kSigIll:
            return XlatId::kSigillCodes;
        case kSigTrap:
            return XlatId::kSigtrapCodes;
        case kSigBus:
            return XlatId::kSigbusCodes;
        case kSigFpe:
            return XlatId::kSigfpeCodes;
        case kSigSegv:
            return XlatId::kSigsegvCodes;
        case kSigChld:
            return XlatId::kSigchldCodes;
        case kSigPoll:
            return XlatId::kSigpollCodes;
        case kSigSys:
            return XlatId::kSigsysCodes;
        default:
            return XlatId::kSiCodes;
    }
}

void sender(Writer& w, Bytes b) {
    w.field_dec("si_pid", load<std::int32_t>(b, 16));
    w.field("si_uid").id(load<std::uint32_t>(b, 20));
}

void value(Writer& w, Bytes b) {
    w.field_dec("si_int", load<std::int32_t>(b, 24));
    w.field("si_ptr").ptr(load<std::uint64_t>(b, 24));
}

void from_user(Writer& w, Bytes b, int code) {
    if (code == kSiTimer) {
        w.field_hex("si_timerid", load<std::uint32_t>(b, 16));
        w.field_dec("si_overrun", load<std::int32_t>(b, 20));
        value(w, b);
        return;
    }
    sender(w, b);
    if (code != kSiUser && code != kSiTkill && load<std::uint64_t>(b, 24) != 0) {
        value(w, b);
    }
}

void child(Writer& w, Bytes b, int code) {
    sender(w, b);
    const auto status = load<std::int32_t>(b, 24);
    w.field("si_status");
    code == kCldExited ? w.dec(status) : w.signal(status);
    w.field_dec("si_utime", load<std::int64_t>(b, 32));
    w.field_dec("si_stime", load<std::int64_t>(b, 40));
}

void from_kernel(Writer& w, Bytes b, int signo, int code) {
    switch (signo) {
        case kSigChld:
            child(w, b, code);
            break;
        case kSigIll:
        case kSigFpe:
        case kSigBus:
        case kSigSegv:
            w.field("si_addr").ptr(load<std::uint64_t>(b, 16));
            break;
        case kSigPoll:
            w.field("si_band").flags(XlatId::kPollEvents, load<std::uint64_t>(b, 16));
            w.field_dec("si_fd", load<std::int32_t>(b, 24));
            break;
        case kSigSys: {
            w.field("si_call_addr").ptr(load<std::uint64_t>(b, 16));
            const auto nr = load<std::uint32_t>(b, 24);
            const auto arch = load<std::uint32_t>(b, 28);
            constexpr std::uint32_t kArchX86_64 = 0xc000003e;  // AUDIT_ARCH_X86_64
            const auto* desc = capture::find_syscall(Abi::kX86_64, nr);
            w.field("si_syscall");
            if (arch == kArchX86_64 && desc != nullptr && desc->name != nullptr) {
                w.put("__NR_").put(desc->name);
            } else {
                w.udec(nr);
            }
            w.field("si_arch");
            arch == kArchX86_64 ? w.put("AUDIT_ARCH_X86_64") : w.hex(arch);
            break;
        }
        default:
            if (load<std::uint64_t>(b, 16) != 0) {
                sender(w, b);
            }
            if (load<std::uint64_t>(b, 24) != 0) {
                value(w, b);
            }
            break;
    }
}

void siginfo(Writer& w, Bytes b) { print_siginfo(w, b); }

void sigaction(Writer& w, Bytes b) {
    constexpr std::uint64_t kRestorer = 0x04000000;
    const auto handler = load<std::uint64_t>(b);
    const auto flags = load<std::uint64_t>(b, 8);
    w.first("sa_handler");
    if (handler <= 2) {
        static constexpr std::string_view kNames[] = {"SIG_DFL", "SIG_IGN", "SIG_HOLD"};
        w.named(kNames[handler], handler, false);
    } else {
        w.hex(handler);
    }
    w.field("sa_mask").sigset(b.subspan(24, 8));
    w.field("sa_flags").flags(XlatId::kSigactionFlags, flags);
    if ((flags & kRestorer) != 0) {
        w.field("sa_restorer").ptr(load<std::uint64_t>(b, 16));
    }
    w.put('}');
}

void stack(Writer& w, Bytes b) {
    w.first("ss_sp").ptr(load<std::uint64_t>(b));
    w.field("ss_flags").flags(XlatId::kSigaltstackFlags, load<std::uint32_t>(b, 8));
    w.field_udec("ss_size", load<std::uint64_t>(b, 16)).put('}');
}

void sigevent(Writer& w, Bytes b) {
    const auto number = load<std::int32_t>(b, 8);
    const auto notify = load<std::uint32_t>(b, 12);
    const auto data = load<std::uint64_t>(b);
    w.put('{');
    if (data != 0) {
        w.put("sigev_value=").first("sival_int").dec(static_cast<std::int32_t>(data));
        w.field("sival_ptr").ptr(data).put("}, ");
    }
    w.put("sigev_signo=");
    constexpr std::uint32_t kSignal = 0, kThread = 2, kThreadId = 4;
    notify == kSignal || notify == kThread || notify == kThreadId ? w.signal(number)
                                                                  : w.dec(number);
    w.field("sigev_notify").symbol(XlatId::kSigevNotify, notify);
    if (notify == kThreadId) {
        w.field_dec("sigev_notify_thread_id", load<std::int32_t>(b, 16));
    } else if (notify == kThread) {
        w.field("sigev_notify_function").ptr(load<std::uint64_t>(b, 16));
        w.field("sigev_notify_attributes").ptr(load<std::uint64_t>(b, 24));
    }
    w.put('}');
}

void rt_sigreturn(Printer& p) {
    // The mask lies in the signal frame; capture gives it as argument 0 when it read it.
    const Blob* mask = p.call.blob(0, 0);
    if (mask != nullptr) {
        p.put("{mask=").sigset(mask->bytes.first(std::min<std::size_t>(mask->bytes.size(), 8)));
        p.put('}');
    }
}

void rt_sigtimedwait(Printer& p) {
    p.argument(0);
    p.next();
    if (p.split()) {
        return;
    }
    const Bytes info = p.out_bytes(1, 48);
    info.empty() || p.call.failed() ? void(p.ptr(p.arg(1))) : print_siginfo(p, info);
    p.next();
    p.argument(2);
    p.next().udec(p.arg(3));
    if (!p.call.failed() && p.call.ret > 0 && p.exiting()) {
        Writer(p.aux(), p.options()).signal(p.call.ret);
    }
}

constexpr NamedCall kCalls[] = {
    {"rt_sigreturn", rt_sigreturn},
    {"rt_sigtimedwait", rt_sigtimedwait},
};

constexpr NamedStruct kStructs[] = {
    {"siginfo", 48, siginfo},
    {"sigaction", 32, sigaction},
    {"stack_t", 24, stack},
    {"sigevent", 32, sigevent},
};

}  // namespace

void print_siginfo(Writer& w, Bytes b) {
    const auto signo = load<std::int32_t>(b);
    const auto error = load<std::int32_t>(b, 4);
    const auto code = load<std::int32_t>(b, 8);
    if (signo == 0) {
        w.put("{}");
        return;
    }
    w.first("si_signo").signal(signo);
    const bool general = code <= 0 || code >= 0x80;
    w.field("si_code").symbol(general ? XlatId::kSiCodes : code_set(signo),
                              static_cast<std::uint64_t>(std::int64_t{code}));
    if (error != 0) {
        w.field_dec("si_errno", error);
    }
    code <= 0 ? from_user(w, b, code) : from_kernel(w, b, signo, code);
    w.put('}');
}

std::span<const NamedCall> signal_calls() { return kCalls; }
std::span<const NamedStruct> signal_structs() { return kStructs; }

}  // namespace utrace::decode
