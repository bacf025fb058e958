// SPDX-License-Identifier: MIT
// The start of a line: pid, time, number.
#include <ctime>

#include "decode/text.h"

namespace utrace::decode {

void TextLog::leader(const RecordHeader& h, std::uint64_t time, const Task& t, std::string& out) {
    Writer w(out, options_);
    const bool marked = options_.pid == PidMode::kAuto && alive_ > 1;
    if (marked || options_.pid == PidMode::kAlways) {
        const std::size_t from = out.size() + (marked ? 5 : 0);
        if (marked) {
            w.put("[pid ");
            w.dec_fill(h.tid, 5, ' ');
        } else {
            w.udec(h.tid);
        }
        if (options_.comm && !t.comm.empty()) {
            w.put('<');
            quote(TaintedBytes(t.comm), {.marks = false, .escape_angle = true}, out);
            w.put('>');
        } else if (!marked && out.size() - from < 5) {
            out.append(5 - (out.size() - from), ' ');
        }
        w.put(marked ? "] " : " ");
    }
    if (options_.time != TimeMode::kNone || options_.relative) {
        time_fields(time, out);
    }
    if (options_.number) {
        w.put('[').dec_fill(t.nr, 4, ' ').put("] ");
    }
}

void TextLog::time_fields(std::uint64_t time, std::string& out) {
    Writer w(out, options_);
    const auto real = static_cast<std::int64_t>(time) + options_.realtime_offset_ns;
    const std::int64_t second = real / 1'000'000'000;
    const auto micros = static_cast<std::uint64_t>(real % 1'000'000'000 / 1000);
    switch (options_.time) {
        case TimeMode::kNone:
            break;
        case TimeMode::kEpoch:
            w.dec(second).put('.').dec_fill(micros, 6, '0').put(' ');
            break;
        case TimeMode::kSeconds:
        case TimeMode::kMicros:
            if (second != clock_second_) {
                const std::time_t when = second;
                std::tm local{};
                localtime_r(&when, &local);
                std::strftime(clock_text_, sizeof clock_text_, "%H:%M:%S", &local);
                clock_second_ = second;
            }
            w.put(std::string_view(clock_text_, 8));
            if (options_.time == TimeMode::kMicros) {
                w.put('.').dec_fill(micros, 6, '0');
            }
            w.put(' ');
            break;
    }
    if (options_.relative) {
        const std::uint64_t before = last_time_ == 0 ? time : last_time_;
        const std::uint64_t delta = time > before ? (time - before) / 1000 : 0;
        last_time_ = time;
        const bool inner = options_.time != TimeMode::kNone;
        w.put(inner ? "(+" : "").dec_fill(delta / 1'000'000, 6, ' ').put('.');
        w.dec_fill(delta % 1'000'000, 6, '0').put(inner ? ") " : " ");
    }
}

}  // namespace utrace::decode
