// SPDX-License-Identifier: MIT
#include "decode/text.h"

#include <gtest/gtest.h>

#include "record_builder.h"

namespace utrace::decode {
namespace {

using test::record_of;
using test::signal_record;
using test::task_record;
using test::TestBlob;
using test::TestCall;
using namespace std::string_literals;

class Text : public ::testing::Test {
  protected:
    void feed(const std::vector<std::byte>& record) { log_.record(record, out_); }
    std::string line(const TestCall& call, const TextOptions& options = {}) {
        TextLog log(options);
        std::string out;
        log.record(record_of(call), out);
        return out;
    }
    std::string take() {
        std::string text;
        text.swap(out_);
        return text;
    }

    TextLog log_{TextOptions{}};
    std::string out_;
};

template <class... T>
std::string pack(T... values) {
    std::string bytes;
    (bytes.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
    return bytes;
}

TestCall read_call(RecordType type, unsigned tid) {
    TestCall call{.name = "read", .args = {3, 0x7000, 16}, .type = type, .tid = tid};
    if (type != RecordType::kSyscallEntry) {
        call.ret = 2;
        call.blobs = {{1, 1, "hi"}};
    }
    return call;
}

TEST_F(Text, PadsToTheColumn) {
    EXPECT_EQ(line({.name = "close", .args = {3}}),
              "close(3)                                = 0\n");
    EXPECT_EQ(line({.name = "close", .args = {3}}, {.column = 0}), "close(3) = 0\n");
}

TEST_F(Text, ErrorsHaveNameAndText) {
    EXPECT_EQ(line({.name = "close", .args = {~0ull}, .ret = -9}, {.column = 0}),
              "close(-1) = -1 EBADF (Bad file descriptor)\n");
    EXPECT_EQ(line({.name = "pause", .ret = -514}, {.column = 0}),
              "pause() = ? ERESTARTNOHAND (To be restarted if no handler)\n");
}

TEST_F(Text, OpenShowsTheModeOnlyWhenItCounts) {
    const auto cwd = static_cast<std::uint64_t>(-100);
    EXPECT_EQ(line({.name = "openat",
                    .args = {cwd, 1, 0x80000, 0777},
                    .ret = 3,
                    .blobs = {{1, 0, "/etc/x\0"s}}},
                   {.column = 0}),
              "openat(AT_FDCWD, \"/etc/x\", O_RDONLY|O_CLOEXEC) = 3\n");
    EXPECT_EQ(
        line({.name = "openat", .args = {cwd, 1, 0x42, 0640}, .ret = 3, .blobs = {{1, 0, "x\0"s}}},
             {.column = 0}),
        "openat(AT_FDCWD, \"x\", O_RDWR|O_CREAT, 0640) = 3\n");
}

TEST_F(Text, BuffersAreCutAtTheLimit) {
    TestCall call{.name = "write", .args = {1, 0x1000, 40}, .ret = 40};
    call.blobs = {{1, 0, std::string(32, 'a'), BlobKind::kMain, kBlobCut}};
    EXPECT_EQ(line(call, {.column = 0}),
              "write(1, \"" + std::string(32, 'a') + "\"..., 40) = 40\n");
    call.blobs.clear();
    EXPECT_EQ(line(call, {.column = 0}), "write(1, 0x1000, 40) = 40\n");
}

TEST_F(Text, ReadShowsAddressWhenItFailed) {
    TestCall call = read_call(RecordType::kSyscall, 100);
    call.ret = -11;
    call.blobs.clear();
    EXPECT_EQ(line(call, {.column = 0}),
              "read(3, 0x7000, 16) = -1 EAGAIN (Resource temporarily unavailable)\n");
}

TEST_F(Text, UnknownCallPrintsSixValues) {
    EXPECT_EQ(line({.args = {1, 2, 3, 0, 5, 6}, .ret = -38, .nr = 999}, {.column = 0}),
              "syscall_0x3e7(0x1, 0x2, 0x3, 0, 0x5, 0x6) = -1 ENOSYS (Function not "
              "implemented)\n");
}

TEST_F(Text, EntryAndExitAreOneLineWhenNothingComesBetween) {
    feed(record_of(read_call(RecordType::kSyscallEntry, 100)));
    EXPECT_EQ(take(), "");
    feed(record_of(read_call(RecordType::kSyscallExit, 100)));
    EXPECT_EQ(take(), "read(3, \"hi\", 16)                       = 2\n");
}

TEST_F(Text, AnotherTasksLineInterrupts) {
    feed(task_record(101, TaskEvent::kBorn, 0, 100));
    feed(record_of(read_call(RecordType::kSyscallEntry, 100)));
    feed(record_of({.name = "getpid", .ret = 7, .tid = 101}));
    feed(record_of(read_call(RecordType::kSyscallExit, 100)));
    EXPECT_EQ(take(),
              "[pid   100] read(3,  <unfinished ...>\n"
              "[pid   101] getpid()                    = 7\n"
              "[pid   100] <... read resumed>\"hi\", 16) = 2\n");
}

TEST_F(Text, NothingLeftToPrintAfterResumed) {
    feed(task_record(101, TaskEvent::kBorn, 0, 100));
    TestCall futex{.name = "futex", .args = {0x1000, 128, 2}, .type = RecordType::kSyscallEntry};
    feed(record_of(futex));
    feed(record_of({.name = "getpid", .ret = 7, .tid = 101}));
    futex.type = RecordType::kSyscallExit;
    feed(record_of(futex));
    EXPECT_EQ(take(),
              "[pid   100] futex(0x1000, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>\n"
              "[pid   101] getpid()                    = 7\n"
              "[pid   100] <... futex resumed>)        = 0\n");
}

TEST_F(Text, PartialLineIsContinued) {
    feed(record_of(read_call(RecordType::kSyscallEntry, 100)));
    log_.partial(out_);
    EXPECT_EQ(take(), "read(3, ");
    feed(record_of(read_call(RecordType::kSyscallExit, 100)));
    EXPECT_EQ(take(), "\"hi\", 16)                       = 2\n");
}

TEST_F(Text, PartialLineCanBeInterrupted) {
    feed(record_of(read_call(RecordType::kSyscallEntry, 100)));
    log_.partial(out_);
    log_.lost(3, 1, out_);
    EXPECT_EQ(take(), "read(3,  <unfinished ...>\n!!! lost 3 events: cpu 1, ring full !!!\n");
    feed(record_of(read_call(RecordType::kSyscallExit, 100)));
    EXPECT_EQ(take(), "<... read resumed>\"hi\", 16)             = 2\n");
}

TEST_F(Text, DeathInACall) {
    feed(record_of(read_call(RecordType::kSyscallEntry, 100)));
    feed(task_record(100, TaskEvent::kKilled, 9));
    EXPECT_EQ(take(),
              "read(3,  <unfinished ...>)              = ?\n"
              "+++ killed by SIGKILL +++\n");
    EXPECT_EQ(log_.tasks(), 0u);
}

TEST_F(Text, DeathInAnInterruptedCall) {
    feed(record_of(read_call(RecordType::kSyscallEntry, 100)));
    log_.lost(1, 0, out_);
    take();
    feed(task_record(100, TaskEvent::kExited, 5 << 8));
    EXPECT_EQ(take(),
              "<... read resumed> <unfinished ...>)    = ?\n"
              "+++ exited with 5 +++\n");
}

TEST_F(Text, ExitGroupEndsItsOwnLine) {
    feed(record_of({.name = "exit_group", .args = {3}, .type = RecordType::kSyscallEntry}));
    feed(task_record(100, TaskEvent::kExited, 3 << 8));
    EXPECT_EQ(take(),
              "exit_group(3)                           = ?\n"
              "+++ exited with 3 +++\n");
}

TEST_F(Text, CoreDumpStopAndSupersede) {
    feed(task_record(100, TaskEvent::kStopped, 19));
    EXPECT_EQ(take(), "--- stopped by SIGSTOP ---\n");
    feed(task_record(101, TaskEvent::kBorn));
    feed(task_record(100, TaskEvent::kSuperseded, 0, 101));
    EXPECT_EQ(take(), "[pid   100] +++ superseded by execve in pid 101 +++\n");
    EXPECT_EQ(log_.tasks(), 1u);
    feed(task_record(100, TaskEvent::kKilled, 0x8b));
    EXPECT_EQ(take(), "+++ killed by SIGSEGV (core dumped) +++\n");
}

TEST_F(Text, DetachClosesTheBegunLine) {
    feed(record_of(read_call(RecordType::kSyscallEntry, 100)));
    feed(task_record(100, TaskEvent::kDetached));
    EXPECT_EQ(take(), "read(3,  <detached ...>\n");
}

TEST_F(Text, CallsSeenOnlyFromTheMiddle) {
    TestCall call = read_call(RecordType::kSyscallEntry, 100);
    call.flags = kRecordResumed;
    feed(record_of(call));
    log_.partial(out_);
    EXPECT_EQ(take(), "restart_syscall(<... resuming interrupted read ...>");
    call = read_call(RecordType::kSyscallExit, 100);
    call.flags = kRecordResumed;
    feed(record_of(call));
    EXPECT_EQ(take(), ") = 2\n");
}

TEST_F(Text, Signals) {
    feed(signal_record(100, 10, 0, 42, 1000, 0));
    EXPECT_EQ(take(),
              "--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=42, si_uid=1000} ---\n");
    feed(signal_record(100, 11, 1, 8, 0, 0));
    EXPECT_EQ(take(), "--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x8} ---\n");
    feed(signal_record(100, 17, 1, 42, 0, 3));
    EXPECT_EQ(take(),
              "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=42, si_uid=0, "
              "si_status=3, si_utime=0, si_stime=0} ---\n");
    feed(signal_record(100, 36, -1, 42, 0, 0));
    EXPECT_EQ(take(),
              "--- SIGRT_4 {si_signo=SIGRT_4, si_code=SI_QUEUE, si_pid=42, si_uid=0} ---\n");
}

TEST_F(Text, LeadersAndNotes) {
    const TestCall call{
        .name = "close", .args = {3}, .time = 1'000'077'000, .start = 1'000'000'000};
    EXPECT_EQ(line(call, {.column = 0,
                          .time = TimeMode::kEpoch,
                          .duration = true,
                          .number = true,
                          .pid = PidMode::kAlways,
                          .realtime_offset_ns = 1'000'000'000'500'000}),
              "100   1000001.000500 [   3] close(3) = 0 <0.000077>\n");
    EXPECT_EQ(line(call, {.column = 0, .relative = true}), "     0.000000 close(3) = 0\n");
}

TEST_F(Text, RawAndVerboseValues) {
    TextOptions raw{.column = 0};
    raw.raw.set();
    EXPECT_EQ(line({.name = "kill", .args = {~0ull, 9}, .ret = 0}, raw),
              "kill(0xffffffff, 0x9) = 0\n");
    EXPECT_EQ(line({.name = "kill", .args = {5, 9}}, {.column = 0, .xlat = XlatStyle::kVerbose}),
              "kill(5, 9 /* SIGKILL */) = 0\n");
    EXPECT_EQ(line({.name = "madvise", .args = {0, 0, 99}}, {.column = 0, .xlat = XlatStyle::kRaw}),
              "madvise(NULL, 0, 0x63) = 0\n");
    EXPECT_EQ(line({.name = "madvise", .args = {0, 0, 99}}, {.column = 0}),
              "madvise(NULL, 0, 0x63 /* MADV_??? */) = 0\n");
}

TEST_F(Text, WaitAndPollResults) {
    EXPECT_EQ(line({.name = "wait4",
                    .args = {~0ull, 0x10, 1, 0},
                    .ret = 42,
                    .blobs = {{1, 1, pack(0x300)}}},
                   {.column = 0}),
              "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], WNOHANG, NULL) = 42\n");
    const std::string before = pack(3, std::int16_t{1}, std::int16_t{0});
    const std::string after = pack(3, std::int16_t{1}, std::int16_t{1});
    EXPECT_EQ(line({.name = "poll",
                    .args = {0x10, 1, ~0ull},
                    .ret = 1,
                    .blobs = {{0, 0, before}, {0, 1, after}}},
                   {.column = 0}),
              "poll([{fd=3, events=POLLIN}], 1, -1) = 1 ([{fd=3, revents=POLLIN}])\n");
}

TEST_F(Text, SocketAddresses) {
    const std::string inet = "\x02\0\0\x50\x7f\0\0\1\0\0\0\0\0\0\0\0"s;
    EXPECT_EQ(
        line({.name = "connect", .args = {3, 0x10, 16}, .blobs = {{1, 0, inet}}}, {.column = 0}),
        "connect(3, {sa_family=AF_INET, sin_port=htons(80), "
        "sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0\n");
    EXPECT_EQ(line({.name = "bind", .args = {3, 0x10, 7}, .blobs = {{1, 0, "\1\0\0abst"s}}},
                   {.column = 0}),
              "bind(3, {sa_family=AF_UNIX, sun_path=@\"abst\"}, 7) = 0\n");
}

TEST_F(Text, PathsOfDescriptorsCannotBreakOut) {
    EXPECT_EQ(line({.name = "close",
                    .args = {3},
                    .blobs = {{0, 0, "/tmp/a>\n\x1b[2J", BlobKind::kFdPath}}},
                   {.column = 0, .fd_paths = true}),
              "close(3</tmp/a\\76\\n\\33[2J>) = 0\n");
}

TEST_F(Text, StatementsAndFinish) {
    feed(record_of(read_call(RecordType::kSyscallEntry, 100)));
    log_.finish(out_);
    EXPECT_EQ(take(), "read(3,  <unfinished ...>\n");
    log_.statement("blind: io_uring in use", out_);
    EXPECT_EQ(take(), "!!! blind: io_uring in use !!!\n");
}

}  // namespace
}  // namespace utrace::decode
