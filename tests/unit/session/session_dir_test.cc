// SPDX-License-Identifier: MIT
// The session directory: what is refused, names, lock, and finding a keeper.
#include "session/session_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "base/sys.h"

namespace utrace::session {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::uint64_t soon() { return sys::now_ns() + 20 * kSecond; }

class SessionDirTest : public ::testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/utrace-unit-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        root_ = name;
        path_ = root_ + "/utrace";
    }
    void TearDown() override {
        const std::string command = "rm -rf '" + root_ + "'";
        EXPECT_EQ(std::system(command.c_str()), 0);
    }
    Expected<SessionDir> open(bool create = true) {
        return SessionDir::open_at(path_, ::geteuid(), create);
    }
    int open_error() {
        auto dir = open();
        return dir ? 0 : dir.error().err;
    }
    std::string root_;
    std::string path_;
};

TEST(StartTime, IsField22) {
    auto value =
        parse_start_time("1 (a) b) c) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 100 200");
    ASSERT_TRUE(value);
    EXPECT_EQ(*value, 4711u);
    EXPECT_FALSE(parse_start_time(""));
    EXPECT_FALSE(parse_start_time("1 (x"));
    EXPECT_FALSE(parse_start_time("1 (x) S 0 1"));
    EXPECT_FALSE(parse_start_time("1 (x) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 x"));
    auto self = identify(::getpid());
    ASSERT_TRUE(self);
    EXPECT_GT(self->start_time, 0u);
    auto none = identify(0x3fffffff);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().err, ESRCH);
    EXPECT_EQ(none.error().reason, Reason::kNoSuchProcess);
}

TEST(SocketName, IsReadBackOnlyWhenExact) {
    const ProcessId id{42, 4711};
    EXPECT_EQ(socket_name(id), "k.42.4711.sock");
    EXPECT_EQ(link_name(id), "t.42.4711");
    ASSERT_TRUE(parse_socket_name("k.42.4711.sock"));
    EXPECT_EQ(*parse_socket_name("k.42.4711.sock"), id);
    for (const char* bad :
         {"", "k.", ".sock", "k.sock", "k.42.sock", "k.42.4711", "k.-1.1.sock", "k.0.1.sock",
          "../k.42.4711.sock", "k.42.4711x.sock", "k.42. 1.sock", "k.99999999999.1.sock"})
        EXPECT_FALSE(parse_socket_name(bad)) << bad;
}

TEST(Candidates, BestFirst) {
    EXPECT_EQ(SessionDir::candidates(1000, "/run/user/x"),
              (std::vector<std::string>{"/run/user/x/utrace", "/run/user/1000/utrace",
                                        "/tmp/utrace-1000"}));
    EXPECT_EQ(SessionDir::candidates(0, ""),
              (std::vector<std::string>{"/run/user/0/utrace", "/run/utrace", "/tmp/utrace-0"}));
    EXPECT_EQ(SessionDir::candidates(1, "relative").size(), 2u);
}

TEST_F(SessionDirTest, IsMadePrivateWhateverTheUmask) {
    const mode_t before = ::umask(0);
    EXPECT_EQ(open_error(), 0);
    ::umask(before);
    struct stat st{};
    ASSERT_EQ(::stat(path_.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0700u);
    EXPECT_EQ(open_error(), 0) << "a second time";
}

TEST_F(SessionDirTest, RefusesASquattedName) {
    ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
    ASSERT_EQ(::chmod(path_.c_str(), 0755), 0);
    auto dir = open();
    ASSERT_FALSE(dir);
    EXPECT_EQ(dir.error().err, EPERM);
    EXPECT_EQ(dir.error().reason, Reason::kOutputRefused);
    struct stat st{};
    ASSERT_EQ(::stat(path_.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0755u) << "never repaired";

    ASSERT_EQ(::rename(path_.c_str(), (root_ + "/real").c_str()), 0);
    ASSERT_EQ(::chmod((root_ + "/real").c_str(), 0700), 0);
    ASSERT_EQ(::symlink("real", path_.c_str()), 0);
    EXPECT_EQ(open_error(), EPERM) << "a link, though to a good directory";
    ASSERT_EQ(::unlink(path_.c_str()), 0);
    UniqueFd file(::open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    EXPECT_EQ(open_error(), EPERM) << "a file";
}

TEST_F(SessionDirTest, RefusesAnotherOwner) {
    ASSERT_EQ(open_error(), 0);
    auto dir = SessionDir::open_at(path_, ::geteuid() + 1, false);
    ASSERT_FALSE(dir);
}

TEST_F(SessionDirTest, DoesNotUseAParentThatOthersMayWriteTo) {
    ASSERT_EQ(::chmod(root_.c_str(), 0777), 0);
    EXPECT_EQ(open_error(), EACCES);
    ASSERT_EQ(::chmod(root_.c_str(), 01777), 0);
    EXPECT_EQ(open_error(), 0);
}

TEST_F(SessionDirTest, DoesNotMakeOneForALookUp) {
    auto dir = open(false);
    ASSERT_FALSE(dir);
    EXPECT_EQ(dir.error().err, ENOENT);
    path_ = root_ + "/missing/utrace";
    EXPECT_EQ(open_error(), ENOENT);
}

TEST_F(SessionDirTest, LockIsHeldByOne) {
    auto dir = open();
    ASSERT_TRUE(dir);
    auto first = dir->lock(soon());
    ASSERT_TRUE(first);
    auto second = dir->lock(sys::now_ns());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().err, ETIMEDOUT);
    first->reset();
    EXPECT_TRUE(dir->lock(soon()));
}

/// A keeper of one client that holds `held`.
void serve(int listener, ProcessId held) {
    Expected<Connection> client = fail(EAGAIN, "accept");
    while (!client && client.error().err == EAGAIN) {
        client = SessionDir::accept(listener);
        std::this_thread::yield();
    }
    if (!client) return;
    for (;;) {
        auto request = client->recv_before(soon());
        if (!request) return;
        Expected<void> sent;
        if (request->type == MsgType::kHello) {
            Welcome welcome{};
            welcome.keeper = ::getpid();
            sent = client->reply(*request, welcome);
        } else {
            auto target = decode<Target>(*request);
            const bool yes = target && ProcessId{target->pid, target->start_time} == held;
            sent = yes ? client->reply_ok(*request)
                       : client->reply_error(*request, Error{ESRCH, {}, 0, {}, {}, {}});
        }
        if (!sent) return;
    }
}

TEST_F(SessionDirTest, FindsTheKeeperByTheLink) {
    auto dir = open();
    ASSERT_TRUE(dir);
    const ProcessId self = *identify(::getpid());
    auto listener = dir->listen(self);
    ASSERT_TRUE(listener);
    struct stat st{};
    ASSERT_EQ(::fstatat(dir->fd(), socket_name(self).c_str(), &st, 0), 0);
    EXPECT_EQ(st.st_mode & 07777, 0600u);
    ASSERT_TRUE(dir->link_task(self, self));
    ASSERT_TRUE(dir->link_task(self, self)) << "replaces";
    {
        std::thread keeper(serve, listener->get(), self);
        auto found = find_keeper(*dir, self, Hello{}, soon());
        ASSERT_TRUE(found);
        ASSERT_TRUE(found->has_value());
        EXPECT_EQ((*found)->welcome.keeper, ::getpid());
        (*found)->connection.close();
        keeper.join();
    }
    {
        // The link alone proves nothing: this keeper holds another process.
        std::thread keeper(serve, listener->get(), ProcessId{1, 1});
        auto found = find_keeper(*dir, self, Hello{}, soon());
        ASSERT_TRUE(found);
        EXPECT_FALSE(found->has_value());
        keeper.join();
    }
    EXPECT_EQ(dir->keepers(), std::vector<ProcessId>{self});
    dir->unlink_task(self);
    dir->remove_socket(self);
    EXPECT_TRUE(dir->keepers().empty());
}

TEST_F(SessionDirTest, RemovesTheDeadAndKeepsTheLiving) {
    auto dir = open();
    ASSERT_TRUE(dir);
    const ProcessId self = *identify(::getpid());
    const ProcessId dead{self.pid, self.start_time + 1};
    {
        ASSERT_TRUE(dir->listen(dead));
    }
    auto living = dir->listen(self);
    ASSERT_TRUE(living);
    const ProcessId one{1, 1};
    const ProcessId two{2, 2};
    const ProcessId three{3, 3};
    ASSERT_TRUE(dir->link_task(one, dead));
    ASSERT_TRUE(dir->link_task(two, self));
    ASSERT_EQ(::symlinkat("/etc/passwd", dir->fd(), link_name(three).c_str()), 0);
    EXPECT_EQ(dir->keepers().size(), 2u);
    dir->remove_dead();
    EXPECT_EQ(dir->keepers(), std::vector<ProcessId>{self});
    EXPECT_FALSE(dir->keeper_by_link(one));
    EXPECT_TRUE(dir->keeper_by_link(two));
    struct stat st{};
    EXPECT_NE(::fstatat(dir->fd(), link_name(three).c_str(), &st, AT_SYMLINK_NOFOLLOW), 0);
}

TEST_F(SessionDirTest, NamesAForeignTracer) {
    auto dir = open();
    ASSERT_TRUE(dir);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
    ASSERT_TRUE(WIFSTOPPED(status));
    EXPECT_EQ(tracer_of(child).value_or(-1), ::getpid());
    auto found = find_keeper(*dir, *identify(child), Hello{}, soon());
    EXPECT_FALSE(found);
    if (!found) {
        EXPECT_EQ(found.error().err, EPERM);
        EXPECT_EQ(found.error().reason, Reason::kForeignTracer);
        EXPECT_EQ(found.error().number, ::getpid());
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
}

}  // namespace
}  // namespace utrace::session
