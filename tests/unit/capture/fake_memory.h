// SPDX-License-Identifier: MIT
// what:     the memory of a task that is not there: pages by address, holes between them, and a
//           reader of the payloads capture makes.
// who:      the tests of this folder.
// lifetime: a test case.
// cost:     one map look-up a page.
// see:      src/capture/capture.h.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture.h"

namespace utrace::capture {

class FakeMemory {
  public:
    static constexpr std::uint64_t kPage = 4096;

    void map(std::uint64_t address, std::uint64_t size) {
        for (std::uint64_t page = address / kPage; page <= (address + size - 1) / kPage; ++page) {
            pages_[page];
        }
    }
    void put(std::uint64_t address, const void* from, std::size_t size) {
        map(address, size);
        for (std::size_t i = 0; i < size; ++i) {
            pages_[(address + i) / kPage][(address + i) % kPage] =
                static_cast<const std::uint8_t*>(from)[i];
        }
    }
    void put(std::uint64_t address, std::string_view text) {
        put(address, text.data(), text.size());
    }
    template <class T>
    void store(std::uint64_t address, const T& value) {
        put(address, &value, sizeof(value));
    }
    void store(std::uint64_t address, std::initializer_list<std::uint64_t> words) {
        for (const std::uint64_t word : words) {
            put(address, &word, sizeof(word));
            address += sizeof(word);
        }
    }

    Memory memory() {
        return {this, [](void* self, std::uint64_t address, void* to, std::size_t size) noexcept {
                    return static_cast<FakeMemory*>(self)->read(address, to, size);
                }};
    }
    unsigned reads = 0;
    unsigned faults = 0;

  private:
    std::size_t read(std::uint64_t address, void* to, std::size_t size) {
        ++reads;
        for (std::size_t i = 0; i < size; ++i) {
            const auto page = pages_.find((address + i) / kPage);
            if (page == pages_.end()) {
                ++faults;
                return i;
            }
            static_cast<std::uint8_t*>(to)[i] = page->second[(address + i) % kPage];
        }
        return size;
    }
    std::map<std::uint64_t, std::array<std::uint8_t, kPage>> pages_;
};

struct ParsedBlob {
    BlobHeader header;
    std::string bytes;
    BlobKind kind() const { return static_cast<BlobKind>(header.kind); }
    bool cut() const { return (header.flags & kBlobCut) != 0; }
    bool fault() const { return (header.flags & kBlobFault) != 0; }
    std::uint64_t word(std::size_t index) const {
        std::uint64_t value = 0;
        std::memcpy(&value, bytes.data() + index * 8, sizeof(value));
        return value;
    }
};

/// Blobs of a payload; a payload that does not parse fails the test.
inline std::vector<ParsedBlob> parse(const std::byte* data, std::uint32_t size) {
    std::vector<ParsedBlob> blobs;
    SyscallPayload payload;
    std::uint32_t at = sizeof(payload) + 6 * 8;
    if (size < at) {
        ADD_FAILURE() << "payload of " << size << " bytes";
        return blobs;
    }
    std::memcpy(&payload, data, sizeof(payload));
    EXPECT_EQ(payload.nargs, 6);
    while (at + sizeof(BlobHeader) <= size) {
        ParsedBlob blob;
        std::memcpy(&blob.header, data + at, sizeof(blob.header));
        at += sizeof(blob.header);
        if (blob.header.size > size - at) {
            ADD_FAILURE() << "blob of " << blob.header.size << " bytes leaves the payload";
            return blobs;
        }
        blob.bytes.assign(reinterpret_cast<const char*>(data + at), blob.header.size);
        for (std::uint32_t i = blob.header.size; i < record_align(blob.header.size); ++i) {
            EXPECT_EQ(data[at + i], std::byte{0}) << "padding is not zero";
        }
        at += record_align(blob.header.size);
        blobs.push_back(blob);
    }
    EXPECT_EQ(at, size) << "bytes after the last blob";
    EXPECT_EQ(blobs.size(), payload.nr_blobs);
    return blobs;
}

/// One call captured against fake memory.
class Capture {
  public:
    explicit Capture(FakeMemory& memory, Limits limits = {})
        : memory_(memory), limits_(limits), scratch_(limits.event_bytes) {}

    std::vector<ParsedBlob> begin(std::string_view name, std::array<std::uint64_t, 6> args) {
        const int nr = syscall_number(name);
        EXPECT_GE(nr, 0) << name;
        return begin(static_cast<std::uint32_t>(nr), args);
    }
    std::vector<ParsedBlob> begin(std::uint32_t nr, std::array<std::uint64_t, 6> args) {
        std::uint64_t raw[6];
        std::copy(args.begin(), args.end(), raw);
        call.begin(scratch_.data(), Abi::kX86_64, nr, raw, 1, limits_, memory_.memory());
        return parse(call.data(), call.size());
    }
    /// All blobs of the call, the entry's first.
    std::vector<ParsedBlob> finish(std::int64_t ret) {
        call.finish(ret, memory_.memory());
        return parse(call.data(), call.size());
    }
    /// The exit blobs only, as a separate exit record has them.
    std::vector<ParsedBlob> exit_record(std::int64_t ret) {
        call.begin_exit();
        return finish(ret);
    }

    SyscallCapture call;

  private:
    FakeMemory& memory_;
    Limits limits_;
    std::vector<std::byte> scratch_;
};

}  // namespace utrace::capture
