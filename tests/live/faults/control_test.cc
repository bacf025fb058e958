// SPDX-License-Identifier: MIT
// Job control, terminals, signals to everybody: what reaches the program and what reaches us.
#include <signal.h>

#include "base/proc.h"
#include "base/sys.h"
#include "live/faults/fault_test.h"

namespace utrace::live {
namespace {

class Control : public Fault {
  protected:
    static std::string key(char letter) { return std::string(1, static_cast<char>(letter & 0x1f)); }
};

TEST_F(Control, F48_GroupStop) {
    const unsigned times = long_set() ? 100 : 5;
    const Lives lives = expect_same(mode({"group-stop", "500", std::to_string(times)}));
    EXPECT_EQ(lives.births, 501u);
    EXPECT_EQ(lives.ends, 502u);
}

// A shell with job control on a terminal of its own starts `command` and continues it once.
TEST_F(Control, F49_Keys) {
    if (!has_tool("bash")) GTEST_SKIP() << "needs the tool bash";
    const auto dialogue = [&](const std::string& command, bool quit, std::size_t many_keepers) {
        Spawn spawn{.argv = {"bash", "--norc", "--noprofile", "-mc",
                             command + "; echo stopped $?; fg > /dev/null; echo ended $?"}};
        spawn.terminal = true;
        Child shell = Child::start(std::move(spawn));
        EXPECT_TRUE(shell.line().starts_with("pid "));
        EXPECT_TRUE(shell.expect_line("begin\r"));
        // One of the two: both within two seconds ask utrace to let go.
        shell.send(quit ? key('\\') : key('c'));
        EXPECT_TRUE(shell.expect_line(quit ? "^\\signal 3\r" : "^Csignal 2\r"));
        const auto before = keepers();
        EXPECT_EQ(before.size(), many_keepers);
        shell.send(key('z'));
        EXPECT_TRUE(shell.expect_line("stopped 148\r"));
        for (const pid_t keeper : before)
            EXPECT_EQ(status_field(keeper, "State").find_first_of("Tt"), std::string::npos);
        EXPECT_TRUE(shell.expect_line("signal 18\r"));
        shell.send("end\n");
        const Result got = shell.wait();
        EXPECT_TRUE(got.exited(0)) << got.text();
        EXPECT_NE(got.out.find("ended 6\r"), std::string::npos) << got.text();
    };
    const std::string program = mode({}).front() + " terminal";
    dialogue(program, false, 0);
    for (unsigned i = 0; i < repetitions(300) && !HasFailure(); ++i) {
        dialogue(utrace_path() + " run -o " + path("log") + " -- " + program, i % 2 != 0, 1);
        EXPECT_EQ(lives_of(log()).ends, 1u) << log();
    }
}

// The terminal goes away under a shell that runs the program in the foreground.
TEST_F(Control, F49_Hangup) {
    if (!has_tool("bash")) GTEST_SKIP() << "needs the tool bash";
    const std::string out = path("out");
    const auto wait_for = [&](const std::string& text) {
        const std::uint64_t deadline = sys::now_ns() + kDeadline;
        while (read_text(out).find(text) == std::string::npos) {
            if (sys::now_ns() >= deadline) {
                ADD_FAILURE() << "no '" << text << "' but: " << read_text(out);
                return;
            }
        }
    };
    const auto hang_up = [&](const std::string& command) {
        write_text(out, "");
        Spawn spawn{.argv = {"bash", "--norc", "--noprofile", "-mc",
                             command + " terminal > " + out + "; true"}};
        spawn.terminal = true;
        {
            Child shell = Child::start(std::move(spawn));
            wait_for("begin");
            shell.signal(SIGKILL);  // the session leader: the kernel hangs up for it
            shell.wait();
        }  // and here the other side of the terminal is closed
        wait_for("ok hangup");
        EXPECT_NE(read_text(out).find("signal 1\n"), std::string::npos) << read_text(out);
    };
    hang_up(mode({}).front());
    for (unsigned i = 0; i < repetitions(300) && !HasFailure(); ++i)
        hang_up(utrace_path() + " run -o " + path("log") + " -- " + mode({}).front());
}

TEST_F(Control, F50_SignalsToTheOwnGroup) {
    expect_same(mode({"kill-group", std::to_string(repetitions(1000))}));
}

// kill(-1, …) in a pid namespace of its own: the program sees what it sees bare.
TEST_F(Control, F50_SignalsToAll) {
    if (!is_root()) GTEST_SKIP() << "needs root for a pid namespace";
    if (!has_tool("unshare")) GTEST_SKIP() << "needs the tool unshare";
    allow_dead_sockets();
    const Words alone{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"};
    const Result probe = run({.argv = alone + Words{"true"}});
    if (!probe.exited(0)) GTEST_SKIP() << "needs a pid namespace; bare: " << probe.text();
    const std::string program = mode({}).front() + " kill-all ";
    for (const int signo : {SIGUSR1, SIGTERM, SIGKILL}) {
        const std::string number = std::to_string(signo);
        const Result wanted = run({.argv = alone + Words{program + number + "; true"}});
        ASSERT_NE(wanted.out.find("\nok "), std::string::npos) << wanted.text();
        const Result got =
            run({.argv = alone + Words{utrace_path() + " run -o " + path("log") + " -- " + program +
                                       number + "; while kill -0 -1 2>/dev/null; do :; done"}});
        EXPECT_EQ(got.out, wanted.out) << got.text();
    }
}

}  // namespace
}  // namespace utrace::live
