// SPDX-License-Identifier: MIT
#include "cli/options.h"

#include <gtest/gtest.h>

#include "capture/syscall_table.h"
#include "cli/option_table.h"
#include "golden.h"

namespace utrace::cli {
namespace {

using test::complaint_of_words;
using test::parse_words;
using Words = std::vector<std::string>;

std::size_t nr(const char* name) { return static_cast<std::size_t>(capture::syscall_number(name)); }

TEST(Options, CommandWithoutVerbIsRun) {
    const auto got = parse_words({"ls", "-l", "--all"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->verb, Verb::kRun);
    EXPECT_TRUE(got->verb_implied);
    EXPECT_EQ(got->command, (Words{"ls", "-l", "--all"}));
    ASSERT_EQ(got->engines.size(), 1u);
    EXPECT_EQ(got->engines[0].id, "log#1");
    EXPECT_TRUE(got->engines[0].syscalls.all());
}

TEST(Options, OptionsStandBeforeTheVerbAndAfterIt) {
    const auto got = parse_words({"-v", "run", "-o", "x", "--", "run", "-v"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->verbose, 1u);
    EXPECT_EQ(got->output, "x");
    EXPECT_EQ(got->command, (Words{"run", "-v"}));
}

TEST(Options, DashesEndTheSearchForAVerb) {
    const auto got = parse_words({"--", "attach"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->verb, Verb::kRun);
    EXPECT_EQ(got->command, Words{"attach"});
}

TEST(Options, DashesAsAValueAreAValue) {
    const auto got = parse_words({"run", "-o", "--", "ls"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->output, "--");
    EXPECT_EQ(got->command, Words{"ls"});
}

TEST(Options, ParsingStopsAtTheCommand) {
    const auto got = parse_words({"run", "ls", "-p", "1"});
    ASSERT_TRUE(got);
    EXPECT_TRUE(got->pids.empty());
    EXPECT_EQ(got->command.size(), 3u);
}

TEST(Options, PidsWithoutVerbAttach) {
    const auto got = parse_words({"-p", "12,13", "-p", "12"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->verb, Verb::kAttach);
    EXPECT_EQ(got->pids, (std::vector<pid_t>{12, 13}));
}

TEST(Options, TextOptions) {
    const auto got = parse_words(
        {"run", "-ttt", "-r", "-T", "-n", "-xx", "-X", "raw", "-s", "64", "-a50", "-Yv", "ls"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->text.stamp, TimeStamp::kEpoch);
    EXPECT_TRUE(got->text.relative && got->text.durations && got->text.numbers);
    EXPECT_TRUE(got->text.names && got->text.whole);
    EXPECT_EQ(got->text.hex, HexStrings::kAll);
    EXPECT_EQ(got->text.constants, ConstantStyle::kRaw);
    EXPECT_EQ(got->text.string_limit, 64u);
    EXPECT_EQ(got->text.column, 50u);
}

TEST(Options, LimitsAndSwitches) {
    const auto got = parse_words({"run",
                                  "--ring",
                                  "4M",
                                  "--for",
                                  "1.5s",
                                  "--kill-on-exit",
                                  "--stats",
                                  "--fail-on-drop",
                                  "--when-full",
                                  "drop",
                                  "--host=ptrace",
                                  "--follow",
                                  "threads",
                                  "--color=never",
                                  "-E",
                                  "A=b=c",
                                  "-EB",
                                  "-u",
                                  "nobody",
                                  "ls"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->ring_bytes, 4u << 20);
    EXPECT_EQ(got->limit_ns, 1'500'000'000u);
    EXPECT_TRUE(got->kill_on_exit && got->stats && got->fail_on_drop);
    EXPECT_EQ(got->host, HostChoice::kPtrace);
    EXPECT_EQ(got->follow, Follow::kThreads);
    EXPECT_EQ(got->colour, Colour::kNever);
    EXPECT_EQ(got->user, "nobody");
    ASSERT_EQ(got->environment.size(), 2u);
    EXPECT_EQ(got->environment[0].name, "A");
    EXPECT_EQ(got->environment[0].value, "b=c");
    EXPECT_TRUE(got->environment[0].set);
    EXPECT_EQ(got->environment[1].name, "B");
    EXPECT_FALSE(got->environment[1].set);
}

TEST(Options, LaterFollowWins) {
    EXPECT_EQ(parse_words({"run", "-f", "--no-follow", "ls"})->follow, Follow::kNone);
    EXPECT_EQ(parse_words({"run", "--no-follow", "-f", "ls"})->follow, Follow::kAll);
}

TEST(Options, EnginesInOrderWithNames) {
    const auto got = parse_words({"run", "-e", "count", "-e", "log:trace=%file+read,s=8,id=mine",
                                  "-e", "count:level=3,o=table", "ls"});
    ASSERT_TRUE(got);
    ASSERT_EQ(got->engines.size(), 3u);
    EXPECT_EQ(got->engines[0].id, "count#1");
    EXPECT_EQ(got->engines[1].id, "mine");
    EXPECT_EQ(got->engines[1].string_limit, 8u);
    EXPECT_TRUE(got->engines[1].string_limit_set);
    EXPECT_TRUE(got->engines[1].syscalls[nr("openat")]);
    EXPECT_TRUE(got->engines[1].syscalls[nr("read")]);
    EXPECT_FALSE(got->engines[1].syscalls[nr("write")]);
    EXPECT_EQ(got->engines[2].level, 3);
    EXPECT_EQ(got->engines[2].output, "table");
}

TEST(Options, QualifierImpliesALog) {
    const auto got = parse_words({"run", "-e", "trace=openat", "-e", "signal=!SIGCHLD", "ls"});
    ASSERT_TRUE(got);
    ASSERT_EQ(got->engines.size(), 1u);
    EXPECT_EQ(got->engines[0].kind, EngineKind::kLog);
    EXPECT_EQ(got->engines[0].syscalls.count(), 1u);
    EXPECT_FALSE(got->engines[0].signals[17]);
    EXPECT_TRUE(got->engines[0].signals[15]);
}

TEST(Options, TraceNarrowsACountWithoutAddingALog) {
    const auto got = parse_words({"run", "-e", "count", "-e", "trace=openat", "ls"});
    ASSERT_TRUE(got);
    ASSERT_EQ(got->engines.size(), 1u);
    EXPECT_EQ(got->engines[0].syscalls.count(), 1u);
}

TEST(Options, AnEnginesOwnKeyBeatsTheQualifier) {
    const auto got = parse_words({"run", "-e", "log:trace=read", "-e", "trace=openat", "ls"});
    ASSERT_TRUE(got);
    EXPECT_TRUE(got->engines[0].syscalls[nr("read")]);
    EXPECT_FALSE(got->engines[0].syscalls[nr("openat")]);
}

TEST(Options, LaterQualifierReplacesTheEarlier) {
    const auto got = parse_words({"run", "-e", "trace=read", "-e", "trace=openat", "ls"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->engines[0].syscalls.count(), 1u);
    EXPECT_TRUE(got->engines[0].syscalls[nr("openat")]);
}

TEST(Options, HelpAndVersionOfAnyLine) {
    EXPECT_EQ(parse_words({"--help"})->verb, Verb::kHelp);
    EXPECT_EQ(parse_words({})->verb, Verb::kHelp);
    const auto got = parse_words({"run", "-h"});
    EXPECT_EQ(got->verb, Verb::kHelp);
    EXPECT_EQ(got->words, Words{"run"});
    EXPECT_EQ(parse_words({"-V"})->verb, Verb::kVersion);
    EXPECT_EQ(parse_words({"explain", "UT-RUN-01"})->words, Words{"UT-RUN-01"});
}

TEST(Options, AShortenedLongOptionIsNotGuessed) {
    EXPECT_NE(complaint_of_words({"run", "--fol", "all", "ls"}).find("--follow"),
              std::string::npos);
}

/// The promise "never accepted silently": each row marked as not here is refused by that name.
TEST(Options, EveryOptionOfALaterVersionIsRefused) {
    unsigned refused = 0;
    for (const auto& desc : options()) {
        if (desc.opt != Opt::kLater) continue;
        Words words{"run"};
        words.push_back(desc.letter != 0 ? std::string("-") + desc.letter
                                         : std::string("--") + desc.name);
        if (desc.arg != nullptr) words.push_back("1");
        words.push_back("ls");
        const auto got = parse_words(words);
        ASSERT_FALSE(got) << words[1];
        EXPECT_EQ(got.error().msg, Msg::kUsageLater) << words[1];
        ++refused;
    }
    EXPECT_GT(refused, 20u);
}

TEST(Options, EveryVerbOfALaterVersionIsRefused) {
    for (const auto& desc : verbs()) {
        if (desc.verb != Verb::kLater) continue;
        const auto got = parse_words({desc.name});
        ASSERT_FALSE(got) << desc.name;
        EXPECT_EQ(got.error().msg, Msg::kUsageLater) << desc.name;
    }
}

TEST(Options, EveryKeyOfALaterVersionIsRefused) {
    for (const auto& key : keys()) {
        if (key.key != Key::kLater) continue;
        const std::string assignment = std::string(key.name) + "=1";
        std::string value = assignment;
        if ((key.engines & kForLog) != 0)
            value = "log:" + assignment;
        else if ((key.engines & kForCount) != 0)
            value = "count:" + assignment;
        const auto got = parse_words({"run", "-e", value, "ls"});
        ASSERT_FALSE(got) << value;
        EXPECT_EQ(got.error().msg, Msg::kUsageLater) << value;
    }
}

TEST(Options, LettersAndNamesAreUnique) {
    for (const auto& a : options())
        for (const auto& b : options()) {
            if (&a == &b) continue;
            if (a.letter != 0) {
                EXPECT_NE(a.letter, b.letter);
            }
            if (a.name != nullptr && b.name != nullptr) {
                EXPECT_STRNE(a.name, b.name);
            }
        }
}

}  // namespace
}  // namespace utrace::cli
