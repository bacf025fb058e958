// SPDX-License-Identifier: MIT
// Death of our own processes at any moment: the program does not notice.
#include <signal.h>

#include "base/sys.h"
#include "live/faults/fault_test.h"

namespace utrace::live {
namespace {

class Death : public Fault {
  protected:
    /// How long the traced run of `command` takes after "begin".
    std::uint64_t length_of(const Words& command) {
        Child child = Child::start(traced(command));
        child.expect_line("begin");
        const std::uint64_t from = sys::now_ns();
        child.wait();
        return sys::now_ns() - from;
    }

    // The client dies: the program is adopted by us, runs on untraced and ends as it does bare.
    void kill_client(const Words& command, std::uint64_t within) {
        const Result& wanted = bare(command);
        Child client = Child::start(traced(command));
        ASSERT_TRUE(client.expect_line("begin"));
        const Family family = family_of(client.pid());
        wait_random(within);
        client.signal(SIGKILL);
        if (family.program != 0) {
            expect_untraced(family.program);
            const int status = adopted_status(family.program);
            if (status != -1) {
                EXPECT_EQ(status, wanted.status);
            }
        }
        EXPECT_TRUE(client.expect_line(last_line(wanted.out)));
        client.wait();
    }

    // The keeper dies: the client goes on to the end and says that its log is not complete.
    void kill_keeper(const Words& command, std::uint64_t within) {
        const Result& wanted = bare(command);
        Child client = Child::start(traced(command));
        ASSERT_TRUE(client.expect_line("begin"));
        const Family family = family_of(client.pid());
        wait_random(within);
        const bool hit = family.keeper != 0 && kill_process(family.keeper);
        if (hit && family.program != 0) expect_untraced(family.program);
        const Result got = client.wait();
        EXPECT_EQ(got.out, wanted.out) << got.err;
        if (!got.exited(WEXITSTATUS(wanted.status))) {
            EXPECT_TRUE(hit && got.exited(123)) << got.text();
            const std::string number = std::to_string(WEXITSTATUS(wanted.status));
            EXPECT_NE(got.err.find(number), std::string::npos)
                << "the program's status " << number << " is not told\n"
                << got.text();
        }
    }

    static std::string last_line(const std::string& out) {
        const auto end = out.find_last_not_of('\n');
        const auto start = out.rfind('\n', end);
        return out.substr(start + 1, end - start);
    }
};

TEST_F(Death, F1_KillCliWhileTracing) {
    const Words command = mode({"work", "60"});
    const std::uint64_t length = length_of(command);
    for (unsigned i = 0; i < repetitions(1000) && !HasFailure(); ++i) kill_client(command, length);
}

TEST_F(Death, F1_KillCliWithKillOnExit) {
    for (unsigned i = 0; i < repetitions(1000) && !HasFailure(); ++i) {
        Spawn spawn = traced(mode({"crowd", "4"}), {"--kill-on-exit"});
        spawn.keep_input = true;
        Child client = Child::start(std::move(spawn));
        ASSERT_TRUE(client.expect_line("begin"));
        const Family family = family_of(client.pid());
        ASSERT_NE(family.program, 0);
        wait_random(5'000'000);
        client.signal(SIGKILL);
        client.wait();
        const int status = adopted_status(family.program);
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    }
}

TEST_F(Death, F2_KillCliAttachedToSpawningThreads) {
    const Words command = mode({"spawners", "8", "150"});
    const Result& wanted = bare(command);
    for (unsigned i = 0; i < repetitions(1000) && !HasFailure(); ++i) {
        Child child = Child::start({.argv = command});
        ASSERT_TRUE(child.expect_line("begin"));
        Child client = Child::start(
            {.argv = utrace({"attach", "-o", path("log"), "-p", std::to_string(child.pid())})});
        wait_random(60'000'000);
        client.signal(SIGKILL);
        client.wait();
        expect_untraced(child.pid());
        const Result got = child.wait();
        EXPECT_EQ(got.status, wanted.status) << got.text();
        EXPECT_EQ(got.out, wanted.out);
    }
}

TEST_F(Death, F5_KillKeeperWhileTracing) {
    allow_dead_sockets();
    const Words command = mode({"work", "60", "1"});
    const std::uint64_t length = length_of(command);
    for (unsigned i = 0; i < repetitions(1000) && !HasFailure(); ++i) kill_keeper(command, length);
}

// A short program and many moments, also in the quick set.
TEST_F(Death, F1_HundredRandomMoments) {
    const Words command = mode({"work", "12"});
    const std::uint64_t length = length_of(command);
    for (unsigned i = 0; i < 100 && !HasFailure(); ++i) kill_client(command, length);
}

TEST_F(Death, F5_HundredRandomMoments) {
    allow_dead_sockets();
    const Words command = mode({"work", "12", "1"});
    const std::uint64_t length = length_of(command);
    for (unsigned i = 0; i < 100 && !HasFailure(); ++i) kill_keeper(command, length);
}

}  // namespace
}  // namespace utrace::live
