// SPDX-License-Identifier: MIT
#include "cli/tracing.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/sys.h"
#include "cli/exit_status.h"
#include "engines/count/count.h"
#include "utrace/types.h"

namespace utrace::cli {
namespace {

constexpr std::size_t kBatch = 8192;                 // records per turn and ring
constexpr std::uint64_t kPartialAfter = 20'000'000;  // ns of quiet before a begun line is shown

constexpr std::uint64_t kSignalEvents = bit(Event::kSignal) | bit(Event::kSignalIgn) |
                                        bit(Event::kSignalStop) | bit(Event::kSignalTerm) |
                                        bit(Event::kSignalCore);

decode::TimeMode time_mode(TimeStamp stamp) {
    switch (stamp) {
        case TimeStamp::kSeconds:
            return decode::TimeMode::kSeconds;
        case TimeStamp::kMicroseconds:
            return decode::TimeMode::kMicros;
        case TimeStamp::kEpoch:
            return decode::TimeMode::kEpoch;
        case TimeStamp::kNone:
            break;
    }
    return decode::TimeMode::kNone;
}

decode::HexMode hex_mode(HexStrings hex) {
    switch (hex) {
        case HexStrings::kNonText:
            return decode::HexMode::kNonText;
        case HexStrings::kAll:
            return decode::HexMode::kAll;
        case HexStrings::kNone:
            break;
    }
    return decode::HexMode::kNone;
}

decode::XlatStyle xlat_style(ConstantStyle style) {
    switch (style) {
        case ConstantStyle::kRaw:
            return decode::XlatStyle::kRaw;
        case ConstantStyle::kVerbose:
            return decode::XlatStyle::kVerbose;
        case ConstantStyle::kSymbols:
            break;
    }
    return decode::XlatStyle::kAbbrev;
}

decode::SyscallSet widen(const SyscallSet& set, bool negate) {
    decode::SyscallSet out;
    for (std::size_t nr = 0; nr < set.size(); ++nr) out[nr] = set[nr] != negate;
    return out;
}

}  // namespace

Expected<SignalFd> SignalFd::open(std::initializer_list<int> signals) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signo : signals) ::sigaddset(&set, signo);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    SignalFd out;
    out.fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!out.fd_) return fail(errno, "signalfd");
    return out;
}

int SignalFd::take(pid_t* sender) noexcept {
    signalfd_siginfo info;
    if (UTRACE_RETRY(::read(fd_.get(), &info, sizeof info)) != sizeof info) return 0;
    if (sender != nullptr) *sender = info.ssi_code <= 0 ? static_cast<pid_t>(info.ssi_pid) : 0;
    return static_cast<int>(info.ssi_signo);
}

void explain_host(const Invocation& invocation) {
    if (invocation.verbose == 0) return;
    Fields fields;
    fields.name = known("ptrace");
    fields.value = known("the only host of this version");
    say(Msg::kNoteHost, fields);
}

// ---------------------------------------------------------------- engines and outputs

engines::LogOptions Tracing::log_options(const EngineSpec& spec, const Output& output) const {
    const TextChoice& choice = invocation_.text;
    engines::LogOptions options;
    options.syscalls = spec.syscalls;
    options.signals = spec.signals;
    options.status = spec.status;
    options.superseded = (spec.quiet & (kQuietSuperseded | kQuietThreadExecve)) == 0;
    decode::TextOptions& text = options.text;
    text.string_limit = spec.string_limit_set ? spec.string_limit : choice.string_limit;
    text.column = choice.column;
    text.time = time_mode(choice.stamp);
    text.relative = choice.relative;
    text.duration = choice.durations;
    text.number = choice.numbers;
    text.comm = choice.names;
    text.hex = hex_mode(choice.hex);
    text.xlat = xlat_style(choice.constants);
    text.verbose = choice.whole;
    text.raw = widen(spec.raw, false);
    text.unabbreviated = widen(spec.abbreviated, true);
    text.opaque = widen(spec.followed, true);
    text.quiet = (spec.quiet & kQuietExit) != 0 || invocation_.quiet > 1 ? 2 : 0;
    const bool to_screen = output.fd() == STDERR_FILENO || ::isatty(output.fd()) == 1;
    text.pid = to_screen                             ? decode::PidMode::kAuto
               : invocation_.follow == Follow::kNone ? decode::PidMode::kNone
                                                     : decode::PidMode::kAlways;
    text.realtime_offset_ns =
        static_cast<std::int64_t>(sys::realtime_ns()) - static_cast<std::int64_t>(sys::now_ns());
    return options;
}

std::optional<Complaint> Tracing::open_engines() {
    const bool any_log =
        std::any_of(invocation_.engines.begin(), invocation_.engines.end(),
                    [](const EngineSpec& spec) { return spec.kind == EngineKind::kLog; });
    for (const EngineSpec& spec : invocation_.engines)
        if (auto complaint = open_engine(spec, any_log)) return complaint;
    return std::nullopt;
}

// -o is the log's; other engines print on stderr, or to -o when there is no log; o= overrides both.
// Engines that name one output share it.
std::optional<Complaint> Tracing::open_engine(const EngineSpec& spec, bool any_log) {
    std::string where = spec.output;
    if (where.empty() && (spec.kind == EngineKind::kLog || !any_log)) where = invocation_.output;
    Output* output = nullptr;
    for (std::size_t i = 0; i < engines_.size(); ++i)
        if (engines_[i].output->name() == where) output = engines_[i].output;
    if (output == nullptr) {
        auto opened = Output::open(where);
        if (!opened) return output_complaint(where, opened.error());
        outputs_.push_back(std::make_unique<Output>(std::move(*opened)));
        output = outputs_.back().get();
    }
    Running running;
    running.spec = spec;
    running.output = output;
    if (spec.kind == EngineKind::kLog) {
        auto log = std::make_unique<engines::LogEngine>(log_options(spec, *output));
        running.log = log.get();
        running.live = ::isatty(output->fd()) == 1;
        running.engine = std::move(log);
    } else {
        running.engine = std::make_unique<engines::CountEngine>(spec.syscalls);
    }
    engines_.push_back(std::move(running));
    return std::nullopt;
}

session::Attach Tracing::request(const EngineSpec& spec) const {
    session::Attach request{};
    session::set_text(request.name, spec.id);
    request.level = spec.level;
    request.events = bit(Event::kClone) | bit(Event::kDeath);
    for (std::uint32_t nr = 0; nr < spec.syscalls.size(); ++nr)
        if (spec.syscalls[nr]) request.syscalls.add(nr);
    if (spec.kind == EngineKind::kLog) {
        request.events |= bit(Event::kExec) | bit(Event::kJctl);
        if (spec.signals.any()) request.events |= kSignalEvents;
        if (spec.syscalls.any())
            request.events |= bit(Event::kSyscallEntry) | bit(Event::kSyscallExit);
        request.string_bytes =
            spec.string_limit_set ? spec.string_limit : invocation_.text.string_limit;
        if (invocation_.text.whole) request.flags |= session::kAttachEnvironment;
    } else {
        request.events |= bit(Event::kSyscallExit);
        request.flags |= session::kAttachNoMemory;
    }
    if (invocation_.kill_on_exit) request.flags |= session::kAttachExitKill;
    request.follow = static_cast<std::uint32_t>(invocation_.follow);
    request.ring_bytes = invocation_.ring_bytes;
    return request;
}

std::size_t Tracing::add(session::Client client) {
    sessions_.push_back(
        Session{std::move(client), std::vector<std::uint32_t>(engines_.size()), false});
    return sessions_.size() - 1;
}

Expected<session::AttachReply> Tracing::attach(std::size_t index, pid_t pid) {
    Session& session = sessions_[index];
    Expected<session::AttachReply> last = fail(EINVAL, "attach");
    for (std::size_t i = 0; i < engines_.size(); ++i) {
        session::Attach wanted = request(engines_[i].spec);
        wanted.scope_tgid = pid;
        wanted.group = session.groups[i];
        last = session.client.attach(wanted);
        if (!last) return last;
        session.groups[i] = last->group;
    }
    return last;
}

// ---------------------------------------------------------------- the loop

void Tracing::note_process(std::span<const std::byte> record) {
    RecordHeader header;
    TaskPayload payload;
    if (record.size() < sizeof header + sizeof payload) return;
    std::memcpy(&header, record.data(), sizeof header);
    if (header.type != static_cast<std::uint16_t>(RecordType::kThread)) return;
    std::memcpy(&payload, record.data() + sizeof header, sizeof payload);
    processes_.insert(payload.tgid);
}

std::size_t Tracing::drain(Session& session) {
    ring::Consumer* ring = session.client.ring();
    if (ring == nullptr) return 0;
    const std::size_t n = ring->drain(
        kBatch,
        [&](std::span<const std::byte> record) {
            note_process(record);
            for (Running& running : engines_) running.engine->record(record, running.text);
        },
        [&](unsigned index, std::uint64_t count) {
            lost_ += count;
            for (Running& running : engines_) running.engine->lost(index, count, running.text);
        });
    events_ += n;
    return n;
}

void Tracing::fail_output(Running& running, const Error& error) {
    if (!output_failed_) say(output_lost_complaint(*running.output, error, events_));
    output_failed_ = true;
}

void Tracing::write_texts(bool idle) {
    for (Running& running : engines_) {
        if (idle && running.live && running.log != nullptr) running.log->partial(running.text);
        if (running.text.empty()) continue;
        auto written = running.output->write(running.text);
        running.text.clear();
        if (written && (idle || running.live)) written = running.output->flush();
        if (!written) fail_output(running, written.error());
    }
    if (!idle) return;
    for (Running& running : engines_)
        if (auto flushed = running.output->flush(); !flushed) fail_output(running, flushed.error());
}

// What the keeper says by itself: our scope is empty, the session ends, or the line is dead.
void Tracing::listen(Session& session) {
    while (!session.over) {
        auto message = session.client.next_event();
        if (!message) {
            if (message.error().err == EAGAIN) return;
            session.over = true;
            keeper_lost_ = true;
        } else if (message->type == session::MsgType::kEvent) {
            auto event = session::decode<session::Event>(*message);
            session.over =
                event && event->kind == static_cast<std::uint32_t>(session::EventKind::kScopeEmpty);
        } else if (message->type == session::MsgType::kSessionEnd) {
            session.over = true;
        }
    }
}

bool Tracing::turn() {
    std::size_t read = 0;
    bool alive = false;
    for (Session& session : sessions_) {
        // The keeper says "empty" after its last record, so look first and drain after.
        if (!session.over) listen(session);
        read += drain(session);
        alive = alive || !session.over ||
                (session.client.ring() != nullptr && !session.client.ring()->empty());
    }
    const std::uint64_t now = sys::now_ns();
    if (read != 0 || quiet_since_ == 0) quiet_since_ = now;
    write_texts(read == 0 && now - quiet_since_ >= kPartialAfter);
    return alive;
}

void Tracing::rest() {
    for (Session& session : sessions_) {
        if (session.over || session.client.ring() == nullptr) continue;
        session.client.ring()->wait(10'000'000 / std::max<std::size_t>(1, sessions_.size()));
    }
}

void Tracing::release() {
    for (Session& session : sessions_) {
        if (session.over) continue;
        if (auto released = session.client.release(); !released) keeper_lost_ = true;
        session.over = true;
    }
}

int Tracing::finish() {
    for (Session& session : sessions_)
        while (drain(session) != 0) write_texts(false);
    for (Running& running : engines_) running.engine->finish(running.text);
    write_texts(true);
    for (Session& session : sessions_) session.client.close();
    for (Running& running : engines_)
        if (auto closed = running.output->close(); !closed) fail_output(running, closed.error());
    if (lost_ != 0) {
        Fields fields;
        fields.number = lost_;
        fields.value = known(fmt::format(
            "{:.2f}", 100.0 * static_cast<double>(lost_) / static_cast<double>(lost_ + events_)));
        fields.total = lost_ + events_;
        say(Msg::kDropRing, fields);
    }
    if (invocation_.stats) {
        Fields fields;
        fields.number = events_ + lost_;
        fields.count = events_;
        fields.total = lost_;
        say(Msg::kNoteStats, fields);
    }
    const bool dropped = lost_ != 0 && invocation_.fail_on_drop;
    return output_failed_ || keeper_lost_ || dropped ? kExitIncomplete : kExitDone;
}

}  // namespace utrace::cli
