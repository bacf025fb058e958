// SPDX-License-Identifier: MIT
// A reporting thread and controllers that attach, change, stop and detach engines under it, with
// real locks and a real membarrier. Meant for the tsan preset; what it asserts holds everywhere:
//   after barrier() == 0 or ESRCH on a detached engine its callbacks never run,
//   a stopped task has an owner and every release wakes it, release() runs once.
#include <gtest/gtest.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "core/task.h"

namespace utrace {
namespace {

using core::Engine;
using core::Task;
using core::TaskState;

#if defined(__SANITIZE_THREAD__)
constexpr int kRounds = 400;
#else
constexpr int kRounds = 1500;
#endif
constexpr int kControllers = 3;

int membarrier(int command) { return static_cast<int>(syscall(SYS_membarrier, command, 0, 0)); }

/// The thread under report; one per test.
struct Thread {
    Task task;
    std::mutex lock;
    std::mutex park_lock;
    std::condition_variable parked;
    bool wake_token = false;
    std::atomic<bool> quit{false};
    std::atomic<int> passes{0};

    static inline thread_local const Task* executing = nullptr;
    static Thread& of(const Task& task) { return *static_cast<Thread*>(task.host_data()); }

    /// A wake that came before the park is not lost.
    void park() {
        std::unique_lock<std::mutex> hold(park_lock);
        parked.wait(hold, [this] { return wake_token; });
        wake_token = false;
    }
    void wake() {
        const std::lock_guard<std::mutex> hold(park_lock);
        wake_token = true;
        parked.notify_one();
    }
};

core::HostOps threaded_host() {
    core::HostOps ops;
    ops.capabilities = core::kCanInterrupt | core::kCanStep;
    ops.lock = [](Task& t) noexcept { Thread::of(t).lock.lock(); };
    ops.unlock = [](Task& t) noexcept { Thread::of(t).lock.unlock(); };
    ops.is_current = [](const Task& t) noexcept { return Thread::executing == &t; };
    ops.arm = [](Task&, std::uint64_t, const core::NrSet&) noexcept {};
    ops.kick = [](Task&, Resume) noexcept {};
    ops.wake = [](Task& t) noexcept { Thread::of(t).wake(); };
    ops.membarrier = [](Task&) noexcept { membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED); };
    ops.wait = [](Task&, core::Waiting&) noexcept {
        std::this_thread::yield();
        return 0;
    };
    ops.allocate = [](std::size_t size) noexcept { return std::malloc(size); };
    ops.free = [](void* memory, std::size_t) noexcept { std::free(memory); };
    return ops;
}

/// What the reporting thread does: calls, with a resume point after each.
void run(Thread& thread) {
    Thread::executing = &thread.task;
    while (!thread.quit.load(std::memory_order_relaxed)) {
        utrace_syscall call{};
        call.size = sizeof call;
        call.nr = 39;
        core::PassResult r = core::report_syscall_entry(thread.task, call, false);
        while (r.stop) {
            thread.park();
            r = core::report_syscall_entry(thread.task, call, true);
        }
        core::report_syscall_exit(thread.task, call);
        while (thread.task.attention() != 0) {
            r = core::report_quiesce(thread.task);
            if (r.stop) thread.park();
        }
        thread.passes.fetch_add(1, std::memory_order_relaxed);
    }
    Thread::executing = nullptr;
}

/// An engine whose data a late callback would find poisoned; plain fields, so TSan sees a race too.
struct Client {
    bool alive = true;
    std::uint64_t calls = 0;
    unsigned stop_every = 0;
    static inline std::atomic<int> late{0};
    static inline std::atomic<int> released{0};

    static std::uint32_t called(const utrace_call* call, bool may_stop) {
        auto& self = *static_cast<Client*>(call->data);
        if (!self.alive) late.fetch_add(1);
        ++self.calls;
        const bool stop = may_stop && self.stop_every != 0 && self.calls % self.stop_every == 0;
        return Action::from_bits(call->action).with(stop ? Resume::kStop : Resume::kResume).bits();
    }
};

utrace_engine_ops client_ops() {
    utrace_engine_ops ops{};
    ops.size = sizeof ops;
    ops.report_quiesce = [](const utrace_call* c, std::uint64_t) {
        return Client::called(c, false);
    };
    ops.report_syscall_entry = [](const utrace_call* c, utrace_syscall*) {
        return Client::called(c, true);
    };
    ops.report_syscall_exit = [](const utrace_call* c, utrace_syscall*) {
        return Client::called(c, true);
    };
    ops.release = [](void*) { Client::released.fetch_add(1); };
    return ops;
}

/// One life of an engine: attach, subscribe, stop and let go, disable, detach, barrier, free.
void live_once(Thread& thread, const utrace_engine_ops& ops, unsigned seed) {
    Client client;
    client.stop_every = seed % 3 == 0 ? 2 : 0;
    utrace_attach_params params{};
    params.size = sizeof params;
    params.flags = kCreate;
    params.level = static_cast<std::int32_t>(seed % 5) - 2;
    params.ops = &ops;
    params.data = &client;
    Engine* engine = nullptr;
    ASSERT_EQ(core::attach(thread.task, params, &engine), 0);
    const EventSet both{Event::kSyscallEntry, Event::kSyscallExit, Event::kQuiesce};
    EXPECT_EQ(core::set_events(*engine, both), 0);
    const int before = thread.passes.load();
    for (int i = 0; i < 4 && thread.passes.load() == before; ++i) {
        const int stop = core::control(*engine, Resume::kStop);
        EXPECT_TRUE(stop == 0 || stop == -EINPROGRESS) << stop;
        EXPECT_EQ(core::control(*engine, i % 2 == 0 ? Resume::kResume : Resume::kReport), 0);
        core::set_level(*engine, static_cast<std::int32_t>(seed + 1) % 4);
        std::this_thread::yield();
    }
    if (seed % 2 == 0) {  // disabling alone silences it, too
        const int disabled = core::set_events(*engine, {});
        ASSERT_TRUE(disabled == 0 || disabled == -EINPROGRESS) << disabled;
        const int quiet = core::barrier(*engine, 0);
        ASSERT_TRUE(quiet == 0) << quiet;
        const std::uint64_t calls = client.calls;
        std::this_thread::yield();
        EXPECT_EQ(client.calls, calls);
    }
    const int detached = core::control(*engine, Resume::kDetach);
    EXPECT_TRUE(detached == 0 || detached == -EINPROGRESS) << detached;
    const int over = core::barrier(*engine, 0);
    EXPECT_TRUE(over == 0 || over == -ESRCH) << over;
    client.alive = false;  // from here on a callback is a race and a failure
    core::put(*engine);
}

/// The data outlives release() here because it is on the stack: wait for it.
TEST(Stress, NoCallbackAfterBarrier) {
    if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) != 0)
        GTEST_SKIP() << "membarrier PRIVATE_EXPEDITED is not available";
    const core::HostOps host = threaded_host();
    const utrace_engine_ops ops = client_ops();
    Thread thread;
    thread.task.init(host, TaskState::kRunning, &thread);
    Client::late = 0;
    Client::released = 0;
    std::thread reporter([&] { run(thread); });
    std::vector<std::thread> controllers;
    for (unsigned c = 0; c < kControllers; ++c) {
        controllers.emplace_back([&, c] {
            for (unsigned i = 0; i < kRounds; ++i) live_once(thread, ops, c * 7919 + i);
        });
    }
    for (std::thread& controller : controllers) controller.join();
    // Nobody is left, so nobody holds STOP: the thread gets on.
    const int before = thread.passes.load();
    while (thread.passes.load() < before + 3) std::this_thread::yield();
    thread.quit = true;
    reporter.join();
    core::report_death(thread.task, 0, 0);
    core::report_reap(thread.task);
    EXPECT_EQ(Client::late.load(), 0);
    EXPECT_EQ(Client::released.load(), kControllers * kRounds);
    EXPECT_FALSE(thread.task.wants_syscalls());
}

/// U4: threads race for an exclusive attach. U67: detach races death and reap.
TEST(Stress, U4_U67_OneWinnerAndOneOwner) {
    if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) != 0)
        GTEST_SKIP() << "membarrier PRIVATE_EXPEDITED is not available";
    const core::HostOps host = threaded_host();
    struct Owner {
        std::atomic<int> reaps{0};
    };
    utrace_engine_ops ops{};
    ops.size = sizeof ops;
    ops.report_reap = [](const utrace_call* c) {
        static_cast<Owner*>(c->data)->reaps.fetch_add(1);
    };
    for (int round = 0; round < kRounds / 4; ++round) {
        Thread thread;
        thread.task.init(host, TaskState::kRunning, &thread);
        Owner owner;
        std::atomic<int> winners{0}, losers{0}, owned{0}, go{0};
        std::vector<std::thread> racers;
        for (int i = 0; i < kControllers; ++i) {
            racers.emplace_back([&] {
                utrace_attach_params params{};
                params.size = sizeof params;
                params.flags = kCreate | kExclusive | kMatchOps;
                params.ops = &ops;
                params.data = &owner;
                Engine* engine = nullptr;
                const int result = core::attach(thread.task, params, &engine);
                if (result == 0) {
                    winners.fetch_add(1);
                    core::set_events(*engine, {Event::kReap});
                }
                if (result == -EEXIST) losers.fetch_add(1);
                go.fetch_add(1);
                while (go.load() < kControllers + 1) std::this_thread::yield();
                if (result != 0) return;
                if (core::control(*engine, Resume::kDetach) == 0) owned.fetch_add(1);
                core::put(*engine);
            });
        }
        while (go.load() < kControllers) std::this_thread::yield();
        go.fetch_add(1);
        core::report_death(thread.task, 0, 0);
        core::report_reap(thread.task);
        for (std::thread& racer : racers) racer.join();
        ASSERT_EQ(winners.load(), 1);
        ASSERT_EQ(losers.load(), kControllers - 1);
        ASSERT_LE(owned.load() + owner.reaps.load(), 1);
    }
}

}  // namespace
}  // namespace utrace
