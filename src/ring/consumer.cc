// SPDX-License-Identifier: MIT
#include "ring/consumer.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

namespace utrace::ring {
namespace {

constexpr std::uint64_t kMaxWaitNs = 10'000'000;
/// Fragmented events that may be open at once in one ring: one per preempted thread and signal
/// nesting level; more than this is not a working producer.
constexpr std::size_t kMaxPartials = 64;
constexpr std::size_t kMaxWaitRings = 128;  // FUTEX_WAITV_MAX of Linux 5.16

/// A counter of the producer. A loss that is seen here implies that the records before it are seen.
std::uint64_t load_count(const std::uint64_t& word) noexcept {
    // [R4 acquire] pairs with [R4 release] in Producer::count()
    return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}

/// Copies bytes that may change under us. The fence keeps the compiler from reading them again
/// later in place of the copy; it orders nothing between threads.
void copy_out(void* to, const void* from, std::size_t size) noexcept {
    std::memcpy(to, from, size);
    // [R6 compiler] for this thread alone.
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

Expected<void> check_fd(int fd, std::uint64_t& size) {
    constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    const int seals = ::fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & kSeals) != kSeals)
        return fail(EPROTO, "F_GET_SEALS", "ring", Reason::kProtocol);
    struct stat st{};
    if (::fstat(fd, &st) != 0) return fail(errno, "fstat", "ring");
    size = static_cast<std::uint64_t>(st.st_size);
    return {};
}

bool good_ring_size(std::uint32_t size) noexcept {
    return std::has_single_bit(size) && size >= kMinRingBytes && size <= kMaxRingBytes;
}

/// Does the fixed part of the payload fit? What hangs on it is for the decoder, which bounds it.
bool good_payload(RecordType type, std::span<const std::byte> payload) noexcept {
    switch (type) {
        case RecordType::kSyscallEntry:
        case RecordType::kSyscallExit:
        case RecordType::kSyscall: {
            SyscallPayload fixed;
            if (payload.size() < sizeof fixed) return false;
            std::memcpy(&fixed, payload.data(), sizeof fixed);
            return payload.size() - sizeof fixed >= std::size_t{fixed.nargs} * 8;
        }
        case RecordType::kSignal:
            return payload.size() >= sizeof(SignalPayload);
        case RecordType::kThread:
        case RecordType::kProcess:
            return payload.size() >= sizeof(TaskPayload);
        case RecordType::kBlind:
            return payload.size() >= sizeof(BlindPayload);
        case RecordType::kControl:
            return payload.size() >= sizeof(ControlPayload);
        default:
            return true;
    }
}

bool known_type(std::uint16_t type) noexcept {
    return type >= static_cast<std::uint16_t>(RecordType::kSyscallEntry) &&
           type <= static_cast<std::uint16_t>(RecordType::kControl) &&
           type != static_cast<std::uint16_t>(RecordType::kLost);
}

}  // namespace

Expected<Consumer> Consumer::map(UniqueFd producer_fd, UniqueFd consumer_fd) {
    std::uint64_t producer_size = 0;
    std::uint64_t consumer_size = 0;
    if (auto ok = check_fd(producer_fd.get(), producer_size); !ok)
        return std::unexpected(ok.error());
    if (auto ok = check_fd(consumer_fd.get(), consumer_size); !ok)
        return std::unexpected(ok.error());
    auto producer = Mapping::shared(producer_fd.get(), producer_size, PROT_READ);
    if (!producer) return std::unexpected(producer.error());
    auto reader = Mapping::shared(consumer_fd.get(), consumer_size, PROT_READ | PROT_WRITE);
    if (!reader) return std::unexpected(reader.error());
    auto out = attach(producer->data(), producer->size(), reader->data(), reader->size());
    if (!out) return std::unexpected(out.error());
    out->producer_map_ = std::move(*producer);
    out->consumer_map_ = std::move(*reader);
    return out;
}

Expected<Consumer> Consumer::over(const std::byte* producer, std::size_t producer_bytes,
                                  std::byte* consumer, std::size_t consumer_bytes) {
    return attach(producer, producer_bytes, consumer, consumer_bytes);
}

Expected<Consumer> Consumer::attach(const std::byte* producer, std::size_t producer_bytes,
                                    std::byte* consumer, std::size_t consumer_bytes) {
    const auto refuse = [](const char* what, std::int64_t value) {
        return fail(EPROTO, "map", "ring set", Reason::kProtocol, value, what);
    };
    if (producer_bytes < kPage) return refuse("size", static_cast<std::int64_t>(producer_bytes));
    utrace_ringset_header set;
    copy_out(&set, producer, sizeof set);
    if (set.size < sizeof set || set.size > kPage) return refuse("header size", set.size);
    for (std::size_t i = 0; i < sizeof set.magic; ++i) {
        if ((set.magic[i] ^ kMagicMask) != static_cast<std::uint8_t>(kMagic[i]))
            return refuse("magic", set.magic[i]);
    }
    if (set.record_header_size != sizeof(RecordHeader))
        return refuse("record header size", set.record_header_size);
    if (set.nr_percpu > kMaxRings || set.nr_thread > kMaxRings ||
        set.nr_percpu + set.nr_thread == 0 || set.nr_percpu + set.nr_thread > kMaxRings)
        return refuse("number of rings", set.nr_thread);
    if ((set.nr_percpu != 0 && !good_ring_size(set.ring_size)) ||
        (set.nr_thread != 0 && !good_ring_size(set.thread_ring_size)))
        return refuse("ring size", set.thread_ring_size);
    const Geometry geometry{set.nr_percpu, set.nr_thread, set.ring_size, set.thread_ring_size};
    if (geometry.producer_bytes() > producer_bytes || geometry.consumer_bytes() > consumer_bytes)
        return refuse("memory size", static_cast<std::int64_t>(producer_bytes));

    Consumer out;
    out.set_ = reinterpret_cast<const utrace_ringset_header*>(producer);
    out.pid_ = set.pid;
    out.start_time_ = set.start_time;
    out.copy_.resize(kMaxEventBytes);
    out.rings_.resize(geometry.rings());
    for (std::uint32_t i = 0; i < geometry.rings(); ++i) {
        Ring& ring = out.rings_[i];
        const std::byte* base = producer + geometry.offset(i);
        ring.header = reinterpret_cast<const utrace_ring_header*>(base);
        ring.data = base + kPage;
        ring.reader = reinterpret_cast<utrace_ring_consumer*>(consumer + std::size_t{i} * kPage);
        ring.index = i;
        ring.size = geometry.data_size(i);
        ring.tail = ring.reader->tail & ~std::uint64_t{7};
        ring.published = ring.tail;
    }
    out.set_watermark(geometry.data_size(0) / 4);
    return out;
}

std::uint64_t Consumer::load_head(const Ring& ring) noexcept {
    // [R1 acquire] pairs with [R1 release] in Producer::commit()
    return __atomic_load_n(&ring.header->head, __ATOMIC_ACQUIRE);
}

std::uint64_t Consumer::ring_losses(const Ring& ring) noexcept {
    return load_count(ring.header->lost_full) + load_count(ring.header->lost_abort) +
           load_count(ring.header->lost_fault);
}

/// Losses are read before the head: if no record follows then, they all lie after the last record.
void Consumer::begin_visit(Ring& ring) noexcept {
    ring.idle_lost = ring_losses(ring);
    ring.head = load_head(ring);
}

Consumer::Step Consumer::torn(Ring& ring) noexcept {
    ring.damaged = true;
    const std::uint64_t skipped = ring.head - ring.tail;
    counters_.torn_bytes += std::min<std::uint64_t>(skipped, ring.size);
    counters_.unfinished += ring.partials.size();
    ring.partials.clear();
    ring.tail = ring.head & ~std::uint64_t{7};
    return Step::kEmpty;
}

Consumer::Step Consumer::next(Ring& ring, std::span<const std::byte>& record, std::uint64_t& gap) {
    const std::uint64_t used = ring.head - ring.tail;
    if (used == 0) {
        if (ring.idle_lost > ring.seen_lost) {
            gap = ring.idle_lost - ring.seen_lost;
            ring.seen_lost = ring.idle_lost;
            counters_.lost += gap;
        }
        return Step::kEmpty;
    }
    if (used > ring.size || used % 8 != 0) return torn(ring);
    const auto offset = static_cast<std::uint32_t>(ring.tail & (ring.size - 1));
    struct {
        std::uint32_t size;
        std::uint16_t type;
        std::uint16_t flags;
    } word;
    copy_out(&word, ring.data + offset, sizeof word);
    if (word.size == 0 || word.size % 8 != 0 || word.size > used || word.size > ring.size - offset)
        return torn(ring);
    if (word.type == static_cast<std::uint16_t>(RecordType::kPad)) {
        ring.tail += word.size;
        return Step::kSkipped;
    }
    if (word.size < sizeof(RecordHeader) || word.size > kMaxEventBytes) return torn(ring);
    copy_out(copy_.data(), ring.data + offset, word.size);
    if (std::memcmp(copy_.data(), &word, sizeof word) != 0) return torn(ring);
    ring.tail += word.size;
    if (ring.tail - ring.published >= ring.size / 8) publish(ring);
    return accept(ring, word.size, record, gap);
}

/// Judges the private copy in copy_.
Consumer::Step Consumer::accept(Ring& ring, std::uint32_t size, std::span<const std::byte>& record,
                                std::uint64_t& gap) {
    RecordHeader header;
    std::memcpy(&header, copy_.data(), sizeof header);
    gap = static_cast<std::uint32_t>(header.lost - static_cast<std::uint32_t>(ring.seen_lost));
    ring.seen_lost += gap;
    counters_.lost += gap;
    if (!known_type(header.type)) {
        ++counters_.unknown;
        return Step::kSkipped;
    }
    if ((header.flags & kRecordFrag) != 0) return join(ring, header, size, record);
    // Nobody downstream has to know of fragments; a stray "last" goes no further.
    header.flags &= static_cast<std::uint16_t>(~kRecordLast);
    std::memcpy(copy_.data(), &header, sizeof header);
    return hand_out(ring, {copy_.data(), size}, record);
}

Consumer::Step Consumer::join(Ring& ring, const RecordHeader& header, std::uint32_t size,
                              std::span<const std::byte>& record) {
    auto at = std::find_if(ring.partials.begin(), ring.partials.end(),
                           [&](const Partial& p) { return p.header.tid == header.tid; });
    if (header.aux == 0) {
        if (at != ring.partials.end()) {
            ++counters_.unfinished;
            ring.partials.erase(at);
        }
        if (ring.partials.size() >= kMaxPartials) {
            ++counters_.unfinished;
            ring.partials.erase(ring.partials.begin());
        }
        at = ring.partials.emplace(ring.partials.end());
        at->header = header;
    }
    const std::size_t part = size - sizeof(RecordHeader);
    if (at == ring.partials.end() || at->header.tseq != header.tseq ||
        at->header.type != header.type || at->next_index != header.aux ||
        at->bytes.size() + part > kMaxEventBytes - sizeof(RecordHeader)) {
        ++counters_.unfinished;
        if (at != ring.partials.end()) ring.partials.erase(at);
        return Step::kSkipped;
    }
    const std::byte* payload = copy_.data() + sizeof(RecordHeader);
    at->bytes.insert(at->bytes.end(), payload, payload + part);
    at->header.flags |= header.flags;
    ++at->next_index;
    if ((header.flags & kRecordLast) == 0) return Step::kSkipped;

    RecordHeader whole = at->header;
    whole.size = static_cast<std::uint32_t>(sizeof whole + at->bytes.size());
    whole.flags &= static_cast<std::uint16_t>(~(kRecordFrag | kRecordLast));
    whole.aux = 0;
    joined_.resize(sizeof whole);
    std::memcpy(joined_.data(), &whole, sizeof whole);
    joined_.insert(joined_.end(), at->bytes.begin(), at->bytes.end());
    ring.partials.erase(at);
    return hand_out(ring, joined_, record);
}

Consumer::Step Consumer::hand_out(Ring& ring, std::span<const std::byte> whole,
                                  std::span<const std::byte>& record) {
    RecordHeader header;
    std::memcpy(&header, whole.data(), sizeof header);
    if (!good_payload(static_cast<RecordType>(header.type), whole.subspan(sizeof header))) {
        ring.damaged = true;
        ++counters_.malformed;
        return Step::kSkipped;
    }
    record = whole;
    ++counters_.records;
    counters_.bytes += whole.size();
    return Step::kRecord;
}

void Consumer::publish(Ring& ring) noexcept {
    if (ring.published == ring.tail) return;
    ring.published = ring.tail;
    // [R2 release] gives the copied bytes back; pairs with [R2 acquire] in Producer::append()
    __atomic_store_n(&ring.reader->tail, ring.tail, __ATOMIC_RELEASE);
}

bool Consumer::empty() const noexcept {
    return std::all_of(rings_.begin(), rings_.end(), [](const Ring& ring) {
        return ((load_head(ring) ^ ring.tail) & ~std::uint64_t{7}) == 0;
    });
}

void Consumer::set_watermark(std::uint32_t bytes) noexcept {
    watermark_ = bytes;
    for (Ring& ring : rings_) {
        // [R3 relaxed] pairs with [R3 relaxed] in Producer::commit()
        __atomic_store_n(&ring.reader->watermark, bytes, __ATOMIC_RELAXED);
    }
}

/// A wake-up since the last wait, or a ring filled beyond its watermark.
bool Consumer::worth_reading() noexcept {
    bool worth = false;
    for (Ring& ring : rings_) {
        // [R5 acquire] pairs with [R5 release] in Producer::wake()
        const std::uint32_t seq = __atomic_load_n(&ring.header->wake_seq, __ATOMIC_ACQUIRE);
        if (seq != ring.seen_wake) worth = true;
        ring.seen_wake = seq;
        const std::uint64_t used = load_head(ring) - ring.tail;
        if (used != 0 && used >= watermark_) worth = true;
    }
    return worth;
}

bool Consumer::wait(std::uint64_t timeout_ns) noexcept {
    const auto arm = [&](std::uint32_t value) {
        for (Ring& ring : rings_) {
            // [R3 relaxed] pairs with [R3 relaxed] in Producer::wake()
            __atomic_store_n(&ring.reader->need_wake, value, __ATOMIC_RELAXED);
        }
    };
    arm(1);
    if (!worth_reading()) {
        sleep(std::min(timeout_ns, kMaxWaitNs));
        worth_reading();
    }
    arm(0);
    return !empty();
}

/// A missed wake-up costs at most the time limit, so no result is looked at.
void Consumer::sleep(std::uint64_t timeout_ns) noexcept {
    timespec limit{0, static_cast<long>(timeout_ns)};
    if (rings_.size() > 1) {
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        limit.tv_sec = now.tv_sec + (now.tv_nsec + limit.tv_nsec) / 1'000'000'000;
        limit.tv_nsec = (now.tv_nsec + limit.tv_nsec) % 1'000'000'000;
        futex_waitv words[kMaxWaitRings] = {};
        const std::size_t count = std::min(rings_.size(), kMaxWaitRings);
        for (std::size_t i = 0; i < count; ++i) {
            words[i].val = rings_[i].seen_wake;
            words[i].uaddr = reinterpret_cast<std::uintptr_t>(&rings_[i].header->wake_seq);
            words[i].flags = FUTEX_32;
        }
        const long result = ::syscall(SYS_futex_waitv, words, count, 0, &limit, CLOCK_MONOTONIC);
        if (result >= 0 || errno != ENOSYS) return;
        limit = {0, static_cast<long>(timeout_ns)};
    }
    const Ring& ring = rings_.front();
    ::syscall(SYS_futex, &ring.header->wake_seq, FUTEX_WAIT, ring.seen_wake, &limit, nullptr, 0);
}

Counters Consumer::counters() const noexcept {
    Counters out = counters_;
    for (const Ring& ring : rings_) {
        out.lost_full += load_count(ring.header->lost_full);
        out.lost_big += load_count(ring.header->lost_big);
        out.lost_abort += load_count(ring.header->lost_abort);
        out.lost_fault += load_count(ring.header->lost_fault);
    }
    out.lost_noring = load_count(set_->lost_noring);
    return out;
}

bool Consumer::damaged() const noexcept {
    return std::any_of(rings_.begin(), rings_.end(), [](const Ring& r) { return r.damaged; });
}

}  // namespace utrace::ring
