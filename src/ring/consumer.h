// SPDX-License-Identifier: MIT
// what:     reads the rings of a set and trusts nothing that the other side can write.
// who:      one thread of the client.
// lifetime: owns the mappings and its fds; a record handed out lives until the callback returns.
// cost:     one copy per record; bounded work per call; a wait is at most 10 ms long.
// see:      docs/design/memory-model.md, "Ring".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "ring/layout.h"
#include "ring/mapping.h"
#include "utrace/record.h"

namespace utrace::ring {

/// Sums over all rings of a set.
struct Counters {
    std::uint64_t records = 0;    ///< events handed out
    std::uint64_t bytes = 0;      ///< their bytes
    std::uint64_t lost = 0;       ///< losses reported to the `lost` callback
    std::uint64_t lost_full = 0;  ///< as the producer counts them
    std::uint64_t lost_big = 0;   ///< truncated events: they are in `records` too
    std::uint64_t lost_abort = 0;
    std::uint64_t lost_fault = 0;
    std::uint64_t lost_noring = 0;
    std::uint64_t unfinished = 0;  ///< fragmented events whose last part never came
    std::uint64_t unknown = 0;     ///< records of types this reader does not know
    std::uint64_t malformed = 0;   ///< whole records whose payload cannot be what the type says
    std::uint64_t torn_bytes = 0;  ///< skipped because a ring was damaged
};

class Consumer {
  public:
    /// EPROTO: not a ring set, or one that is not sealed. Otherwise as mmap.
    [[nodiscard]] static Expected<Consumer> map(UniqueFd producer_fd, UniqueFd consumer_fd);
    /// Reads a set that lies in the caller's memory, which must outlive the consumer.
    [[nodiscard]] static Expected<Consumer> over(const std::byte* producer,
                                                 std::size_t producer_bytes, std::byte* consumer,
                                                 std::size_t consumer_bytes);

    /// Hands up to about `max_records` records to `f(std::span<const std::byte>)`, each whole and
    /// checked: fragments joined, pads and unknown types left out. Losses are told first, at their
    /// place, by `lost(unsigned ring, std::uint64_t count)`. Returns the number of records.
    template <class F, class L>
    std::size_t drain(std::size_t max_records, F&& f, L&& lost) {
        std::size_t total = 0;
        const auto count = static_cast<std::uint32_t>(rings_.size());
        if (count == 0) return 0;  // moved from
        for (std::uint32_t i = 0; i < count && max_records > 0; ++i) {
            Ring& ring = rings_[(first_ + i) % count];
            begin_visit(ring);
            for (Step step = Step::kSkipped; step != Step::kEmpty && max_records > 0;) {
                std::span<const std::byte> record;
                std::uint64_t gap = 0;
                step = next(ring, record, gap);
                if (gap != 0) lost(static_cast<unsigned>(ring.index), gap);
                if (step == Step::kEmpty) continue;
                --max_records;
                if (step != Step::kRecord) continue;
                f(record);
                ++total;
            }
            publish(ring);
        }
        first_ = (first_ + 1) % count;
        return total;
    }

    /// Sleeps until a ring crosses its watermark, a producer says it goes idle, or `timeout_ns` or
    /// 10 ms are over. True = there is something to read.
    bool wait(std::uint64_t timeout_ns) noexcept;
    bool empty() const noexcept;

    /// Bytes in a ring that make a producer wake the reader; default a quarter of the ring.
    void set_watermark(std::uint32_t bytes) noexcept;

    Counters counters() const noexcept;
    /// A ring held bytes that no producer of ours writes; they were skipped and counted.
    bool damaged() const noexcept;
    bool damaged(unsigned ring) const noexcept { return rings_[ring].damaged; }
    unsigned rings() const noexcept { return static_cast<unsigned>(rings_.size()); }
    std::int32_t pid() const noexcept { return pid_; }
    std::uint64_t start_time() const noexcept { return start_time_; }

  private:
    enum class Step : std::uint8_t { kEmpty, kRecord, kSkipped };
    /// A fragmented event that is not complete yet.
    struct Partial {
        RecordHeader header{};
        std::uint32_t next_index = 0;
        std::vector<std::byte> bytes;
    };
    struct Ring {
        const utrace_ring_header* header = nullptr;
        utrace_ring_consumer* reader = nullptr;
        const std::byte* data = nullptr;
        std::uint32_t index = 0;
        std::uint32_t size = 0;
        std::uint64_t tail = 0;  ///< private truth; reader->tail is its published copy
        std::uint64_t published = 0;
        std::uint64_t head = 0;       ///< as read at the start of this visit
        std::uint64_t idle_lost = 0;  ///< losses as read before `head`
        std::uint64_t seen_lost = 0;
        std::uint32_t seen_wake = 0;
        bool damaged = false;
        std::vector<Partial> partials;
    };

    Consumer() = default;
    [[nodiscard]] static Expected<Consumer> attach(const std::byte* producer,
                                                   std::size_t producer_bytes, std::byte* consumer,
                                                   std::size_t consumer_bytes);
    static std::uint64_t load_head(const Ring& ring) noexcept;
    static std::uint64_t ring_losses(const Ring& ring) noexcept;
    void begin_visit(Ring& ring) noexcept;
    Step next(Ring& ring, std::span<const std::byte>& record, std::uint64_t& gap);
    Step accept(Ring& ring, std::uint32_t size, std::span<const std::byte>& record,
                std::uint64_t& gap);
    Step join(Ring& ring, const RecordHeader& header, std::uint32_t size,
              std::span<const std::byte>& record);
    Step hand_out(Ring& ring, std::span<const std::byte> whole, std::span<const std::byte>& record);
    Step torn(Ring& ring) noexcept;
    void publish(Ring& ring) noexcept;
    void sleep(std::uint64_t timeout_ns) noexcept;
    bool worth_reading() noexcept;

    Mapping producer_map_;
    Mapping consumer_map_;
    const utrace_ringset_header* set_ = nullptr;
    std::int32_t pid_ = 0;
    std::uint64_t start_time_ = 0;
    std::uint32_t watermark_ = 0;
    std::uint32_t first_ = 0;
    std::vector<Ring> rings_;
    std::vector<std::byte> copy_;  ///< the record under examination
    std::vector<std::byte> joined_;
    Counters counters_;
};

}  // namespace utrace::ring
