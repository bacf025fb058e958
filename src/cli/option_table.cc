// SPDX-License-Identifier: MIT
#include "cli/option_table.h"

namespace utrace::cli {

namespace {

// clang-format off
constexpr VerbDesc kVerbs[] = {
    {"run", Verb::kRun, "[OPTIONS] [--] COMMAND [ARG…]", "start a command with engines (default: log)", ""},
    {"attach", Verb::kAttach, "[OPTIONS] -p PID[,PID…]", "put engines onto a running process; joins its session", ""},
    {"engines", Verb::kEngines, "[-v] [NAME…]", "list engines; with -v or a name their keys", ""},
    {"doctor", Verb::kDoctor, "[-p PID]", "what works here and why", ""},
    {"explain", Verb::kExplain, "[ID…]", "long text of a message", ""},
    {"help", Verb::kHelp, "[VERB]", "this text, or the options of a verb", ""},
    {"version", Verb::kVersion, "", "version and features", ""},
    {"strace", Verb::kLater, "", "strace's own grammar", "utrace run -e trace=… -- COMMAND"},
    {"record", Verb::kLater, "", "writes trace files", "utrace run -o FILE -- COMMAND"},
    {"report", Verb::kLater, "", "reads trace files", "utrace run -e count -- COMMAND"},
    {"export", Verb::kLater, "", "converts trace files", "utrace run -o FILE -- COMMAND"},
    {"recover", Verb::kLater, "", "repairs trace files", "utrace run -o FILE -- COMMAND"},
    {"check", Verb::kLater, "", "adds up trace files", "utrace run --stats -- COMMAND"},
    {"gdb", Verb::kLater, "", "serves a debugger", "utrace engines"},
    {"ptrace", Verb::kLater, "", "serves a ptrace tool", "utrace engines"},
    {"top", Verb::kLater, "", "shows a live table", "utrace run -e count -- COMMAND"},
    {"ps", Verb::kLater, "", "lists sessions", "utrace doctor -p PID"},
    {"ctl", Verb::kLater, "", "changes a session", "utrace attach -p PID"},
    {"stats", Verb::kLater, "", "shows the cost of a session", "utrace run --stats -- COMMAND"},
    {"rseq", Verb::kLater, "", "shows rseq extensions", "utrace doctor"},
};

constexpr std::uint32_t kRunOnly = verb_bit(Verb::kRun);
constexpr std::uint32_t kTakesPid = verb_bit(Verb::kAttach) | verb_bit(Verb::kDoctor);

constexpr OptionDesc kOptions[] = {
    {Opt::kEngine, 'e', "engine", "ENGINE[:K=V,…]", kTracing, "add an engine; also QUALIFIER=SET for the log, as strace's", "log"},
    {Opt::kPid, 'p', "pid", "PID[,PID…]", kTakesPid, "the process to attach to; repeatable", ""},
    {Opt::kOutput, 'o', "output", "FILE", kTracing, "write the log there; - is stdout, '|CMD' a pipe", "stderr"},
    {Opt::kFollow, 0, "follow", "SPEC", kTracing, "none, threads, all, tree (all and existing descendants)", "all"},
    {Opt::kFollowAll, 'f', nullptr, nullptr, kTracing, "same as --follow all", ""},
    {Opt::kNoFollow, 0, "no-follow", nullptr, kTracing, "same as --follow none", ""},
    {Opt::kHost, 0, "host", "HOST", kTracing, "auto or ptrace", "auto"},
    {Opt::kRing, 0, "ring", "SIZE", kTracing, "size of the event ring", "8M"},
    {Opt::kWhenFull, 0, "when-full", "POLICY", kTracing, "drop: count what the full ring cannot take", "drop"},
    {Opt::kFor, 0, "for", "TIME", kTracing, "detach after TIME", ""},
    {Opt::kKillOnExit, 0, "kill-on-exit", nullptr, kTracing, "the program dies with utrace", ""},
    {Opt::kUser, 'u', "user", "USER", kRunOnly, "run the command as USER", ""},
    {Opt::kEnv, 'E', "env", "VAR[=VALUE]", kRunOnly, "set or remove a variable of the command", ""},
    {Opt::kStamp, 't', "absolute-timestamps", nullptr, kTracing, "time of day; -tt microseconds; -ttt since 1970", ""},
    {Opt::kRelative, 'r', "relative-timestamps", nullptr, kTracing, "time since the line before", ""},
    {Opt::kDurations, 'T', "syscall-times", nullptr, kTracing, "time spent in each call", ""},
    {Opt::kNumbers, 'n', "syscall-number", nullptr, kTracing, "number of each call", ""},
    {Opt::kStringLimit, 's', "string-limit", "N", kTracing, "cut strings at N bytes", "32"},
    {Opt::kHex, 'x', "strings-in-hex", nullptr, kTracing, "strings with other bytes in hex; -xx all strings", ""},
    {Opt::kConstants, 'X', "const-print-style", "STYLE", kTracing, "constants: abbrev (names), raw, verbose (both)", "abbrev"},
    {Opt::kColumn, 'a', "columns", "N", kTracing, "column of the '='", "40"},
    {Opt::kNames, 'Y', "decode-pids-comm", nullptr, kTracing, "names beside process ids", ""},
    {Opt::kStats, 0, "stats", nullptr, kTracing, "print how many events were written and lost", ""},
    {Opt::kFailOnDrop, 0, "fail-on-drop", nullptr, kTracing, "exit status 123 when events were lost", ""},
    {Opt::kFormat, 0, "format", "FORM", kAnyVerb, "text or json (json: messages and doctor)", "text"},
    {Opt::kJson, 0, "json", nullptr, kAnyVerb, "same as --format json", ""},
    {Opt::kColour, 0, "color", "WHEN", kAnyVerb, "auto, always, never", "auto"},
    {Opt::kQuiet, 'q', "quiet", nullptr, kAnyVerb, "errors only; -qq also no exit lines in the log", ""},
    {Opt::kVerbose, 'v', "verbose", nullptr, kAnyVerb, "explain choices; in the log nothing abbreviated", ""},
    {Opt::kHelp, 'h', "help", nullptr, kAnyVerb, "the options of the verb", ""},
    {Opt::kVersion, 'V', "version", nullptr, kAnyVerb, "same as utrace version", ""},

    {Opt::kLater, 0, "session", "NAME", kTracing, "named sessions", ""},
    {Opt::kLater, 0, "ring-dir", "DIR", kTracing, "rings as files", ""},
    {Opt::kLater, 0, "crash-dumps", nullptr, kTracing, "rings in core dumps", ""},
    {Opt::kLater, 0, "redact", "SPEC", kTracing, "redaction", "-s 0 -e trace=…"},
    {Opt::kLater, 0, "filter", "EXPR", kTracing, "filter expressions", "-e trace=… -e status=failed"},
    {Opt::kLater, 'c', "summary-only", nullptr, kTracing, "strace's -c", "-e count"},
    {Opt::kLater, 'C', "summary", nullptr, kTracing, "strace's -C", "-e log -e count"},
    {Opt::kLater, 'w', "summary-wall-clock", nullptr, kTracing, "strace's -w", "-e count"},
    {Opt::kLater, 'S', "summary-sort-by", "COLUMN", kTracing, "strace's -S", "-e count"},
    {Opt::kLater, 'U', "summary-columns", "LIST", kTracing, "strace's -U", "-e count"},
    {Opt::kLater, 'O', "summary-syscall-overhead", "TIME", kTracing, "strace's -O", "-e count"},
    {Opt::kLater, 'y', "decode-fds", nullptr, kTracing, "paths beside file descriptors", ""},
    {Opt::kLater, 'k', "stack-traces", nullptr, kTracing, "stack traces", ""},
    {Opt::kLater, 'i', "instruction-pointer", nullptr, kTracing, "instruction pointers", ""},
    {Opt::kLater, 'P', "trace-path", "PATH", kTracing, "selection by path", "-e trace=%file"},
    {Opt::kLater, 'A', "output-append-mode", nullptr, kTracing, "appending to a file", "-o '|cat >> FILE'"},
    {Opt::kLater, 0, "output-separately", nullptr, kTracing, "one file per process", "-o FILE   (lines carry the pid)"},
    {Opt::kLater, 'D', "daemonize", nullptr, kTracing, "strace's -D", "leave it out: the program's parent is always as without utrace"},
    {Opt::kLater, 'I', "interruptible", "MODE", kTracing, "strace's -I", "leave it out: Ctrl-C goes to the program"},
    {Opt::kLater, 'b', "detach-on", "CALL", kTracing, "detaching at a call", ""},
    {Opt::kLater, 'z', "successful-only", nullptr, kTracing, "strace's -z", "-e status=successful"},
    {Opt::kLater, 'Z', "failed-only", nullptr, kTracing, "strace's -Z", "-e status=failed"},
    {Opt::kLater, 'N', "arg-names", nullptr, kTracing, "argument names", ""},
    {Opt::kLater, 0, "seccomp-bpf", nullptr, kTracing, "a kernel-side filter", "-e trace=…"},
    {Opt::kLater, 0, "always-show-pid", nullptr, kTracing, "strace's --always-show-pid", "-o '|cat'"},
    {Opt::kLater, 0, "syscall-limit", "N", kTracing, "a limit on calls", "--for TIME"},
};

constexpr KeyDesc kKeys[] = {
    {Key::kTrace, "trace", kForLog | kForCount, true, "SET", "all", "which system calls"},
    {Key::kSignal, "signal", kForLog, true, "SET", "all", "which signals"},
    {Key::kStatus, "status", kForLog, true, "SET", "all", "which results: successful failed unfinished unavailable detached"},
    {Key::kQuiet, "quiet", kForLog, true, "SET", "none", "notices left out: attach exit personality superseded …"},
    {Key::kString, "s", kForLog, false, "N", "32", "cut strings at N bytes"},
    {Key::kAbbrev, "abbrev", kForLog, true, "SET", "all", "calls whose structures are cut"},
    {Key::kVerbose, "verbose", kForLog, true, "SET", "all", "calls whose structures are shown"},
    {Key::kRaw, "raw", kForLog, true, "SET", "none", "calls whose arguments are shown as numbers"},
    {Key::kBy, "by", kForCount, false, "syscall", "syscall", "what a row of the table is"},
    {Key::kId, "id", kForLog | kForCount, false, "NAME", "NAME#N", "how the engine is called in messages"},
    {Key::kLevel, "level", kForLog | kForCount, false, "N", "0", "nearer to the program when higher; ties: order given"},
    {Key::kOutput, "o", kForLog | kForCount, false, "FILE", "-o", "where it prints"},
    {Key::kLater, "if", kForLog | kForCount, false, "EXPR", "", "-e trace=… -e status=failed"},
    {Key::kLater, "follow", kForLog | kForCount, false, "SPEC", "", "--follow SPEC   (for all engines)"},
    {Key::kLater, "path", kForLog, false, "GLOB", "", "-e trace=%file"},
    {Key::kLater, "fds", kForLog, false, "WHAT", "", "-e trace=%desc"},
    {Key::kLater, "stack", kForLog, false, "no|fp|dwarf", "", ""},
    {Key::kLater, "hist", kForCount, false, "yes", "", "-e count"},
    {Key::kLater, "inject", 0, true, "SET:…", "", ""},
    {Key::kLater, "fault", 0, true, "SET:…", "", ""},
    {Key::kLater, "read", 0, true, "FDS", "", "-s 4096 -e trace=read"},
    {Key::kLater, "write", 0, true, "FDS", "", "-s 4096 -e trace=write"},
    {Key::kLater, "decode-fds", 0, true, "WHAT", "", "-e trace=%desc"},
    {Key::kLater, "decode-pids", 0, true, "WHAT", "", "-Y"},
    {Key::kLater, "trace-fds", 0, true, "FDS", "", "-e trace=%desc"},
    {Key::kLater, "kvm", 0, true, "vcpu", "", ""},
};

constexpr EngineDesc kEngines[] = {
    {"log", true, EngineKind::kLog, "prints each call, signal and exit, as strace does"},
    {"count", true, EngineKind::kCount, "counts calls, errors and time; a table at the end"},
    {"inject", false, EngineKind::kLog, "fault injection"},
    {"sandbox", false, EngineKind::kLog, "policies on calls"},
    {"gdb", false, EngineKind::kLog, "a server for debuggers"},
    {"probe", false, EngineKind::kLog, "probes in functions"},
    {"prof", false, EngineKind::kLog, "sampling of stacks"},
};
// clang-format on

}  // namespace

std::span<const VerbDesc> verbs() noexcept { return kVerbs; }
std::span<const OptionDesc> options() noexcept { return kOptions; }
std::span<const KeyDesc> keys() noexcept { return kKeys; }
std::span<const EngineDesc> engines() noexcept { return kEngines; }

const VerbDesc* find_verb(std::string_view name) noexcept {
    for (const auto& desc : kVerbs)
        if (name == desc.name) return &desc;
    return nullptr;
}

const VerbDesc& verb_desc(Verb verb) noexcept {
    for (const auto& desc : kVerbs)
        if (verb == desc.verb) return desc;
    return kVerbs[0];
}

const EngineDesc* find_engine(std::string_view name) noexcept {
    for (const auto& desc : kEngines)
        if (name == desc.name) return &desc;
    return nullptr;
}

const char* engine_name(EngineKind kind) noexcept {
    for (const auto& desc : kEngines)
        if (desc.here && desc.kind == kind) return desc.name;
    return "";
}

}  // namespace utrace::cli
