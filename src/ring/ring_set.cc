// SPDX-License-Identifier: MIT
#include "ring/ring_set.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bit>
#include <cstring>
#include <new>

#include "base/sys.h"

namespace utrace::ring {
namespace {

void futex_wake(std::uint32_t* word) noexcept {
    ::syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

/// A memfd of `size` bytes that are really there and that nobody can take away or add to.
Expected<UniqueFd> sealed_memfd(const char* name, std::uint64_t size) {
    UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return fail(errno, "memfd_create", name);
    if (UTRACE_RETRY(::fallocate(fd.get(), 0, 0, static_cast<off_t>(size))) != 0)
        return fail(errno, "fallocate", name, Reason::kLimit, static_cast<std::int64_t>(size));
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return fail(errno, "F_ADD_SEALS", name);
    return fd;
}

}  // namespace

Expected<RingSet> RingSet::create(const SetConfig& config) {
    if (config.nr_rings == 0 || config.nr_rings > kMaxRings || config.first_position % 8 != 0)
        return fail(EINVAL, "create", "ring set", Reason::kLimit, kMaxRings);
    if (config.ring_bytes > kMaxRingBytes)
        return fail(EINVAL, "create", "ring set", Reason::kLimit, kMaxRingBytes);
    RingSet set;
    set.geometry_.nr_thread = config.nr_rings;
    set.geometry_.thread_ring_size = static_cast<std::uint32_t>(
        std::bit_ceil(config.ring_bytes < kMinRingBytes ? kMinRingBytes : config.ring_bytes));

    auto producer_fd = sealed_memfd("utrace-ring", set.geometry_.producer_bytes());
    if (!producer_fd) return std::unexpected(producer_fd.error());
    set.producer_fd_ = std::move(*producer_fd);
    auto consumer_fd = sealed_memfd("utrace-ring-reader", set.geometry_.consumer_bytes());
    if (!consumer_fd) return std::unexpected(consumer_fd.error());
    set.consumer_fd_ = std::move(*consumer_fd);

    auto producer = Mapping::shared(set.producer_fd_.get(), set.geometry_.producer_bytes(),
                                    PROT_READ | PROT_WRITE);
    if (!producer) return std::unexpected(producer.error());
    set.producer_ = std::move(*producer);
    auto consumer = Mapping::shared(set.consumer_fd_.get(), set.geometry_.consumer_bytes(),
                                    PROT_READ | PROT_WRITE);
    if (!consumer) return std::unexpected(consumer.error());
    set.consumer_ = std::move(*consumer);

    std::uint8_t uuid[16];
    if (UTRACE_RETRY(::getrandom(uuid, sizeof uuid, 0)) != static_cast<ssize_t>(sizeof uuid))
        return fail(errno, "getrandom", "ring set");
    set.write_headers(config, uuid);
    return set;
}

void RingSet::write_headers(const SetConfig& config, const std::uint8_t (&uuid)[16]) noexcept {
    auto* set = new (producer_.data()) utrace_ringset_header{};
    set->size = sizeof *set;
    for (std::size_t i = 0; i < sizeof set->magic; ++i)
        set->magic[i] = static_cast<std::uint8_t>(kMagic[i]) ^ kMagicMask;
    std::memcpy(set->uuid, uuid, sizeof set->uuid);
    set->pid = config.pid;
    set->start_time = config.start_time;
    set->clock_id = CLOCK_MONOTONIC;
    set->nr_thread = geometry_.nr_thread;
    set->thread_ring_size = geometry_.thread_ring_size;
    set->record_header_size = sizeof(RecordHeader);
    for (std::uint32_t i = 0; i < rings(); ++i) {
        auto* ring = new (producer_.data() + geometry_.offset(i)) utrace_ring_header{};
        ring->size = sizeof *ring;
        ring->index = i;
        ring->kind = kUtraceRingThread;
        ring->head = config.first_position;
        auto* reader = new (consumer_.data() + std::size_t{i} * kPage) utrace_ring_consumer{};
        reader->size = sizeof *reader;
        reader->tail = config.first_position;
        reader->watermark = geometry_.data_size(i) / 4;
        reader->policy = kUtraceRingDrop;
    }
}

Producer RingSet::producer(unsigned index) noexcept {
    std::byte* base = producer_.data() + geometry_.offset(index);
    auto* header = reinterpret_cast<utrace_ring_header*>(base);
    auto* reader = reinterpret_cast<const utrace_ring_consumer*>(consumer_.data() +
                                                                 std::size_t{index} * kPage);
    return {header, reader, base + kPage, geometry_.data_size(index), futex_wake};
}

}  // namespace utrace::ring
