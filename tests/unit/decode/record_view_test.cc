// SPDX-License-Identifier: MIT
#include "decode/record_view.h"

#include <gtest/gtest.h>

#include "record_builder.h"

namespace utrace::decode {
namespace {

using test::TestCall;

std::vector<Blob> blobs_of(const std::vector<std::byte>& record) {
    std::vector<Blob> blobs;
    const auto view = RecordView::parse(record);
    if (view) {
        if (const auto call = view->syscall()) {
            append_blobs(*call, blobs);
        }
    }
    return blobs;
}

TEST(RecordView, ReadsWhatWasWritten) {
    const auto record = record_of(TestCall{.name = "write",
                                           .args = {1, 0x1000, 3},
                                           .ret = 3,
                                           .blobs = {{1, 0, "abc"}, {1, 1, "defghijkl"}}});
    const auto view = RecordView::parse(record);
    ASSERT_TRUE(view.has_value());
    const auto call = view->syscall();
    ASSERT_TRUE(call.has_value());
    EXPECT_EQ(call->args[1], 0x1000u);
    const auto blobs = blobs_of(record);
    ASSERT_EQ(blobs.size(), 2u);
    EXPECT_EQ(blobs[0].bytes.size(), 3u);
    EXPECT_EQ(blobs[1].bytes.size(), 9u);
}

TEST(RecordView, EveryTruncationIsRefusedOrShorter) {
    const auto record = record_of(TestCall{.name = "write", .blobs = {{1, 0, "abc"}}});
    for (std::size_t n = 0; n < record.size(); ++n) {
        EXPECT_FALSE(RecordView::parse(Bytes(record).first(n)).has_value()) << n;
    }
}

TEST(RecordView, ABlobLongerThanTheRecordEndsTheList) {
    auto record = record_of(TestCall{.name = "write", .blobs = {{1, 0, "abc"}, {2, 0, "def"}}});
    const std::size_t first = sizeof(RecordHeader) + sizeof(SyscallPayload) + 48;
    record[first + 3] = std::byte{0xff};
    EXPECT_TRUE(blobs_of(record).empty());
}

TEST(RecordView, UnknownBlobKindsAreSkipped) {
    const auto record = record_of(TestCall{
        .name = "write", .blobs = {{1, 0, "abc", static_cast<BlobKind>(200)}, {2, 0, "def"}}});
    const auto blobs = blobs_of(record);
    ASSERT_EQ(blobs.size(), 1u);
    EXPECT_EQ(blobs[0].arg, 2);
}

TEST(RecordView, ACountOfArgumentsBeyondTheRecordIsRefused) {
    auto record = record_of(TestCall{.name = "close"});
    record[sizeof(RecordHeader) + 5] = std::byte{200};
    const auto view = RecordView::parse(record);
    ASSERT_TRUE(view.has_value());
    EXPECT_FALSE(view->syscall().has_value());
}

TEST(RecordView, LoadOutsideIsZero) {
    const std::byte bytes[4] = {std::byte{1}};
    EXPECT_EQ(load<std::uint32_t>(bytes), 1u);
    EXPECT_EQ(load<std::uint32_t>(bytes, 1), 0u);
    EXPECT_EQ(load<std::uint64_t>(bytes, ~std::size_t{0}), 0u);
}

}  // namespace
}  // namespace utrace::decode
