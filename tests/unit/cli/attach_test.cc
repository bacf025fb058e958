// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "cli/why_not_attach.h"
#include "golden.h"

namespace utrace::cli {
namespace {

using test::Sandbox;

constexpr pid_t kPid = 4242;

ProcessFacts plain_process() {
    ProcessFacts facts;
    facts.exists = true;
    facts.state = 'S';
    facts.process = kPid;
    facts.uids = {1000, 1000, 1000, 1000};
    facts.gids = {1000, 1000, 1000, 1000};
    facts.user_namespace = "user:[1]";
    return facts;
}

Observer plain_observer() {
    Observer us;
    us.facts = plain_process();
    us.uid = 1000;
    us.gid = 1000;
    return us;
}

Reason reason_of(const ProcessFacts& facts, const Observer& us, std::optional<int> scope,
                 int err = EPERM) {
    return attach_reason(kPid, err, facts, us, scope).reason;
}

TEST(WhyNotAttach, NothingSpeaksAgainstIt) {
    EXPECT_EQ(reason_of(plain_process(), plain_observer(), 0, 0), Reason::kNone);
    EXPECT_EQ(reason_of(plain_process(), plain_observer(), std::nullopt, 0), Reason::kNone);
    EXPECT_EQ(reason_of(plain_process(), plain_observer(), 0, EPERM), Reason::kDenied);
}

TEST(WhyNotAttach, KindsOfProcess) {
    ProcessFacts facts = plain_process();
    facts.exists = false;
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kNoSuchProcess);
    facts = plain_process();
    facts.process = kPid - 1;
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kIsThread);
    facts = plain_process();
    facts.state = 'Z';
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kIsZombie);
    facts = plain_process();
    facts.kernel_thread = true;
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kIsKernelThread);
    facts = plain_process();
    facts.tracer = 3999;
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kForeignTracer);
    facts = plain_process();
    facts.process = ::getpid();
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kOurselves);
}

TEST(WhyNotAttach, RightsInTheOrderOfTheKernelsTest) {
    ProcessFacts facts = plain_process();
    facts.uids = {1000, 0, 0, 0};
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kCredentials);
    facts = plain_process();
    facts.gids[2] = 5;
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kCredentials);
    // The file system uid plays no part.
    facts = plain_process();
    facts.uids[3] = 5;
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kDenied);
    facts = plain_process();
    facts.not_dumpable = true;
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kNotDumpable);
    facts = plain_process();
    facts.capabilities = 0x2000;
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kCapabilities);
    facts = plain_process();
    facts.user_namespace = "user:[2]";
    EXPECT_EQ(reason_of(facts, plain_observer(), 0), Reason::kForeignNamespace);
}

TEST(WhyNotAttach, YamaScopes) {
    EXPECT_EQ(reason_of(plain_process(), plain_observer(), 1), Reason::kYama);
    EXPECT_EQ(reason_of(plain_process(), plain_observer(), 1, 0), Reason::kNone);
    EXPECT_EQ(reason_of(plain_process(), plain_observer(), 2, 0), Reason::kYama);
    EXPECT_EQ(reason_of(plain_process(), plain_observer(), 3, 0), Reason::kYama);
}

TEST(WhyNotAttach, TheCapabilityOpensAllButScopeThree) {
    Observer root = plain_observer();
    root.may_trace_all = true;
    ProcessFacts facts = plain_process();
    facts.uids = {5, 5, 5, 5};
    facts.not_dumpable = true;
    EXPECT_EQ(reason_of(facts, root, 2, 0), Reason::kNone);
    EXPECT_EQ(reason_of(facts, root, 3, 0), Reason::kYama);
}

TEST(WhyNotAttach, ReadsAProcDirectory) {
    const Sandbox sandbox;
    sandbox.file("proc/4242/status",
                 "Name:\ta b)c\nState:\tt (tracing stop)\nTgid:\t4242\nPPid:\t7\nTracerPid:\t3999\n"
                 "Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nThreads:\t9\nCapPrm:\t00000000000000ff\n"
                 "NoNewPrivs:\t1\nSeccomp:\t2\n");
    sandbox.file("proc/4242/stat", "4242 (a b)c) t 7 1 1 0 -1 2097216 0 0\n");
    sandbox.file("proc/3999/comm", "gdb\n");
    sandbox.link("proc/4242/ns/user", "user:[77]");
    sandbox.file("proc/sys/kernel/yama/ptrace_scope", "1\n");
    const ProcessFacts facts = read_process(kPid, "proc");
    EXPECT_TRUE(facts.exists);
    EXPECT_EQ(facts.name, "a b)c");
    EXPECT_EQ(facts.state, 't');
    EXPECT_EQ(facts.tracer, 3999);
    EXPECT_EQ(facts.tracer_name, "gdb");
    EXPECT_EQ(facts.uids, (std::vector<uid_t>{1, 2, 3, 4}));
    EXPECT_EQ(facts.gids, (std::vector<gid_t>{5, 6, 7, 8}));
    EXPECT_EQ(facts.capabilities, 0xffu);
    EXPECT_EQ(facts.seccomp, 2);
    EXPECT_TRUE(facts.no_new_privs);
    EXPECT_TRUE(facts.kernel_thread);
    EXPECT_EQ(facts.user_namespace, "user:[77]");
    EXPECT_EQ(facts.threads, 9);
    EXPECT_EQ(yama_scope("proc"), 1);
    EXPECT_EQ(yama_scope("nowhere"), std::nullopt);
    EXPECT_FALSE(read_process(1, "proc").exists);
}

TEST(WhyNotAttach, TheRealProcOfOurselves) {
    const ProcessFacts us = read_process(::getpid());
    EXPECT_TRUE(us.exists);
    EXPECT_FALSE(us.kernel_thread);
    EXPECT_EQ(us.process, ::getpid());
    EXPECT_EQ(why_not_attach(::getpid(), 0).reason, Reason::kOurselves);
}

}  // namespace
}  // namespace utrace::cli
