// SPDX-License-Identifier: MIT
// Counted obligation (a): a vanilla pass takes no lock, makes no atomic read-modify-write, no full
// fence (the policy has none to offer), no host call, no allocation.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/core.h"
#include "counting_memory.h"

namespace utrace {
namespace {

using core::CountingMemory;
using core::Counts;
using core::Engine;
using core::Task;
using CountedControl = core::Control<CountingMemory>;
using CountedPass = core::Pass<CountingMemory>;
using CountedDeath = core::Death<CountingMemory>;
using CountedLists = core::Lists<CountingMemory>;

std::uint64_t host_functions = 0;
std::uint64_t callbacks = 0;

core::HostOps counted_host() {
    core::HostOps ops;
    ops.lock = [](Task&) noexcept { ++host_functions; };
    ops.unlock = [](Task&) noexcept { ++host_functions; };
    ops.arm = [](Task&, std::uint64_t, const core::NrSet&) noexcept { ++host_functions; };
    ops.kick = [](Task&, Resume) noexcept { ++host_functions; };
    ops.wake = [](Task&) noexcept { ++host_functions; };
    ops.membarrier = [](Task&) noexcept { ++host_functions; };
    ops.allocate = [](std::size_t size) noexcept {
        ++host_functions;
        return std::malloc(size);
    };
    ops.free = [](void* memory, std::size_t) noexcept {
        ++host_functions;
        std::free(memory);
    };
    return ops;
}

std::uint32_t polite(const utrace_call* call) {
    ++callbacks;
    return Action::from_bits(call->action).with(Resume::kResume).bits();
}

utrace_engine_ops polite_ops() {
    utrace_engine_ops ops{};
    ops.size = sizeof ops;
    ops.report_quiesce = [](const utrace_call* c, std::uint64_t) { return polite(c); };
    ops.report_syscall_entry = [](const utrace_call* c, utrace_syscall*) { return polite(c); };
    ops.report_syscall_exit = [](const utrace_call* c, utrace_syscall*) { return polite(c); };
    ops.report_signal = [](const utrace_call* c, utrace_signal*) { return polite(c); };
    return ops;
}

class Vanilla : public testing::Test {
  protected:
    void attach(EventSet events) {
        utrace_attach_params params{};
        params.size = sizeof params;
        params.flags = kCreate;
        params.ops = &ops_;
        Engine* engine = nullptr;
        ASSERT_EQ(CountedControl::attach(task_, params, &engine), 0);
        ASSERT_EQ(CountedControl::set_events(*engine, events), 0);
        CountedLists::put(*engine);
    }
    void SetUp() override { task_.init(host_, core::TaskState::kRunning); }
    void TearDown() override { CountedDeath::report_reap(task_); }
    void start_counting() {
        CountedPass::resume_point(task_, nullptr, false);  // splices
        CountingMemory::counts = {};
        host_functions = 0;
        callbacks = 0;
    }
    static void expect_nothing_but_the_walk() {
        const Counts& counts = CountingMemory::counts;
        EXPECT_EQ(counts.locks, 0u);
        EXPECT_EQ(counts.read_modify_writes, 0u);
        EXPECT_EQ(counts.host_calls, 0u);
        EXPECT_EQ(host_functions, 0u);
    }

    core::HostOps host_ = counted_host();
    utrace_engine_ops ops_ = polite_ops();
    Task task_;
};

constexpr std::uint64_t kPasses = 1000000;
constexpr std::uint64_t kEngines = 3;

TEST_F(Vanilla, U47_AMillionPassesTakeNoLock) {
    for (std::uint64_t i = 0; i < kEngines; ++i)
        attach({Event::kSyscallEntry, Event::kSyscallExit});
    start_counting();
    utrace_syscall call{};
    call.size = sizeof call;
    call.nr = 39;
    for (std::uint64_t i = 0; i < kPasses / 2; ++i) {
        call.flags = 0;
        const core::PassResult entry = CountedPass::syscall_entry(task_, call, false);
        const core::PassResult exit = CountedPass::syscall_exit(task_, call);
        ASSERT_FALSE(entry.stop || exit.stop);
    }
    expect_nothing_but_the_walk();
    EXPECT_EQ(callbacks, kPasses * kEngines);
    // Per engine and pass: T1 and T4, and what memory-model.md says of loads.
    EXPECT_EQ(CountingMemory::counts.stores, 2 * kPasses * kEngines);
    EXPECT_EQ(CountingMemory::counts.compiler_fences, 2 * kPasses * kEngines);
    EXPECT_LE(CountingMemory::counts.loads, 4 * kPasses * kEngines);
}

TEST_F(Vanilla, SignalsAndQuiesceToo) {
    for (std::uint64_t i = 0; i < kEngines; ++i) attach({Event::kQuiesce, Event::kSignal});
    start_counting();
    utrace_signal signal{};
    signal.size = sizeof signal;
    for (int i = 0; i < 1000; ++i) {
        signal.signo = 10;
        CountedPass::signal(task_, Event::kSignal, signal, SignalVerdict::kDeliver);
    }
    expect_nothing_but_the_walk();
    EXPECT_EQ(callbacks, 1000 * kEngines);
}

TEST_F(Vanilla, TheCountersCanFail) {
    ops_.report_syscall_exit = [](const utrace_call* c, utrace_syscall*) {
        ++callbacks;
        return Action::from_bits(c->action).with(Resume::kReport).bits();
    };
    attach({Event::kSyscallExit});
    start_counting();
    utrace_syscall call{};
    call.size = sizeof call;
    CountedPass::syscall_exit(task_, call);
    EXPECT_EQ(CountingMemory::counts.locks, 1u);
    EXPECT_EQ(host_functions, 2u);
}

}  // namespace
}  // namespace utrace
