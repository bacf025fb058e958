// SPDX-License-Identifier: MIT
// Writer and reader at the same time, on one mapping so that a race detector can judge them.
#include <atomic>
#include <thread>

#include "fixture.h"

namespace utrace::ring {
namespace {

TEST(Concurrent, AccountsAgreeWhileBothRun) {
    constexpr std::uint32_t kEvents = 60'000;
    Rig rig({.ring_bytes = kMinRingBytes, .first_position = (1ull << 32) - 4096});
    std::atomic<std::uint32_t> written{0};
    std::atomic<bool> done{false};
    std::thread writer([&] {
        Producer producer = rig.set->producer(0);
        std::uint32_t count = 0;
        for (std::uint32_t i = 0; i < kEvents; ++i) {
            const std::uint32_t size = i % 1000 == 0 ? 10'000 : i % 300;
            count += append(producer, i, pattern(i, size)) ? 1 : 0;
            if (i % 100 == 0) std::this_thread::yield();
        }
        producer.flush_wake();
        written.store(count);
        done.store(true);
    });

    std::uint64_t lost = 0;
    std::uint64_t wrong = 0;
    std::uint64_t expected = 0;
    const auto record = [&](std::span<const std::byte> bytes) {
        RecordHeader header;
        std::memcpy(&header, bytes.data(), sizeof header);
        const std::uint32_t size = header.tseq % 1000 == 0 ? 10'000 : header.tseq % 300;
        if (header.tseq != expected + lost ||
            !is_padded({bytes.begin() + sizeof header, bytes.end()}, pattern(header.tseq, size)))
            ++wrong;
        ++expected;
    };
    const auto loss = [&](unsigned, std::uint64_t count) { lost += count; };
    for (bool last = false; !last;) {
        last = done.load();
        rig.reader->drain(1000, record, loss);
        if (last)
            while (rig.reader->drain(1000, record, loss) != 0) {
            }
        else
            rig.reader->wait(1'000'000);
    }
    writer.join();
    EXPECT_EQ(wrong, 0u);
    EXPECT_EQ(expected, written.load());
    EXPECT_EQ(expected + lost, kEvents);
    EXPECT_FALSE(rig.reader->damaged());
    EXPECT_EQ(rig.reader->counters().unfinished, 0u);
}

/// Losses between records while the reader keeps up: it must not tell one before a record that came
/// first, however its loads fall.
TEST(Concurrent, LossesAreToldAtTheirPlace) {
    constexpr std::uint32_t kPairs = 200'000;
    Rig rig({.ring_bytes = 1u << 20});
    std::atomic<bool> done{false};
    std::thread writer([&] {
        Producer producer = rig.set->producer(0);
        for (std::uint32_t i = 0; i < kPairs; ++i) {
            append(producer, 2 * i, {});
            producer.count_fault();
        }
        done.store(true);
    });
    std::uint64_t lost = 0;
    std::uint64_t records = 0;
    std::uint64_t wrong = 0;
    for (bool last = false; !last;) {
        last = done.load();
        rig.reader->drain(
            ~std::size_t{0},
            [&](std::span<const std::byte> bytes) {
                RecordHeader header;
                std::memcpy(&header, bytes.data(), sizeof header);
                if (header.tseq != records + lost) ++wrong;
                ++records;
            },
            [&](unsigned, std::uint64_t count) { lost += count; });
    }
    writer.join();
    EXPECT_EQ(wrong, 0u);
    EXPECT_EQ(records + lost, 2 * kPairs);
    EXPECT_FALSE(rig.reader->damaged());
}

TEST(Concurrent, ASleepingReaderIsWoken) {
    Rig rig;
    rig.reader->set_watermark(1);
    std::thread writer([&] {
        Producer producer = rig.set->producer(0);
        for (std::uint32_t i = 0; i < 1000; ++i) {
            append(producer, i, pattern(i, 16));
            producer.flush_wake();
        }
    });
    std::size_t seen = 0;
    while (seen < 1000) {
        rig.reader->wait(10'000'000);
        seen += rig.reader->drain(
            1000, [](std::span<const std::byte>) {}, [](unsigned, std::uint64_t) {});
    }
    writer.join();
    EXPECT_EQ(seen, 1000u);
}

}  // namespace
}  // namespace utrace::ring
