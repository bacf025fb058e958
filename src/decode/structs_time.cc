// SPDX-License-Identifier: MIT
// Times, timers and the calls that take them.
#include "decode/printer.h"

namespace utrace::decode {
namespace {

void pair(Writer& w, Bytes b, std::string_view second, std::size_t at = 0) {
    w.first("tv_sec").dec(load<std::int64_t>(b, at)).field(second);
    w.dec(load<std::int64_t>(b, at + 8)).put('}');
}

void timespec(Writer& w, Bytes b) { pair(w, b, "tv_nsec"); }

void timeval(Writer& w, Bytes b) { pair(w, b, "tv_usec"); }

void timezone(Writer& w, Bytes b) {
    w.first("tz_minuteswest").dec(load<std::int32_t>(b));
    w.field_dec("tz_dsttime", load<std::int32_t>(b, 4)).put('}');
}

void itimerval(Writer& w, Bytes b) {
    w.first("it_interval");
    pair(w, b, "tv_usec");
    w.field("it_value");
    pair(w, b, "tv_usec", 16);
    w.put('}');
}

void itimerspec(Writer& w, Bytes b) {
    w.first("it_interval");
    pair(w, b, "tv_nsec");
    w.field("it_value");
    pair(w, b, "tv_nsec", 16);
    w.put('}');
}

void time_value(Writer& w, Bytes b) {
    const auto v = load<std::int64_t>(b);
    w.put('[').dec(v).time_comment(v, 0).put(']');
}

void utimbuf(Writer& w, Bytes b) {
    const auto access = load<std::int64_t>(b);
    const auto change = load<std::int64_t>(b, 8);
    w.first("actime").dec(access).time_comment(access, 0);
    w.field("modtime").dec(change).time_comment(change, 0).put('}');
}

void tms(Writer& w, Bytes b) {
    w.first("tms_utime").dec(load<std::int64_t>(b));
    w.field_dec("tms_stime", load<std::int64_t>(b, 8));
    w.field_dec("tms_cutime", load<std::int64_t>(b, 16));
    w.field_dec("tms_cstime", load<std::int64_t>(b, 24)).put('}');
}

void timex(Writer& w, Bytes b) {
    w.first("modes").flags(XlatId::kAdjtimexModes, load<std::uint32_t>(b));
    static constexpr std::string_view kBefore[] = {"offset", "freq", "maxerror", "esterror"};
    for (std::size_t i = 0; i < 4; ++i) {
        w.field_dec(kBefore[i], load<std::int64_t>(b, 8 + 8 * i));
    }
    w.field("status").flags(XlatId::kAdjtimexStatus, load<std::uint32_t>(b, 40));
    static constexpr std::string_view kAfter[] = {"constant", "precision", "tolerance"};
    for (std::size_t i = 0; i < 3; ++i) {
        w.field_dec(kAfter[i], load<std::int64_t>(b, 48 + 8 * i));
    }
    w.field("time");
    pair(w, b, "tv_usec", 72);
    w.field_dec("tick", load<std::int64_t>(b, 88));
    w.field_dec("ppsfreq", load<std::int64_t>(b, 96));
    w.field_dec("jitter", load<std::int64_t>(b, 104));
    w.field_dec("shift", load<std::int32_t>(b, 112));
    static constexpr std::string_view kCounts[] = {"stabil", "jitcnt", "calcnt", "errcnt",
                                                   "stbcnt"};
    for (std::size_t i = 0; i < 5; ++i) {
        w.field_dec(kCounts[i], load<std::int64_t>(b, 120 + 8 * i));
    }
    w.field_dec("tai", load<std::int32_t>(b, 160)).put('}');
}

bool restarts(const Call& call) { return call.ret <= -512 && call.ret >= -516; }

/// The rest of a sleep is in memory only when the sleep was interrupted.
void remaining(Printer& p, unsigned i) {
    const Bytes b = p.out_bytes(i, 16);
    if (restarts(p.call) && !b.empty()) {
        timespec(p, b);
    } else {
        p.ptr(p.arg(i));
    }
}

void nanosleep(Printer& p) {
    p.argument(0);
    p.next();
    if (!p.split()) {
        remaining(p, 1);
    }
}

void clock_nanosleep(Printer& p) {
    p.argument(0);
    p.next();
    p.argument(1);
    p.next();
    p.argument(2);
    p.next();
    if (!p.split()) {
        remaining(p, 3);
    }
}

constexpr std::int64_t kNow = 0x3fffffff;   // UTIME_NOW, linux/stat.h
constexpr std::int64_t kOmit = 0x3ffffffe;  // UTIME_OMIT

void utimensat_times(Printer& p, unsigned i) {
    const Bytes b = p.in(i, 32);
    if (b.empty()) {
        p.ptr(p.arg(i));
        return;
    }
    p.put('[');
    for (std::size_t k = 0; k < 2; ++k) {
        const auto nsec = load<std::int64_t>(b, 16 * k + 8);
        p.put(k == 0 ? "" : ", ");
        if (nsec == kNow || nsec == kOmit) {
            p.put(nsec == kNow ? "UTIME_NOW" : "UTIME_OMIT");
            continue;
        }
        const auto sec = load<std::int64_t>(b, 16 * k);
        pair(p, b, "tv_nsec", 16 * k);
        p.time_comment(sec, nsec);
    }
    p.put(']');
}

void utimensat(Printer& p) {
    p.dirfd(0);
    p.next();
    p.path_arg(1);
    p.next();
    utimensat_times(p, 2);
    p.next();
    p.argument(3);
}

void utimes_from(Printer& p, unsigned i) {
    const Bytes b = p.in(i, 32);
    if (b.empty()) {
        p.ptr(p.arg(i));
        return;
    }
    p.put('[');
    for (std::size_t k = 0; k < 2; ++k) {
        p.put(k == 0 ? "" : ", ");
        pair(p, b, "tv_usec", 16 * k);
        p.time_comment(load<std::int64_t>(b, 16 * k), load<std::int64_t>(b, 16 * k + 8) * 1000);
    }
    p.put(']');
}

void utimes(Printer& p) {
    p.path_arg(0);
    p.next();
    utimes_from(p, 1);
}

void futimesat(Printer& p) {
    p.dirfd(0);
    p.next();
    p.path_arg(1);
    p.next();
    utimes_from(p, 2);
}

void timer_create(Printer& p) {
    p.argument(0);
    p.next();
    p.argument(1);
    p.next();
    if (p.split()) {
        return;
    }
    const Bytes b = p.out_bytes(2, 4);
    if (b.empty() || p.call.failed()) {
        p.ptr(p.arg(2));
    } else {
        p.put('[').dec(load<std::int32_t>(b)).put(']');
    }
}

void time(Printer& p) {
    if (p.split()) {
        return;
    }
    const Bytes b = p.out_bytes(0, 8);
    b.empty() ? void(p.ptr(p.arg(0))) : time_value(p, b);
    if (!p.call.failed()) {
        // The comment without its marks is the note.
        std::string& aux = p.aux();
        Writer(aux, p.options()).time_comment(p.call.ret, 0);
        if (aux.size() > 7) {
            aux = aux.substr(4, aux.size() - 7);
        }
    }
}

constexpr NamedCall kCalls[] = {
    {"time", time},
    {"nanosleep", nanosleep},
    {"clock_nanosleep", clock_nanosleep},
    {"utimensat", utimensat},
    {"utimes", utimes},
    {"futimesat", futimesat},
    {"timer_create", timer_create},
};

constexpr NamedStruct kStructs[] = {
    {"timespec", 16, timespec},     {"timeval", 16, timeval},
    {"timezone", 8, timezone},      {"itimerval", 32, itimerval},
    {"itimerspec", 32, itimerspec}, {"time_t", 8, time_value},
    {"utimbuf", 16, utimbuf},       {"tms", 32, tms},
    {"timex", 168, timex},
};

}  // namespace

std::span<const NamedCall> time_calls() { return kCalls; }
std::span<const NamedStruct> time_structs() { return kStructs; }

}  // namespace utrace::decode
