// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "ring/consumer.h"
#include "ring/ring_set.h"

TEST(Ring, Smoke) {
    using namespace utrace;
    auto set = ring::RingSet::create({.nr_rings = 1, .ring_bytes = 1 << 16});
    ASSERT_TRUE(set);
    auto c = ring::Consumer::map(UniqueFd(::fcntl(set->producer_fd(), F_DUPFD_CLOEXEC, 0)),
                                 UniqueFd(::fcntl(set->consumer_fd(), F_DUPFD_CLOEXEC, 0)));
    ASSERT_TRUE(c);
    ring::Producer p = set->producer(0);
    std::byte payload[20000] = {};
    EXPECT_TRUE(p.append(RecordType::kUser, 0, 1, 1, 1, payload, 100));
    EXPECT_TRUE(p.append(RecordType::kUser, 0, 1, 2, 2, payload, 20000));
    std::size_t bytes = 0;
    EXPECT_EQ(c->drain(
                  100, [&](std::span<const std::byte> r) { bytes += r.size(); },
                  [](unsigned, std::uint64_t) {}),
              2u);
    EXPECT_EQ(bytes, 136u + 20032u);
    EXPECT_TRUE(c->empty());
}
