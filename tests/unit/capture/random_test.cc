// SPDX-License-Identifier: MIT
// Any call with any arguments over any memory gives a payload that parses and stays in its scratch.
#include <cstdlib>
#include <random>

#include "fake_memory.h"

namespace utrace::capture {
namespace {

constexpr std::size_t kGuard = 64;
constexpr std::byte kGuardByte{0xa5};

class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
    /// Mostly addresses near page ends, small numbers and nonsense.
    std::uint64_t word() {
        switch (below(6)) {
            case 0:
                return below(8);
            case 1:
                return below(5000);
            case 2:
                return engine_();
            case 3:
                return (1 + below(40)) * 4096 - below(64);
            case 4:
                return below(2) == 0 ? ~std::uint64_t{0} - below(4096) : std::uint32_t(-1);
            default:
                return 0x1000 + below(0x28000);
        }
    }

  private:
    std::mt19937_64 engine_;
};

void fill(FakeMemory& memory, Random& random) {
    for (std::uint64_t page = 1; page < 40; ++page) {
        if (random.below(4) == 0) continue;
        for (std::uint64_t i = 0; i < 512; ++i) {
            memory.store(page * 4096 + i * 8, random.word());
        }
    }
}

void one_call(FakeMemory& memory, Random& random) {
    Limits limits;
    limits.event_bytes =
        104 + static_cast<std::uint32_t>(random.below(3000)) * (1 + random.below(8));
    limits.string_bytes = static_cast<std::uint32_t>(random.below(200));
    limits.array_members = static_cast<std::uint32_t>(random.below(64));
    limits.environment = random.below(2) == 0;
    std::vector<std::byte> scratch(limits.event_bytes + kGuard, kGuardByte);
    std::uint64_t args[6];
    for (std::uint64_t& arg : args) arg = random.word();
    const auto nr = static_cast<std::uint32_t>(random.below(syscall_limit()));

    SyscallCapture call;
    call.begin(scratch.data(), Abi::kX86_64, nr, args, 0, limits, memory.memory());
    parse(call.data(), call.size());
    if (random.below(2) == 0) call.begin_exit();
    call.finish(static_cast<std::int64_t>(random.word()), memory.memory());
    for (const ParsedBlob& blob : parse(call.data(), call.size())) EXPECT_LT(blob.header.arg, 6);

    EXPECT_EQ(call.size() % 8, 0u);
    EXPECT_LE(call.size() + sizeof(RecordHeader), limits.event_bytes);
    for (std::size_t i = limits.event_bytes; i < scratch.size(); ++i) {
        ASSERT_EQ(scratch[i], kGuardByte) << "wrote past the scratch";
    }
}

TEST(Random, PayloadsParseAndStayInScratch) {
    const char* given = std::getenv("UTRACE_TEST_SEED");
    const std::uint64_t seed =
        given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    SCOPED_TRACE("UTRACE_TEST_SEED=" + std::to_string(seed));
    Random random(seed);
    FakeMemory memory;
    fill(memory, random);
    for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) one_call(memory, random);
}

}  // namespace
}  // namespace utrace::capture
