// SPDX-License-Identifier: MIT
// Programs do under us what they do without us: same output, same status, same surroundings.
#include <unistd.h>

#include <cstdlib>

#include "live/support/live_test.h"

namespace utrace::live {
namespace {

class Programs : public LiveTest {
  protected:
    static bool have(const Words& command) { return run({.argv = command}).exited(0); }
    // `script` in an empty folder, bare and traced; both runs must say and return the same.
    void expect_same(const std::string& script,
                     const Words& engine = {"-e", "log", "-o", "../log"}) {
        ASSERT_EQ(run({.argv = {"mkdir", path("bare"), path("traced")}}).status, 0);
        const Result bare = run({.argv = {"sh", "-ec", script}, .cwd = path("bare")});
        const Result traced =
            run({.argv = utrace(Words{"run", "-q"} + engine + Words{"--", "sh", "-ec", script}),
                 .cwd = path("traced")});
        EXPECT_EQ(traced.status, bare.status) << traced.text();
        EXPECT_EQ(traced.out, bare.out);
        EXPECT_EQ(traced.err, bare.err);
        EXPECT_TRUE(bare.exited(0)) << bare.text();
    }
    // A program of tests/live/programs, with the same expectation.
    static void expect_same_program(const Words& command, int status = 0) {
        const Result bare = run({.argv = command});
        const Result traced =
            run({.argv = utrace(Words{"run", "-e", "count", "-o", "/dev/null", "--"} + command)});
        EXPECT_TRUE(bare.exited(status)) << bare.text();
        EXPECT_TRUE(traced.exited(status)) << traced.text();
        EXPECT_EQ(traced.out, bare.out);
        EXPECT_EQ(traced.err, bare.err);
    }
};

TEST_F(Programs, Git) {
    if (!have({"git", "--version"})) GTEST_SKIP() << "git is not installed";
    expect_same(
        "export GIT_CONFIG_GLOBAL=/dev/null\n"
        "export GIT_AUTHOR_DATE='1000000000 +0000' GIT_COMMITTER_DATE='1000000000 +0000'\n"
        "git init -q -b main .; mkdir d; for i in 1 2 3 4 5; do echo $i > d/$i; done\n"
        "git add -A; git -c user.name=a -c user.email=a@a commit -qm first\n"
        "echo more >> d/1; rm d/2; git status --short; git log --format=%H; git diff | cat");
}

TEST_F(Programs, CompileAndRun) {
    if (!have({"gcc", "--version"})) GTEST_SKIP() << "gcc is not installed";
    expect_same(
        "printf '#include <stdio.h>\\nint main(void) { puts(\"built\"); return 0; }\\n' > a.c\n"
        "gcc -O1 -o a a.c; ./a; cksum a.c");
}

TEST_F(Programs, PythonThreadsAndChildren) {
    if (!have({"python3", "-V"})) GTEST_SKIP() << "python3 is not installed";
    write_text(path("a.py"), R"(import subprocess, threading
total = []
def work(n):
    out = subprocess.run(["echo", str(n)], stdout=subprocess.PIPE).stdout
    total.append(int(out))
threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sorted(total), sum(total))
)");
    expect_same("python3 -B ../a.py");
}

TEST_F(Programs, NodeWorkerAndChild) {
    if (!have({"node", "--version"})) GTEST_SKIP() << "node is not installed";
    write_text(path("a.js"), R"js(const { Worker } = require('worker_threads');
const { execFileSync } = require('child_process');
const answer = "require('worker_threads').parentPort.postMessage(6 * 7)";
const worker = new Worker(answer, { eval: true });
worker.on('message', (m) => console.log('worker', m));
worker.on('exit', (code) => {
    console.log('exit', code, execFileSync('echo', ['child']).toString().trim());
});
)js");
    expect_same("node ../a.js", {"-e", "count", "-o", "/dev/null"});
}

TEST_F(Programs, Perl) {
    if (!have({"perl", "-v"})) GTEST_SKIP() << "perl is not installed";
    expect_same(
        "perl -e '$|=1; for (1..5) { $p = fork; if (!$p) { exit $_ } waitpid($p, 0); "
        "print $? >> 8, \"\\n\" } print `echo inside`; $SIG{ALRM} = sub { print \"alarm\\n\" }; "
        "kill ALRM => $$; open(F, \"-|\", \"seq 3\"); print while <F>'");
}

TEST_F(Programs, ShellPipelinesAndTraps) {
    if (!have({"bash", "--version"})) GTEST_SKIP() << "bash is not installed";
    expect_same(
        "bash -c 'trap \"echo term\" TERM; kill -TERM $$; seq 1000 | sort -n | tail -1; "
        "(sleep 0 & wait); f() { return 9; }; f; echo $?; yes | head -2; echo ${PIPESTATUS[0]}'");
}

TEST_F(Programs, Threads) { expect_same_program({program("threads_calls"), "64", "100"}); }
TEST_F(Programs, SpawnStorm) { expect_same_program({program("spawn_storm"), "40"}); }
TEST_F(Programs, ExecOfAThread) {
    for (int i = 0; i < 5; ++i) expect_same_program({program("exec_thread")}, 5);
}
TEST_F(Programs, EverySignal) { expect_same_program({program("all_signals"), "4"}); }
TEST_F(Programs, ForkTree) { expect_same_program({program("fork_tree"), "4", "3"}); }
TEST_F(Programs, Timers) { expect_same_program({program("timers"), "200"}); }
TEST_F(Programs, ZombieLeader) { expect_same_program({program("zombie_leader"), "50"}, 6); }

// Descriptors, signal masks, limits, environment: nothing of ours is seen from inside.
TEST_F(Programs, Surroundings) {
    expect_same_program({program("look_around")});
    const Result bare = run({.argv = {program("look_around")}, .input = "", .cwd = dir()});
    const Result traced = run({.argv = utrace({"run", "-e", "log", "-e", "count", "-o",
                                               "|cat > /dev/null", "--", program("look_around")}),
                               .input = "",
                               .cwd = dir()});
    EXPECT_EQ(traced.out, bare.out);
}

TEST_F(Programs, TracerIsTheKeeper) {
    const Result result = run(
        {.argv = utrace({"run", "-e", "count", "-o", "/dev/null", "--", program("tracer_pid")})});
    EXPECT_EQ(result.out, "utrace-keeper\n") << result.text();
}

// The program's parent is utrace, in its process group and session, as under a shell.
TEST_F(Programs, ParentAndProcessGroup) {
    Child child =
        Child::start({.argv = utrace({"run", "-e", "count", "-o", "/dev/null", "--", "sh", "-c",
                                      "cut -d' ' -f4,5,6 /proc/$$/stat; read line"}),
                      .keep_input = true});
    const std::string line = child.line();
    const std::string pid = std::to_string(child.pid());
    EXPECT_EQ(line, pid + " " + pid + " " + std::to_string(::getsid(child.pid()))) << line;
    child.send("end\n");
    EXPECT_TRUE(child.wait().exited(0));
}

// ---------------------------------------------------------------- stop and continue

TEST_F(Programs, StopAndContinueBySignal) {
    Child child =
        Child::start({.argv = utrace({"run", "-o", path("log"), "--", "sh", "-c",
                                      "echo $$; kill -STOP $$; echo continued; exit 3"})});
    const std::string pid = child.line();
    ASSERT_TRUE(wait_text(path("log"), "--- stopped by SIGSTOP ---"));
    EXPECT_TRUE(run({.argv = {"kill", "-CONT", pid}}).exited(0));
    EXPECT_EQ(child.line(), "continued");
    EXPECT_TRUE(child.wait().exited(3));
    EXPECT_NE(read_text(path("log")).find("--- SIGCONT {si_signo=SIGCONT"), std::string::npos);
}

// A shell with job control: ^Z stops, fg continues, ^C ends what is in the foreground. Quotes in
// what is typed keep its echo from being taken for output.
void job_control(Child& shell, const std::string& before) {
    ASSERT_TRUE(shell.expect_text("ready> "));
    shell.send(before + "sh -c 'echo it-r\"\"uns $$; exec cat'\n");
    ASSERT_TRUE(shell.expect_text("it-runs "));
    const pid_t cat = std::atoi(shell.line().c_str());
    for (const std::string ping : {"ping-one", "ping-two", "ping-three"}) {
        shell.send("\x1a");
        ASSERT_TRUE(shell.expect_text("Stopped"));
        ASSERT_TRUE(shell.expect_text("ready> "));  // what is typed before it is thrown away
        // The shell knows when its child has stopped; that may be utrace, a moment before cat.
        ASSERT_TRUE(wait_stopped(cat));
        shell.send("fg\n");
        ASSERT_TRUE(shell.expect_text("exec cat'"));
        shell.send(ping + "\n");
        // Once from the terminal, once from cat: it runs, in the foreground.
        ASSERT_TRUE(shell.expect_text(ping));
        ASSERT_TRUE(shell.expect_text(ping));
    }
    shell.send("\x03");
    ASSERT_TRUE(shell.expect_text("ready> "));
    shell.send("echo r''c=$?\n");
    ASSERT_TRUE(shell.expect_text("rc=130"));
    shell.send("exit 5\n");
    const Result result = shell.wait();
    EXPECT_TRUE(result.exited(5)) << result.text();
}

const Words kShell = {"bash", "--norc", "--noprofile", "--noediting", "-i"};

TEST_F(Programs, JobControlInATracedShell) {
    if (!have({"bash", "--version"})) GTEST_SKIP() << "bash is not installed";
    Child shell = Child::start({.argv = utrace(Words{"run", "-o", path("log"), "--"} + kShell),
                                .env = {{"PS1", "ready> "}},
                                .terminal = true});
    job_control(shell, "");
    const std::string log = read_text(path("log"));
    EXPECT_NE(log.find("--- stopped by SIGTSTP ---"), std::string::npos);
    EXPECT_NE(log.find("+++ killed by SIGINT +++"), std::string::npos);
    // The calls the signals broke ended for themselves; nobody resumed them.
    EXPECT_EQ(log.find("resuming interrupted"), std::string::npos);
}

TEST_F(Programs, JobControlOfUtraceItself) {
    if (!have({"bash", "--version"})) GTEST_SKIP() << "bash is not installed";
    Child shell = Child::start({.argv = kShell, .env = {{"PS1", "ready> "}}, .terminal = true});
    job_control(shell, utrace_path() + " run -o " + path("log") + " -- ");
    const std::string log = read_text(path("log"));
    // utrace itself may stop first; then the SIGCONT of fg takes cat's SIGTSTP back.
    EXPECT_NE(log.find("--- SIGCONT {si_signo=SIGCONT"), std::string::npos);
    EXPECT_NE(log.find("+++ killed by SIGINT +++"), std::string::npos);
    // The calls the signals broke ended for themselves; nobody resumed them.
    EXPECT_EQ(log.find("resuming interrupted"), std::string::npos);
}

}  // namespace
}  // namespace utrace::live
