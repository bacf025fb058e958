// SPDX-License-Identifier: MIT
#include "cli/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "golden.h"

namespace utrace::cli {
namespace {

using test::Sandbox;

TEST(Output, NewFileIsPrivate) {
    const Sandbox sandbox;
    const mode_t before = ::umask(0);
    auto output = Output::open("log");
    ::umask(before);
    ASSERT_TRUE(output);
    ASSERT_TRUE(output->write("one\n"));
    ASSERT_TRUE(output->write("two\n"));
    EXPECT_EQ(sandbox.read("log"), "");  // lines are gathered
    ASSERT_TRUE(output->close());
    EXPECT_EQ(sandbox.read("log"), "one\ntwo\n");
    struct stat info{};
    ASSERT_EQ(::stat("log", &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST(Output, OwnFileIsTruncated) {
    const Sandbox sandbox;
    sandbox.file("log", "a long text from before\n", 0640);
    auto output = Output::open("./log");
    ASSERT_TRUE(output);
    ASSERT_TRUE(output->write("new\n"));
    ASSERT_TRUE(output->close());
    EXPECT_EQ(sandbox.read("log"), "new\n");
}

TEST(Output, LinksAreRefusedAndTheirTargetsUntouched) {
    const Sandbox sandbox;
    sandbox.file("target", "kept\n");
    sandbox.link("link", "target");
    sandbox.link("dangling", "nowhere");
    sandbox.directory("real");
    sandbox.link("through", "real");
    for (const char* path : {"link", "dangling", "through/log"}) {
        const auto output = Output::open(path);
        ASSERT_FALSE(output) << path;
        EXPECT_EQ(output.error().reason, Reason::kOutputRefused) << path;
        EXPECT_EQ(output.error().err, ELOOP) << path;
    }
    EXPECT_EQ(sandbox.read("target"), "kept\n");
    EXPECT_NE(::access("nowhere", F_OK), 0);
}

TEST(Output, FifosAreRefusedWithoutWaiting) {
    const Sandbox sandbox;
    ASSERT_EQ(::mkfifo("fifo", 0600), 0);
    const auto output = Output::open("fifo");
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().reason, Reason::kOutputRefused);
    EXPECT_EQ(output.error().detail, "a fifo");
}

TEST(Output, NamedDescriptorsAndTheNullDevice) {
    const Sandbox sandbox;
    const UniqueFd file(::open("log", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    auto output = Output::open("/dev/fd/" + std::to_string(file.get()));
    ASSERT_TRUE(output);
    EXPECT_NE(output->fd(), file.get());
    ASSERT_TRUE(output->write("x\n"));
    ASSERT_TRUE(output->close());
    EXPECT_EQ(sandbox.read("log"), "x\n");
    EXPECT_TRUE(Output::open("/dev/null"));
    EXPECT_FALSE(Output::open("/dev/fd/9999"));
    EXPECT_EQ(Output::open("-")->fd(), STDOUT_FILENO);
    EXPECT_EQ(Output::open("")->fd(), STDERR_FILENO);
}

TEST(Output, EveryDescriptorIsCloseOnExec) {
    const Sandbox sandbox;
    for (const char* spec : {"log", "/dev/fd/1", "/dev/null"}) {
        const auto output = Output::open(spec);
        ASSERT_TRUE(output) << spec;
        EXPECT_NE(::fcntl(output->fd(), F_GETFD) & FD_CLOEXEC, 0) << spec;
    }
}

TEST(Output, CommandGetsTheLinesAndIsWaitedFor) {
    const Sandbox sandbox;
    auto output = Output::open("|cat > copy");
    ASSERT_TRUE(output);
    EXPECT_TRUE(output->is_pipe());
    ASSERT_TRUE(output->write("through\n"));
    ASSERT_TRUE(output->close());
    EXPECT_EQ(sandbox.read("copy"), "through\n");
}

TEST(Output, AReaderThatIsGoneIsAnErrorValueAndStaysOne) {
    block_output_signals();
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::close(ends[0]);
    const UniqueFd write_end(ends[1]);
    auto output = Output::open("/dev/fd/" + std::to_string(write_end.get()));
    ASSERT_TRUE(output);
    ASSERT_TRUE(output->write("x\n"));
    const auto flushed = output->flush();
    ASSERT_FALSE(flushed);
    EXPECT_EQ(flushed.error().err, EPIPE);
    EXPECT_EQ(output->write("y\n").error().err, EPIPE);
    EXPECT_EQ(output_lost_complaint(*output, flushed.error(), 1).msg, Msg::kDropPipe);
}

TEST(Output, AFullDeviceIsReported) {
    const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    if (!full) GTEST_SKIP() << "no /dev/full";
    auto output = Output::open("/dev/fd/" + std::to_string(full.get()));
    ASSERT_TRUE(output);
    ASSERT_TRUE(output->write("x\n"));
    EXPECT_EQ(output->close().error().err, ENOSPC);
}

TEST(Output, AFileSizeLimitIsAnErrorNotASignal) {
    const Sandbox sandbox;
    block_output_signals();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit small{1024, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    auto output = Output::open("log");
    const bool opened = output.has_value();
    Expected<void> written;
    if (opened) written = output->write(std::string(100'000, 'x') + "\n");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_TRUE(opened);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().err, EFBIG);
}

TEST(Output, BlockedSignalsAreThoseTwo) {
    block_output_signals();
    sigset_t now;
    ASSERT_EQ(::sigprocmask(SIG_SETMASK, nullptr, &now), 0);
    EXPECT_EQ(::sigismember(&now, SIGPIPE), 1);
    EXPECT_EQ(::sigismember(&now, SIGXFSZ), 1);
    EXPECT_EQ(::sigismember(&now, SIGINT), 0);
}

}  // namespace
}  // namespace utrace::cli
