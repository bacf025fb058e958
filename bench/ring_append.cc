// SPDX-License-Identifier: MIT
// ring_append [EVENTS]: nanoseconds per event of the writer, and of the reader, in turn.
#include <cstdio>
#include <cstdlib>

#include "base/sys.h"
#include "ring/consumer.h"
#include "ring/ring_set.h"

namespace {

using namespace utrace;
using namespace utrace::ring;

/// Fills and empties the ring in turn; times the two halves apart.
bool run(std::uint32_t payload, std::uint32_t events) {
    auto set = RingSet::create({.nr_rings = 1, .ring_bytes = 8u << 20});
    if (!set) return false;
    auto reader = Consumer::over(set->producer_memory(), set->geometry().producer_bytes(),
                                 set->consumer_memory(), set->geometry().consumer_bytes());
    if (!reader) return false;
    Producer producer = set->producer(0);
    static const std::byte bytes[kMaxEventBytes] = {};
    std::uint64_t write_ns = 0;
    std::uint64_t read_ns = 0;
    std::uint64_t read = 0;
    const std::uint32_t burst = (4u << 20) / (payload + 64);
    for (std::uint32_t done = 0; done < events; done += burst) {
        const std::uint64_t start = sys::now_ns();
        for (std::uint32_t i = 0; i < burst; ++i)
            producer.append(RecordType::kUser, 0, 1, done + i, start, bytes, payload);
        const std::uint64_t middle = sys::now_ns();
        read += reader->drain(
            burst * 16, [](std::span<const std::byte>) {}, [](unsigned, std::uint64_t) {});
        write_ns += middle - start;
        read_ns += sys::now_ns() - middle;
    }
    std::printf("%8u bytes  %7.1f ns/append  %7.1f ns/read  lost %llu\n", payload,
                static_cast<double>(write_ns) / static_cast<double>(read),
                static_cast<double>(read_ns) / static_cast<double>(read),
                static_cast<unsigned long long>(producer.lost()));
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    const auto events = static_cast<std::uint32_t>(argc > 1 ? std::atol(argv[1]) : 2'000'000);
    for (std::uint32_t payload : {72u, 256u, 1024u, 8192u}) {
        if (!run(payload, events)) return 1;
    }
    return 0;
}
