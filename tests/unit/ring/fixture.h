// SPDX-License-Identifier: MIT
// what:     what the ring tests share: a set with a reader on the same memory, and checked
// payloads. who:      tests only. lifetime: the rig owns the set and the reader. cost:     none to
// speak of. see:      src/ring/consumer.h.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "ring/consumer.h"
#include "ring/ring_set.h"

namespace utrace::ring {

/// Reader and writers use one mapping, so that a race detector sees both sides of it.
struct Rig {
    std::optional<RingSet> set;
    std::optional<Consumer> reader;

    explicit Rig(SetConfig config = {.ring_bytes = kMinRingBytes}) {
        auto made = RingSet::create(config);
        EXPECT_TRUE(made);
        set.emplace(std::move(*made));
        auto over = Consumer::over(set->producer_memory(), set->geometry().producer_bytes(),
                                   set->consumer_memory(), set->geometry().consumer_bytes());
        EXPECT_TRUE(over);
        reader.emplace(std::move(*over));
    }

    utrace_ring_header& header(unsigned ring = 0) const {
        return *reinterpret_cast<utrace_ring_header*>(set->producer_memory() +
                                                      set->geometry().offset(ring));
    }
    utrace_ring_consumer& consumer(unsigned ring = 0) const {
        return *reinterpret_cast<utrace_ring_consumer*>(set->consumer_memory() +
                                                        std::size_t{ring} * kPage);
    }
    std::byte* data(unsigned ring = 0) const {
        return set->producer_memory() + set->geometry().offset(ring) + kPage;
    }
    /// Writes a record as no producer of ours would and commits it.
    void forge(RecordHeader record, std::size_t payload, unsigned ring = 0) const {
        const std::uint64_t head = header(ring).head;
        std::byte* to = data(ring) + head % set->geometry().data_size(ring);
        std::memcpy(to, &record, sizeof record);
        std::memset(to + sizeof record, 0x11, payload);
        header(ring).head = head + record.size;
    }
};

struct Seen {
    RecordHeader header;
    std::vector<std::byte> payload;
};

/// Everything one drain() hands out, losses included.
struct Sink {
    std::vector<Seen> records;
    std::uint64_t lost = 0;
    std::vector<std::uint64_t> lost_before;  ///< sum of losses told before record i

    std::size_t drain(Consumer& reader, std::size_t max = 1'000'000) {
        return reader.drain(
            max,
            [&](std::span<const std::byte> record) {
                Seen seen;
                ASSERT_GE(record.size(), sizeof seen.header);
                std::memcpy(&seen.header, record.data(), sizeof seen.header);
                ASSERT_EQ(seen.header.size, record.size());
                seen.payload.assign(record.begin() + sizeof seen.header, record.end());
                records.push_back(std::move(seen));
                lost_before.push_back(lost);
            },
            [&](unsigned, std::uint64_t count) { lost += count; });
    }
};

/// `size` bytes that depend on `seed` alone.
inline std::vector<std::byte> pattern(std::uint32_t seed, std::size_t size) {
    std::vector<std::byte> out(size);
    std::uint32_t x = seed * 2654435761u + 1;
    for (std::byte& b : out) {
        x = x * 1664525u + 1013904223u;
        b = static_cast<std::byte>(x >> 24);
    }
    return out;
}

/// A record's payload is padded to 8 with zeros.
inline bool is_padded(const std::vector<std::byte>& payload, const std::vector<std::byte>& sent) {
    if (payload.size() != record_align(static_cast<std::uint32_t>(sent.size()))) return false;
    if (!sent.empty() && std::memcmp(payload.data(), sent.data(), sent.size()) != 0) return false;
    for (std::size_t i = sent.size(); i < payload.size(); ++i) {
        if (payload[i] != std::byte{0}) return false;
    }
    return true;
}

inline bool append(Producer& producer, std::uint32_t tseq, const std::vector<std::byte>& payload) {
    return producer.append(RecordType::kUser, 0, 7, tseq, tseq, payload.data(),
                           static_cast<std::uint32_t>(payload.size()));
}

}  // namespace utrace::ring
