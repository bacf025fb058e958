// SPDX-License-Identifier: MIT
#include "cli/doctor.h"

#include <elf.h>
#include <langinfo.h>
#include <sys/stat.h>

#include <cstring>

#include <fmt/format.h>

#include "base/sys.h"
#include "cli/exit_status.h"
#include "cli/quoting.h"
#include "cli/verbs.h"
#include "cli/why_not_attach.h"

namespace utrace::cli {

namespace {

const char* word_of(Health health) {
    switch (health) {
        case Health::kOk:
            return "ok";
        case Health::kNo:
            return "no";
        case Health::kWarn:
            return "warn";
    }
    return "no";
}

const char* mark_of(Health health) {
    switch (health) {
        case Health::kOk:
            return "✔";
        case Health::kNo:
            return "✘";
        case Health::kWarn:
            return "!";
    }
    return "✘";
}

std::string padded(std::string text, std::size_t width) {
    const std::size_t columns = columns_of(text);
    text.append(columns < width ? width - columns : 1, ' ');
    return text;
}

/// Class and linkage of an ELF file: "64-bit, dynamic" or the reason why it cannot be told.
std::string elf_of(const std::string& path, bool& is_64_bit) {
    is_64_bit = false;
    const auto bytes = sys::read_file(path.c_str(), 4096);
    if (!bytes) return error_text(bytes.error().err).text();
    Elf64_Ehdr header{};
    if (bytes->size() < sizeof header) return "too short";
    std::memcpy(&header, bytes->data(), sizeof header);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return "not an ELF file";
    is_64_bit = header.e_ident[EI_CLASS] == ELFCLASS64;
    if (!is_64_bit) return "32-bit";
    bool dynamic = false;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment{};
        const std::uint64_t at = header.e_phoff + std::uint64_t{i} * sizeof segment;
        if (at > bytes->size() || bytes->size() - at < sizeof segment) break;
        std::memcpy(&segment, bytes->data() + at, sizeof segment);
        dynamic = dynamic || segment.p_type == PT_INTERP;
    }
    return dynamic ? "64-bit, dynamic" : "64-bit, static";
}

const char* attach_obstacle(Reason reason) {
    switch (reason) {
        case Reason::kNone:
            return "";
        case Reason::kNoSuchProcess:
            return "no such process";
        case Reason::kIsThread:
            return "it is a thread; attach its process";
        case Reason::kIsZombie:
            return "it is a zombie";
        case Reason::kIsKernelThread:
            return "it is a kernel thread";
        case Reason::kForeignTracer:
            return "another tool traces it";
        case Reason::kYama:
            return "Yama forbids it";
        case Reason::kCredentials:
            return "it belongs to another uid or gid";
        case Reason::kNotDumpable:
            return "it is not dumpable";
        case Reason::kCapabilities:
            return "it has capabilities you lack";
        case Reason::kForeignNamespace:
            return "it is in another user namespace";
        case Reason::kOurselves:
            return "it is this utrace";
        default:
            return "refused";
    }
}

bool held_by_keeper(const ProcessFacts& facts) { return facts.tracer_name == "utrace-keeper"; }

Check tracer_check(const ProcessFacts& facts) {
    if (facts.tracer == 0) return {Health::kOk, "tracer", "none", ""};
    if (held_by_keeper(facts))
        return {Health::kOk, "tracer", fmt::format("keeper {} of utrace", facts.tracer), ""};
    return {Health::kNo, "tracer",
            fmt::format("pid {} ({})", facts.tracer, quote(facts.tracer_name).text()),
            "one ptrace owner per process"};
}

Check set_id_check(const std::string& file) {
    struct stat info{};
    if (::stat(file.c_str(), &info) != 0)
        return {Health::kWarn, "set-id", error_text(errno).text(), ""};
    const bool set_id = (info.st_mode & (S_ISUID | S_ISGID)) != 0;
    return {set_id ? Health::kWarn : Health::kOk, "set-id",
            set_id ? fmt::format("mode {:04o}", info.st_mode & 07777) : "no",
            set_id ? "started under a tracer it has no privileges" : ""};
}

std::string row_text(const Check& check, DoctorForm form) {
    if (form == DoctorForm::kJson)
        return fmt::format(
            "{{\"type\":\"check\",\"health\":{},\"name\":{},\"value\":{},\"effect\":{}}}\n",
            json_string(word_of(check.health)), json_string(check.name), json_string(check.value),
            json_string(check.effect));
    const char* first = form == DoctorForm::kMarks ? mark_of(check.health) : word_of(check.health);
    std::string line = padded(first, form == DoctorForm::kMarks ? 3 : 6) + padded(check.name, 14) +
                       (check.effect.empty() ? check.value : padded(check.value, 38)) +
                       (check.effect.empty() ? "" : " " + check.effect);
    return line + "\n";
}

}  // namespace

Diagnosis examine_machine() {
    Diagnosis diagnosis;
    bool works = false;
    diagnosis.checks = {check_kernel(), check_ptrace(works), check_yama(),
                        check_rights(), check_seccomp(),     check_pidfd(),
                        check_memfd(),  check_openat2(),     check_syscall_table(),
                        check_rseq(),   check_membarrier(),  check_dispatch()};
    diagnosis.can_trace = works;
    for (const auto& check : diagnosis.checks) {
        const std::string_view name = check.name;
        const bool needed = name == "kernel" || name == "pidfd" || name == "memfd";
        if (needed && check.health == Health::kNo) diagnosis.can_trace = false;
    }
    diagnosis.host = diagnosis.can_trace ? "ptrace" : "none";
    return diagnosis;
}

void examine_process(pid_t pid, Diagnosis& to) {
    const Error why = why_not_attach(pid, 0);
    const ProcessFacts facts = read_process(pid);
    const bool shared = why.reason == Reason::kForeignTracer && held_by_keeper(facts);
    const bool free = why.reason == Reason::kNone || shared;
    to.checks.push_back({free ? Health::kOk : Health::kNo, "process",
                         facts.exists ? fmt::format("{} ({}), {} threads", pid,
                                                    quote(facts.name).text(), facts.threads)
                                      : std::to_string(pid),
                         shared ? "attach joins its session"
                         : free ? "can be attached"
                                : attach_obstacle(why.reason)});
    to.can_trace = to.can_trace && free;
    to.host = to.can_trace ? "ptrace" : "none";
    if (!facts.exists || facts.kernel_thread) return;
    const std::string file = "/proc/" + std::to_string(pid) + "/exe";
    bool is_64_bit = true;
    const std::string elf = elf_of(file, is_64_bit);
    to.checks.push_back({is_64_bit ? Health::kOk : Health::kWarn, "program", elf,
                         is_64_bit         ? ""
                         : elf == "32-bit" ? "calls are shown with numbers as arguments"
                                           : "not looked into"});
    to.checks.push_back(set_id_check(file));
    to.checks.push_back(
        {facts.seccomp <= 0 ? Health::kOk : Health::kWarn, "filter",
         facts.seccomp <= 0 ? "none" : fmt::format("seccomp mode {}", facts.seccomp),
         facts.seccomp <= 0 ? "" : "its own filter decides before calls are seen"});
    to.checks.push_back(tracer_check(facts));
}

std::string doctor_text(const Diagnosis& diagnosis, DoctorForm form) {
    std::string text;
    for (const auto& check : diagnosis.checks) text += row_text(check, form);
    if (form == DoctorForm::kJson)
        return text +
               fmt::format("{{\"type\":\"host\",\"name\":{}}}\n", json_string(diagnosis.host));
    return text + fmt::format("host: {}\n", diagnosis.host);
}

int doctor_verb(const Invocation& invocation) {
    Diagnosis diagnosis = examine_machine();
    for (const pid_t pid : invocation.pids) examine_process(pid, diagnosis);
    const bool utf8 = std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
    const DoctorForm form = invocation.json ? DoctorForm::kJson
                            : utf8          ? DoctorForm::kMarks
                                            : DoctorForm::kPlain;
    if (!print_out(doctor_text(diagnosis, form))) return kExitIncomplete;
    return diagnosis.can_trace ? kExitDone : kExitCheckFailed;
}

}  // namespace utrace::cli
