// SPDX-License-Identifier: MIT
// what:     makes records byte by byte, as a producer would; a test helper.
// who:      the decode tests.
// lifetime: value.
// cost:     none that matters.
// see:      include/utrace/record.h.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "capture/syscall_table.h"
#include "utrace/record.h"

namespace utrace::decode::test {

struct TestBlob {
    unsigned arg;
    unsigned when;
    std::string bytes;
    BlobKind kind = BlobKind::kMain;
    unsigned flags = 0;
};

struct TestCall {
    std::string_view name{};
    std::array<std::uint64_t, 6> args{};
    std::int64_t ret = 0;
    std::vector<TestBlob> blobs{};
    RecordType type = RecordType::kSyscall;
    unsigned tid = 100;
    std::uint64_t time = 2'000'000;
    std::uint64_t start = 1'000'000;
    unsigned flags = 0;
    std::uint32_t nr = 0;  ///< used when `name` is empty
};

inline void append(std::vector<std::byte>& to, const void* from, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(from);
    to.insert(to.end(), bytes, bytes + size);
    to.resize((to.size() + 7) & ~std::size_t{7});
}

inline std::vector<std::byte> finish_record(RecordType type, unsigned tid, std::uint64_t time,
                                            unsigned flags, const std::vector<std::byte>& payload) {
    RecordHeader h{};
    h.size = static_cast<std::uint32_t>(sizeof h + payload.size());
    h.type = static_cast<std::uint16_t>(type);
    h.flags = static_cast<std::uint16_t>(flags);
    h.tid = tid;
    h.time = time;
    std::vector<std::byte> record;
    append(record, &h, sizeof h);
    record.insert(record.end(), payload.begin(), payload.end());
    return record;
}

inline std::vector<std::byte> record_of(const TestCall& call) {
    SyscallPayload p{};
    p.nr = call.name.empty() ? call.nr
                             : static_cast<std::uint32_t>(capture::syscall_number(call.name));
    p.nargs = 6;
    p.nr_blobs = static_cast<std::uint16_t>(call.blobs.size());
    p.ret = call.ret;
    p.start = call.start;
    std::vector<std::byte> payload;
    append(payload, &p, sizeof p);
    append(payload, call.args.data(), sizeof call.args);
    for (const TestBlob& b : call.blobs) {
        BlobHeader head{};
        head.size = static_cast<std::uint32_t>(b.bytes.size());
        head.arg = static_cast<std::uint8_t>(b.arg);
        head.when = static_cast<std::uint8_t>(b.when);
        head.flags = static_cast<std::uint8_t>(b.flags);
        head.kind = static_cast<std::uint8_t>(b.kind);
        append(payload, &head, sizeof head);
        append(payload, b.bytes.data(), b.bytes.size());
    }
    return finish_record(call.type, call.tid, call.time, call.flags, payload);
}

inline std::vector<std::byte> task_record(unsigned tid, TaskEvent what, int status = 0,
                                          int other = 0) {
    TaskPayload p{};
    p.size = sizeof p;
    p.what = static_cast<std::uint16_t>(what);
    p.status = status;
    p.other = other;
    std::vector<std::byte> payload;
    append(payload, &p, sizeof p);
    return finish_record(RecordType::kThread, tid, 3'000'000, 0, payload);
}

inline std::vector<std::byte> signal_record(unsigned tid, int signo, int code, std::uint32_t first,
                                            std::uint32_t second, std::uint32_t third) {
    SignalPayload p{};
    p.size = sizeof p;
    p.signo = signo;
    const std::uint32_t words[] = {static_cast<std::uint32_t>(signo),
                                   0,
                                   static_cast<std::uint32_t>(code),
                                   0,
                                   first,
                                   second,
                                   third};
    std::memcpy(p.info, words, sizeof words);
    std::vector<std::byte> payload;
    append(payload, &p, sizeof p);
    return finish_record(RecordType::kSignal, tid, 3'000'000, 0, payload);
}

}  // namespace utrace::decode::test
