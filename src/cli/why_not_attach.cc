// SPDX-License-Identifier: MIT
#include "cli/why_not_attach.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include <fmt/format.h>

#include "base/sys.h"
#include "cli/command_search.h"
#include "cli/exit_status.h"

namespace utrace::cli {

namespace {

constexpr unsigned kCapSysPtrace = 19;
constexpr std::uint64_t kKernelThreadFlag = 0x00200000;  // PF_KTHREAD of the kernel's task flags

template <class Number>
Number number_of(std::string_view text, int base = 10) {
    Number number{};
    const auto start = text.find_first_not_of(" \t");
    if (start == text.npos) return number;
    std::from_chars(text.data() + start, text.data() + text.size(), number, base);
    return number;
}

/// Value of `Key:\t…` in a status file, empty when absent.
std::string_view field_of(std::string_view status, std::string_view key) {
    std::string_view rest = status;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        std::string_view line = rest.substr(0, end);
        if (line.starts_with(key) && line.substr(key.size()).starts_with(':')) {
            line.remove_prefix(key.size() + 1);
            const auto start = line.find_first_not_of(" \t");
            return start == line.npos ? std::string_view() : line.substr(start);
        }
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
    return {};
}

template <class Id>
std::vector<Id> ids_of(std::string_view text) {
    std::vector<Id> ids;
    while (!text.empty()) {
        const auto end = text.find_first_of(" \t");
        if (end != 0) ids.push_back(number_of<Id>(text.substr(0, end)));
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return ids;
}

std::string read_or_empty(const std::string& path) {
    auto text = sys::read_file(path.c_str());
    return text ? std::move(*text) : std::string();
}

std::string link_or_empty(const std::string& path) {
    char target[256];
    const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
    return length <= 0 ? std::string() : std::string(target, static_cast<std::size_t>(length));
}

/// Task flags of /proc/PID/stat: the seventh field after the name, which may hold blanks and ')'.
std::uint64_t flags_of(std::string_view stat) {
    const auto close = stat.rfind(')');
    if (close == stat.npos) return 0;
    stat.remove_prefix(close + 1);
    for (int field = 0; field < 7; ++field) {
        const auto blank = stat.find(' ');
        if (blank == stat.npos) return 0;
        stat.remove_prefix(blank + 1);
    }
    return number_of<std::uint64_t>(stat);
}

std::string join(const std::vector<uid_t>& ids) {
    std::string text;
    for (const auto id : ids) text += (text.empty() ? "" : "/") + std::to_string(id);
    return text;
}

/// The kernel's own test: every id of the target equals our real one.
template <class Id>
bool all_are(const std::vector<Id>& ids, Id ours) {
    for (std::size_t i = 0; i < ids.size() && i < 3; ++i)
        if (ids[i] != ours) return false;
    return true;
}

Error reason(int err, pid_t pid, Reason why, std::int64_t number = 0, std::string detail = {}) {
    return Error{err, why, number, "attach", std::to_string(pid), std::move(detail)};
}

/// Rights only; the process exists, is no zombie and has no tracer.
Error missing_right(pid_t pid, int err, const ProcessFacts& facts, const Observer& us,
                    std::optional<int> scope) {
    const auto unexplained = [&] {
        return err == 0 ? reason(0, pid, Reason::kNone)
                        : reason(err, pid, Reason::kDenied, 0, "a security module or seccomp");
    };
    if (scope == 3) return reason(err, pid, Reason::kYama, 3);
    if (!facts.user_namespace.empty() && !us.facts.user_namespace.empty() &&
        facts.user_namespace != us.facts.user_namespace)
        return reason(err, pid, Reason::kForeignNamespace, 0, facts.user_namespace);
    if (us.may_trace_all) return unexplained();
    if (!all_are(facts.uids, us.uid) || !all_are(facts.gids, us.gid))
        return reason(err, pid, Reason::kCredentials, facts.uids.empty() ? 0 : facts.uids[0],
                      join(facts.uids));
    if ((facts.capabilities & ~us.facts.capabilities) != 0)
        return reason(err, pid, Reason::kCapabilities, 0, fmt::format("{:x}", facts.capabilities));
    if (facts.not_dumpable) return reason(err, pid, Reason::kNotDumpable);
    if (scope == 2) return reason(err, pid, Reason::kYama, 2);
    // Scope 1 allows descendants and those that named us by PR_SET_PTRACER, which cannot be read.
    if (scope == 1 && err != 0) return reason(err, pid, Reason::kYama, 1);
    return unexplained();
}

Complaint with(Msg msg, Fields fields, int status) { return {msg, std::move(fields), status}; }

}  // namespace

/// `base` is the directory of the process.
static ProcessFacts read_directory(const std::string& proc, const std::string& base) {
    ProcessFacts facts;
    const std::string status = read_or_empty(base + "/status");
    if (status.empty()) return facts;
    facts.exists = true;
    facts.name = field_of(status, "Name");
    if (const auto state = field_of(status, "State"); !state.empty()) facts.state = state[0];
    facts.process = number_of<pid_t>(field_of(status, "Tgid"));
    facts.parent = number_of<pid_t>(field_of(status, "PPid"));
    facts.tracer = number_of<pid_t>(field_of(status, "TracerPid"));
    facts.uids = ids_of<uid_t>(field_of(status, "Uid"));
    facts.gids = ids_of<gid_t>(field_of(status, "Gid"));
    facts.capabilities = number_of<std::uint64_t>(field_of(status, "CapPrm"), 16);
    if (const auto mode = field_of(status, "Seccomp"); !mode.empty())
        facts.seccomp = number_of<int>(mode);
    facts.no_new_privs = number_of<int>(field_of(status, "NoNewPrivs")) == 1;
    facts.threads = number_of<int>(field_of(status, "Threads"));
    facts.kernel_thread = (flags_of(read_or_empty(base + "/stat")) & kKernelThreadFlag) != 0;
    // The kernel gives the private files of a process that is not dumpable to root.
    struct stat info{};
    if (::stat((base + "/fd").c_str(), &info) == 0 && facts.uids.size() > 1)
        facts.not_dumpable = info.st_uid != facts.uids[1];
    facts.user_namespace = link_or_empty(base + "/ns/user");
    facts.wait_channel = read_or_empty(base + "/wchan");
    if (facts.tracer > 0) {
        facts.tracer_name = read_or_empty(proc + "/" + std::to_string(facts.tracer) + "/comm");
        while (facts.tracer_name.ends_with('\n')) facts.tracer_name.pop_back();
    }
    return facts;
}

ProcessFacts read_process(pid_t pid, const std::string& proc) {
    return read_directory(proc, proc + "/" + std::to_string(pid));
}

Observer read_observer(const std::string& proc) {
    Observer us{read_directory(proc, proc + "/self"), ::getuid(), ::getgid(), false};
    const std::string status = read_or_empty(proc + "/self/status");
    const auto effective = number_of<std::uint64_t>(field_of(status, "CapEff"), 16);
    us.may_trace_all = (effective >> kCapSysPtrace & 1) != 0;
    return us;
}

std::optional<int> yama_scope(const std::string& proc) {
    const std::string text = read_or_empty(proc + "/sys/kernel/yama/ptrace_scope");
    if (text.empty()) return std::nullopt;
    return number_of<int>(text);
}

Error attach_reason(pid_t pid, int err, const ProcessFacts& facts, const Observer& us,
                    std::optional<int> scope) {
    if (!facts.exists) return reason(err == 0 ? ESRCH : err, pid, Reason::kNoSuchProcess);
    if (facts.process == ::getpid()) return reason(err, pid, Reason::kOurselves);
    if (facts.process != pid) return reason(err, pid, Reason::kIsThread, facts.process, facts.name);
    if (facts.state == 'Z' || facts.state == 'X')
        return reason(err, pid, Reason::kIsZombie, facts.parent, facts.name);
    if (facts.kernel_thread) return reason(err, pid, Reason::kIsKernelThread, 0, facts.name);
    if (facts.tracer != 0)
        return reason(err, pid, Reason::kForeignTracer, facts.tracer, facts.tracer_name);
    return missing_right(pid, err, facts, us, scope);
}

Error why_not_attach(pid_t pid, int err, const std::string& proc) {
    return attach_reason(pid, err, read_process(pid, proc), read_observer(proc), yama_scope(proc));
}

Complaint attach_complaint(pid_t pid, const Error& error, const std::string& proc) {
    const ProcessFacts facts = read_process(pid, proc);
    Fields fields{.pid = pid, .name = quote(facts.name), .error = error_text(error.err)};
    const auto say_with = [&](Msg msg) { return with(msg, fields, kExitFailed); };
    fields.other = error.number;
    switch (error.reason) {
        case Reason::kNoSuchProcess:
            return say_with(Msg::kAttachNoProcess);
        case Reason::kIsThread:
            return say_with(Msg::kAttachThread);
        case Reason::kIsZombie:
            return say_with(Msg::kAttachZombie);
        case Reason::kIsKernelThread:
            return say_with(Msg::kAttachKernelThread);
        case Reason::kOurselves:
            return say_with(Msg::kAttachOurselves);
        case Reason::kForeignTracer:
            fields.other_name = quote(error.detail);
            return say_with(error.detail.empty() ? Msg::kAttachTracedUnseen : Msg::kAttachTraced);
        case Reason::kYama:
            return say_with(error.number == 1   ? Msg::kAttachYamaChild
                            : error.number == 2 ? Msg::kAttachYamaAdmin
                                                : Msg::kAttachYamaNever);
        case Reason::kNotDumpable:
            return say_with(Msg::kAttachDumpable);
        case Reason::kCredentials:
            fields.value = quote(error.detail);
            fields.user = ::getuid();
            return say_with(Msg::kAttachUid);
        case Reason::kCapabilities:
            fields.value = quote(error.detail);
            fields.other = known(fmt::format("{:x}", read_observer(proc).facts.capabilities));
            return say_with(Msg::kAttachCaps);
        case Reason::kForeignNamespace:
            fields.value = quote(error.detail);
            fields.other = quote(read_observer(proc).facts.user_namespace);
            return say_with(Msg::kAttachNamespace);
        case Reason::kDenied:
            fields.value = quote(error.detail);
            return say_with(Msg::kAttachDenied);
        case Reason::kKeeperForeign:
            return say_with(Msg::kSessionForeign);
        case Reason::kKeeperGone:
            return with(Msg::kSessionKeeperGone, fields, kExitIncomplete);
        default:
            return say_with(Msg::kAttachFailed);
    }
}

Complaint complaint_of(const Error& error, int status) {
    Fields fields{.value = quote(error.op),
                  .path = quote(error.object),
                  .error = error_text(error.err),
                  .number = error.number};
    switch (error.reason) {
        case Reason::kKeeperGone:
            return with(Msg::kSessionKeeperGone,
                        {.pid = quote(error.object), .value = quote(error.detail)},
                        kExitIncomplete);
        case Reason::kKeeperForeign:
            return with(Msg::kSessionForeign, {.pid = quote(error.object), .other = error.number},
                        status);
        case Reason::kProtocol:
            return with(Msg::kSessionProtocol, {.value = quote(error.detail)}, status);
        case Reason::kLimit:
            return with(Msg::kSessionLimit, {.value = quote(error.detail), .number = error.number},
                        status);
        case Reason::kNotFound:
        case Reason::kNotExecutable:
            return command_complaint(error.object, error);
        default:
            return with(Msg::kInternal, std::move(fields), status);
    }
}

}  // namespace utrace::cli
