// SPDX-License-Identifier: MIT
#include "session/session_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <memory>

#include "base/sys.h"

namespace utrace::session {
namespace {

constexpr int kBacklog = 64;
constexpr long kLockPollNs = 5'000'000;

/// Reads a decimal number at the start of `text` and removes it.
template <class T>
bool take_number(std::string_view& text, T& value) {
    const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (err != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

/// "PID.START" and nothing else.
std::optional<ProcessId> parse_id(std::string_view text) {
    ProcessId out;
    if (!take_number(text, out.pid) || out.pid <= 0 || !text.starts_with('.')) return {};
    text.remove_prefix(1);
    if (!take_number(text, out.start_time) || !text.empty()) return {};
    return out;
}

std::optional<ProcessId> parse_link_name(std::string_view name) {
    if (!name.starts_with("t.")) return {};
    return parse_id(name.substr(2));
}

std::string id_text(const ProcessId& id) {
    return std::to_string(id.pid) + "." + std::to_string(id.start_time);
}

/// A number behind `key` in a /proc/…/status file; -1 when it is missing.
long status_number(const std::string& status, std::string_view key) {
    std::size_t at = status.find(key);
    if (at == std::string::npos) return -1;
    at = status.find_first_not_of(" \t", at + key.size());
    if (at == std::string::npos) return -1;
    std::string_view rest = std::string_view(status).substr(at);
    long value = -1;
    return take_number(rest, value) ? value : -1;
}

Expected<std::string> proc_file(pid_t pid, const char* file) {
    auto out = sys::read_file(("/proc/" + std::to_string(pid) + "/" + file).c_str());
    if (out) return out;
    const int err = out.error().err == ENOENT ? ESRCH : out.error().err;
    return fail(err, "read", file, err == ESRCH ? Reason::kNoSuchProcess : Reason::kNone, pid);
}

Expected<UniqueFd> open_without_links(int at, const char* path, std::uint64_t flags) {
    open_how how{};
    how.flags = flags | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long fd = UTRACE_RETRY(::syscall(SYS_openat2, at, path, &how, sizeof how));
    if (fd < 0) return fail(errno, "open", path);
    return UniqueFd(static_cast<int>(fd));
}

/// Errors of a parent directory that make us try the next candidate.
bool unusable_parent(int err) {
    return err == ENOENT || err == EACCES || err == ENOTDIR || err == ELOOP || err == EROFS ||
           err == ENOSPC;
}

/// The socket's address by way of the directory's fd: always short enough, never another directory.
sockaddr_un address_of(int dir, const std::string& name) {
    sockaddr_un out{};
    out.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(dir) + "/" + name;
    path.copy(out.sun_path, sizeof out.sun_path - 1);
    return out;
}

Expected<UniqueFd> seqpacket_socket() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail(errno, "socket");
    return fd;
}

bool is_dead(int err) { return err == ECONNREFUSED || err == ENOENT; }

}  // namespace

Expected<std::uint64_t> parse_start_time(std::string_view stat) {
    // The name in field 2 may hold anything, ")" and blanks too: count from its last ")".
    const std::size_t name_end = stat.rfind(')');
    std::size_t at = name_end == std::string_view::npos ? name_end : name_end + 1;
    for (int field = 2; field < 21 && at != std::string_view::npos; ++field)
        at = stat.find(' ', at + 1);
    std::uint64_t value = 0;
    if (at != std::string_view::npos && at + 1 < stat.size()) {
        std::string_view rest = stat.substr(at + 1);
        if (take_number(rest, value)) return value;
    }
    return fail(EPROTO, "read", "stat", Reason::kProtocol);
}

Expected<ProcessId> identify(pid_t pid) {
    auto stat = proc_file(pid, "stat");
    if (!stat) return std::unexpected(stat.error());
    auto start = parse_start_time(*stat);
    if (!start) return std::unexpected(start.error());
    return ProcessId{pid, *start};
}

Expected<pid_t> tracer_of(pid_t pid) {
    auto status = proc_file(pid, "status");
    if (!status) return std::unexpected(status.error());
    const long tid = status_number(*status, "\nTracerPid:");
    if (tid <= 0) return 0;
    // What the kernel shows is the tracing thread.
    auto tracer = proc_file(static_cast<pid_t>(tid), "status");
    if (!tracer) return static_cast<pid_t>(tid);
    const long tgid = status_number(*tracer, "\nTgid:");
    return static_cast<pid_t>(tgid > 0 ? tgid : tid);
}

std::string socket_name(const ProcessId& keeper) { return "k." + id_text(keeper) + ".sock"; }
std::string link_name(const ProcessId& process) { return "t." + id_text(process); }

std::optional<ProcessId> parse_socket_name(std::string_view name) {
    if (!name.starts_with("k.") || !name.ends_with(".sock") || name.size() < 8) return {};
    return parse_id(name.substr(2, name.size() - 7));
}

std::vector<std::string> SessionDir::candidates(uid_t uid, std::string_view runtime_dir) {
    std::vector<std::string> out;
    const std::string number = std::to_string(uid);
    if (runtime_dir.starts_with('/')) out.push_back(std::string(runtime_dir) + "/utrace");
    out.push_back("/run/user/" + number + "/utrace");
    if (uid == 0) out.push_back("/run/utrace");
    out.push_back("/tmp/utrace-" + number);
    return out;
}

Expected<SessionDir> SessionDir::open() {
    const char* runtime = ::getenv("XDG_RUNTIME_DIR");
    const uid_t uid = ::geteuid();
    Error last;
    for (const std::string& path : candidates(uid, runtime == nullptr ? "" : runtime)) {
        auto out = open_at(path, uid, true);
        if (out || !unusable_parent(out.error().err)) return out;
        last = out.error();
    }
    return std::unexpected(last);
}

Expected<SessionDir> SessionDir::open_at(const std::string& path, uid_t owner, bool create) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || slash + 1 == path.size()) return fail(EINVAL, "open", path);
    const std::string parent_path = slash == 0 ? "/" : path.substr(0, slash);
    const std::string name = path.substr(slash + 1);
    auto parent = open_without_links(AT_FDCWD, parent_path.c_str(), O_PATH);
    if (!parent) return std::unexpected(parent.error());
    struct stat st{};
    if (::fstat(parent->get(), &st) != 0) return fail(errno, "fstat", parent_path);
    // In a parent that others may write to without the sticky bit they could swap the directory.
    const bool foreign = st.st_uid != owner && st.st_uid != 0;
    if (foreign || ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0))
        return fail(EACCES, "open", parent_path, Reason::kOutputRefused, st.st_uid);

    const bool made = create && ::mkdirat(parent->get(), name.c_str(), 0700) == 0;
    if (create && !made && errno != EEXIST) return fail(errno, "mkdir", path);
    auto dir = open_without_links(parent->get(), name.c_str(), O_RDONLY);
    const bool squatted = !dir && (dir.error().err == ELOOP || dir.error().err == ENOTDIR ||
                                   dir.error().err == EACCES);
    if (squatted)
        return fail(EPERM, "open", path, Reason::kOutputRefused, 0, "not a directory of ours");
    if (!dir) return std::unexpected(dir.error());
    if (made && ::fchmod(dir->get(), 0700) != 0) return fail(errno, "chmod", path);
    if (::fstat(dir->get(), &st) != 0) return fail(errno, "fstat", path);
    if (st.st_uid != owner || (st.st_mode & 07777) != 0700)
        return fail(EPERM, "open", path, Reason::kOutputRefused, st.st_uid,
                    "owner or mode is not ours");
    return SessionDir(std::move(*dir), path);
}

Expected<UniqueFd> SessionDir::lock(std::uint64_t deadline_ns) const {
    UniqueFd fd(
        UTRACE_RETRY(::openat(fd_.get(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)));
    if (!fd) return fail(errno, "open", path_ + "/lock");
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return fail(errno, "flock", path_ + "/lock");
        if (sys::now_ns() >= deadline_ns) return fail(ETIMEDOUT, "flock", path_ + "/lock");
        const timespec pause{0, kLockPollNs};
        ::nanosleep(&pause, nullptr);
    }
    return fd;
}

Expected<UniqueFd> SessionDir::listen(const ProcessId& keeper) const {
    auto fd = seqpacket_socket();
    if (!fd) return fd;
    const std::string name = socket_name(keeper);
    const sockaddr_un address = address_of(fd_.get(), name);
    if (::bind(fd->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail(errno, "bind", name);
    if (::fchmodat(fd_.get(), name.c_str(), 0600, 0) != 0) return fail(errno, "chmod", name);
    if (::listen(fd->get(), kBacklog) != 0) return fail(errno, "listen", name);
    return fd;
}

Expected<Connection> SessionDir::accept(int listener) {
    UniqueFd fd(UTRACE_RETRY(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)));
    if (!fd) return fail(errno, "accept");
    return Connection(std::move(fd));
}

Expected<void> SessionDir::link_task(const ProcessId& process, const ProcessId& keeper) const {
    const std::string name = link_name(process);
    const std::string to = socket_name(keeper);
    if (::symlinkat(to.c_str(), fd_.get(), name.c_str()) == 0) return {};
    if (errno != EEXIST) return fail(errno, "symlink", name);
    unlink_task(process);
    if (::symlinkat(to.c_str(), fd_.get(), name.c_str()) != 0) return fail(errno, "symlink", name);
    return {};
}

void SessionDir::unlink_task(const ProcessId& process) const noexcept {
    ::unlinkat(fd_.get(), link_name(process).c_str(), 0);
}

void SessionDir::remove_socket(const ProcessId& keeper) const noexcept {
    ::unlinkat(fd_.get(), socket_name(keeper).c_str(), 0);
}

Expected<Connection> SessionDir::connect(const ProcessId& keeper) const {
    auto fd = seqpacket_socket();
    if (!fd) return std::unexpected(fd.error());
    const std::string name = socket_name(keeper);
    const sockaddr_un address = address_of(fd_.get(), name);
    if (UTRACE_RETRY(
            ::connect(fd->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address)) != 0)
        return fail(errno, "connect", name, Reason::kKeeperGone, keeper.pid);
    Connection out(std::move(*fd));
    auto peer = out.checked_peer();
    if (!peer) return std::unexpected(peer.error());
    // The pidfd pins the process, so the start time read now is the peer's.
    auto id = identify(peer->pid);
    if (!id || *id != keeper)
        return fail(ECONNREFUSED, "connect", name, Reason::kKeeperGone, keeper.pid);
    return out;
}

std::vector<std::string> SessionDir::names() const {
    std::vector<std::string> out;
    UniqueFd copy(UTRACE_RETRY(::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!copy) return out;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(copy.get()), ::closedir);
    if (!dir) return out;
    (void)copy.release();  // closedir closes it
    while (const dirent* entry = ::readdir(dir.get())) out.emplace_back(entry->d_name);
    return out;
}

std::vector<ProcessId> SessionDir::keepers() const {
    std::vector<ProcessId> out;
    for (const std::string& name : names()) {
        if (auto id = parse_socket_name(name)) out.push_back(*id);
    }
    return out;
}

std::optional<ProcessId> SessionDir::read_link(const std::string& name) const {
    char to[128];
    const ssize_t n = ::readlinkat(fd_.get(), name.c_str(), to, sizeof to);
    if (n <= 0) return {};
    return parse_socket_name({to, static_cast<std::size_t>(n)});
}

std::optional<ProcessId> SessionDir::keeper_by_link(const ProcessId& process) const {
    return read_link(link_name(process));
}

void SessionDir::remove_dead() const {
    for (const ProcessId& keeper : keepers()) {
        auto peer = connect(keeper);
        if (!peer && is_dead(peer.error().err)) remove_socket(keeper);
    }
    for (const std::string& name : names()) {
        if (!parse_link_name(name)) continue;
        const auto to = read_link(name);
        if (!to || ::faccessat(fd_.get(), socket_name(*to).c_str(), F_OK, 0) != 0)
            ::unlinkat(fd_.get(), name.c_str(), 0);
    }
}

Expected<Welcome> greet(Connection& connection, const Hello& hello, std::uint64_t deadline_ns) {
    return connection.call<Welcome>(MsgType::kHello, hello, deadline_ns);
}

namespace {

/// A hint counts only when the keeper itself says that it holds the process.
std::optional<Found> ask(const SessionDir& dir, const ProcessId& keeper, const ProcessId& process,
                         const Hello& hello, std::uint64_t deadline_ns) {
    auto connection = dir.connect(keeper);
    if (!connection) return {};
    auto welcome = greet(*connection, hello, deadline_ns);
    if (!welcome) return {};
    Target target{};
    target.pid = process.pid;
    target.start_time = process.start_time;
    if (!connection->call<Reply>(MsgType::kHolds, target, deadline_ns)) return {};
    return Found{std::move(*connection), *welcome};
}

}  // namespace

Expected<std::optional<Found>> find_keeper(const SessionDir& own, const ProcessId& process,
                                           const Hello& hello, std::uint64_t deadline_ns) {
    if (const auto keeper = own.keeper_by_link(process)) {
        if (auto found = ask(own, *keeper, process, hello, deadline_ns)) return found;
    }
    auto tracer = tracer_of(process.pid);
    if (!tracer) return std::unexpected(tracer.error());
    if (*tracer == 0) return std::nullopt;
    if (const auto keeper = identify(*tracer)) {
        if (auto found = ask(own, *keeper, process, hello, deadline_ns)) return found;
        struct stat st{};
        const std::string proc = "/proc/" + std::to_string(*tracer);
        const uid_t uid = ::stat(proc.c_str(), &st) == 0 ? st.st_uid : ::geteuid();
        for (const std::string& path : SessionDir::candidates(uid, {})) {
            auto dir = SessionDir::open_at(path, uid, false);
            if (!dir) continue;
            if (auto found = ask(*dir, *keeper, process, hello, deadline_ns)) return found;
        }
    }
    return fail(EPERM, "attach", std::to_string(process.pid), Reason::kForeignTracer, *tracer);
}

}  // namespace utrace::session
