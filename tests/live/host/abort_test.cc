// SPDX-License-Identifier: MIT
// An engine's decisions on real calls: abort, and what a second engine sees of it.
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <vector>

#include "base/sys.h"
#include "live/host/quiet_listener.h"

namespace utrace::host {
namespace {

// What an engine saw of write(2), and whether it lets it happen.
struct Watcher {
    bool abort = false;
    std::vector<std::uint32_t> entries;  // verdict bits as they came in
    std::vector<std::int64_t> results;
};

Watcher& watcher(const utrace_call* call) { return *static_cast<Watcher*>(call->data); }

const utrace_engine_ops kOps = [] {
    utrace_engine_ops ops{};
    ops.size = sizeof ops;
    ops.report_syscall_entry = [](const utrace_call* call, utrace_syscall*) {
        Watcher& w = watcher(call);
        w.entries.push_back(call->action & 0xf0u);
        const std::uint32_t verdict =
            w.abort ? static_cast<std::uint32_t>(SyscallVerdict::kAbort) : call->action & ~7u;
        return verdict | static_cast<std::uint32_t>(Resume::kResume);
    };
    ops.report_syscall_exit = [](const utrace_call* call, utrace_syscall* sc) {
        watcher(call).results.push_back(sc->result);
        return static_cast<std::uint32_t>(Resume::kResume);
    };
    return ops;
}();

core::Engine* attach(PtraceTask& task, Watcher& w, std::int32_t level) {
    utrace_attach_params params{};
    params.size = sizeof params;
    params.flags = kCreate;
    params.level = level;
    params.ops = &kOps;
    params.data = &w;
    params.name = "watch";
    core::Engine* engine = nullptr;
    EXPECT_EQ(core::attach(task.core, params, &engine), 0);
    const std::uint64_t only_write[1] = {std::uint64_t{1} << SYS_write};
    EXPECT_EQ(core::set_syscalls(*engine, only_write, 1), 0);
    EXPECT_EQ(core::set_events(*engine, EventSet{Event::kSyscallEntry, Event::kSyscallExit}), 0);
    return engine;
}

// The engine nearest the kernel aborts a write: nothing is written, the program gets ENOSYS, and
// the engine nearer the program saw the call before it was decided and sees the result after.
TEST(HostAbort, LeavesNothingBehind) {
    int gate[2], out[2];
    ASSERT_EQ(::pipe(gate), 0);
    ASSERT_EQ(::pipe(out), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        char byte;
        (void)UTRACE_RETRY(::read(gate[0], &byte, 1));
        const ssize_t n = ::write(out[1], "x", 1);  // lint: raw, the test is about this one call
        ::_exit(n == -1 && errno == ENOSYS ? 0 : 1);
    }
    const UniqueFd gate_in(gate[0]), gate_out(gate[1]), out_in(out[0]);
    UniqueFd out_out(out[1]);
    QuietListener quiet;
    PtraceHost host(quiet);
    auto held = host.seize(static_cast<Pid>(pid), {});
    ASSERT_TRUE(held) << held.error().err;
    Watcher sandbox, log;
    sandbox.abort = true;
    core::Engine* below = attach(*held->front(), sandbox, -300);
    core::Engine* above = attach(*held->front(), log, 100);
    const std::uint64_t until = sys::now_ns() + 60'000'000'000;
    while (host.unsettled() != 0 && sys::now_ns() < until) host.turn(sys::now_ns() + 1'000'000);
    ASSERT_TRUE(sys::write_all(gate_out.get(), "x"));
    while (host.size() != 0 && sys::now_ns() < until) host.turn(sys::now_ns() + 1'000'000);
    out_out.reset();
    char byte;
    EXPECT_EQ(UTRACE_RETRY(::read(out_in.get(), &byte, 1)), 0) << "something was written";
    EXPECT_EQ(host.size(), 0u);
    EXPECT_EQ(quiet.status, 0) << "the program did not get ENOSYS";
    EXPECT_EQ(sandbox.entries.size(), 1u);
    EXPECT_EQ(log.entries, (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(sandbox.results, (std::vector<std::int64_t>{-ENOSYS}));
    EXPECT_EQ(log.results, (std::vector<std::int64_t>{-ENOSYS}));
    core::put(*below);
    core::put(*above);
}

}  // namespace
}  // namespace utrace::host
