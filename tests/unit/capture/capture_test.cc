// SPDX-License-Identifier: MIT
#include "fake_memory.h"

namespace utrace::capture {
namespace {

constexpr std::uint64_t kAt = 0x10000;
constexpr std::uint64_t kHole = 0x900000;
constexpr std::int64_t kRestartSys = -512;

TEST(Capture, ScalarCallReadsNothing) {
    FakeMemory memory;
    Capture capture(memory);
    EXPECT_TRUE(capture.begin("getppid", {1, 2, 3, 4, 5, 6}).empty());
    EXPECT_TRUE(capture.finish(1).empty());
    EXPECT_EQ(memory.reads, 0u);
    EXPECT_EQ(capture.call.record_flags(), 0);
    SyscallPayload payload;
    std::memcpy(&payload, capture.call.data(), sizeof(payload));
    EXPECT_EQ(payload.ret, 1);
    EXPECT_EQ(payload.start, 1u);
}

TEST(Capture, UnknownNumberKeepsArguments) {
    FakeMemory memory;
    Capture capture(memory);
    EXPECT_TRUE(capture.begin(99999u, {kAt, 2, 3, 4, 5, 6}).empty());
    EXPECT_TRUE(capture.finish(0).empty());
    EXPECT_EQ(memory.reads, 0u);
    std::uint64_t first;
    std::memcpy(&first, capture.call.data() + sizeof(SyscallPayload), sizeof(first));
    EXPECT_EQ(first, kAt);
}

TEST(Capture, PathIsWholeWithItsNul) {
    FakeMemory memory;
    const std::string path(1000, 'p');
    memory.put(kAt, path + '\0');
    Capture capture(memory);
    const auto blobs = capture.begin("openat", {std::uint64_t(-100), kAt, 0, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].bytes, path + '\0');
    EXPECT_EQ(blobs[0].header.arg, 1);
    EXPECT_EQ(blobs[0].header.when, 0);
    EXPECT_EQ(blobs[0].header.flags, 0);
    EXPECT_EQ(capture.call.record_flags(), kRecordEntryRead);
}

TEST(Capture, PathWithoutEndIsCutAtPathMax) {
    FakeMemory memory;
    memory.put(kAt, std::string(9000, 'p'));
    Capture capture(memory);
    const auto blobs = capture.begin("chdir", {kAt, 0, 0, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].bytes.size(), 4095u);
    EXPECT_TRUE(blobs[0].cut());
    EXPECT_EQ(memory.faults, 0u);
}

TEST(Capture, StringThatEndsWithItsPageTouchesNoOther) {
    FakeMemory memory;
    memory.put(kAt + 4096 - 4, std::string_view("abc", 4));
    Capture capture(memory);
    const auto blobs = capture.begin("chdir", {kAt + 4096 - 4, 0, 0, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].bytes, std::string_view("abc", 4));
    EXPECT_EQ(blobs[0].header.flags, 0);
    EXPECT_EQ(memory.faults, 0u);
}

TEST(Capture, StringThatRunsIntoAHoleFaults) {
    FakeMemory memory;
    memory.put(kAt + 4096 - 4, "abcd");
    Capture capture(memory);
    const auto blobs = capture.begin("chdir", {kAt + 4096 - 4, 0, 0, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].bytes, "abcd");
    EXPECT_TRUE(blobs[0].fault());
    EXPECT_EQ(capture.call.record_flags(), kRecordEntryRead | kRecordFault);
}

TEST(Capture, UnmappedAndNullPointers) {
    FakeMemory memory;
    Capture capture(memory);
    const auto blobs = capture.begin("rename", {kHole, 0, 0, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_TRUE(blobs[0].fault());
    EXPECT_TRUE(blobs[0].bytes.empty());
    EXPECT_EQ(capture.call.record_flags(), kRecordFault);
}

TEST(Capture, DataStringsStopAtTheLimit) {
    FakeMemory memory;
    memory.put(kAt, std::string(32, 'x') + '\0');
    memory.put(kAt + 100, std::string(33, 'y') + '\0');
    Capture capture(memory);
    auto blobs = capture.begin("memfd_create", {kAt, 0, 0, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].bytes.size(), 33u);
    EXPECT_FALSE(blobs[0].cut());
    blobs = capture.begin("memfd_create", {kAt + 100, 0, 0, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].bytes.size(), 32u);
    EXPECT_TRUE(blobs[0].cut());
}

TEST(Capture, WriteTakesTheLimitAndSaysCut) {
    FakeMemory memory;
    memory.put(kAt, std::string(100, 'w'));
    Capture capture(memory);
    auto blobs = capture.begin("write", {1, kAt, 100, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].bytes, std::string(32, 'w'));
    EXPECT_TRUE(blobs[0].cut());
    blobs = capture.begin("write", {1, kAt, 0, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_TRUE(blobs[0].bytes.empty());
    EXPECT_EQ(blobs[0].header.flags, 0);
}

TEST(Capture, ReadShowsWhatItReturned) {
    FakeMemory memory;
    memory.put(kAt, "hello, world");
    Capture capture(memory);
    EXPECT_TRUE(capture.begin("read", {0, kAt, 1000, 0, 0, 0}).empty());
    auto blobs = capture.finish(5);
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].bytes, "hello");
    EXPECT_EQ(blobs[0].header.when, 1);
    EXPECT_EQ(capture.call.record_flags(), kRecordExitRead);
}

TEST(Capture, FailedCallsReadNoOutput) {
    FakeMemory memory;
    memory.map(kAt, 4096);
    for (const std::int64_t ret : {std::int64_t{-1}, std::int64_t{-4095}, kRestartSys}) {
        Capture capture(memory);
        capture.begin("read", {0, kAt, 10, 0, 0, 0});
        EXPECT_TRUE(capture.finish(ret).empty()) << ret;
    }
    EXPECT_EQ(memory.reads, 0u);
}

TEST(Capture, InterruptedSleepShowsWhatRemains) {
    FakeMemory memory;
    memory.store(kAt, {10, 0});
    memory.store(kAt + 64, {7, 1});
    Capture capture(memory);
    capture.begin("nanosleep", {kAt, kAt + 64, 0, 0, 0, 0});
    const auto blobs = capture.exit_record(-516);
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].word(0), 7u);
}

TEST(Capture, ValueResultLengthIsBoundedByBothSides) {
    FakeMemory memory;
    memory.put(kAt, std::string(200, 'a'));
    memory.store(kAt + 512, std::uint32_t{16});
    Capture capture(memory);
    auto blobs = capture.begin("accept", {3, kAt, kAt + 512, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].header.arg, 2);
    memory.store(kAt + 512, std::uint32_t{110});
    blobs = capture.exit_record(4);
    ASSERT_EQ(blobs.size(), 2u);
    EXPECT_EQ(blobs[0].bytes.size(), 16u);
    EXPECT_EQ(blobs[1].header.arg, 2);
}

TEST(Capture, ArraysStopAtTheMemberLimit) {
    FakeMemory memory;
    memory.map(kAt, 8 * 100);
    Capture capture(memory);
    const auto blobs = capture.begin("poll", {kAt, 100, 0, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].bytes.size(), 32u * 8);
    EXPECT_TRUE(blobs[0].cut());
}

TEST(Capture, StructIsBoundedByTheLengthArgument) {
    FakeMemory memory;
    memory.map(kAt, 4096);
    Capture capture(memory);
    EXPECT_EQ(capture.begin("clone3", {kAt, 64, 0, 0, 0, 0}).at(0).bytes.size(), 64u);
    EXPECT_EQ(capture.begin("clone3", {kAt, 4000, 0, 0, 0, 0}).at(0).bytes.size(), 88u);
    EXPECT_EQ(capture.begin("openat2", {3, 0, kAt, 24, 0, 0}).at(0).bytes.size(), 24u);
}

TEST(Capture, CommandsChooseTheForm) {
    FakeMemory memory;
    memory.map(kAt, 4096);
    Capture capture(memory);
    constexpr std::uint64_t kTcgets = 0x5401;
    constexpr std::uint64_t kGetlk = 5;
    constexpr std::uint64_t kGetfl = 3;
    EXPECT_TRUE(capture.begin("ioctl", {0, kTcgets, kAt, 0, 0, 0}).empty());
    EXPECT_EQ(capture.finish(0).at(0).bytes.size(), 36u);
    EXPECT_TRUE(capture.begin("ioctl", {0, 0xdead, kAt, 0, 0, 0}).empty());
    EXPECT_TRUE(capture.finish(0).empty());
    EXPECT_EQ(capture.begin("fcntl", {0, kGetlk, kAt, 0, 0, 0}).at(0).bytes.size(), 32u);
    EXPECT_TRUE(capture.begin("fcntl", {0, kGetfl, kAt, 0, 0, 0}).empty());
    memory.put(kAt, std::string_view("comm", 5));
    EXPECT_EQ(capture.begin("prctl", {15, kAt, 0, 0, 0, 0}).at(0).bytes.size(), 5u);
}

TEST(Capture, FdSetsAreWholeLongs) {
    FakeMemory memory;
    memory.map(kAt, 4096);
    Capture capture(memory);
    const auto blobs = capture.begin("select", {65, kAt, 0, kAt, 0, 0});
    ASSERT_EQ(blobs.size(), 2u);
    EXPECT_EQ(blobs[0].bytes.size(), 16u);
    EXPECT_EQ(blobs[1].header.arg, 3);
}

TEST(Capture, NegativeLengthsAreNone) {
    FakeMemory memory;
    memory.map(kAt, 4096);
    Capture capture(memory);
    const auto blobs = capture.begin("connect", {3, kAt, 0xffffffff, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_TRUE(blobs[0].bytes.empty());
}

TEST(Capture, EventCapCutsAndSaysSo) {
    FakeMemory memory;
    memory.map(kAt, 0x10000);
    Limits limits;
    limits.event_bytes = 4096;
    Capture capture(memory, limits);
    capture.begin("getdents64", {3, kAt, 32768, 0, 0, 0});
    const auto blobs = capture.finish(32000);
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_TRUE(blobs[0].cut());
    EXPECT_NE(capture.call.record_flags() & kRecordTrunc, 0);
    EXPECT_LE(capture.call.size() + sizeof(RecordHeader), 4096u);
}

TEST(Capture, ExitRecordHasNoEntryBlobs) {
    FakeMemory memory;
    memory.map(kAt, 4096);
    Capture capture(memory);
    EXPECT_EQ(capture.begin("poll", {kAt, 1, 0, 0, 0, 0}).size(), 1u);
    const auto blobs = capture.exit_record(0);
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].header.when, 1);
    EXPECT_EQ(capture.call.record_flags(), kRecordExitRead);
}

}  // namespace
}  // namespace utrace::capture
