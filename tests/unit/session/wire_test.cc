// SPDX-License-Identifier: MIT
// Messages over a socket pair: framing, growth rule, fds, answers.
#include "session/wire.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "base/sys.h"

namespace utrace::session {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::uint64_t soon() { return sys::now_ns() + 20 * kSecond; }

struct Pair {
    Connection client;
    Connection keeper;
    Pair() {
        auto pair = Connection::make_pair();
        EXPECT_TRUE(pair);
        client = std::move(pair->first);
        keeper = std::move(pair->second);
    }
};

/// A message whose body is `size` bytes long and says `said`; the bytes after `from` are `fill`.
Message body_of(MsgType type, std::size_t size, std::uint32_t said, std::size_t from = 4,
                std::uint8_t fill = 0) {
    Message out;
    out.type = type;
    out.body.resize(size);
    if (size >= sizeof said) std::memcpy(out.body.data(), &said, sizeof said);
    for (std::size_t i = from; i < size; ++i) out.body[i] = std::byte{fill};
    return out;
}

template <class T>
int decode_error(const Message& message) {
    auto out = decode<T>(message);
    return out ? 0 : out.error().err;
}

TEST(Wire, CarriesAMessageAndItsFds) {
    Pair pair;
    UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    struct stat sent{};
    ASSERT_EQ(::fstat(file.get(), &sent), 0);
    Target target{};
    target.pid = 42;
    target.start_time = 4711;
    const int fds[] = {file.get(), file.get()};
    ASSERT_TRUE(pair.client.send(MsgType::kOpen, 7, target, fds));
    auto got = pair.keeper.recv();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->type, MsgType::kOpen);
    EXPECT_EQ(got->cookie, 7u);
    EXPECT_FALSE(got->is_reply());
    EXPECT_EQ(refusal(*got), 0);
    ASSERT_EQ(got->fds.size(), 2u);
    for (const UniqueFd& fd : got->fds) {
        struct stat st{};
        ASSERT_EQ(::fstat(fd.get(), &st), 0);
        EXPECT_EQ(st.st_rdev, sent.st_rdev);
        EXPECT_EQ(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    }
    auto body = decode<Target>(*got);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->pid, 42);
    EXPECT_EQ(body->start_time, 4711u);
}

TEST(Wire, ClosesSurplusFds) {
    Pair pair;
    int pipe_fds[2];
    ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
    UniqueFd reader(pipe_fds[0]);
    UniqueFd writer(pipe_fds[1]);
    // Five fds, which send() refuses to do.
    MsgHeader header{sizeof header + 8, static_cast<std::uint16_t>(MsgType::kTasks), 0, 1};
    std::uint32_t body[2] = {8, 0};
    iovec parts[2] = {{&header, sizeof header}, {body, sizeof body}};
    alignas(cmsghdr) char control[CMSG_SPACE(5 * sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(5 * sizeof(int));
    const int fds[5] = {writer.get(), writer.get(), writer.get(), writer.get(), writer.get()};
    std::memcpy(CMSG_DATA(c), fds, sizeof fds);
    ASSERT_GT(::sendmsg(pair.client.fd(), &message, 0), 0);
    {
        auto got = pair.keeper.recv();
        ASSERT_TRUE(got);
        EXPECT_EQ(got->fds.size(), kMaxFds);
    }
    // All copies are gone: with the writer closed the pipe is at its end.
    writer.reset();
    ASSERT_EQ(::fcntl(reader.get(), F_SETFL, O_NONBLOCK), 0);
    char byte;
    EXPECT_EQ(::read(reader.get(), &byte, 1), 0);
}

TEST(Wire, RefusesAWrongDatagramSize) {
    Pair pair;
    MsgHeader header{sizeof header + 1, 1, 0, 0};
    ASSERT_EQ(::send(pair.client.fd(), &header, sizeof header, 0), ssize_t{sizeof header});
    auto got = pair.keeper.recv();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().err, EPROTO);
    ASSERT_EQ(::send(pair.client.fd(), &header, 7, 0), 7);
    got = pair.keeper.recv();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().err, EPROTO);
    std::vector<std::byte> big(kMaxMessage + 8);
    header.size = kMaxMessage + 8;
    std::memcpy(big.data(), &header, sizeof header);
    ASSERT_GT(::send(pair.client.fd(), big.data(), big.size(), 0), 0);
    got = pair.keeper.recv();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().err, EPROTO);
}

TEST(Wire, SaysWhenNothingIsThereAndWhenThePeerIsGone) {
    Pair pair;
    auto got = pair.keeper.recv();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().err, EAGAIN);
    got = pair.keeper.recv_before(sys::now_ns());
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().err, ETIMEDOUT);
    pair.client.close();
    got = pair.keeper.recv();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().err, ECONNRESET);
    auto sent = pair.keeper.send(MsgType::kPing, 0, Ping{});
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().err, EPIPE);
}

TEST(Wire, ReportsAPeerThatDoesNotRead) {
    Pair pair;
    int err = 0;
    for (int i = 0; i < 100'000 && err == 0; ++i) {
        if (auto sent = pair.keeper.send(MsgType::kEvent, 0, Event{}); !sent)
            err = sent.error().err;
    }
    EXPECT_EQ(err, EAGAIN);
}

template <class T>
void check_growth(const char* what) {
    SCOPED_TRACE(what);
    const auto type = MsgType::kAttach;
    const auto size = static_cast<std::uint32_t>(sizeof(T));
    EXPECT_EQ(decode_error<T>(body_of(type, size, size)), 0);
    EXPECT_EQ(decode_error<T>(body_of(type, size + 8, size + 8)), 0);
    EXPECT_EQ(decode_error<T>(body_of(type, size + 8, size + 8, size, 1)), E2BIG);
    EXPECT_EQ(decode_error<T>(body_of(type, size, size - 1)), EINVAL);
    EXPECT_EQ(decode_error<T>(body_of(type, size, size + 1)), EINVAL);
    EXPECT_EQ(decode_error<T>(body_of(type, T::kMinSize, T::kMinSize)), 0);
    EXPECT_EQ(decode_error<T>(body_of(type, T::kMinSize - 1, T::kMinSize - 1)), EINVAL);
    EXPECT_EQ(decode_error<T>(body_of(type, 3, 3)), EINVAL);
    EXPECT_EQ(decode_error<T>(body_of(type, 0, 0)), EINVAL);
    if constexpr (requires { T::kKnownFlags; }) {
        EXPECT_EQ(decode_error<T>(body_of(type, size, size, 4, 0xff)), EINVAL);
    }
}

TEST(Protocol, EveryBodyFollowsTheGrowthRule) {
    check_growth<Reply>("Reply");
    check_growth<Simple>("Simple");
    check_growth<Hello>("Hello");
    check_growth<Welcome>("Welcome");
    check_growth<Target>("Target");
    check_growth<Launch>("Launch");
    check_growth<OpenReply>("OpenReply");
    check_growth<TasksReply>("TasksReply");
    check_growth<Attach>("Attach");
    check_growth<AttachReply>("AttachReply");
    check_growth<SetEvents>("SetEvents");
    check_growth<SetSyscalls>("SetSyscalls");
    check_growth<Detach>("Detach");
    check_growth<Event>("Event");
    check_growth<Ping>("Ping");
    check_growth<SessionEnd>("SessionEnd");
}

TEST(Protocol, FillsAShorterBodyWithZeros) {
    Message short_form = body_of(MsgType::kAttach, sizeof(Reply), sizeof(Reply), 4, 0xff);
    auto out = decode<AttachReply>(short_form);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->status, -1);
    EXPECT_EQ(out->group, 0u);
    EXPECT_EQ(out->size, sizeof(AttachReply));
}

TEST(Protocol, RefusesUnknownTypesAndFlags) {
    Message message = body_of(static_cast<MsgType>(999), 8, 8);
    EXPECT_EQ(refusal(message), ENOSYS);
    message.type = MsgType::kTasks;
    EXPECT_EQ(refusal(message), 0);
    message.flags = 0x8000;
    EXPECT_EQ(refusal(message), EINVAL);
    EXPECT_EQ(decode_error<Simple>(message), EINVAL);
    EXPECT_EQ(name(MsgType::kSetSyscalls), "SET_SYSCALLS");
    EXPECT_FALSE(known(0));
}

TEST(Protocol, CarriesErrors) {
    const Error error{EPERM, Reason::kForeignTracer, 4242, "attach", "x", "y"};
    const Error back = error_of(reply_of(error), MsgType::kOpen);
    EXPECT_EQ(back.err, EPERM);
    EXPECT_EQ(back.reason, Reason::kForeignTracer);
    EXPECT_EQ(back.number, 4242);
    EXPECT_EQ(back.op, "OPEN");
    EXPECT_LT(reply_of(Error{}).status, 0);
    const Error hostile = error_of({sizeof(Reply), 17, 60000, 0, 1}, MsgType::kOpen);
    EXPECT_EQ(hostile.err, EPROTO);
    EXPECT_EQ(hostile.reason, Reason::kNone);
}

TEST(Protocol, SyscallSetHasWhatWasAdded) {
    SyscallSet set{};
    for (std::uint32_t nr : {0u, 63u, 64u, 511u}) {
        EXPECT_FALSE(set.has(nr));
        set.add(nr);
        EXPECT_TRUE(set.has(nr));
    }
    EXPECT_FALSE(set.has(1));
    EXPECT_TRUE(set.has(512)) << "numbers we have no bit for are never filtered out";
    set.add_all();
    EXPECT_TRUE(set.has(1));
}

TEST(Protocol, TextStaysInsideItsField) {
    Hello hello{};
    std::memset(hello.name, 'x', sizeof hello.name);
    EXPECT_EQ(text(hello.name).size(), sizeof hello.name);
    set_text(hello.name, std::string(100, 'y'));
    EXPECT_EQ(text(hello.name), std::string(31, 'y'));
}

TEST(Wire, CallWaitsForItsOwnAnswer) {
    Pair pair;
    std::thread keeper([&] {
        auto request = pair.keeper.recv_before(soon());
        ASSERT_TRUE(request);
        ASSERT_TRUE(pair.keeper.send(MsgType::kEvent, 0, Event{}));
        AttachReply reply{};
        reply.group = 5;
        UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        const int fds[] = {file.get()};
        ASSERT_TRUE(pair.keeper.reply(*request, reply, fds));
        request = pair.keeper.recv_before(soon());
        ASSERT_TRUE(request);
        ASSERT_TRUE(
            pair.keeper.reply_error(*request, Error{ESRCH, Reason::kNoSuchProcess, 9, {}, {}, {}}));
    });
    std::vector<UniqueFd> fds;
    auto reply = pair.client.call<AttachReply>(MsgType::kAttach, Attach{}, soon(), &fds);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->group, 5u);
    EXPECT_EQ(fds.size(), 1u);
    auto event = pair.client.recv();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->type, MsgType::kEvent);
    auto failed = pair.client.call<OpenReply>(MsgType::kOpen, Target{}, soon());
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().err, ESRCH);
    EXPECT_EQ(failed.error().reason, Reason::kNoSuchProcess);
    EXPECT_EQ(failed.error().number, 9);
    keeper.join();
}

TEST(Wire, PeerIsThisProcess) {
    Pair pair;
    auto peer = pair.keeper.checked_peer();
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->pid, ::getpid());
    EXPECT_EQ(peer->uid, ::geteuid());
    EXPECT_TRUE(peer->pidfd);
    EXPECT_EQ(::fcntl(peer->pidfd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

}  // namespace
}  // namespace utrace::session
