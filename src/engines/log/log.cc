// SPDX-License-Identifier: MIT
#include "engines/log/log.h"

#include <cstring>

namespace utrace::engines {
namespace {

template <class T>
bool read_at(std::span<const std::byte> bytes, std::size_t at, T& to) {
    if (bytes.size() < at + sizeof(T)) return false;
    std::memcpy(&to, bytes.data() + at, sizeof(T));
    return true;
}

std::uint8_t status_of(std::int64_t result) {
    return result < 0 && result >= -4095 ? kShowFailed : kShowSuccessful;
}

}  // namespace

bool LogEngine::wants_call(const RecordHeader&, std::span<const std::byte> bytes) const {
    SyscallPayload payload;
    if (!read_at(bytes, sizeof(RecordHeader), payload)) return false;
    if (payload.abi != static_cast<std::uint8_t>(Abi::kX86_64) || payload.nr >= 512) return true;
    return options_.syscalls[payload.nr];
}

void LogEngine::record(std::span<const std::byte> bytes, std::string& out) {
    RecordHeader header;
    if (!read_at(bytes, 0, header)) return;
    switch (static_cast<RecordType>(header.type)) {
        case RecordType::kSyscallEntry:
        case RecordType::kSyscallExit:
        case RecordType::kSyscall:
            if (!wants_call(header, bytes)) return;
            if (options_.status != kShowAll) return filtered(header, bytes, out);
            break;
        case RecordType::kSignal: {
            SignalPayload payload;
            if (!read_at(bytes, sizeof header, payload)) return;
            if (payload.signo >= 1 && payload.signo <= 64 &&
                !options_.signals[static_cast<std::size_t>(payload.signo)])
                return;
            break;
        }
        case RecordType::kThread:
            return task(bytes, out);
        default:
            break;
    }
    text_.record(bytes, out);
}

// With status= a call is shown when its result is known to qualify.
void LogEngine::filtered(const RecordHeader& header, std::span<const std::byte> bytes,
                         std::string& out) {
    SyscallPayload payload;
    if (!read_at(bytes, sizeof header, payload)) return;
    if (header.type == static_cast<std::uint16_t>(RecordType::kSyscallEntry)) {
        waiting_[header.tid].assign(bytes.begin(), bytes.end());
        return;
    }
    const auto entry = waiting_.find(header.tid);
    if ((options_.status & status_of(payload.ret)) != 0) {
        if (entry != waiting_.end()) text_.record(entry->second, out);
        text_.record(bytes, out);
    }
    if (entry != waiting_.end()) waiting_.erase(entry);
}

void LogEngine::task(std::span<const std::byte> bytes, std::string& out) {
    RecordHeader header;
    TaskPayload payload;
    if (!read_at(bytes, 0, header) || !read_at(bytes, sizeof header, payload)) return;
    const auto what = static_cast<TaskEvent>(payload.what);
    const bool gone = what == TaskEvent::kExited || what == TaskEvent::kKilled ||
                      what == TaskEvent::kSuperseded || what == TaskEvent::kDetached;
    if (const auto entry = waiting_.find(header.tid); gone && entry != waiting_.end()) {
        const std::uint8_t kind = what == TaskEvent::kDetached ? kShowDetached : kShowUnfinished;
        if ((options_.status & kind) != 0) text_.record(entry->second, out);
        waiting_.erase(entry);
    }
    if (what == TaskEvent::kSuperseded && !options_.superseded) return;
    text_.record(bytes, out);
}

void LogEngine::lost(unsigned ring, std::uint64_t count, std::string& out) {
    text_.lost(count, ring, out);
}

void LogEngine::finish(std::string& out) {
    for (auto& [tid, entry] : waiting_)
        if ((options_.status & kShowUnfinished) != 0) text_.record(entry, out);
    waiting_.clear();
    text_.finish(out);
}

}  // namespace utrace::engines
