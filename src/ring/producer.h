// SPDX-License-Identifier: MIT
// what:     appends events to one ring.
// who:      exactly one thread per ring; not async-signal-safe against itself. Freestanding.
// lifetime: points into a mapping owned by RingSet, which must outlive it.
// cost:     one copy, one load of the reader's page, one committing store; a system call only when
// a
//           commit crosses the watermark while the reader sleeps.
// see:      docs/design/memory-model.md, "Ring".
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring/layout.h"
#include "utrace/record.h"

namespace utrace::ring {

class Producer {
  public:
    /// Wakes the threads that wait on `word`; the hosted side makes it a FUTEX_WAKE.
    using Wake = void (*)(std::uint32_t* word) noexcept;

    Producer() noexcept = default;
    Producer(utrace_ring_header* header, const utrace_ring_consumer* consumer, std::byte* data,
             std::uint32_t ring_size, Wake wake_up) noexcept
        : header_(header), consumer_(consumer), data_(data), ring_size_(ring_size), wake_(wake_up) {
        head_ = header->head;
        lost_ = header->lost_full + header->lost_abort + header->lost_fault;
    }

    /// Appends one event; true = it is in the ring. False = counted in lost_full, nothing written.
    /// An event larger than kMaxEventBytes is cut, flagged kRecordTrunc and counted in lost_big.
    /// The payload may come in two pieces, which follow each other without padding.
    bool append(RecordType type, std::uint16_t flags, std::uint32_t tid, std::uint32_t tseq,
                std::uint64_t time, const std::byte* payload, std::uint32_t size,
                const std::byte* payload2 = nullptr, std::uint32_t size2 = 0) noexcept;

    /// Counts an event that could not be captured (its bytes were not readable at all).
    void count_fault() noexcept;

    /// Wakes the reader if something was committed since the last wake-up: call it before the
    /// producer goes idle, else the reader sees it up to 10 ms later.
    void flush_wake() noexcept;

    std::uint64_t head() const noexcept { return head_; }
    /// Events lost so far (full, abort, fault).
    std::uint64_t lost() const noexcept { return lost_; }

  private:
    struct Source {
        const std::byte* first;
        std::uint32_t first_size;
        const std::byte* second;
        /// Copies `n` payload bytes from position `at`.
        void copy(std::byte* to, std::uint32_t at, std::uint32_t n) const noexcept;
    };
    bool reserve(std::uint64_t& at, std::uint32_t size, std::uint64_t tail) noexcept;
    void commit(std::uint64_t head, std::uint64_t tail) noexcept;
    void wake() noexcept;
    static void count(std::uint64_t& counter) noexcept;

    utrace_ring_header* header_ = nullptr;
    const utrace_ring_consumer* consumer_ = nullptr;
    std::byte* data_ = nullptr;
    std::uint32_t ring_size_ = 0;
    Wake wake_ = nullptr;
    std::uint64_t head_ = 0;  ///< private truth; header_->head is its published copy
    std::uint64_t lost_ = 0;
    std::uint64_t woken_ = 0;  ///< head at the last wake-up
};

inline void Producer::Source::copy(std::byte* to, std::uint32_t at,
                                   std::uint32_t n) const noexcept {
    if (at < first_size) {
        const std::uint32_t part = n < first_size - at ? n : first_size - at;
        __builtin_memcpy(to, first + at, part);
        to += part;
        at += part;
        n -= part;
    }
    if (n != 0) __builtin_memcpy(to, second + (at - first_size), n);
}

/// Finds room for `size` contiguous bytes at or after `at`, writing a pad when the end is too near.
/// Nothing below the committed head changes, so giving up needs no undo.
inline bool Producer::reserve(std::uint64_t& at, std::uint32_t size, std::uint64_t tail) noexcept {
    const std::uint64_t used = at - tail;
    if (used > ring_size_) return false;  // the tail is not trusted: nonsense counts as full
    const std::uint64_t room = ring_size_ - used;
    const auto offset = static_cast<std::uint32_t>(at & (ring_size_ - 1));
    const std::uint32_t to_end = ring_size_ - offset;
    if (size <= to_end) return size <= room;
    if (std::uint64_t{to_end} + size > room) return false;
    const std::uint32_t pad[2] = {to_end, static_cast<std::uint16_t>(RecordType::kPad)};
    __builtin_memcpy(data_ + offset, pad, sizeof pad);
    at += to_end;
    return true;
}

inline bool Producer::append(RecordType type, std::uint16_t flags, std::uint32_t tid,
                             std::uint32_t tseq, std::uint64_t time, const std::byte* payload,
                             std::uint32_t size, const std::byte* payload2,
                             std::uint32_t size2) noexcept {
    constexpr std::uint32_t kHeader = sizeof(RecordHeader);
    const Source source{payload, size, payload2};
    std::uint64_t total = std::uint64_t{size} + size2;
    if (total > kMaxEventBytes - kHeader) {
        total = kMaxEventBytes - kHeader;
        flags |= kRecordTrunc;
        count(header_->lost_big);
    }
    // [R2 acquire] pairs with [R2 release] in Consumer::publish()
    const std::uint64_t tail = __atomic_load_n(&consumer_->tail, __ATOMIC_ACQUIRE);

    const auto bytes = static_cast<std::uint32_t>(total);
    const bool fragmented = bytes > kMaxRecordBytes - kHeader;
    std::uint64_t at = head_;
    std::uint32_t done = 0;
    std::uint32_t index = 0;
    do {
        const std::uint32_t left = bytes - done;
        const std::uint32_t part =
            left < kMaxRecordBytes - kHeader ? left : kMaxRecordBytes - kHeader;
        const std::uint32_t record = record_align(kHeader + part);
        if (!reserve(at, record, tail)) {
            ++lost_;
            count(header_->lost_full);
            return false;
        }
        RecordHeader header{};
        header.size = record;
        header.type = static_cast<std::uint16_t>(type);
        header.flags = flags;
        if (fragmented) header.flags |= part == left ? kRecordFrag | kRecordLast : kRecordFrag;
        header.tid = tid;
        header.tseq = tseq;
        header.time = time;
        header.lost = static_cast<std::uint32_t>(lost_);
        header.aux = index++;
        std::byte* to = data_ + (at & (ring_size_ - 1));
        __builtin_memcpy(to, &header, kHeader);
        source.copy(to + kHeader, done, part);
        __builtin_memset(to + kHeader + part, 0, record - kHeader - part);
        at += record;
        done += part;
    } while (done < bytes);
    commit(at, tail);
    return true;
}

inline void Producer::commit(std::uint64_t head, std::uint64_t tail) noexcept {
    const std::uint64_t before = head_ - tail;
    head_ = head;
    // [R1 release] publishes the records below; pairs with [R1 acquire] in Consumer::load_head()
    __atomic_store_n(&header_->head, head, __ATOMIC_RELEASE);
    // [R3 relaxed] pairs with [R3 relaxed] in Consumer::set_watermark()
    const std::uint32_t watermark = __atomic_load_n(&consumer_->watermark, __ATOMIC_RELAXED);
    if (before < watermark && head - tail >= watermark) wake();
}

inline void Producer::wake() noexcept {
    woken_ = head_;
    // [R5 release] pairs with [R5 acquire] in Consumer::worth_reading()
    __atomic_store_n(&header_->wake_seq, header_->wake_seq + 1, __ATOMIC_RELEASE);
    // [R3 relaxed] pairs with [R3 relaxed] in Consumer::wait(); no fence: the reader's wait is
    // bounded
    const bool asleep = __atomic_load_n(&consumer_->need_wake, __ATOMIC_RELAXED) != 0;
    if (asleep && wake_ != nullptr) wake_(&header_->wake_seq);
}

inline void Producer::count(std::uint64_t& counter) noexcept {
    // [R4 release] after the head of the records before; pairs with [R4 acquire] in load_count()
    __atomic_store_n(&counter, counter + 1, __ATOMIC_RELEASE);
}

inline void Producer::flush_wake() noexcept {
    if (woken_ != head_) wake();
}

inline void Producer::count_fault() noexcept {
    ++lost_;
    count(header_->lost_fault);
}

}  // namespace utrace::ring
