// SPDX-License-Identifier: MIT
// DEATH and REAP of a real process: REAP comes when its parent waited for it, not before.
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/sys.h"
#include "live/host/quiet_listener.h"

namespace utrace::host {
namespace {

struct Seen {
    int deaths = 0;
    int reaps = 0;
    int deaths_at_reap = 0;
};

Seen& seen(const utrace_call* call) { return *static_cast<Seen*>(call->data); }

const utrace_engine_ops kOps = [] {
    utrace_engine_ops ops{};
    ops.size = sizeof ops;
    ops.report_death = [](const utrace_call* call, int, int) {
        ++seen(call).deaths;
        return static_cast<std::uint32_t>(Resume::kResume);
    };
    ops.report_reap = [](const utrace_call* call) {
        seen(call).deaths_at_reap = seen(call).deaths;
        ++seen(call).reaps;
    };
    return ops;
}();

// A child of ours with a child of its own that exits when told; the parent waits for it when told.
struct Family {
    pid_t parent = 0;
    pid_t child = 0;
    UniqueFd end_child, wait_child;

    Family() {
        int tell_child[2], tell_parent[2], names[2];
        if (::pipe(tell_child) != 0 || ::pipe(tell_parent) != 0 || ::pipe(names) != 0) return;
        parent = ::fork();
        if (parent == 0) {
            ::close(tell_child[1]);
            char byte;
            const pid_t pid = ::fork();
            if (pid == 0) {
                (void)UTRACE_RETRY(::read(tell_child[0], &byte, 1));
                ::_exit(7);
            }
            (void)UTRACE_RETRY(::write(names[1], &pid, sizeof pid));
            (void)UTRACE_RETRY(::read(tell_parent[0], &byte, 1));
            (void)UTRACE_RETRY(::waitpid(pid, nullptr, 0));
            (void)UTRACE_RETRY(::write(names[1], &pid, sizeof pid));
            ::pause();
        }
        end_child.reset(tell_child[1]);
        wait_child.reset(tell_parent[1]);
        names_.reset(names[0]);
        for (const int fd : {tell_child[0], tell_parent[0], names[1]}) UniqueFd{fd};
        (void)UTRACE_RETRY(::read(names_.get(), &child, sizeof child));
    }
    ~Family() {
        if (parent <= 0) return;
        ::kill(parent, SIGKILL);
        (void)UTRACE_RETRY(::waitpid(parent, nullptr, 0));
    }

  private:
    UniqueFd names_;
};

template <class Done>
bool turn_until(PtraceHost& host, Done done) {
    const std::uint64_t until = sys::now_ns() + 60'000'000'000;
    while (!done() && sys::now_ns() < until) host.turn(sys::now_ns() + 1'000'000);
    return done();
}

TEST(HostReap, ComesWhenTheParentWaited) {
    Family family;
    ASSERT_GT(family.child, 0);
    QuietListener quiet;
    PtraceHost host(quiet);
    auto held = host.seize(static_cast<Pid>(family.child), {});
    ASSERT_TRUE(held) << held.error().err;
    Seen what;
    utrace_attach_params params{};
    params.size = sizeof params;
    params.flags = kCreate;
    params.ops = &kOps;
    params.data = &what;
    params.name = "reap";
    core::Engine* engine = nullptr;
    ASSERT_EQ(core::attach(held->front()->core, params, &engine), 0);
    ASSERT_EQ(core::set_events(*engine, EventSet{Event::kDeath, Event::kReap}), 0);

    ASSERT_TRUE(sys::write_all(family.end_child.get(), "x"));
    ASSERT_TRUE(turn_until(host, [&] { return what.deaths == 1; }));
    EXPECT_EQ(host.size(), 0u);
    EXPECT_EQ(host.unreaped(), 1u);
    for (int i = 0; i < 20; ++i) host.turn(sys::now_ns() + 1'000'000);
    EXPECT_EQ(what.reaps, 0);

    ASSERT_TRUE(sys::write_all(family.wait_child.get(), "x"));
    EXPECT_TRUE(turn_until(host, [&] { return what.reaps == 1; }));
    EXPECT_EQ(what.deaths_at_reap, 1);
    EXPECT_EQ(host.unreaped(), 0u);
    core::put(*engine);
}

TEST(HostReap, DeathThatDetachesGetsNone) {
    Family family;
    ASSERT_GT(family.child, 0);
    QuietListener quiet;
    PtraceHost host(quiet);
    auto held = host.seize(static_cast<Pid>(family.child), {});
    ASSERT_TRUE(held) << held.error().err;
    utrace_engine_ops ops = kOps;
    ops.report_death = [](const utrace_call* call, int, int) {
        ++seen(call).deaths;
        return static_cast<std::uint32_t>(Resume::kDetach);
    };
    Seen what;
    utrace_attach_params params{};
    params.size = sizeof params;
    params.flags = kCreate;
    params.ops = &ops;
    params.data = &what;
    params.name = "reap";
    core::Engine* engine = nullptr;
    ASSERT_EQ(core::attach(held->front()->core, params, &engine), 0);
    ASSERT_EQ(core::set_events(*engine, EventSet{Event::kDeath, Event::kReap}), 0);
    ASSERT_TRUE(sys::write_all(family.end_child.get(), "x"));
    ASSERT_TRUE(turn_until(host, [&] { return what.deaths == 1; }));
    EXPECT_EQ(host.unreaped(), 0u);
    EXPECT_EQ(what.reaps, 0);
    core::put(*engine);
}

}  // namespace
}  // namespace utrace::host
