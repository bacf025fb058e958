// SPDX-License-Identifier: MIT
// Every message of the catalogue, provoked where a path of the command line leads to it, and shown
// with sample fields where only a session can: texts are compared byte by byte.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>

#include "cli/command_search.h"
#include "cli/doctor.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/why_not_attach.h"
#include "golden.h"

namespace utrace::cli {
namespace {

using test::parse_words;
using test::Sandbox;
using Words = std::vector<std::string>;

constexpr pid_t kPid = 4242;

/// Texts by message id, in the order they were made.
class Book {
  public:
    void add(const std::string& title, const Complaint& complaint) {
        const MessageDesc& desc = message_desc(complaint.msg);
        const std::string id = *desc.id == 0 ? "notes" : desc.id;
        pages_[id] += "# " + title + "\n" + render(complaint.msg, complaint.fields) + "\n";
        seen_.insert(complaint.msg);
    }
    void line(const Words& words) {
        std::string title = "utrace";
        for (const auto& word : words) title += " " + word;
        const auto result = parse_words(words);
        ASSERT_FALSE(result) << title;
        add(title + "   (status " + std::to_string(result.error().status) + ")", result.error());
    }
    void compare() const {
        for (const auto& [id, text] : pages_) test::expect_golden(id + ".txt", text);
    }
    const std::set<Msg>& seen() const { return seen_; }

  private:
    std::map<std::string, std::string> pages_;
    std::set<Msg> seen_;
};

/// Who runs the tests must not show in golden files.
Complaint anonymous(Complaint complaint) {
    if (!complaint.fields.user.empty()) complaint.fields.user = 1000;
    return complaint;
}

void usage_lines(Book& book) {
    const std::vector<Words> lines = {
        {"run", "--pdi", "1", "ls"},
        {"attach", "--pdi", "1"},
        {"run", "-pdi", "ls"},
        {"run", "-@", "ls"},
        {"run", "--colour=red\x1b[31m", "ls"},
        {"doctor", "--ring", "1M"},
        {"attach", "-E", "A=b", "-p", "1"},
        {"attach", "-p"},
        {"run", "--stats=yes", "ls"},
        {"recrod", "-p", "1"},
        {"qqqqqqq"},
        {"run"},
        {"attach"},
        {"-q", "-e", "count"},
        {"run", "-e", "openat", "ls"},
        {"run", "-e", "%file", "ls"},
        {"run", "-e", "open,close", "ls"},
        {"run", "-e", "cuont", "ls"},
        {"run", "-e", "log\n[UT-RUN-01]", "ls"},
        {"run", "-e", "trase=open", "ls"},
        {"attach", "-p", "12x"},
        {"attach", "-p", "1", "4242"},
        {"run", "--ring", "4MB", "ls"},
        {"run", "--for", "soon", "ls"},
        {"run", "-s", "many", "ls"},
        {"run", "-E", "=x", "ls"},
        {"run", "-o", "|", "ls"},
        {"run", "-e", "trace=opneat", "ls"},
        {"run", "-e", "trace=%fiel", "ls"},
        {"run", "-e", "trace=/(", "ls"},
        {"run", "-e", "trace=/^nothing", "ls"},
        {"run", "-e", "signal=SIGTREM", "ls"},
        {"run", "-e", "status=fialed", "ls"},
        {"run", "--host", "ptrase", "ls"},
        {"run", "-p", "1", "ls"},
        {"record", "ls"},
        {"top"},
        {"run", "--ring-dir", "x", "ls"},
        {"run", "--host", "inprocess:mode=auto", "ls"},
        {"run", "--when-full", "block", "ls"},
        {"run", "--follow", "all,depth=2", "ls"},
        {"run", "-c", "ls"},
        {"run", "-e", "inject=read:error=EIO", "ls"},
        {"run", "-e", "inject:on=read,error=EIO", "ls"},
        {"run", "-e", "log:if='ret<0'", "ls"},
        {"run", "-e", "./my.so", "ls"},
        {"run", "--json", "ls"},
        {"attach", "-p", "@server"},
        {"run", "-e", "log:trase=open", "ls"},
        {"run", "-e", "count:fast", "ls"},
    };
    for (const auto& line : lines) book.line(line);
    book.add("utrace help rnu",
             {Msg::kUsageHelp, {.arg = quote("rnu"), .near = known("run")}, 124});
    book.add("utrace explain UT-RUN-99",
             {Msg::kUsageExplain, {.arg = quote("UT-RUN-99"), .near = known("UT-RUN-01")}, 124});
}

void command_lines(Book& book) {
    const Sandbox sandbox;
    sandbox.file("bin/plain", "#!/bin/sh\n", 0644);
    sandbox.file("bin/script", "#!/no/such/interpreter -x\n", 0755);
    sandbox.file("bin/data", "just text\n", 0755);
    sandbox.directory("bin/dir");
    const auto search = [&](const std::string& name, const char* path) {
        const auto found = find_command(name, path);
        ASSERT_FALSE(found) << name;
        Complaint complaint = anonymous(command_complaint(name, found.error()));
        if (complaint.msg == Msg::kRunNotExecutable) complaint.fields.number = 1000;
        book.add(name + "   (status " + std::to_string(complaint.status) + ")", complaint);
    };
    search("no_such_command", "/opt/a/bin:/opt/b/bin");
    search("no_such_command", "");
    search("./no_such_command", "/opt/a/bin");
    search("plain", "nowhere:bin");
    search("bin/plain", "");
    search("script", "bin");
    search("bin/script", "");
    search("bin/data", "");
    search("bin/dir", "");
    search("/dev/null", "");
    const Error noexec{EACCES, Reason::kNotExecutable, 0100755, "run", "/mnt/tool", "0"};
    book.add("on a noexec mount", anonymous(command_complaint("/mnt/tool", noexec)));
    Command passwd{"/usr/bin/passwd", "", 0104755, 0, 0, true};
    Complaint warning = anonymous(set_id_warning("passwd", passwd));
    warning.fields.number = 1000;
    book.add("set-id", warning);
    book.add("-u nosuch",
             {Msg::kRunUser, {.arg = quote("nosuch"), .error = error_text(ENOENT)}, 125});
}

void attach_lines(Book& book) {
    const Sandbox sandbox;
    const auto process = [&](pid_t pid, const std::string& name, const std::string& more) {
        sandbox.file("proc/" + std::to_string(pid) + "/status",
                     "Name:\t" + name + "\n" + more + "Threads:\t3\n");
    };
    const auto refused = [&](const std::string& title, pid_t pid, const Error& error) {
        book.add(title, anonymous(attach_complaint(pid, error, "proc")));
    };
    process(kPid, "postgres", "State:\tS (sleeping)\nTgid:\t4242\n");
    sandbox.file("proc/self/status", "Name:\tutrace\nCapPrm:\t0000000000000000\n");
    sandbox.link("proc/self/ns/user", "user:[4026531837]");
    const auto error = [](Reason reason, std::int64_t number = 0, std::string detail = {}) {
        return Error{EPERM, reason, number, "attach", "4242", std::move(detail)};
    };
    refused("none", 999999, error(Reason::kNoSuchProcess));
    refused("a thread", kPid, error(Reason::kIsThread, 4240));
    refused("a zombie", kPid, error(Reason::kIsZombie, 4200));
    refused("a kernel thread", kPid, error(Reason::kIsKernelThread));
    refused("ourselves", kPid, error(Reason::kOurselves));
    refused("traced", kPid, error(Reason::kForeignTracer, 3999, "gdb"));
    refused("traced by a hostile name", kPid, error(Reason::kForeignTracer, 3999, "x\n\x1b[2Jy"));
    refused("traced from outside", kPid, error(Reason::kForeignTracer, 0));
    for (const int scope : {1, 2, 3}) refused("yama", kPid, error(Reason::kYama, scope));
    refused("uid", kPid, error(Reason::kCredentials, 26, "26/26/26/26"));
    refused("not dumpable", kPid, error(Reason::kNotDumpable));
    refused("capabilities", kPid, error(Reason::kCapabilities, 0, "1ffffffffff"));
    refused("namespace", kPid, error(Reason::kForeignNamespace, 0, "user:[4026532201]"));
    refused("denied", kPid, error(Reason::kDenied, 0, "a security module or seccomp"));
    refused("no reason known", kPid, error(Reason::kNone));
    refused("foreign keeper", kPid, error(Reason::kKeeperForeign, 1001));
    refused("keeper gone", kPid, error(Reason::kKeeperGone));
    book.add("joined",
             {Msg::kAttachJoined, {.pid = kPid, .name = quote("server"), .other = 4300}, 0});
    book.add("no safe point", {Msg::kAttachNoSafePoint,
                               {.pid = kPid,
                                .name = quote("server"),
                                .other = 4250,
                                .value = known("D"),
                                .path = quote("rpc_wait_bit_killable")},
                               125});
}

void output_lines(Book& book) {
    const Sandbox sandbox;
    sandbox.file("target", "kept\n", 0644);
    sandbox.link("link", "target");
    sandbox.directory("real");
    sandbox.link("through", "real");
    const auto refused = [&](const std::string& spec) {
        const auto output = Output::open(spec);
        ASSERT_FALSE(output) << spec;
        book.add("-o " + spec, anonymous(output_complaint(spec, output.error())));
    };
    refused("link");
    refused("through/file");
    refused("real");
    refused("/dev/zero");
    refused("missing/file");
    const Error foreign{EACCES, Reason::kOutputRefused, 4321, "open", "other.log", ""};
    book.add("-o other.log", anonymous(output_complaint("other.log", foreign)));
    auto full = Output::open("/dev/null");
    ASSERT_TRUE(full);
    book.add("disk full",
             output_lost_complaint(*full, Error{ENOSPC, Reason::kNone, 0, "write", "", ""}, 1499));
    book.add("reader gone",
             output_lost_complaint(*full, Error{EPIPE, Reason::kNone, 0, "write", "", ""}, 12));
}

void session_lines(Book& book) {
    book.add("engine lost", {Msg::kEngineLost,
                             {.engine = known("prof#2"),
                              .pid = kPid,
                              .name = known("prof"),
                              .value = known("its process died of SIGSEGV")},
                             0});
    book.add("full", complaint_of({0, Reason::kLimit, 64, "connect", "", "clients"}));
    book.add("protocol", complaint_of({0, Reason::kProtocol, 0, "read", "", "bad size 3"}));
    book.add("ring full", {Msg::kDropRing,
                           {.arg = known("12 ms"),
                            .other = 1,
                            .value = known("0.4"),
                            .number = 2113,
                            .total = 528250},
                           0});
    book.add("status hidden by 123", {Msg::kDropStatus, {.value = 3}, 123});
    book.add("blind", {Msg::kBlind, {.value = known("io_uring is in use")}, 0});
    book.add("no message of its own", complaint_of({EIO, Reason::kNone, 0, "mmap", "ring", ""}));
    book.add("attached",
             {Msg::kNoteAttached, {.pid = kPid, .name = quote("server"), .number = 5}, 0});
    book.add("detached", {Msg::kNoteDetached, {.pid = kPid, .name = quote("server")}, 0});
    book.add("detached all", {Msg::kNoteDetachedAll, {}, 0});
    book.add("host",
             {Msg::kNoteHost, {.name = known("ptrace"), .value = known("the only one")}, 0});
    book.add("stats", {Msg::kNoteStats, {.number = 12, .count = 10, .total = 2}, 0});
    book.add("again", {Msg::kNoteSignalAgain, {}, 0});
    book.add("status", {Msg::kNoteStatus,
                        {.list = known("2 engines"),
                         .value = known("00:12"),
                         .number = 1800000,
                         .count = 148000,
                         .total = 0},
                        0});
}

TEST(GoldenMessages, EveryMessageOfTheCatalogue) {
    Book book;
    usage_lines(book);
    command_lines(book);
    attach_lines(book);
    output_lines(book);
    session_lines(book);
    book.compare();
    for (unsigned i = 0; i < static_cast<unsigned>(Msg::kCount_); ++i)
        EXPECT_TRUE(book.seen().contains(static_cast<Msg>(i)))
            << "no case shows message number " << i << ": "
            << message_desc(static_cast<Msg>(i)).what;
}

TEST(GoldenHelp, OverviewAndVerbs) {
    std::string text = overview_text();
    for (const auto& verb : verbs())
        if (verb.verb != Verb::kLater)
            text += "\n# utrace help " + std::string(verb.name) + "\n" + verb_text(verb);
    test::expect_golden("help.txt", text);
}

TEST(GoldenHelp, EnginesWithKeys) {
    std::string text;
    for (const auto& engine : engines())
        if (engine.here) text += engine_text(engine, true);
    test::expect_golden("engines.txt", text);
}

TEST(GoldenHelp, Explanations) {
    std::string text;
    for (unsigned i = 0; i < explanation_count(); ++i)
        text += std::string(explanation_id(i)) + "\n" + explanation(explanation_id(i)) + "\n";
    test::expect_golden("explain.txt", text);
}

TEST(GoldenDoctor, FormsOfTheSameRows) {
    const Diagnosis diagnosis{{{Health::kOk, "rseq", "feature size 28, owner libc", "fast rings"},
                               {Health::kWarn, "yama", "ptrace_scope 1", "attach: only children"},
                               {Health::kNo, "ptrace", "Operation not permitted", ""}},
                              false,
                              "none"};
    test::expect_golden("doctor.txt", doctor_text(diagnosis, DoctorForm::kPlain) + "\n" +
                                          doctor_text(diagnosis, DoctorForm::kMarks) + "\n" +
                                          doctor_text(diagnosis, DoctorForm::kJson));
}

}  // namespace
}  // namespace utrace::cli
