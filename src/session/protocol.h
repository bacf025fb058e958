// SPDX-License-Identifier: MIT
// what:     the messages between a client and a keeper, as they lie in a datagram.
// who:      anybody; plain data. Never trusted before decode() of wire.h has copied and checked it.
// lifetime: value types; fields are only appended, each body starts with its size.
// cost:     none.
// see:      docs/design/0001-architecture.md, "Protocol".
//
// One SEQPACKET connection per client. A datagram is a MsgHeader and one body. Each request is
// answered exactly once, in order, by a message with the same type and cookie and kMsgReply. The
// body of a reply begins with the fields of Reply; a failed request is answered by a bare Reply.
// Records never travel here: they go through the ring sets whose fds an AttachReply carries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace utrace::session {

inline constexpr std::uint32_t kMaxMessage = 64u << 10;
inline constexpr std::uint32_t kMaxFds = 4;
inline constexpr std::uint32_t kMaxClients = 64;
inline constexpr std::uint32_t kMaxGroups = 4096;

/// Numbers are stable; new types are appended inside their group.
enum class MsgType : std::uint16_t {
    kHello = 1,         ///< Hello -> Welcome; must come first, within 5 s
    kHolds = 16,        ///< Target -> Reply: 0 held, -ESRCH not held
    kOpen = 17,         ///< Target (+ fd) -> OpenReply: hold this running process
    kTasks = 18,        ///< Simple -> TasksReply
    kLaunch = 19,       ///< Launch -> OpenReply: hold a process the client has prepared
    kAttach = 32,       ///< Attach -> AttachReply (+ 2 fds the first time)
    kSetEvents = 33,    ///< SetEvents -> Reply
    kSetSyscalls = 34,  ///< SetSyscalls -> Reply
    kDetach = 35,       ///< Detach -> Reply, sent when the group is gone from every task
    kRelease = 36,  ///< Simple -> Reply: detach all groups of this client, let go what only it held
    kEvent = 64,    ///< Event, keeper -> client, no answer
    kPing = 65,     ///< Ping, keeper -> client
    kSessionEnd = 66,  ///< SessionEnd, keeper -> client, the last message
    kPong = 80,        ///< Ping echoed, client -> keeper, no answer
};
/// Is `type` one this program knows? The answer to an unknown one is -ENOSYS.
bool known(std::uint16_t type) noexcept;
/// For messages and tests: "ATTACH"; "?" when unknown.
std::string_view name(MsgType type) noexcept;

enum MsgFlag : std::uint16_t { kMsgReply = 0x0001 };
inline constexpr std::uint16_t kMsgKnownFlags = kMsgReply;

struct MsgHeader {
    std::uint32_t size;   ///< of the whole datagram
    std::uint16_t type;   ///< MsgType
    std::uint16_t flags;  ///< MsgFlag
    std::uint64_t cookie;
};
static_assert(sizeof(MsgHeader) == 16);

/// The answer that has nothing to say but how it went, and the head of every other answer.
struct Reply {
    static constexpr std::uint32_t kMinSize = 24;
    std::uint32_t size;
    std::int32_t status;   ///< 0 or -errno
    std::uint32_t reason;  ///< utrace::Reason
    std::uint32_t reserved;
    std::int64_t number;  ///< see Reason
};
static_assert(sizeof(Reply) == 24);

/// A request without arguments.
struct Simple {
    static constexpr std::uint32_t kMinSize = 8;
    static constexpr std::uint32_t kKnownFlags = 0;
    std::uint32_t size;
    std::uint32_t flags;
};
static_assert(sizeof(Simple) == 8);

enum class ClientKind : std::uint32_t { kLog = 1, kCount = 2, kRecord = 3, kControl = 4, kGdb = 5 };

struct Hello {
    static constexpr std::uint32_t kMinSize = 56;
    static constexpr std::uint32_t kKnownFlags = 0;
    std::uint32_t size;
    std::uint32_t flags;
    std::uint64_t features;
    std::uint32_t kind;  ///< ClientKind
    std::uint32_t reserved;
    char name[32];  ///< what `utrace ps` shows; NUL-padded
};
static_assert(sizeof(Hello) == 56);

struct Welcome {
    static constexpr std::uint32_t kMinSize = Reply::kMinSize;
    std::uint32_t size;
    std::int32_t status;
    std::uint32_t reason;
    std::uint32_t reserved;
    std::int64_t number;
    std::uint64_t features;
    std::int32_t keeper;     ///< pid
    std::uint32_t clock_id;  ///< of all times in records
    std::uint64_t session;   ///< start time of the keeper; with `keeper` it names the session
};
static_assert(sizeof(Welcome) == 48);

/// Names one process; START keeps a reused pid from matching.
struct Target {
    static constexpr std::uint32_t kMinSize = 24;
    static constexpr std::uint32_t kKnownFlags = 0;
    std::uint32_t size;
    std::uint32_t flags;
    std::int32_t pid;
    std::uint32_t reserved;
    std::uint64_t start_time;
    // kOpen: fd 0 may be the client's own O_RDWR descriptor of /proc/PID/mem, the proof that the
    // kernel would let this client attach.
};
static_assert(sizeof(Target) == 24);

enum LaunchFlag : std::uint32_t { kLaunchKillOnExit = 0x1 };

/// Which tasks born of a held one are held too, and where an engine group goes.
enum class Follow : std::uint32_t { kNone = 0, kThreads = 1, kAll = 2, kTree = 3 };

struct Launch {
    static constexpr std::uint32_t kMinSize = 32;
    static constexpr std::uint32_t kKnownFlags = kLaunchKillOnExit;
    std::uint32_t size;
    std::uint32_t flags;  ///< LaunchFlag
    std::int32_t pid;
    std::uint32_t follow;  ///< Follow
    std::uint64_t start_time;
    std::uint32_t depth;  ///< generations to follow; 0 = no limit
    std::uint32_t reserved;
};
static_assert(sizeof(Launch) == 32);

struct OpenReply {
    static constexpr std::uint32_t kMinSize = Reply::kMinSize;
    std::uint32_t size;
    std::int32_t status;
    std::uint32_t reason;
    std::uint32_t reserved;
    std::int64_t number;
    std::uint32_t tasks;   ///< threads held of this process now
    std::uint32_t joined;  ///< 1 = it was held before
};
static_assert(sizeof(OpenReply) == 32);

struct TasksReply {
    static constexpr std::uint32_t kMinSize = Reply::kMinSize;
    std::uint32_t size;
    std::int32_t status;
    std::uint32_t reason;
    std::uint32_t reserved;
    std::int64_t number;
    std::uint64_t generation;
    std::uint32_t tasks;
    std::uint32_t processes;
    std::uint32_t groups;
    std::uint32_t clients;
};
static_assert(sizeof(TasksReply) == 48);

/// A set of system call numbers of the x86-64 table; a call beyond 511 is always in the set.
struct SyscallSet {
    std::uint64_t words[8];

    constexpr bool has(std::uint32_t nr) const noexcept {
        return nr >= 512 || (words[nr / 64] >> (nr % 64) & 1) != 0;
    }
    constexpr void add(std::uint32_t nr) noexcept {
        if (nr < 512) words[nr / 64] |= std::uint64_t{1} << (nr % 64);
    }
    constexpr void add_all() noexcept {
        for (std::uint64_t& word : words) word = ~std::uint64_t{0};
    }
};
static_assert(sizeof(SyscallSet) == 64);

enum AttachFlag : std::uint32_t {
    kAttachEnvironment = 0x1,  ///< capture the strings of envp
    kAttachExitKill = 0x2,     ///< the tasks die with the keeper while this group is there
    kAttachNoMemory = 0x4,     ///< numbers only: nothing that arguments point to
};

struct Attach {
    static constexpr std::uint32_t kMinSize = 152;
    static constexpr std::uint32_t kKnownFlags =
        kAttachEnvironment | kAttachExitKill | kAttachNoMemory;
    std::uint32_t size;
    std::uint32_t flags;      ///< AttachFlag
    char name[32];            ///< engine name; NUL-padded
    std::int32_t level;       ///< nearer to the program when higher
    std::int32_t scope_tgid;  ///< 0 = all tasks of the session
    std::uint64_t events;     ///< bit per core event
    SyscallSet syscalls;
    std::uint32_t follow;  ///< Follow
    std::uint32_t depth;   ///< 0 = no limit
    std::uint32_t string_bytes;
    std::uint32_t array_members;
    std::uint64_t ring_bytes;  ///< 0 = default; only the first Attach of a client decides
    std::uint32_t group;       ///< 0 = new; else this group takes in the process scope_tgid too
    std::uint32_t reserved;
};
static_assert(sizeof(Attach) == 152);
static_assert(offsetof(Attach, events) == 48 && offsetof(Attach, syscalls) == 56);
static_assert(offsetof(Attach, follow) == 120 && offsetof(Attach, ring_bytes) == 136);

/// The first one of a client carries fd 0 = producer memfd, fd 1 = consumer memfd.
struct AttachReply {
    static constexpr std::uint32_t kMinSize = Reply::kMinSize;
    std::uint32_t size;
    std::int32_t status;
    std::uint32_t reason;
    std::uint32_t reserved;
    std::int64_t number;
    std::uint32_t group;         ///< id for later requests; never reused in a session
    std::uint32_t group_number;  ///< the N of "log#N"
    std::uint32_t tasks;         ///< tasks it is attached to now
    std::uint32_t has_rings;     ///< 1 = two fds came along
};
static_assert(sizeof(AttachReply) == 40);

struct SetEvents {
    static constexpr std::uint32_t kMinSize = 24;
    static constexpr std::uint32_t kKnownFlags = 0;
    std::uint32_t size;
    std::uint32_t flags;
    std::uint32_t group;
    std::uint32_t reserved;
    std::uint64_t events;
};
static_assert(sizeof(SetEvents) == 24);

struct SetSyscalls {
    static constexpr std::uint32_t kMinSize = 80;
    static constexpr std::uint32_t kKnownFlags = 0;
    std::uint32_t size;
    std::uint32_t flags;
    std::uint32_t group;
    std::uint32_t reserved;
    SyscallSet syscalls;
};
static_assert(sizeof(SetSyscalls) == 80);

struct Detach {
    static constexpr std::uint32_t kMinSize = 16;
    static constexpr std::uint32_t kKnownFlags = 0;
    std::uint32_t size;
    std::uint32_t flags;
    std::uint32_t group;  ///< 0 = all groups of this client
    std::uint32_t reserved;
};
static_assert(sizeof(Detach) == 16);

enum class EventKind : std::uint32_t {
    kTaskExited = 1,     ///< thread `tid` of `pid` is gone; status = wait status
    kProcessExited = 2,  ///< the last thread of `pid` is gone; status = wait status of the process
    kTaskBorn = 3,       ///< `tid` of `pid`; value = parent tid
    kScopeEmpty = 4,     ///< no task is left that `group` could see
    kGroupEjected = 5,   ///< `group` was detached by the keeper; status = -errno
    kSessionIdle = 6,    ///< no task is held any more
    kClientJoined = 7,   ///< value = pid of that client
    kClientLeft = 8,     ///< value = pid of that client
    kForeignTracer = 9,  ///< `pid` could not be held; value = pid of its tracer
};

struct Event {
    static constexpr std::uint32_t kMinSize = 48;
    std::uint32_t size;
    std::uint32_t kind;   ///< EventKind
    std::uint32_t group;  ///< 0 = not about a group
    std::int32_t pid;
    std::int32_t tid;
    std::int32_t status;
    std::int64_t value;
    std::uint64_t start_time;  ///< of `pid`
    std::uint64_t time;        ///< CLOCK_MONOTONIC ns
};
static_assert(sizeof(Event) == 48);

struct Ping {
    static constexpr std::uint32_t kMinSize = 16;
    std::uint32_t size;
    std::uint32_t reserved;
    std::uint64_t sequence;
};
static_assert(sizeof(Ping) == 16);

enum class EndReason : std::uint32_t {
    kIdle = 1,     ///< nothing left to hold
    kSignal = 2,   ///< the keeper was asked to end; status = signal
    kEjected = 3,  ///< this client did not answer or broke the protocol; status = -errno
    kFailure = 4,  ///< the keeper cannot go on; status = -errno
};

struct SessionEnd {
    static constexpr std::uint32_t kMinSize = 16;
    std::uint32_t size;
    std::uint32_t reason;  ///< EndReason
    std::int32_t status;
    std::uint32_t reserved;
};
static_assert(sizeof(SessionEnd) == 16);

/// The answer that carries `error` over the wire; the texts stay behind.
Reply reply_of(const Error& error) noexcept;
/// The error a failed answer stands for; `what` names the request.
Error error_of(const Reply& reply, MsgType what);

}  // namespace utrace::session
