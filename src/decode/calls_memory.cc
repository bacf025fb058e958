// SPDX-License-Identifier: MIT
// Memory maps, futexes and the kernel's lists.
#include <algorithm>

#include "decode/printer.h"

namespace utrace::decode {
namespace {

void mmap(Printer& p) {
    p.ptr(p.arg(0)).next().udec(p.arg(1)).next();
    p.argument(2);
    p.next();
    p.argument(3);
    p.next();
    p.fd(4);
    p.next().hex(p.arg(5));
}

void mremap(Printer& p) {
    constexpr std::uint64_t kFixed = 2, kDontUnmap = 4;
    p.ptr(p.arg(0)).next().udec(p.arg(1)).next().udec(p.arg(2)).next();
    p.argument(3);
    if ((p.arg(3) & (kFixed | kDontUnmap)) != 0) {
        p.next().ptr(p.arg(4));
    }
}

void rseq(Printer& p) {
    p.ptr(p.arg(0)).next().hex(static_cast<std::uint32_t>(p.arg(1))).next();
    p.argument(2);
    p.next().hex(static_cast<std::uint32_t>(p.arg(3)));
}

// linux/futex.h
enum FutexOp : std::uint32_t {
    kWait = 0,
    kWake = 1,
    kFd = 2,
    kRequeue = 3,
    kCmpRequeue = 4,
    kWakeOp = 5,
    kLockPi = 6,
    kUnlockPi = 7,
    kTrylockPi = 8,
    kWaitBitset = 9,
    kWakeBitset = 10,
    kWaitRequeuePi = 11,
    kCmpRequeuePi = 12,
    kLockPi2 = 13,
};
constexpr std::uint32_t kPrivate = 128, kClockRealtime = 256;

void futex_op(Printer& p, std::uint32_t op) {
    p.symbol(XlatId::kFutexOps, op & ~kClockRealtime);
    if ((op & kClockRealtime) != 0 && p.options().xlat != XlatStyle::kRaw) {
        p.put("|FUTEX_CLOCK_REALTIME");
    }
}

void bitset(Printer& p, std::uint64_t value) {
    const auto mask = static_cast<std::uint32_t>(value);
    mask == 0xffffffff ? p.named("FUTEX_BITSET_MATCH_ANY", mask, false) : p.hex(mask);
}

void wake_op(Printer& p, std::uint32_t word) {
    constexpr std::uint32_t kShift = 8;
    if ((word >> 28 & kShift) != 0) {
        p.put("FUTEX_OP_OPARG_SHIFT<<28|");
    }
    p.symbol(XlatId::kFutexWakeOps, word >> 28 & 7).put("<<28|").hex(word >> 12 & 0xfff);
    p.put("<<12|").symbol(XlatId::kFutexWakeCmps, word >> 24 & 15).put("<<24|").hex(word & 0xfff);
}

void timeout(Printer& p) {
    p.next();
    p.memory(3, 0);
}

void futex(Printer& p) {
    const auto op = static_cast<std::uint32_t>(p.arg(1));
    const auto value = static_cast<std::uint32_t>(p.arg(2));
    p.ptr(p.arg(0)).next();
    futex_op(p, op);
    switch (op & ~(kPrivate | kClockRealtime)) {
        case kWait:
            p.next().udec(value);
            timeout(p);
            break;
        case kWaitBitset:
            p.next().udec(value);
            timeout(p);
            p.next();
            bitset(p, p.arg(5));
            break;
        case kWake:
        case kFd:
            p.next().udec(value);
            break;
        case kWakeBitset:
            p.next().udec(value).next();
            bitset(p, p.arg(5));
            break;
        case kRequeue:
            p.next().udec(value).next().udec(p.arg(3)).next().ptr(p.arg(4));
            break;
        case kCmpRequeue:
        case kCmpRequeuePi:
            p.next().udec(value).next().udec(p.arg(3)).next().ptr(p.arg(4)).next();
            p.udec(static_cast<std::uint32_t>(p.arg(5)));
            break;
        case kWakeOp:
            p.next().udec(value).next().udec(p.arg(3)).next().ptr(p.arg(4)).next();
            wake_op(p, static_cast<std::uint32_t>(p.arg(5)));
            break;
        case kLockPi:
        case kLockPi2:
            timeout(p);
            break;
        case kUnlockPi:
        case kTrylockPi:
            break;
        case kWaitRequeuePi:
            p.next().udec(value);
            timeout(p);
            p.next().ptr(p.arg(4));
            break;
        default:
            p.next().udec(value);
            p.next().hex(p.arg(3)).next().ptr(p.arg(4)).next();
            p.hex(static_cast<std::uint32_t>(p.arg(5)));
            break;
    }
}

void getrandom(Printer& p) {
    if (p.split()) {
        return;
    }
    const Blob* b = p.call.blob(0, 1);
    if (p.call.failed() || b == nullptr) {
        p.ptr(p.arg(0));
    } else {
        // Random bytes read best as what they are.
        const auto size = static_cast<std::uint64_t>(p.call.ret);
        const auto shown =
            std::min<std::uint64_t>({size, p.options().string_limit, b->bytes.size()});
        quote(TaintedBytes(b->bytes.first(shown)), {.hex = HexMode::kAll}, p.out());
        p.put(size > shown ? "..." : "");
    }
    p.next().udec(p.arg(1)).next();
    p.argument(2);
}

constexpr NamedCall kCalls[] = {
    {"mmap", mmap}, {"mremap", mremap}, {"rseq", rseq}, {"futex", futex}, {"getrandom", getrandom},
};

}  // namespace

std::span<const NamedCall> memory_calls() { return kCalls; }

}  // namespace utrace::decode
