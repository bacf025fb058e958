// SPDX-License-Identifier: MIT
// For programs that always do the same, the calls per name are those `strace -f -c` counts.
#include "live/support/live_test.h"

namespace utrace::live {
namespace {

class Differential : public LiveTest {
  protected:
    void compare(const Words& command) {
        if (!run({.argv = {"strace", "-V"}}).exited(0)) GTEST_SKIP() << "strace is not installed";
        const Result theirs = run(
            {.argv = Words{"strace", "-f", "-c", "-o", path("strace")} + command, .cwd = dir()});
        const Result ours =
            run({.argv = utrace(Words{"run", "-e", "count", "-o", path("utrace"), "--"} + command),
                 .cwd = dir()});
        ASSERT_TRUE(theirs.exited(0)) << theirs.text();
        EXPECT_TRUE(ours.exited(0)) << ours.text();
        EXPECT_EQ(ours.out, theirs.out);
        EXPECT_EQ(ours.err, theirs.err);
        const Counts expected = count_table(read_text(path("strace")));
        const Counts counted = count_table(read_text(path("utrace")));
        EXPECT_FALSE(expected.empty());
        for (const auto& [name, row] : expected) {
            EXPECT_EQ(calls_of(counted, name), row.calls) << name;
            const auto at = counted.find(name);
            if (at != counted.end()) {
                EXPECT_EQ(at->second.errors, row.errors) << name;
            }
        }
        for (const auto& [name, row] : counted)
            EXPECT_TRUE(expected.contains(name))
                << name << ' ' << row.calls << ", unknown to strace";
    }
};

TEST_F(Differential, True) { compare({"true"}); }
TEST_F(Differential, Ls) { compare({"ls", "-la", "/usr/share/perl"}); }
TEST_F(Differential, Cat) { compare({"cat", "/etc/passwd", "/etc/group"}); }
TEST_F(Differential, ShellWithChildren) {
    compare({"sh", "-c", "for i in 1 2 3; do /bin/true; done; (exit 0); echo end"});
}
TEST_F(Differential, Python) {
    if (!run({.argv = {"python3", "-V"}}).exited(0)) GTEST_SKIP() << "python3 is not installed";
    compare({"python3", "-S", "-B", "-c", "pass"});
}
TEST_F(Differential, Perl) {
    if (!run({.argv = {"perl", "-v"}}).exited(0)) GTEST_SKIP() << "perl is not installed";
    compare({"perl", "-e", "print 1+1"});
}
TEST_F(Differential, Find) { compare({"find", "/usr/include/linux", "-name", "nosuch"}); }
TEST_F(Differential, Awk) { compare({"awk", "BEGIN { print 1 }"}); }
TEST_F(Differential, Tar) { compare({"tar", "-C", "/etc", "-cf", "/dev/null", "passwd", "group"}); }
TEST_F(Differential, ForkExecChain) { compare({program("fork_exec_chain"), "5"}); }
TEST_F(Differential, SpawnStorm) { compare({program("spawn_storm"), "5"}); }
TEST_F(Differential, Signals) { compare({program("all_signals"), "2"}); }

}  // namespace
}  // namespace utrace::live
