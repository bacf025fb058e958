// SPDX-License-Identifier: MIT
// The reader over producer memory that the input writes: header page, heads, losses, records.
// Input: steps of {u8 what, u8 ring, u16 size, bytes[size]}; a drain after each step.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "ring/consumer.h"
#include "ring/ring_set.h"

namespace {

using namespace utrace::ring;

void require(bool condition) {
    if (!condition) std::abort();
}

struct Memory {
    Geometry geometry{0, 2, 0, kMinRingBytes};
    // Exactly as large as a set: the sanitizer sees a read behind the end.
    std::unique_ptr<std::byte[]> producer =
        std::make_unique<std::byte[]>(geometry.producer_bytes());
    std::unique_ptr<std::byte[]> consumer =
        std::make_unique<std::byte[]>(geometry.consumer_bytes());

    void reset() {
        std::memset(producer.get(), 0, geometry.producer_bytes());
        std::memset(consumer.get(), 0, geometry.consumer_bytes());
        utrace_ringset_header set{};
        set.size = sizeof set;
        for (std::size_t i = 0; i < sizeof set.magic; ++i)
            set.magic[i] = static_cast<std::uint8_t>(kMagic[i]) ^ kMagicMask;
        set.nr_thread = geometry.nr_thread;
        set.thread_ring_size = geometry.thread_ring_size;
        set.record_header_size = sizeof(utrace::RecordHeader);
        std::memcpy(producer.get(), &set, sizeof set);
    }
    utrace_ring_header& header(unsigned ring) {
        return *reinterpret_cast<utrace_ring_header*>(producer.get() + geometry.offset(ring));
    }
    std::byte* data(unsigned ring) { return producer.get() + geometry.offset(ring) + kPage; }
};

void drain(Consumer& reader) {
    constexpr std::size_t kMost = 4096;
    std::size_t handed = 0;
    const std::size_t said = reader.drain(
        kMost,
        [&](std::span<const std::byte> record) {
            utrace::RecordHeader header;
            require(record.size() >= sizeof header && record.size() <= utrace::kMaxEventBytes);
            std::memcpy(&header, record.data(), sizeof header);
            require(header.size == record.size() && header.size % 8 == 0);
            require((header.flags & (utrace::kRecordFrag | utrace::kRecordLast)) == 0);
            ++handed;
        },
        [](unsigned ring, std::uint64_t count) { require(ring < 2 && count != 0); });
    require(said == handed && said <= kMost);
}

struct Step {
    std::uint8_t what;
    std::uint8_t ring;
    std::uint16_t size;
};

/// Commits `bytes` behind the head, padded to 8, as far as they fit before the end of the ring.
void commit(Memory& memory, unsigned ring, std::span<const std::uint8_t> bytes) {
    std::uint64_t& head = memory.header(ring).head;
    const std::size_t offset = head % kMinRingBytes & ~std::size_t{7};
    const std::size_t fits = std::min<std::size_t>(bytes.size(), kMinRingBytes - offset);
    if (fits != 0) std::memcpy(memory.data(ring) + offset, bytes.data(), fits);
    head += (fits + 7) & ~std::size_t{7};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
    static Memory memory;
    memory.reset();
    std::span<const std::uint8_t> rest(input, size);
    if (rest.size() > 1 && rest[0] == 0xff) {  // the header page itself
        rest = rest.subspan(1);
        std::memcpy(memory.producer.get(), rest.data(), std::min<std::size_t>(rest.size(), kPage));
        rest = {};
    }
    auto reader = Consumer::over(memory.producer.get(), memory.geometry.producer_bytes(),
                                 memory.consumer.get(), memory.geometry.consumer_bytes());
    if (!reader) return 0;
    if (reader->rings() != 2) return 0;
    Step step;
    while (rest.size() >= sizeof step) {
        std::memcpy(&step, rest.data(), sizeof step);
        rest = rest.subspan(sizeof step);
        const auto bytes = rest.first(std::min<std::size_t>(step.size, rest.size()));
        rest = rest.subspan(bytes.size());
        const unsigned ring = step.ring % 2;
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), std::min(bytes.size(), sizeof word));
        switch (step.what % 4) {
            case 0:
                commit(memory, ring, bytes);
                break;
            case 1:
                memory.header(ring).head = word;
                break;
            case 2:
                memory.header(ring).head += word & 0xffff;
                break;
            case 3:
                memory.header(ring).lost_full = word;
                break;
        }
        drain(*reader);
    }
    (void)reader->counters();
    return 0;
}
