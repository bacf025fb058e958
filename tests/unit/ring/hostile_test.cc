// SPDX-License-Identifier: MIT
// A reader of memory that lies: it never crashes, never loops, and no other ring suffers.
#include <random>

#include "fixture.h"

namespace utrace::ring {
namespace {

RecordHeader user(std::uint32_t payload, std::uint16_t flags = 0, std::uint32_t tid = 7,
                  std::uint32_t tseq = 1, std::uint32_t index = 0) {
    RecordHeader out{};
    out.size = static_cast<std::uint32_t>(sizeof out) + payload;
    out.type = static_cast<std::uint16_t>(RecordType::kUser);
    out.flags = flags;
    out.tid = tid;
    out.tseq = tseq;
    out.aux = index;
    return out;
}

TEST(Hostile, TornRecordsDamageOnlyTheirRing) {
    for (std::uint32_t size : {0u, 8u, 24u, 33u, 1u << 16, 0xfffffff8u, 40960u}) {
        Rig rig({.nr_rings = 2, .ring_bytes = kMinRingBytes});
        Producer good = rig.set->producer(1);
        for (std::uint32_t i = 0; i < 20; ++i) ASSERT_TRUE(append(good, i, pattern(i, 100)));
        rig.forge(user(0), 0);
        RecordHeader bad = user(0);
        bad.size = size;
        std::memcpy(rig.data() + 32, &bad, sizeof bad);
        rig.header().head = 32 + 40952;
        Sink sink;
        EXPECT_EQ(sink.drain(*rig.reader), 21u) << size;
        EXPECT_TRUE(rig.reader->damaged()) << size;
        EXPECT_TRUE(rig.reader->damaged(0));
        EXPECT_FALSE(rig.reader->damaged(1));
        EXPECT_EQ(rig.reader->counters().torn_bytes, 40952u);
        EXPECT_TRUE(rig.reader->empty()) << "drained to head";
    }
}

TEST(Hostile, ReadsOnAfterTheDamage) {
    Rig rig;
    rig.header().head = 64;  // zeros: a hole was punched
    Sink sink;
    EXPECT_EQ(sink.drain(*rig.reader), 0u);
    EXPECT_TRUE(rig.reader->damaged());
    Producer producer = rig.set->producer(0);
    ASSERT_TRUE(append(producer, 3, pattern(3, 50)));
    EXPECT_EQ(sink.drain(*rig.reader), 1u);
}

TEST(Hostile, HeadsOutOfRangeAreSkipped) {
    for (std::uint64_t head :
         std::initializer_list<std::uint64_t>{~0ull, 1ull << 63, kMinRingBytes + 8, 1, 12}) {
        Rig rig;
        rig.header().head = head;
        Sink sink;
        EXPECT_EQ(sink.drain(*rig.reader), 0u) << head;
        EXPECT_EQ(sink.drain(*rig.reader), 0u) << head;
        EXPECT_TRUE(rig.reader->damaged()) << head;
        EXPECT_TRUE(rig.reader->empty()) << head;
    }
}

TEST(Hostile, UnknownTypesAreSkippedBySize) {
    Rig rig;
    RecordHeader unknown = user(40);
    unknown.type = 999;
    rig.forge(unknown, 40);
    unknown.type = static_cast<std::uint16_t>(RecordType::kLost);
    rig.forge(unknown, 40);
    rig.forge(user(8), 8);
    Sink sink;
    EXPECT_EQ(sink.drain(*rig.reader), 1u);
    EXPECT_EQ(rig.reader->counters().unknown, 2u);
    EXPECT_FALSE(rig.reader->damaged());
}

TEST(Hostile, PayloadsTooSmallForTheirTypeAreNotHandedOut) {
    struct Row {
        RecordType type;
        std::uint32_t enough;
    };
    for (const Row& row : {Row{RecordType::kSyscall, 24 + 0x11 * 8}, Row{RecordType::kSignal, 88},
                           Row{RecordType::kThread, 40}, Row{RecordType::kProcess, 40},
                           Row{RecordType::kBlind, 8}, Row{RecordType::kControl, 16}}) {
        Rig rig;
        RecordHeader record = user(row.enough);
        record.type = static_cast<std::uint16_t>(row.type);
        rig.forge(record, row.enough);
        record.size -= 8;
        rig.forge(record, row.enough - 8);
        Sink sink;
        EXPECT_EQ(sink.drain(*rig.reader), 1u) << static_cast<int>(row.type);
        EXPECT_EQ(rig.reader->counters().malformed, 1u);
        EXPECT_TRUE(rig.reader->damaged());
    }
}

TEST(Hostile, UnfinishedEventsAreDropped) {
    constexpr auto kLast = static_cast<std::uint16_t>(kRecordFrag | kRecordLast);
    Rig rig;
    rig.forge(user(8, kRecordFrag, 1, 1, 0), 8);  // never ends: a new event of that thread begins
    rig.forge(user(8, kRecordFrag, 1, 2, 0), 8);
    rig.forge(user(8, kRecordFrag, 2, 1, 0), 8);  // another thread's, interleaved
    rig.forge(user(8, kLast, 1, 2, 1), 8);
    rig.forge(user(8, kLast, 2, 1, 2), 8);  // its middle is missing
    rig.forge(user(8, kLast, 3, 1, 1), 8);  // its start is missing
    Sink sink;
    EXPECT_EQ(sink.drain(*rig.reader), 1u);
    ASSERT_EQ(sink.records.size(), 1u);
    EXPECT_EQ(sink.records[0].header.tseq, 2u);
    EXPECT_EQ(sink.records[0].header.flags, 0);
    EXPECT_EQ(sink.records[0].payload.size(), 16u);
    EXPECT_EQ(rig.reader->counters().unfinished, 3u);
}

TEST(Hostile, AStrayLastFlagGoesNoFurther) {
    Rig rig;
    rig.forge(user(8, kRecordLast | kRecordFault), 8);
    Sink sink;
    EXPECT_EQ(sink.drain(*rig.reader), 1u);
    EXPECT_EQ(sink.records.at(0).header.flags, kRecordFault);
}

TEST(Hostile, FragmentsWithoutEndAreBounded) {
    Rig rig;
    Sink sink;
    for (std::uint32_t i = 0; i < 100; ++i) {
        rig.forge(user(4000, kRecordFrag, 7, 1, i), 4000);
        rig.forge(user(0, kRecordFrag, 1000 + i, 1, 0), 0);
        if (rig.header().head % kMinRingBytes > kMinRingBytes - 8192) {
            RecordHeader pad{};
            pad.size =
                static_cast<std::uint32_t>(kMinRingBytes - rig.header().head % kMinRingBytes);
            rig.forge(pad, 0);
        }
        sink.drain(*rig.reader);
    }
    EXPECT_TRUE(sink.records.empty());
    EXPECT_GE(rig.reader->counters().unfinished, 100u);
}

TEST(Hostile, RandomMemoryNeverCrashesOrLoops) {
    constexpr std::uint32_t kSeed = 20240607;
    SCOPED_TRACE(kSeed);
    std::mt19937 random(kSeed);
    Rig rig({.nr_rings = 2, .ring_bytes = kMinRingBytes});
    Producer good = rig.set->producer(1);
    std::uint32_t sent = 0;
    std::uint32_t got = 0;
    for (int round = 0; round < 300; ++round) {
        for (std::uint32_t i = 0; i < kMinRingBytes; i += 4) {
            // Mostly plausible sizes, so that the walk gets beyond the first record.
            std::uint32_t word = random();
            if (random() % 2 == 0) word = random() % 16 * 8;
            std::memcpy(rig.data() + i, &word, sizeof word);
        }
        const std::uint64_t tail = rig.consumer().tail;
        rig.header().head = random() % 4 == 0 ? random() : tail + random() % (kMinRingBytes + 64);
        rig.header().lost_full = random();
        ASSERT_TRUE(append(good, sent, pattern(sent, 64)));
        ++sent;
        const std::size_t most = 2 * (kMinRingBytes / 8);
        rig.reader->drain(
            most,
            [&](std::span<const std::byte> record) {
                RecordHeader header;
                ASSERT_GE(record.size(), sizeof header);
                std::memcpy(&header, record.data(), sizeof header);
                ASSERT_EQ(header.size, record.size());
                if (header.tid == 7 && header.tseq == got &&
                    is_padded({record.begin() + sizeof header, record.end()}, pattern(got, 64)))
                    ++got;
            },
            [](unsigned, std::uint64_t) {});
    }
    EXPECT_EQ(got, sent);
    EXPECT_TRUE(rig.reader->damaged(0));
    EXPECT_FALSE(rig.reader->damaged(1));
}

}  // namespace
}  // namespace utrace::ring
