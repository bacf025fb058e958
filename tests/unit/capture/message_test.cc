// SPDX-License-Identifier: MIT
#include "fake_memory.h"

namespace utrace::capture {
namespace {

constexpr std::uint64_t kVector = 0x10000;
constexpr std::uint64_t kData = 0x20000;
constexpr std::uint64_t kHeader = 0x30000;
constexpr std::uint64_t kHole = 0x900000;

std::vector<BlobKind> kinds(const std::vector<ParsedBlob>& blobs) {
    std::vector<BlobKind> out;
    for (const ParsedBlob& blob : blobs) out.push_back(blob.kind());
    return out;
}

TEST(Vectors, EveryEntryHasItsElement) {
    FakeMemory memory;
    memory.put(kData, "first second");
    memory.store(kVector, {kData, 5, kHole, 4, 0, 0, kData + 6, 6});
    Capture capture(memory);
    const auto blobs = capture.begin("writev", {1, kVector, 4, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 5u);
    EXPECT_EQ(blobs[0].bytes.size(), 64u);
    EXPECT_EQ(blobs[1].bytes, "first");
    EXPECT_TRUE(blobs[2].fault());
    EXPECT_TRUE(blobs[3].bytes.empty());
    EXPECT_FALSE(blobs[3].fault());
    EXPECT_EQ(blobs[4].bytes, "second");
}

TEST(Vectors, ResultLimitsWhatWasRead) {
    FakeMemory memory;
    memory.put(kData, "abcdefgh");
    memory.store(kVector, {kData, 4, kData + 4, 4, kData, 4});
    Capture capture(memory);
    EXPECT_TRUE(capture.begin("readv", {0, kVector, 3, 0, 0, 0}).empty());
    const auto blobs = capture.finish(6);
    ASSERT_EQ(blobs.size(), 4u);
    EXPECT_EQ(blobs[1].bytes, "abcd");
    EXPECT_EQ(blobs[2].bytes, "ef");
    EXPECT_EQ(blobs[3].bytes, "");
}

TEST(Vectors, UnreadableTailOfTheVector) {
    FakeMemory memory;
    memory.store(kVector + 4096 - 16, {kData, 4});
    memory.put(kData, "abcd");
    Capture capture(memory);
    const auto blobs = capture.begin("writev", {1, kVector + 4096 - 16, 3, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 2u);
    EXPECT_TRUE(blobs[0].fault());
    EXPECT_EQ(blobs[0].bytes.size(), 16u);
    EXPECT_EQ(blobs[1].bytes, "abcd");
}

TEST(Messages, SentMessageInOrder) {
    FakeMemory memory;
    memory.put(kData, "name....payloadcontrol.");
    memory.store(kVector, {kData + 8, 7});
    memory.store(kHeader, {kData, 8, kVector, 1, kData + 15, 8, 0});
    Capture capture(memory);
    const auto blobs = capture.begin("sendmsg", {3, kHeader, 0, 0, 0, 0});
    EXPECT_EQ(kinds(blobs), (std::vector{BlobKind::kMain, BlobKind::kName, BlobKind::kVector,
                                         BlobKind::kElement, BlobKind::kAncillary}));
    EXPECT_EQ(blobs[3].bytes, "payload");
    EXPECT_EQ(blobs[4].bytes, "control.");
    EXPECT_EQ(capture.finish(7).size(), 5u);
}

TEST(Messages, ReceivedMessageAtExit) {
    FakeMemory memory;
    memory.put(kData, "received");
    memory.store(kVector, {kData, 100});
    memory.store(kHeader, {0, 0, kVector, 1, 0, 0, 0});
    Capture capture(memory);
    EXPECT_EQ(kinds(capture.begin("recvmsg", {3, kHeader, 0, 0, 0, 0})),
              std::vector{BlobKind::kMain});
    const auto blobs = capture.exit_record(8);
    EXPECT_EQ(kinds(blobs), (std::vector{BlobKind::kMain, BlobKind::kVector, BlobKind::kElement}));
    EXPECT_EQ(blobs[2].bytes, "received");
}

TEST(Messages, ManyReceivedAreLimitedByTheirOwnLengths) {
    FakeMemory memory;
    memory.put(kData, "abcdefgh");
    memory.store(kVector, {kData, 8});
    memory.store(kHeader, {0, 0, kVector, 1, 0, 0, 0, 3, 0, 0, kVector, 1, 0, 0, 0, 5});
    Capture capture(memory);
    capture.begin("recvmmsg", {3, kHeader, 4, 0, 0, 0});
    const auto blobs = capture.exit_record(2);
    ASSERT_EQ(blobs.size(), 5u);
    EXPECT_EQ(blobs[0].bytes.size(), 128u);
    EXPECT_EQ(blobs[2].bytes, "abc");
    EXPECT_EQ(blobs[4].bytes, "abcde");
}

TEST(Messages, ManySentShowLengthsAtExit) {
    FakeMemory memory;
    memory.put(kData, "abcdefgh");
    memory.store(kVector, {kData, 8});
    memory.store(kHeader, {0, 0, kVector, 1, 0, 0, 0, 8});
    Capture capture(memory);
    EXPECT_EQ(capture.begin("sendmmsg", {3, kHeader, 1, 0, 0, 0}).size(), 3u);
    EXPECT_EQ(kinds(capture.exit_record(1)), std::vector{BlobKind::kMain});
}

TEST(Strings, ArgumentsAndEnvironment) {
    FakeMemory memory;
    memory.put(kData, std::string_view("/bin/ls\0ls\0-l\0A=1\0", 19));
    memory.store(kVector, {kData + 8, kData + 11, 0});
    memory.store(kVector + 64, {kData + 14, kData + 14, kData + 14, 0});
    Capture capture(memory);
    auto blobs = capture.begin("execve", {kData, kVector, kVector + 64, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 5u);
    EXPECT_EQ(blobs[1].bytes.size(), 24u);
    EXPECT_EQ(blobs[2].bytes, std::string_view("ls", 3));
    EXPECT_EQ(blobs[3].bytes, std::string_view("-l", 3));
    EXPECT_EQ(blobs[4].bytes.size(), 32u);
    Limits limits;
    limits.environment = true;
    Capture with(memory, limits);
    EXPECT_EQ(with.begin("execve", {kData, kVector, kVector + 64, 0, 0, 0}).size(), 8u);
}

TEST(Strings, TooManyArgumentsAreCut) {
    FakeMemory memory;
    memory.put(kData, std::string_view("x", 2));
    for (std::uint64_t i = 0; i < 40; ++i) memory.store(kVector + i * 8, kData);
    Capture capture(memory);
    const auto blobs = capture.begin("execve", {kData, kVector, 0, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 2u + 32u);
    EXPECT_TRUE(blobs[1].cut());
    EXPECT_EQ(blobs[1].bytes.size(), 256u);
}

TEST(Forms, MessageQueueAndSignalMask) {
    FakeMemory memory;
    memory.store(kData, {77});
    memory.put(kData + 8, "queued");
    Capture capture(memory);
    auto blobs = capture.begin("msgsnd", {1, kData, 6, 0, 0, 0});
    ASSERT_EQ(blobs.size(), 2u);
    EXPECT_EQ(blobs[0].word(0), 77u);
    EXPECT_EQ(blobs[1].bytes, "queued");
    memory.store(kHeader, {kData, 8});
    blobs = capture.begin("pselect6", {0, 0, 0, 0, 0, kHeader});
    ASSERT_EQ(blobs.size(), 2u);
    EXPECT_EQ(blobs[1].word(0), 77u);
}

TEST(Forms, FileHandle) {
    FakeMemory memory;
    memory.map(kData, 4096);
    memory.store(kData, std::uint32_t{20});
    Capture capture(memory);
    EXPECT_EQ(capture.begin("name_to_handle_at", {3, 0, kData, 0, 0, 0}).at(0).bytes.size(), 8u);
    EXPECT_EQ(capture.finish(0).at(1).bytes.size(), 28u);
}

}  // namespace
}  // namespace utrace::capture
