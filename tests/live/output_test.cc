// SPDX-License-Identifier: MIT
// Outputs that fail: the message says so, the status is 123 or 125, the program is not concerned.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "live/support/live_test.h"

namespace utrace::live {
namespace {

class OutputFails : public LiveTest {
  protected:
    // 30,000 logged calls, then a line that proves the program came to its end.
    Words command() const {
        return {"--", "sh", "-c", program("getppid_loop") + " 30000; echo end; exit 7"};
    }
    static void expect_incomplete(const Result& result) {
        EXPECT_TRUE(result.exited(123)) << result.text();
        EXPECT_EQ(result.out, "getppid 30000\nend\n");
        EXPECT_NE(result.err.find("UT-DROP-02"), std::string::npos) << result.err;
        EXPECT_NE(result.err.find("the program's exit status is 7"), std::string::npos)
            << result.err;
    }
};

TEST_F(OutputFails, DiskFull) {
    const std::string disk = path("disk");
    ASSERT_EQ(::mkdir(disk.c_str(), 0700), 0);
    if (::mount("live", disk.c_str(), "tmpfs", 0, "size=1m") != 0)
        GTEST_SKIP() << "mounting a tmpfs needs root";
    const Result result =
        run({.argv = utrace(Words{"run", "-o", "disk/log"} + command()), .cwd = dir()});
    struct stat info{};
    EXPECT_EQ(::stat((disk + "/log").c_str(), &info), 0);
    EXPECT_EQ(::umount(disk.c_str()), 0);
    expect_incomplete(result);
    EXPECT_NE(result.err.find("No space left on device"), std::string::npos) << result.err;
    EXPECT_GT(info.st_size, 512 * 1024);
    EXPECT_LE(info.st_size, 1024 * 1024);
}

TEST_F(OutputFails, FileSizeLimit) {
    // The limit is utrace's alone: the program gets what it asks for.
    const Result result = run(
        {.argv = utrace(Words{"run", "-o", path("log")} + command()), .file_limit = 256 * 1024});
    expect_incomplete(result);
    EXPECT_NE(result.err.find("File too large"), std::string::npos) << result.err;
}

TEST_F(OutputFails, FullDeviceAsStderr) {
    UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(full);
    const Result result = run({.argv = utrace(Words{"run"} + command()), .err_fd = full.get()});
    EXPECT_TRUE(result.exited(123)) << result.text();
    EXPECT_EQ(result.out, "getppid 30000\nend\n");
}

TEST_F(OutputFails, FullDeviceByNumber) {
    UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(full);
    const std::string name = "/dev/fd/" + std::to_string(full.get());
    const Result result =
        run({.argv = utrace(Words{"run", "-o", name} + command()), .extra_fds = {full.get()}});
    expect_incomplete(result);
    EXPECT_NE(result.err.find("No space left on device"), std::string::npos) << result.err;
}

TEST_F(OutputFails, FullDeviceByNameIsRefused) {
    const Result result = run({.argv = utrace(Words{"run", "-o", "/dev/full"} + command())});
    EXPECT_TRUE(result.exited(125)) << result.text();
    EXPECT_NE(result.err.find("UT-SEC-01"), std::string::npos) << result.err;
    EXPECT_EQ(result.out, "");
}

TEST_F(OutputFails, ReaderOfThePipeEnds) {
    const Result result =
        run({.argv = utrace(Words{"run", "-o", "|head -1 > " + path("first")} + command())});
    expect_incomplete(result);
    EXPECT_NE(result.err.find("the reader of"), std::string::npos) << result.err;
    const std::string first = read_text(path("first"));
    EXPECT_NE(first.find("execve("), std::string::npos) << first;
    EXPECT_EQ(first.find('\n'), first.size() - 1) << first;
}

TEST_F(OutputFails, ReaderOfThePipeReadsAll) {
    const Result result = run({.argv = utrace({"run", "-o", "|cat > " + path("all"), "--ring",
                                               "64M", "--", program("getppid_loop"), "30000"})});
    EXPECT_TRUE(result.exited(0)) << result.text();
    EXPECT_EQ(logged_calls(read_text(path("all")))["getppid"], 30000u);
}

TEST_F(OutputFails, ReaderOfStderrIsGone) {
    // The program's own output goes to stdout only, so it does not meet the closed pipe.
    Child child = Child::start({.argv = utrace(Words{"run"} + command())});
    child.close_error();
    const Result result = child.wait();
    EXPECT_TRUE(result.exited(123)) << result.text();
    EXPECT_EQ(result.out, "getppid 30000\nend\n");
}

TEST_F(OutputFails, SymbolicLinkIsRefused) {
    write_text(path("victim"), "precious\n");
    ASSERT_EQ(::symlink(path("victim").c_str(), path("link").c_str()), 0);
    ASSERT_EQ(::symlink(dir().c_str(), path("folder").c_str()), 0);
    for (const std::string& name : {path("link"), path("folder") + "/log"}) {
        const Result result = run({.argv = utrace(Words{"run", "-o", name} + command())});
        EXPECT_TRUE(result.exited(125)) << result.text();
        EXPECT_NE(result.err.find("UT-SEC-01"), std::string::npos) << result.err;
        EXPECT_EQ(result.out, "");  // it was not even started
    }
    EXPECT_EQ(read_text(path("victim")), "precious\n");
    EXPECT_NE(::access(path("log").c_str(), F_OK), 0);
}

TEST_F(OutputFails, DirectoryIsMissing) {
    const Result result = run({.argv = utrace(Words{"run", "-o", path("none/log")} + command())});
    EXPECT_TRUE(result.exited(125)) << result.text();
    EXPECT_NE(result.err.find("UT-OUT-01"), std::string::npos) << result.err;
    EXPECT_EQ(result.out, "");
}

TEST_F(OutputFails, NewFileIsPrivate) {
    const Result result = run({.argv = utrace({"run", "-o", path("log"), "--", "true"})});
    EXPECT_TRUE(result.exited(0)) << result.text();
    struct stat info{};
    ASSERT_EQ(::stat(path("log").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
}

}  // namespace
}  // namespace utrace::live
