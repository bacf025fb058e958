// SPDX-License-Identifier: MIT
// what:     makes the two sealed memfds of a ring set and hands out producers.
// who:      the keeper's thread.
// lifetime: owns fds and mappings; producers point into them.
// cost:     all memory is allocated at creation; nothing can fail for lack of space afterwards.
// see:      docs/design/memory-model.md, "Ring".
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/unique_fd.h"
#include "ring/layout.h"
#include "ring/mapping.h"
#include "ring/producer.h"

namespace utrace::ring {

struct SetConfig {
    std::uint32_t nr_rings = 1;           ///< thread rings; 1..kMaxRings
    std::uint64_t ring_bytes = 8u << 20;  ///< rounded up to a power of two, kMinRingBytes at least
    std::int32_t pid = 0;                 ///< whose events these are
    std::uint64_t start_time = 0;
    std::uint64_t first_position = 0;  ///< where head and tail start; a multiple of 8
};

class RingSet {
  public:
    /// EINVAL: a count or size out of range. ENOSPC, ENOMEM: no memory for the rings.
    [[nodiscard]] static Expected<RingSet> create(const SetConfig& config);

    /// To be passed to the reader, which maps it read-only.
    int producer_fd() const noexcept { return producer_fd_.get(); }
    /// To be passed to the reader, which maps it read-write.
    int consumer_fd() const noexcept { return consumer_fd_.get(); }
    std::uint32_t rings() const noexcept { return geometry_.rings(); }
    const Geometry& geometry() const noexcept { return geometry_; }
    /// Memory both fds hold.
    std::uint64_t bytes() const noexcept { return producer_.size() + consumer_.size(); }

    /// The writer of ring `index` (< rings()); at most one may be in use per ring.
    Producer producer(unsigned index) noexcept;

    std::byte* producer_memory() const noexcept { return producer_.data(); }
    std::byte* consumer_memory() const noexcept { return consumer_.data(); }

  private:
    RingSet() = default;
    void write_headers(const SetConfig& config, const std::uint8_t (&uuid)[16]) noexcept;

    Geometry geometry_;
    UniqueFd producer_fd_;
    UniqueFd consumer_fd_;
    Mapping producer_;
    Mapping consumer_;
};

}  // namespace utrace::ring
