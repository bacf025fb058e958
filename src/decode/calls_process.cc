// SPDX-License-Identifier: MIT
// Calls that make, end, name and schedule processes.
#include <algorithm>

#include "decode/printer.h"

namespace utrace::decode {
namespace {

constexpr std::uint64_t kSetTls = 0x80000, kParentTid = 0x100000, kChildClear = 0x200000,
                        kChildSet = 0x1000000, kPidfd = 0x1000;  // linux/sched.h
constexpr std::uint64_t kSignalMask = 0xff;

void clone_flags(Printer& p, std::uint64_t word) {
    const std::uint64_t flags = word & ~kSignalMask;
    const std::uint64_t signal = word & kSignalMask;
    if (flags != 0 || p.options().xlat == XlatStyle::kRaw) {
        p.flags(XlatId::kCloneFlags, flags);
        if (signal != 0) {
            p.put('|').signal(static_cast<std::int64_t>(signal));
        }
    } else if (signal != 0) {
        p.signal(static_cast<std::int64_t>(signal));
    } else {
        p.put('0');
    }
}

void clone(Printer& p) {
    const std::uint64_t flags = p.arg(0);
    p.put("child_stack=").ptr(p.arg(1));
    p.put(", flags=");
    clone_flags(p, flags);
    if ((flags & (kParentTid | kPidfd | kChildSet | kChildClear | kSetTls)) == 0) {
        return;
    }
    if (p.split()) {
        return;
    }
    if ((flags & (kParentTid | kPidfd)) != 0) {
        p.put((flags & kPidfd) != 0 ? ", pidfd=" : ", parent_tid=");
        const Bytes b = p.out_bytes(2, 4);
        b.empty() || p.call.failed() ? p.ptr(p.arg(2))
                                     : p.put('[').dec(load<std::int32_t>(b)).put(']');
    }
    if ((flags & kSetTls) != 0) {
        p.put(", tls=").ptr(p.arg(4));
    }
    if ((flags & (kChildSet | kChildClear)) != 0) {
        p.put(", child_tidptr=").ptr(p.arg(3));
    }
}

void clone3(Printer& p) {
    p.memory(0, 0);
    if ((load<std::uint64_t>(p.in(0, 64)) & (kParentTid | kPidfd)) != 0 && p.split()) {
        return;
    }
    const Bytes before = p.in(0, 64);
    const auto flags = load<std::uint64_t>(before);
    if (!p.call.failed() && !before.empty() && (flags & (kParentTid | kPidfd)) != 0) {
        // What the kernel stored behind the two addresses, in their order: elements of the exit.
        bool first = true;
        unsigned k = 0;
        for (const Blob& b : p.call.blobs) {
            if (b.arg != 0 || b.when != 1 || b.kind != BlobKind::kElement || b.bytes.size() < 4) {
                continue;
            }
            const bool pidfd = (flags & kPidfd) != 0 && k == 0;
            ++k;
            p.put(first ? " => {" : ", ").put(pidfd ? "pidfd=[" : "parent_tid=[");
            first = false;
            p.dec(load<std::int32_t>(b.bytes)).put(']');
        }
        if (first && (flags & kParentTid) != 0 && (flags & kPidfd) == 0) {
            p.put(" => {parent_tid=[").dec(p.call.ret).put(']');
            first = false;
        }
        p.put(first ? "" : "}");
    }
    p.next().udec(p.arg(1));
}

void fork_like(Printer& p) { (void)p.split(); }

void status_tail(Printer& p) {
    const Bytes b = p.out_bytes(1, 4);
    if (p.call.failed() || b.empty() || p.call.ret == 0) {
        p.ptr(p.arg(1));
    } else {
        print_wait_status(p, load<std::uint32_t>(b));
    }
    p.next();
    p.argument(2);
    p.next();
    p.call.ret == 0 ? void(p.ptr(p.arg(3))) : p.memory(3, 1);
}

void wait4(Printer& p) {
    p.argument(0);
    p.next();
    if (!p.split()) {
        status_tail(p);
    }
}

void waitid(Printer& p) {
    p.argument(0);
    p.next().dec(p.int_arg(1)).next();
    if (p.split()) {
        return;
    }
    p.memory(2, 1);
    p.next();
    p.argument(3);
    p.next();
    p.memory(4, 1);
}

void exit_status(Printer& p) { p.dec(p.int_arg(0)); }

void capability_sets(Printer& p, unsigned when) {
    const Bytes b = p.bytes(1, when, 12);
    if (b.empty() || (when == 1 && p.call.failed())) {
        p.ptr(p.arg(1));
        return;
    }
    const bool two = b.size() >= 24;
    static constexpr std::string_view kNames[] = {"effective", "permitted", "inheritable"};
    for (std::size_t i = 0; i < 3; ++i) {
        const std::uint64_t high = two ? load<std::uint32_t>(b, 12 + 4 * i) : 0;
        p.put(i == 0 ? "{" : ", ").put(kNames[i]).put('=');
        p.flags(XlatId::kCapMask, high << 32 | load<std::uint32_t>(b, 4 * i));
    }
    p.put('}');
}

void capget(Printer& p) {
    p.memory(0, 0);
    p.next();
    if (!p.split()) {
        capability_sets(p, 1);
    }
}

void capset(Printer& p) {
    p.memory(0, 0);
    p.next();
    capability_sets(p, 0);
}

void cpu_set(Printer& p, unsigned when) {
    const Bytes b = p.bytes(2, when, 1);
    if (b.empty() || (when == 1 && p.call.failed())) {
        p.ptr(p.arg(2));
        return;
    }
    p.put('[');
    bool first = true;
    for (std::size_t cpu = 0; cpu < b.size() * 8; ++cpu) {
        if ((static_cast<unsigned>(b[cpu / 8]) >> (cpu % 8) & 1) != 0) {
            p.put(first ? "" : " ").udec(cpu);
            first = false;
        }
    }
    p.put(']');
}

void sched_affinity(Printer& p, unsigned when) {
    p.argument(0);
    p.next().udec(p.arg(1)).next();
    if (when == 0 || !p.split()) {
        cpu_set(p, when);
    }
}

void sched_setaffinity(Printer& p) { sched_affinity(p, 0); }
void sched_getaffinity(Printer& p) { sched_affinity(p, 1); }

void sched_getscheduler(Printer& p) {
    p.argument(0);
    if (p.exiting() && !p.call.failed()) {
        Writer(p.aux(), p.options())
            .flags(XlatId::kSchedPolicies, static_cast<std::uint64_t>(p.call.ret));
    }
}

void personality(Printer& p) {
    const auto wanted = static_cast<std::uint32_t>(p.arg(0));
    wanted == 0xffffffff ? void(p.hex(wanted)) : p.argument(0);
    if (p.exiting() && !p.call.failed()) {
        Writer(p.aux(), p.options())
            .flags(XlatId::kPersonality, static_cast<std::uint64_t>(p.call.ret));
    }
}

void membarrier(Printer& p) {
    constexpr std::uint32_t kQuery = 0, kCpu = 1;
    const auto command = static_cast<std::uint32_t>(p.arg(0));
    p.flags(XlatId::kMembarrierCmds, command).next();
    p.argument(1);
    if ((p.arg(1) & kCpu) != 0) {
        p.next().dec(p.int_arg(2));
    }
    if (command == kQuery && p.exiting() && p.call.ret > 0) {
        p.hex_result();
        Writer(p.aux(), p.options())
            .flags(XlatId::kMembarrierCmds, static_cast<std::uint64_t>(p.call.ret));
    }
}

// linux/prctl.h
enum PrctlOption : std::uint32_t {
    kSetPdeathsig = 1,
    kGetPdeathsig = 2,
    kGetDumpable = 3,
    kSetDumpable = 4,
    kGetKeepcaps = 7,
    kGetTiming = 13,
    kSetName = 15,
    kGetName = 16,
    kGetSeccomp = 21,
    kSetSeccomp = 22,
    kCapbsetRead = 23,
    kCapbsetDrop = 24,
    kGetSecurebits = 27,
    kGetTimerslack = 30,
    kMceKillGet = 34,
    kNoNewPrivs = 38,
    kGetNoNewPrivs = 39,
    kGetThpDisable = 42,
    kSetVma = 0x53564d41,
};

void dumpable(Writer& w, std::uint64_t value) {
    static constexpr std::string_view kNames[] = {"SUID_DUMP_DISABLE", "SUID_DUMP_USER",
                                                  "SUID_DUMP_ROOT"};
    value < 3 ? w.named(kNames[value], value, false) : w.hex(value);
}

/// The arguments after the first of an option that has no form of its own.
void prctl_rest(Printer& p, unsigned from) {
    for (unsigned i = from; i < 5; ++i) {
        p.next().hex(p.arg(i));
    }
}

void prctl_second(Printer& p) {
    p.next();
    const capture::ArgDesc& a = p.desc(1);
    if (a.dir == capture::Dir::kOut && a.kind >= capture::ArgKind::kPath && p.split()) {
        return;
    }
    p.argument(1);
}

void prctl_parent_signal(Printer& p) {
    p.next();
    if (p.split()) {
        return;
    }
    const Bytes b = p.out_bytes(1, 4);
    b.empty() || p.call.failed() ? p.ptr(p.arg(1))
                                 : p.put('[').signal(load<std::int32_t>(b)).put(']');
}

void prctl(Printer& p) {
    const auto option = static_cast<std::uint32_t>(p.arg(0));
    p.symbol(XlatId::kPrctlOptions, option);
    switch (option) {
        case kGetDumpable:
            if (p.exiting() && !p.call.failed()) {
                Writer aux(p.aux(), p.options());
                dumpable(aux, static_cast<std::uint64_t>(p.call.ret));
            }
            break;
        case kGetKeepcaps:
        case kGetTiming:
        case kGetSeccomp:
        case kGetSecurebits:
        case kGetTimerslack:
        case kMceKillGet:
            break;
        case kSetDumpable:
            p.next();
            dumpable(p, p.arg(1));
            break;
        case kGetPdeathsig:
            prctl_parent_signal(p);
            break;
        case kSetPdeathsig:
        case kSetName:
        case kGetName:
        case kCapbsetRead:
        case kCapbsetDrop:
            prctl_second(p);
            break;
        case kSetSeccomp:
            prctl_second(p);
            p.next();
            p.argument(2);
            break;
        case kNoNewPrivs:
            p.next().udec(p.arg(1));
            prctl_rest(p, 2);
            break;
        case kGetNoNewPrivs:
        case kGetThpDisable:
            prctl_rest(p, 1);
            break;
        case kSetVma:
            p.next();
            p.arg(1) == 0 ? p.named("PR_SET_VMA_ANON_NAME", 0, false) : p.hex(p.arg(1));
            p.next().ptr(p.arg(2)).next().udec(p.arg(3)).next();
            p.argument(4);
            break;
        default: {
            const bool known = p.desc(1).kind != capture::ArgKind::kHex;
            if (known) {
                prctl_second(p);
            } else {
                prctl_rest(p, 1);
            }
            break;
        }
    }
}

void arch_prctl(Printer& p) {
    p.argument(0);
    p.next();
    const capture::ArgDesc& a = p.desc(1);
    if (a.dir == capture::Dir::kOut && p.split()) {
        return;
    }
    const Bytes b = p.out_bytes(1, 8);
    if (a.dir == capture::Dir::kOut && !b.empty() && !p.call.failed()) {
        p.put('[').hex(load<std::uint64_t>(b)).put(']');
        return;
    }
    p.argument(1);
}

void set_tid_address(Printer& p) { p.ptr(p.arg(0)); }

constexpr NamedCall kCalls[] = {
    {"clone", clone},
    {"clone3", clone3},
    {"fork", fork_like},
    {"vfork", fork_like},
    {"wait4", wait4},
    {"waitid", waitid},
    {"exit", exit_status},
    {"exit_group", exit_status},
    {"capget", capget},
    {"capset", capset},
    {"sched_setaffinity", sched_setaffinity},
    {"sched_getaffinity", sched_getaffinity},
    {"sched_getscheduler", sched_getscheduler},
    {"personality", personality},
    {"membarrier", membarrier},
    {"prctl", prctl},
    {"arch_prctl", arch_prctl},
    {"set_tid_address", set_tid_address},
};

}  // namespace

std::span<const NamedCall> process_calls() { return kCalls; }

}  // namespace utrace::decode
