// SPDX-License-Identifier: MIT
// Processes: limits, usage, identity, scheduling, and what clone takes.
#include "decode/printer.h"

namespace utrace::decode {
namespace {

void limit_value(Writer& w, std::uint64_t value) {
    constexpr std::uint64_t kKilo = 1024;
    if (value == ~std::uint64_t{0}) {
        w.named("RLIM64_INFINITY", value, false);
    } else if (value > kKilo && value % kKilo == 0) {
        w.udec(value / kKilo).put("*1024");
    } else {
        w.udec(value);
    }
}

void rlimit(Writer& w, Bytes b) {
    w.first("rlim_cur");
    limit_value(w, load<std::uint64_t>(b));
    w.field("rlim_max");
    limit_value(w, load<std::uint64_t>(b, 8));
    w.put('}');
}

void rusage(Writer& w, Bytes b) {
    for (std::size_t i = 0; i < 2; ++i) {
        w.put(i == 0 ? "{ru_utime=" : ", ru_stime=");
        w.first("tv_sec").dec(load<std::int64_t>(b, 16 * i));
        w.field_dec("tv_usec", load<std::int64_t>(b, 16 * i + 8)).put('}');
    }
    if (w.abbrev()) {
        w.put(", ...}");
        return;
    }
    static constexpr std::string_view kNames[] = {
        "ru_maxrss", "ru_ixrss",    "ru_idrss",   "ru_isrss",   "ru_minflt",
        "ru_majflt", "ru_nswap",    "ru_inblock", "ru_oublock", "ru_msgsnd",
        "ru_msgrcv", "ru_nsignals", "ru_nvcsw",   "ru_nivcsw"};
    for (std::size_t i = 0; i < 14; ++i) {
        w.field_udec(kNames[i], load<std::uint64_t>(b, 32 + 8 * i));
    }
    w.put('}');
}

Bytes until_nul(Bytes b) {
    std::size_t n = 0;
    while (n < b.size() && b[n] != std::byte{0}) {
        ++n;
    }
    return b.first(n);
}

void utsname(Writer& w, Bytes b) {
    static constexpr std::string_view kNames[] = {"sysname", "nodename", "release",
                                                  "version", "machine",  "domainname"};
    const std::size_t shown = w.abbrev() ? 2 : 6;
    for (std::size_t i = 0; i < shown; ++i) {
        w.put(i == 0 ? "{" : ", ").put(kNames[i]).put('=');
        w.string(until_nul(b.subspan(65 * i, 65)), false);
    }
    w.put(w.abbrev() ? ", ...}" : "}");
}

void sysinfo(Writer& w, Bytes b) {
    w.first("uptime").dec(load<std::int64_t>(b)).field("loads").put('[');
    for (std::size_t i = 0; i < 3; ++i) {
        w.put(i == 0 ? "" : ", ").udec(load<std::uint64_t>(b, 8 + 8 * i));
    }
    w.put(']');
    static constexpr std::string_view kNames[] = {"totalram",  "freeram",   "sharedram",
                                                  "bufferram", "totalswap", "freeswap"};
    for (std::size_t i = 0; i < 6; ++i) {
        w.field_udec(kNames[i], load<std::uint64_t>(b, 32 + 8 * i));
    }
    w.field_udec("procs", load<std::uint16_t>(b, 80));
    w.field_udec("totalhigh", load<std::uint64_t>(b, 88));
    w.field_udec("freehigh", load<std::uint64_t>(b, 96));
    w.field_udec("mem_unit", load<std::uint32_t>(b, 104)).put('}');
}

void sched_param(Writer& w, Bytes b) { w.put('[').dec(load<std::int32_t>(b)).put(']'); }

void sched_attr(Writer& w, Bytes b) {
    w.first("size").udec(load<std::uint32_t>(b));
    w.field("sched_policy").flags(XlatId::kSchedPolicies, load<std::uint32_t>(b, 4));
    w.field("sched_flags").flags(XlatId::kSchedAttrFlags, load<std::uint64_t>(b, 8));
    w.field_dec("sched_nice", load<std::int32_t>(b, 16));
    w.field_udec("sched_priority", load<std::uint32_t>(b, 20));
    w.field_udec("sched_runtime", load<std::uint64_t>(b, 24));
    w.field_udec("sched_deadline", load<std::uint64_t>(b, 32));
    w.field_udec("sched_period", load<std::uint64_t>(b, 40));
    if (load<std::uint32_t>(b) >= 56) {
        w.field_udec("sched_util_min", load<std::uint32_t>(b, 48));
        w.field_udec("sched_util_max", load<std::uint32_t>(b, 52));
    }
    w.put('}');
}

void cap_header(Writer& w, Bytes b) {
    w.first("version").symbol(XlatId::kCapVersions, load<std::uint32_t>(b));
    w.field_dec("pid", load<std::int32_t>(b, 4)).put('}');
}

void clone_args(Writer& w, Bytes b) {
    const auto at = [&](std::size_t i) { return load<std::uint64_t>(b, 8 * i); };
    constexpr std::uint64_t kPidfd = 0x1000, kSettls = 0x80000, kParentTid = 0x100000,
                            kClearTid = 0x200000, kSetTid = 0x1000000, kIntoCgroup = 0x200000000;
    const std::uint64_t flags = at(0);
    w.first("flags").flags(XlatId::kClone3Flags, flags);
    if ((flags & kPidfd) != 0) {
        w.field("pidfd").ptr(at(1));
    }
    if ((flags & (kClearTid | kSetTid)) != 0) {
        w.field("child_tid").ptr(at(2));
    }
    if ((flags & kParentTid) != 0) {
        w.field("parent_tid").ptr(at(3));
    }
    w.field("exit_signal");
    at(4) == 0 ? w.put('0') : w.signal(static_cast<std::int64_t>(at(4)));
    w.field("stack").ptr(at(5));
    w.field_hex("stack_size", at(6));
    if ((flags & kSettls) != 0) {
        w.field("tls").ptr(at(7));
    }
    if (b.size() >= 80 && (at(8) != 0 || at(9) != 0)) {
        w.field("set_tid").ptr(at(8));
        w.field_udec("set_tid_size", at(9));
    }
    if (b.size() >= 88 && ((flags & kIntoCgroup) != 0 || at(10) != 0)) {
        w.field_udec("cgroup", at(10));
    }
    w.put('}');
}

void sock_fprog(Writer& w, Bytes b) {
    w.first("len").udec(load<std::uint16_t>(b));
    w.field("filter").ptr(load<std::uint64_t>(b, 8)).put('}');
}

void sembuf(Writer& w, Bytes b) {
    w.first("sem_num").udec(load<std::uint16_t>(b));
    w.field_dec("sem_op", load<std::int16_t>(b, 2));
    w.field("sem_flg").flags(XlatId::kSemopFlags, load<std::uint16_t>(b, 4)).put('}');
}

constexpr NamedStruct kStructs[] = {
    {"rlimit", 16, rlimit},        {"rusage", 144, rusage},         {"utsname", 390, utsname},
    {"sysinfo", 112, sysinfo},     {"sched_param", 4, sched_param}, {"sched_attr", 48, sched_attr},
    {"cap_header", 8, cap_header}, {"clone_args", 64, clone_args},  {"sock_fprog", 16, sock_fprog},
    {"sembuf", 6, sembuf},
};

}  // namespace

void print_wait_status(Writer& w, std::uint32_t status) {
    const std::uint32_t low = status & 0x7f;
    w.put("[{");
    if (low == 0) {
        w.put("WIFEXITED(s) && WEXITSTATUS(s) == ").udec((status >> 8) & 0xff);
    } else if ((status & 0xff) == 0x7f) {
        w.put("WIFSTOPPED(s) && WSTOPSIG(s) == ").signal((status >> 8) & 0xff & ~0x80u);
        w.put((status & 0x8000) != 0 ? " | 0x80" : "");
    } else if ((status & 0xffff) == 0xffff) {
        w.put("WIFCONTINUED(s)");
    } else {
        w.put("WIFSIGNALED(s) && WTERMSIG(s) == ").signal(low);
        w.put((status & 0x80) != 0 ? " && WCOREDUMP(s)" : "");
    }
    w.put('}');
    if ((status & 0xff) == 0x7f && (status >> 16) != 0) {
        w.put(" | ").symbol(XlatId::kPtraceEvents, status >> 16).put(" << 16");
    }
    w.put(']');
}

std::span<const NamedStruct> process_structs() { return kStructs; }

}  // namespace utrace::decode
