// SPDX-License-Identifier: MIT
// A ring between honest ends: contents, wrapping, losses, wake-ups, seals.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "fixture.h"

namespace utrace::ring {
namespace {

UniqueFd copy_of(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

TEST(Ring, CarriesAnEventInTwoPieces) {
    Rig rig;
    Producer producer = rig.set->producer(0);
    const auto first = pattern(1, 21);
    const auto second = pattern(2, 10);
    ASSERT_TRUE(producer.append(RecordType::kUser, kRecordFault, 7, 9, 123456789, first.data(), 21,
                                second.data(), 10));
    EXPECT_FALSE(rig.reader->empty());
    Sink sink;
    EXPECT_EQ(sink.drain(*rig.reader), 1u);
    ASSERT_EQ(sink.records.size(), 1u);
    const RecordHeader& header = sink.records[0].header;
    EXPECT_EQ(header.size, 64u);
    EXPECT_EQ(header.type, static_cast<std::uint16_t>(RecordType::kUser));
    EXPECT_EQ(header.flags, kRecordFault);
    EXPECT_EQ(header.tid, 7u);
    EXPECT_EQ(header.tseq, 9u);
    EXPECT_EQ(header.time, 123456789u);
    EXPECT_EQ(header.lost, 0u);
    auto both = first;
    both.insert(both.end(), second.begin(), second.end());
    EXPECT_TRUE(is_padded(sink.records[0].payload, both));
    EXPECT_TRUE(rig.reader->empty());
    EXPECT_FALSE(rig.reader->damaged());
}

TEST(Ring, AMovedFromReaderHasNothing) {
    Rig rig;
    Producer producer = rig.set->producer(0);
    ASSERT_TRUE(append(producer, 1, pattern(1, 8)));
    Consumer taken = std::move(*rig.reader);
    Sink sink;
    EXPECT_EQ(sink.drain(*rig.reader), 0u);
    EXPECT_EQ(sink.drain(taken), 1u);
}

/// Positions are 64 bits; the interesting ones are where half of that or all of it overflows.
class RingWrap : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(RingWrap, KeepsEveryEventAcrossTheEnd) {
    Rig rig({.ring_bytes = kMinRingBytes, .first_position = GetParam()});
    Producer producer = rig.set->producer(0);
    std::uint32_t next = 0;
    std::uint32_t expected = 0;
    while (producer.head() - GetParam() < 20u * kMinRingBytes) {
        const std::uint32_t burst = 1 + next % 5;
        for (std::uint32_t i = 0; i < burst; ++i, ++next)
            ASSERT_TRUE(append(producer, next, pattern(next, next * 37 % 9000)));
        Sink sink;
        ASSERT_EQ(sink.drain(*rig.reader), burst);
        for (const Seen& seen : sink.records) {
            EXPECT_EQ(seen.header.tseq, expected);
            EXPECT_EQ(seen.header.flags, 0);
            ASSERT_TRUE(is_padded(seen.payload, pattern(expected, expected * 37 % 9000)));
            ++expected;
        }
    }
    EXPECT_EQ(expected, next);
    EXPECT_FALSE(rig.reader->damaged());
    EXPECT_EQ(rig.reader->counters().lost, 0u);
    EXPECT_EQ(rig.reader->counters().unfinished, 0u);
}

INSTANTIATE_TEST_SUITE_P(Starts, RingWrap,
                         ::testing::Values(0, (1ull << 32) - 4096, (1ull << 32) - 8,
                                           ~0ull - 65536 + 1, ~0ull - 7));

TEST(Ring, EmittedIsWrittenPlusLostUnderASlowReader) {
    Rig rig;
    Producer producer = rig.set->producer(0);
    Sink sink;
    std::uint32_t emitted = 0;
    std::uint32_t written = 0;
    for (int round = 0; round < 500; ++round) {
        for (int i = 0; i < 40; ++i, ++emitted)
            written += append(producer, emitted, pattern(emitted, emitted * 13 % 700)) ? 1 : 0;
        sink.drain(*rig.reader, 20);
    }
    while (sink.drain(*rig.reader, 20) != 0) {
    }
    const Counters counters = rig.reader->counters();
    ASSERT_GT(counters.lost_full, 0u);
    EXPECT_EQ(sink.records.size(), written);
    EXPECT_EQ(counters.records, written);
    EXPECT_EQ(emitted, written + counters.lost_full);
    EXPECT_EQ(sink.lost, counters.lost_full) << "each loss is told once";
    EXPECT_EQ(counters.lost, counters.lost_full);
    EXPECT_EQ(producer.lost(), counters.lost_full);
    // The third account: gaps in tseq are where the losses were told.
    for (std::size_t i = 0; i < sink.records.size(); ++i)
        ASSERT_EQ(sink.records[i].header.tseq, i + sink.lost_before[i]);
}

TEST(Ring, TellsLossesThatNoRecordFollows) {
    Rig rig;
    Producer producer = rig.set->producer(0);
    std::uint64_t lost = 0;
    for (std::uint32_t i = 0; i < 100; ++i) lost += append(producer, i, pattern(i, 2000)) ? 0 : 1;
    producer.count_fault();
    ASSERT_GT(lost, 0u);
    Sink sink;
    sink.drain(*rig.reader);
    EXPECT_EQ(sink.lost_before.back(), 0u);
    EXPECT_EQ(sink.lost, lost + 1);
    sink.drain(*rig.reader);
    EXPECT_EQ(sink.lost, lost + 1) << "once";
    EXPECT_EQ(rig.reader->counters().lost_fault, 1u);
}

TEST(Ring, CutsAnEventThatIsTooBig) {
    Rig rig;
    Producer producer = rig.set->producer(0);
    const auto big = pattern(3, kMaxEventBytes + 100);
    ASSERT_TRUE(append(producer, 1, big));
    const auto fits = pattern(4, kMaxEventBytes - sizeof(RecordHeader));
    Sink sink;
    EXPECT_EQ(sink.drain(*rig.reader), 1u);
    ASSERT_TRUE(append(producer, 2, fits));
    EXPECT_EQ(sink.drain(*rig.reader), 1u);
    ASSERT_EQ(sink.records.size(), 2u);
    EXPECT_EQ(sink.records[0].header.flags, kRecordTrunc);
    EXPECT_EQ(sink.records[0].header.size, kMaxEventBytes);
    EXPECT_EQ(std::memcmp(sink.records[0].payload.data(), big.data(), fits.size()), 0);
    EXPECT_EQ(sink.records[1].header.flags, 0);
    EXPECT_TRUE(is_padded(sink.records[1].payload, fits));
    EXPECT_EQ(rig.reader->counters().lost_big, 1u);
    EXPECT_EQ(rig.reader->counters().lost, 0u) << "a cut event is not a lost one";
}

TEST(Ring, BoundsTheWorkOfOneCall) {
    Rig rig({.nr_rings = 2, .ring_bytes = kMinRingBytes});
    Producer first = rig.set->producer(0);
    Producer second = rig.set->producer(1);
    for (std::uint32_t i = 0; i < 50; ++i) {
        ASSERT_TRUE(append(first, i, {}));
        ASSERT_TRUE(append(second, i, {}));
    }
    Sink sink;
    EXPECT_EQ(sink.drain(*rig.reader, 30), 30u);
    EXPECT_EQ(sink.drain(*rig.reader, 30), 30u);
    EXPECT_EQ(sink.drain(*rig.reader, 1000), 40u);
    EXPECT_TRUE(rig.reader->empty());
}

TEST(Ring, GivesSpaceBack) {
    Rig rig;
    Producer producer = rig.set->producer(0);
    std::uint32_t n = 0;
    while (append(producer, n, pattern(n, 1000))) ++n;
    Sink sink;
    EXPECT_EQ(sink.drain(*rig.reader), n);
    EXPECT_EQ(rig.consumer().tail, rig.header().head);
    std::uint32_t again = 0;
    while (append(producer, again, pattern(again, 1000))) ++again;
    EXPECT_GE(again + 1, n);
}

TEST(Ring, DropsWhenTheTailIsNonsense) {
    Rig rig;
    Producer producer = rig.set->producer(0);
    for (std::uint64_t tail : {8ull, 1ull << 40, 1ull << 63, ~0ull - kMinRingBytes - 8}) {
        rig.consumer().tail = tail;
        const std::uint64_t head = rig.header().head;
        EXPECT_FALSE(append(producer, 1, {})) << tail;
        EXPECT_EQ(rig.header().head, head);
    }
    EXPECT_EQ(producer.lost(), 4u);
}

int wakes = 0;

TEST(Ring, WakesOnlyAtTheWatermarkAndOnlyASleeper) {
    Rig rig;
    wakes = 0;
    rig.reader->set_watermark(1000);
    Producer producer(&rig.header(), &rig.consumer(), rig.data(), kMinRingBytes,
                      [](std::uint32_t*) noexcept { ++wakes; });
    ASSERT_TRUE(append(producer, 0, pattern(0, 1100)));
    EXPECT_EQ(wakes, 0) << "nobody sleeps";
    EXPECT_EQ(rig.header().wake_seq, 1u);
    Sink sink;
    sink.drain(*rig.reader);
    rig.consumer().need_wake = 1;
    ASSERT_TRUE(append(producer, 1, pattern(0, 500)));
    EXPECT_EQ(wakes, 0) << "below the watermark";
    ASSERT_TRUE(append(producer, 2, pattern(0, 500)));
    EXPECT_EQ(wakes, 1);
    ASSERT_TRUE(append(producer, 3, pattern(0, 500)));
    EXPECT_EQ(wakes, 1) << "it was crossed before";
    producer.flush_wake();
    EXPECT_EQ(wakes, 2);
    producer.flush_wake();
    EXPECT_EQ(wakes, 2) << "nothing new to tell";
}

TEST(Ring, AWaitEndsByItselfAndAfterAFlush) {
    Rig rig;
    Producer producer = rig.set->producer(0);
    EXPECT_FALSE(rig.reader->wait(1000));
    EXPECT_FALSE(rig.reader->wait(~0ull)) << "10 ms at most, else this test does not end";
    ASSERT_TRUE(append(producer, 0, {}));
    producer.flush_wake();
    EXPECT_TRUE(rig.reader->wait(0));
    EXPECT_EQ(rig.consumer().need_wake, 0u);
}

TEST(Ring, AWaitOnSeveralRingsEndsToo) {
    Rig rig({.nr_rings = 3, .ring_bytes = kMinRingBytes});
    EXPECT_FALSE(rig.reader->wait(1000));
    Producer producer = rig.set->producer(2);
    ASSERT_TRUE(append(producer, 0, {}));
    EXPECT_TRUE(rig.reader->wait(1000));
}

TEST(RingSet, IsSealedAllocatedAndCloseOnExec) {
    Rig rig;
    for (int fd : {rig.set->producer_fd(), rig.set->consumer_fd()}) {
        EXPECT_EQ(::ftruncate(fd, 0), -1);
        EXPECT_EQ(errno, EPERM);
        EXPECT_EQ(::ftruncate(fd, 1 << 30), -1);
        EXPECT_EQ(errno, EPERM);
        EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
        EXPECT_EQ(errno, EPERM);
        EXPECT_EQ(::fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        struct stat st{};
        ASSERT_EQ(::fstat(fd, &st), 0);
        EXPECT_GE(st.st_blocks * 512, st.st_size);
    }
}

TEST(RingSet, RefusesSizesOutOfRange) {
    EXPECT_FALSE(RingSet::create({.nr_rings = 0}));
    EXPECT_FALSE(RingSet::create({.nr_rings = kMaxRings + 1}));
    EXPECT_FALSE(RingSet::create({.ring_bytes = 1ull << 40}));
    EXPECT_FALSE(RingSet::create({.ring_bytes = kMinRingBytes, .first_position = 4}));
    auto small = RingSet::create({.ring_bytes = 1});
    ASSERT_TRUE(small);
    EXPECT_EQ(small->geometry().thread_ring_size, kMinRingBytes);
    auto odd = RingSet::create({.ring_bytes = kMinRingBytes + 1});
    ASSERT_TRUE(odd);
    EXPECT_EQ(odd->geometry().thread_ring_size, 2 * kMinRingBytes);
}

TEST(Consumer, MapsASetByItsFds) {
    auto set = RingSet::create({.ring_bytes = kMinRingBytes, .pid = 42, .start_time = 4711});
    ASSERT_TRUE(set);
    auto reader = Consumer::map(copy_of(set->producer_fd()), copy_of(set->consumer_fd()));
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->pid(), 42);
    EXPECT_EQ(reader->start_time(), 4711u);
    Producer producer = set->producer(0);
    ASSERT_TRUE(append(producer, 5, pattern(5, 9000)));
    Sink sink;
    EXPECT_EQ(sink.drain(*reader), 1u);
    EXPECT_TRUE(is_padded(sink.records.at(0).payload, pattern(5, 9000)));
}

TEST(Consumer, ContinuesWhereAnEarlierReaderStopped) {
    Rig rig;
    Producer producer = rig.set->producer(0);
    for (std::uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(append(producer, i, {}));
    Sink sink;
    sink.drain(*rig.reader, 4);
    auto next = Consumer::map(copy_of(rig.set->producer_fd()), copy_of(rig.set->consumer_fd()));
    ASSERT_TRUE(next);
    EXPECT_EQ(sink.drain(*next), 6u);
    EXPECT_EQ(sink.records.back().header.tseq, 9u);
}

TEST(Consumer, RefusesWhatIsNoRingSet) {
    auto set = RingSet::create({.ring_bytes = kMinRingBytes});
    ASSERT_TRUE(set);
    const auto size = static_cast<off_t>(set->geometry().producer_bytes());
    UniqueFd open(::memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(open.get(), size), 0);
    const auto error = [&](int producer, int consumer) {
        auto reader = Consumer::map(copy_of(producer), copy_of(consumer));
        return reader ? 0 : reader.error().err;
    };
    EXPECT_EQ(error(open.get(), set->consumer_fd()), EPROTO) << "can shrink under us";
    EXPECT_EQ(error(set->producer_fd(), open.get()), EPROTO);
    EXPECT_EQ(error(set->consumer_fd(), set->consumer_fd()), EPROTO) << "no magic";
    EXPECT_EQ(error(set->producer_fd(), set->consumer_fd()), 0);
    auto& header = *reinterpret_cast<utrace_ringset_header*>(set->producer_memory());
    const utrace_ringset_header good = header;
    const auto refused = [&] {
        const int err = error(set->producer_fd(), set->consumer_fd());
        header = good;
        return err;
    };
    header.nr_thread = 2;
    EXPECT_EQ(refused(), EPROTO) << "more rings than memory";
    header.nr_thread = 0;
    EXPECT_EQ(refused(), EPROTO);
    header.nr_percpu = 0xffffffff;
    EXPECT_EQ(refused(), EPROTO);
    header.thread_ring_size = kMinRingBytes * 2;
    EXPECT_EQ(refused(), EPROTO);
    header.thread_ring_size = kMinRingBytes + 8;
    EXPECT_EQ(refused(), EPROTO);
    header.thread_ring_size = 0;
    EXPECT_EQ(refused(), EPROTO);
    header.record_header_size = 24;
    EXPECT_EQ(refused(), EPROTO);
    header.size = 8;
    EXPECT_EQ(refused(), EPROTO);
    header.size = 4000;
    EXPECT_EQ(refused(), 0) << "a later version appended fields";
}

}  // namespace
}  // namespace utrace::ring
