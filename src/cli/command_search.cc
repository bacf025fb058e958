// SPDX-License-Identifier: MIT
#include "cli/command_search.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/sys.h"
#include "cli/exit_status.h"

namespace utrace::cli {

namespace {

constexpr std::size_t kShebangBytes = 256;  // BINPRM_BUF_SIZE of the kernel

/// The interpreter a script names; empty when the file is no script or cannot be read.
std::string interpreter_of(const std::string& file) {
    const auto head = sys::read_file(file.c_str(), kShebangBytes);
    if (!head || !head->starts_with("#!")) return {};
    const std::string line = head->substr(2, head->find('\n') - 2);
    const auto start = line.find_first_not_of(" \t");
    if (start == line.npos) return {};
    return line.substr(start, line.find_first_of(" \t\r", start) - start);
}

/// Neither a script nor an ELF file; unreadable files get the benefit of the doubt.
bool is_foreign_format(const std::string& file) {
    const auto head = sys::read_file(file.c_str(), kShebangBytes);
    return head && !head->starts_with("#!") && !head->starts_with("\177ELF");
}

bool has_file_capabilities(const std::string& file) {
    return ::getxattr(file.c_str(), "security.capability", nullptr, 0) > 0;
}

bool gains_rights(const std::string& file, const struct stat& info) {
    const bool set_uid = (info.st_mode & S_ISUID) != 0 && info.st_uid != ::geteuid();
    const bool set_gid = (info.st_mode & S_ISGID) != 0 && (info.st_mode & S_IXGRP) != 0 &&
                         info.st_gid != ::getegid();
    return set_uid || set_gid || (::geteuid() != 0 && has_file_capabilities(file));
}

/// One candidate: what execve would say to it.
Expected<Command> examine(const std::string& file) {
    struct stat info{};
    if (::stat(file.c_str(), &info) != 0) return fail(errno, "run", file, Reason::kNotFound);
    const auto not_executable = [&](int err) {
        return fail(err, "run", file, Reason::kNotExecutable, info.st_mode,
                    std::to_string(info.st_uid));
    };
    if (S_ISDIR(info.st_mode)) return not_executable(EISDIR);
    if (!S_ISREG(info.st_mode)) return not_executable(EINVAL);
    if (::faccessat(AT_FDCWD, file.c_str(), X_OK, AT_EACCESS) != 0) return not_executable(errno);
    Command command{file,        interpreter_of(file), info.st_mode,
                    info.st_uid, info.st_gid,          gains_rights(file, info)};
    if (!command.interpreter.empty() && ::access(command.interpreter.c_str(), F_OK) != 0)
        return fail(errno, "run", file, Reason::kNotFound, 0, command.interpreter);
    if (command.interpreter.empty() && is_foreign_format(file)) return not_executable(ENOEXEC);
    return command;
}

}  // namespace

Expected<Command> find_command(const std::string& name, const char* path) {
    if (name.find('/') != name.npos) return examine(name);
    if (name.empty()) return fail(ENOENT, "run", name, Reason::kNotFound);
    std::string_view rest = path == nullptr ? "" : path;
    const std::string tried(rest);
    Error first{ENOENT, Reason::kNotFound, 0, "run", name, tried};
    while (!rest.empty()) {
        const auto colon = rest.find(':');
        std::string directory(rest.substr(0, colon));
        rest.remove_prefix(colon == rest.npos ? rest.size() : colon + 1);
        if (directory.empty()) directory = ".";
        auto found = examine(directory.append("/").append(name));
        if (found) return found;
        // As execvp: a file that may not be run is passed over, but is the reason in the end.
        const Error& error = found.error();
        const bool is_there = error.err != ENOENT && error.err != ENOTDIR;
        const bool is_command =
            (is_there && error.err != EISDIR && error.reason == Reason::kNotExecutable) ||
            (error.reason == Reason::kNotFound && !error.detail.empty());
        if (is_command && first.reason == Reason::kNotFound && first.object == name) first = error;
    }
    return std::unexpected(first);
}

bool command_exists(const std::string& name, const char* path) {
    const auto found = find_command(name, path);
    return found || found.error().object != name;
}

Complaint command_complaint(const std::string& name, const Error& error) {
    const Shown shown = quote(name);
    const bool has_slash = name.find('/') != name.npos;
    if (error.reason == Reason::kNotFound) {
        if (error.object != name || (has_slash && !error.detail.empty()))
            return {Msg::kRunNoInterpreter,
                    {.arg = shown, .other = quote(error.detail), .path = quote(error.object)},
                    kExitNotFound};
        if (has_slash)
            return {Msg::kRunNoPath, {.arg = shown, .error = error_text(error.err)}, kExitNotFound};
        if (error.detail.empty()) return {Msg::kRunEmptyPath, {.arg = shown}, kExitNotFound};
        return {Msg::kRunNotFound, {.arg = shown, .list = quote(error.detail)}, kExitNotFound};
    }
    const auto mode = static_cast<unsigned>(error.number);
    const Fields fields{.arg = shown,
                        .value = octal(mode & 07777),
                        .path = quote(error.object),
                        .error = error_text(error.err),
                        .number = quote(error.detail),
                        .user = ::geteuid()};
    if (error.err == EISDIR) return {Msg::kRunDirectory, fields, kExitNotExecutable};
    if (error.err == ENOEXEC) return {Msg::kRunFormat, fields, kExitNotExecutable};
    if (error.err == EINVAL) return {Msg::kRunNotFile, fields, kExitNotExecutable};
    const bool no_bit = (mode & 0111) == 0;
    const bool ours = error.detail == std::to_string(::geteuid());
    if (no_bit || (ours && (mode & 0100) == 0) || (!ours && (mode & 0011) == 0))
        return {Msg::kRunNotExecutable, fields, kExitNotExecutable};
    return {Msg::kRunNotPermitted, fields, kExitNotExecutable};
}

Complaint set_id_warning(const std::string& name, const Command& command) {
    return {Msg::kRunSetId,
            {.arg = quote(name),
             .other = command.owner,
             .value = octal(command.mode & 07777),
             .number = ::geteuid(),
             .user = ::geteuid()},
            kExitDone};
}

}  // namespace utrace::cli
