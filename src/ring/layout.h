// SPDX-License-Identifier: MIT
// what:     the shared memory of a ring set, as every producer and every reader sees it.
// who:      anybody; plain data. Freestanding.
// lifetime: fields are only appended; a reader skips unknown tails by the leading `size`.
// cost:     none.
// see:      docs/design/memory-model.md, "Ring".
//
// producer memfd: [page: utrace_ringset_header]
//                 nr_percpu x [page: utrace_ring_header][ring_size bytes]          (stride each)
//                 nr_thread x [page: utrace_ring_header][thread_ring_size bytes]
// consumer memfd: (nr_percpu + nr_thread) x [page: utrace_ring_consumer], per-CPU rings first.
// Records are 8-byte aligned and never wrap: a pad record fills the end. A pad may be as short as
// 8 bytes, then only `size`, `type` and `flags` of its header exist.
#pragma once

#include <cstddef>
#include <cstdint>

enum utrace_ring_kind : std::uint32_t { kUtraceRingPercpu = 0, kUtraceRingThread = 1 };
enum utrace_ring_policy : std::uint32_t {
    kUtraceRingDrop = 0,
    kUtraceRingBlock = 1,
    kUtraceRingOverwrite = 2,
};

/// Page 0 of the producer memfd.
struct utrace_ringset_header {
    std::uint32_t size;
    std::uint32_t features;
    std::uint8_t
        magic[16];  ///< kMagic XORed with kMagicMask, so that our own constant never matches
    std::uint8_t uuid[16];
    std::uint64_t epoch;
    std::int32_t pid;
    std::uint32_t reserved0;
    std::uint64_t start_time;  ///< of `pid`, clock ticks
    std::uint32_t clock_id;
    std::uint32_t tsc_mult;
    std::uint32_t tsc_shift;
    std::uint32_t reserved1;
    std::uint64_t tsc_base;
    std::uint32_t nr_percpu;
    std::uint32_t nr_thread;
    std::uint32_t ring_size;         ///< data bytes of a per-CPU ring, a power of two
    std::uint32_t thread_ring_size;  ///< data bytes of a thread ring, a power of two
    std::uint32_t stride;            ///< bytes from one per-CPU ring to the next
    std::uint32_t record_header_size;
    std::uint64_t lost_noring;  ///< events for which no ring could be claimed
};
static_assert(sizeof(utrace_ringset_header) == 120);
static_assert(offsetof(utrace_ringset_header, magic) == 8);
static_assert(offsetof(utrace_ringset_header, uuid) == 24);
static_assert(offsetof(utrace_ringset_header, epoch) == 40);
static_assert(offsetof(utrace_ringset_header, pid) == 48);
static_assert(offsetof(utrace_ringset_header, start_time) == 56);
static_assert(offsetof(utrace_ringset_header, clock_id) == 64);
static_assert(offsetof(utrace_ringset_header, tsc_base) == 80);
static_assert(offsetof(utrace_ringset_header, nr_percpu) == 88);
static_assert(offsetof(utrace_ringset_header, ring_size) == 96);
static_assert(offsetof(utrace_ringset_header, record_header_size) == 108);
static_assert(offsetof(utrace_ringset_header, lost_noring) == 112);

/// First page of each ring, in the producer memfd.
struct utrace_ring_header {
    std::uint32_t size;
    std::uint32_t index;
    std::uint32_t kind;  ///< utrace_ring_kind
    std::int32_t owner_tid;
    std::uint64_t head;  ///< bytes ever committed
    std::uint64_t lost_full;
    std::uint64_t lost_big;  ///< truncated; the record is there, so not part of the loss sum
    std::uint64_t lost_abort;
    std::uint64_t lost_fault;
    std::uint32_t wake_seq;
    std::uint32_t reserved0;
};
static_assert(sizeof(utrace_ring_header) == 64);
static_assert(offsetof(utrace_ring_header, head) == 16);
static_assert(offsetof(utrace_ring_header, lost_full) == 24);
static_assert(offsetof(utrace_ring_header, lost_fault) == 48);
static_assert(offsetof(utrace_ring_header, wake_seq) == 56);

/// One page per ring, in the consumer memfd.
struct utrace_ring_consumer {
    std::uint32_t size;
    std::uint32_t reserved0;
    std::uint64_t tail;  ///< bytes ever read
    std::uint32_t watermark;
    std::uint32_t need_wake;
    std::uint32_t policy;  ///< utrace_ring_policy
    std::uint32_t reserved1;
};
static_assert(sizeof(utrace_ring_consumer) == 32);
static_assert(offsetof(utrace_ring_consumer, tail) == 8);
static_assert(offsetof(utrace_ring_consumer, watermark) == 16);
static_assert(offsetof(utrace_ring_consumer, need_wake) == 20);
static_assert(offsetof(utrace_ring_consumer, policy) == 24);

namespace utrace::ring {

inline constexpr std::uint32_t kPage = 4096;
/// Smallest ring: the largest event, its fragment headers and one pad fit into an empty one.
inline constexpr std::uint32_t kMinRingBytes = 64u << 10;
inline constexpr std::uint32_t kMaxRingBytes = 1u << 30;
/// More rings than this are not a set of ours; bounds what a reader allocates.
inline constexpr std::uint32_t kMaxRings = 4096;
/// An event larger than this is written as several records with kRecordFrag, so that the pad at the
/// end of a ring never wastes more than this.
inline constexpr std::uint32_t kMaxRecordBytes = 4096;

inline constexpr char kMagic[17] = "utrace ring set.";
inline constexpr std::uint8_t kMagicMask = 0x5a;

/// Sizes of a set, as a reader keeps them privately once they were checked.
struct Geometry {
    std::uint32_t nr_percpu = 0;
    std::uint32_t nr_thread = 0;
    std::uint32_t ring_size = 0;
    std::uint32_t thread_ring_size = 0;

    constexpr std::uint32_t rings() const { return nr_percpu + nr_thread; }
    constexpr std::uint64_t offset(std::uint32_t ring) const {
        const std::uint64_t percpu = ring < nr_percpu ? ring : nr_percpu;
        return kPage + percpu * (std::uint64_t{kPage} + ring_size) +
               (ring - percpu) * (std::uint64_t{kPage} + thread_ring_size);
    }
    constexpr std::uint32_t data_size(std::uint32_t ring) const {
        return ring < nr_percpu ? ring_size : thread_ring_size;
    }
    constexpr std::uint64_t producer_bytes() const { return offset(rings()); }
    constexpr std::uint64_t consumer_bytes() const { return std::uint64_t{rings()} * kPage; }
};

}  // namespace utrace::ring
