// SPDX-License-Identifier: MIT
#include "cli/sets.h"

#include <gtest/gtest.h>

#include "capture/syscall_table.h"
#include "cli/suggest.h"
#include "cli/values.h"

namespace utrace::cli {
namespace {

std::size_t nr(const char* name) { return static_cast<std::size_t>(capture::syscall_number(name)); }

SyscallSet set_of(std::string_view text, char separator = ',') {
    auto set = parse_syscall_set("trace", text, separator);
    EXPECT_TRUE(set) << text;
    return set ? *set : SyscallSet{};
}

TEST(SyscallSets, NamesNumbersAndUnknownNames) {
    EXPECT_EQ(set_of("read,write").count(), 2u);
    EXPECT_TRUE(set_of("0")[0]);
    EXPECT_TRUE(set_of("511")[511]);
    EXPECT_EQ(set_of("?no_such_call,read").count(), 1u);
    EXPECT_TRUE(set_of("openat@64")[nr("openat")]);
    EXPECT_FALSE(parse_syscall_set("trace", "512", ','));
    EXPECT_FALSE(parse_syscall_set("trace", "no_such_call", ','));
    EXPECT_FALSE(parse_syscall_set("trace", "", ','));
    EXPECT_FALSE(parse_syscall_set("trace", "read,,write", ','));
}

TEST(SyscallSets, ClassesInBothSpellings) {
    EXPECT_EQ(set_of("%file"), set_of("file"));
    EXPECT_EQ(set_of("%net"), set_of("network"));
    EXPECT_TRUE(set_of("%file")[nr("openat")]);
    EXPECT_FALSE(set_of("%file")[nr("read")]);
    EXPECT_TRUE(set_of("%%stat")[nr("newfstatat")]);
    EXPECT_TRUE(set_of("%clock")[nr("clock_gettime")]);
    // `stat` without '%' is the call, not the class.
    EXPECT_EQ(set_of("stat").count(), 1u);
}

TEST(SyscallSets, AllNoneAndNegation) {
    EXPECT_TRUE(set_of("all").all());
    EXPECT_TRUE(set_of("none").none());
    EXPECT_TRUE(set_of("!none").all());
    const auto but = set_of("!read,write");
    EXPECT_FALSE(but[nr("read")]);
    EXPECT_FALSE(but[nr("write")]);
    EXPECT_TRUE(but[nr("openat")]);
    const auto less = set_of("%file+!openat", '+');
    EXPECT_FALSE(less[nr("openat")]);
    EXPECT_TRUE(less[nr("unlink")]);
}

TEST(SyscallSets, RegularExpressions) {
    const auto set = set_of("/^open");
    EXPECT_TRUE(set[nr("open")] && set[nr("openat")] && set[nr("openat2")]);
    EXPECT_FALSE(set[nr("mq_open")]);
    EXPECT_TRUE(set_of("/open")[nr("mq_open")]);
    EXPECT_EQ(parse_syscall_set("trace", "/(", ',').error().msg, Msg::kUsageRegex);
    EXPECT_EQ(parse_syscall_set("trace", "/^nothing_like_it$", ',').error().msg,
              Msg::kUsageEmptySet);
    // Quotes keep a separator inside a member.
    EXPECT_TRUE(set_of("\"/^op+en\"", '+')[nr("open")]);
}

TEST(SignalSets, NamesNumbersRealTime) {
    const auto parsed = parse_signal_set("signal", "SIGINT,term,9,SIGRT_2", ',');
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->count(), 4u);
    EXPECT_TRUE((*parsed)[2] && (*parsed)[15] && (*parsed)[9] && (*parsed)[34]);
    EXPECT_TRUE(parse_signal_set("signal", "none", ',')->none());
    EXPECT_FALSE(parse_signal_set("signal", "65", ','));
    EXPECT_FALSE(parse_signal_set("signal", "SIGFOO", ','));
    EXPECT_FALSE((*parse_signal_set("signal", "!SIGCHLD", ','))[17]);
}

TEST(StatusSets, Words) {
    EXPECT_EQ(*parse_status_set("status", "failed,unfinished", ','),
              kStatusFailed | kStatusUnfinished);
    EXPECT_EQ(*parse_status_set("status", "!successful", ','), kStatusAll & ~kStatusSuccessful);
    EXPECT_EQ(*parse_quiet_set("quiet", "exit+attach", '+'), kQuietExit | kQuietAttach);
    EXPECT_FALSE(parse_status_set("status", "fine", ','));
}

TEST(Values, SizesAndTimes) {
    EXPECT_EQ(*parse_size("--ring", "4M"), 4u << 20);
    EXPECT_EQ(*parse_size("--ring", "65536"), 65536u);
    for (const char* bad :
         {"", "M", "0", "4 M", "4MB", "-1", "1.5M", "9999999999999999999", "9223372036854775807G"})
        EXPECT_FALSE(parse_size("--ring", bad)) << bad;
    EXPECT_EQ(*parse_time("--for", "2"), 2'000'000'000u);
    EXPECT_EQ(*parse_time("--for", "0.1s"), 100'000'000u);
    EXPECT_EQ(*parse_time("--for", "250us"), 250'000u);
    EXPECT_EQ(*parse_time("--for", "1.5h"), 5'400'000'000'000u);
    for (const char* bad : {"", "s", "0", "1.", ".5", "1d", "1e9", "9999999999h", "1.5.5s"})
        EXPECT_FALSE(parse_time("--for", bad)) << bad;
}

TEST(Values, Pids) {
    EXPECT_EQ(*parse_pids("-p", "1,2,1"), (std::vector<pid_t>{1, 2}));
    EXPECT_EQ(*parse_pids("-p", "1 2"), (std::vector<pid_t>{1, 2}));
    for (const char* bad : {"", ",", "1,", "0", "-1", "x", "1x", "99999999999"})
        EXPECT_FALSE(parse_pids("-p", bad)) << bad;
}

TEST(Suggest, DistanceCountsEdits) {
    EXPECT_EQ(edit_distance("record", "record"), 0u);
    EXPECT_EQ(edit_distance("recrod", "record"), 1u);
    EXPECT_EQ(edit_distance("pdi", "pid"), 1u);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(edit_distance("", "abc"), 3u);
    EXPECT_GT(edit_distance(std::string(64, 'a'), "a"), kMaxSuggestDistance);
}

TEST(Suggest, ShortWordsWithNothingInCommonAreNotNear) {
    Nearest nearest("zz");
    nearest.offer("ps");
    EXPECT_TRUE(nearest.found().empty());
    nearest.offer("zs");
    EXPECT_EQ(nearest.found(), "zs");
}

TEST(Split, KeepsQuotesAndBracketsWhole) {
    const auto parts = split_outside_quotes("a=1,b='x,y',c=(p,q),d", ',');
    ASSERT_EQ(parts.size(), 4u);
    EXPECT_EQ(parts[1], "b='x,y'");
    EXPECT_EQ(parts[2], "c=(p,q)");
    EXPECT_EQ(unquoted("'x,y'"), "x,y");
    EXPECT_EQ(unquoted("'x"), "'x");
}

}  // namespace
}  // namespace utrace::cli
