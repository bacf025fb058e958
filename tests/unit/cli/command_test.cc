// SPDX-License-Identifier: MIT
#include "cli/command_search.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "golden.h"

namespace utrace::cli {
namespace {

using test::Sandbox;

TEST(CommandSearch, FirstExecutableOfPathWins) {
    const Sandbox sandbox;
    sandbox.file("a/tool", "#!/bin/sh\n", 0644);
    sandbox.file("b/tool", "#!/bin/sh\n", 0755);
    sandbox.file("c/tool", "#!/bin/sh\n", 0755);
    const auto found = find_command("tool", "a:b:c");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->path, "b/tool");
    EXPECT_EQ(found->interpreter, "/bin/sh");
    EXPECT_FALSE(found->set_id);
}

TEST(CommandSearch, EmptyEntryIsTheCurrentDirectory) {
    const Sandbox sandbox;
    sandbox.file("tool", "#!/bin/sh\n", 0755);
    EXPECT_EQ(find_command("tool", "nowhere::")->path, "./tool");
}

TEST(CommandSearch, NoPathNoSearch) {
    const Sandbox sandbox;
    sandbox.file("tool", "#!/bin/sh\n", 0755);
    EXPECT_EQ(find_command("tool", nullptr).error().reason, Reason::kNotFound);
    EXPECT_TRUE(find_command("./tool", nullptr));
    EXPECT_FALSE(find_command("", "."));
}

TEST(CommandSearch, DirectoriesOfTheNameArePassedOver) {
    const Sandbox sandbox;
    sandbox.directory("a/tool");
    const auto found = find_command("tool", "a");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().reason, Reason::kNotFound);
    EXPECT_FALSE(command_exists("tool", "a"));
}

TEST(CommandSearch, AFileWithoutTheRightIsACommandToTheVerbSearch) {
    const Sandbox sandbox;
    sandbox.file("a/tool", "#!/bin/sh\n", 0644);
    EXPECT_TRUE(command_exists("tool", "a"));
    EXPECT_EQ(find_command("tool", "a").error().err, EACCES);
}

TEST(CommandSearch, SetIdOfAnotherUserIsSeen) {
    const Sandbox sandbox;
    sandbox.file("mine", "#!/bin/sh\n", 04755);
    // Set-uid to ourselves changes nothing.
    EXPECT_FALSE(find_command("./mine", "")->set_id);
    EXPECT_EQ(find_command("./mine", "")->mode & 07777, 04755u);
}

TEST(CommandSearch, StatusesAreThoseOfAShell) {
    EXPECT_EQ(command_complaint("x", {ENOENT, Reason::kNotFound, 0, "run", "x", "/bin"}).status,
              127);
    EXPECT_EQ(command_complaint("./x", {EACCES, Reason::kNotExecutable, 0100644, "run", "./x", "0"})
                  .status,
              126);
}

}  // namespace
}  // namespace utrace::cli
