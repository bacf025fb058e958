// SPDX-License-Identifier: MIT
#include "capture/blob_sink.h"

namespace utrace::capture {
namespace {

constexpr std::uint32_t kPage = 4096;
/// Most strings are shorter: one read of this size finds their end.
constexpr std::uint32_t kChunk = 256;
constexpr std::uint32_t kWord = 8;

std::uint32_t until_page_end(std::uint64_t address) {
    return kPage - static_cast<std::uint32_t>(address & (kPage - 1));
}

std::uint32_t least(std::uint32_t a, std::uint32_t b) { return a < b ? a : b; }

}  // namespace

void BlobSink::truncated() noexcept { flags_ |= kRecordTrunc; }

std::uint32_t BlobSink::room() noexcept {
    if (full_ || capacity_ < used_ + sizeof(BlobHeader) + kWord) {
        full_ = true;
        truncated();
        return 0;
    }
    return capacity_ - used_ - static_cast<std::uint32_t>(sizeof(BlobHeader));
}

void BlobSink::close(BlobKind kind, std::uint32_t size, std::uint8_t blob_flags) noexcept {
    const BlobHeader header = {size, arg_, when_, blob_flags, static_cast<std::uint8_t>(kind)};
    __builtin_memcpy(scratch_ + used_, &header, sizeof(header));
    last_ = used_ + static_cast<std::uint32_t>(sizeof(header));
    const std::uint32_t padded = record_align(size);
    __builtin_memset(scratch_ + last_ + size, 0, padded - size);
    used_ = last_ + padded;
    std::uint16_t count;
    std::byte* const place = scratch_ + offsetof(SyscallPayload, nr_blobs);
    __builtin_memcpy(&count, place, sizeof(count));
    ++count;
    __builtin_memcpy(place, &count, sizeof(count));
    if (size != 0) flags_ |= when_ == 0 ? kRecordEntryRead : kRecordExitRead;
    if ((blob_flags & kBlobFault) != 0) flags_ |= kRecordFault;
}

std::uint32_t BlobSink::add(BlobKind kind, std::uint64_t address, std::uint64_t size,
                            bool cut) noexcept {
    const std::uint32_t space = room();
    if (full_) return 0;
    std::uint8_t blob_flags = cut ? kBlobCut : 0;
    std::uint32_t want = static_cast<std::uint32_t>(size < space ? size : space);
    if (want < size) {
        blob_flags |= kBlobCut;
        truncated();
    }
    std::uint32_t got = 0;
    if (want != 0) {
        got =
            address == 0
                ? 0
                : static_cast<std::uint32_t>(memory_.read(memory_.context, address, bytes(), want));
        if (got < want) blob_flags |= kBlobFault;
    }
    close(kind, got, blob_flags);
    return got;
}

void BlobSink::add_string(BlobKind kind, std::uint64_t address, std::uint32_t limit) noexcept {
    const std::uint32_t space = room();
    if (full_) return;
    // One byte more than the limit tells a string that just fits from one that is cut.
    const std::uint32_t most = limit < space ? limit + 1 : space;
    std::uint32_t size = 0;
    while (size < most) {
        const std::uint64_t from = address + size;
        const std::uint32_t step = least(least(until_page_end(from), kChunk), most - size);
        std::byte* const to = bytes() + size;
        const auto got = static_cast<std::uint32_t>(memory_.read(memory_.context, from, to, step));
        for (std::uint32_t i = 0; i < got; ++i) {
            if (to[i] == std::byte{0}) {
                close(kind, size + i + 1, 0);
                return;
            }
        }
        size += got;
        if (got < step) {
            close(kind, least(size, limit), kBlobFault);
            return;
        }
    }
    if (limit >= space) truncated();
    close(kind, least(size, limit), kBlobCut);
}

std::uint32_t BlobSink::add_vector(std::uint64_t address, std::uint32_t limit) noexcept {
    const std::uint32_t space = room() / kWord;
    if (full_) return 0;
    const std::uint32_t most = limit < space ? limit + 1 : space;
    std::uint32_t count = 0;
    while (count < most) {
        const std::uint64_t from = address + std::uint64_t{count} * kWord;
        std::uint32_t step = least(least(until_page_end(from), kChunk) / kWord, most - count);
        if (step == 0) step = 1;  // a word that lies across two pages
        std::byte* const to = bytes() + std::size_t{count} * kWord;
        const auto got = static_cast<std::uint32_t>(
            memory_.read(memory_.context, from, to, std::size_t{step} * kWord) / kWord);
        for (std::uint32_t i = 0; i < got; ++i) {
            std::uint64_t word;
            __builtin_memcpy(&word, to + std::size_t{i} * kWord, kWord);
            if (word == 0) {
                count += i;
                close(BlobKind::kMain, (count + 1) * kWord, 0);
                return count;
            }
        }
        count += got;
        if (got < step) {
            count = least(count, limit);
            close(BlobKind::kMain, count * kWord, kBlobFault);
            return count;
        }
    }
    if (limit >= space) truncated();
    count = least(count, limit);
    close(BlobKind::kMain, count * kWord, kBlobCut);
    return count;
}

}  // namespace utrace::capture
