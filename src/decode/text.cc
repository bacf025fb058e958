// SPDX-License-Identifier: MIT
#include "decode/text.h"

#include <algorithm>

namespace utrace::decode {
namespace {

constexpr std::uint32_t kRestartSyscall = 219;

std::size_t bounded_length(const char* text, std::size_t limit) {
    return static_cast<std::size_t>(std::find(text, text + limit, '\0') - text);
}

bool is_exit_call(const Call& call) {
    return call.desc != nullptr && call.desc->ret == capture::RetKind::kNone;
}

}  // namespace

TextLog::TextLog(TextOptions options) : options_(options) { call_.blobs.reserve(32); }

TextLog::Task& TextLog::task(std::uint32_t tid) {
    Task& t = tasks_[tid];
    if (!t.alive) {
        t.alive = true;
        ++alive_;
    }
    return t;
}

// ---------------------------------------------------------------------------------------- lines

void TextLog::interrupt(std::string& out) {
    if (open_tid_ == 0) {
        return;
    }
    Task& t = tasks_[open_tid_];
    if (!open_shown_) {
        print_entry(t, out);
    }
    out += " <unfinished ...>\n";
    open_tid_ = 0;
    open_shown_ = false;
}

void TextLog::pad(std::size_t used, std::string& out) {
    if (used < options_.column) {
        out.append(options_.column - used, ' ');
    }
}

bool TextLog::load_call(const RecordView& view, bool entry, std::uint64_t& start) {
    const auto parsed = view.syscall();
    if (!parsed) {
        return false;
    }
    if (entry) {
        call_.blobs.clear();
    }
    call_.nr = parsed->head.nr;
    call_.abi = static_cast<Abi>(parsed->head.abi);
    call_.args = parsed->args;
    call_.ret = parsed->head.ret;
    call_.exited = view.type() != RecordType::kSyscallEntry;
    call_.desc = capture::find_syscall(call_.abi, call_.nr);
    append_blobs(*parsed, call_.blobs);
    if (parsed->head.start != 0) {
        start = parsed->head.start;
    }
    return true;
}

/// `name(`, or `syscall_0x3e7(`.
void TextLog::name_open(std::string& out) {
    if (call_.desc != nullptr && call_.desc->name != nullptr) {
        out += call_.desc->name;
    } else {
        out += "syscall_";
        Writer(out, options_).hex(call_.nr);
    }
    out += '(';
}

void TextLog::restart_text(const Task& t, std::string& out) {
    std::uint32_t nr = t.resumed ? t.nr : t.prev_nr;
    const auto* desc = nr == kNone ? nullptr : capture::find_syscall(call_.abi, nr);
    out += "<... resuming interrupted ";
    out += desc != nullptr && desc->name != nullptr ? desc->name : "system call";
    out += " ...>";
}

/// Prints the begun line of the entry kept in `t`; returns its length.
std::size_t TextLog::print_entry(Task& t, std::string& out) {
    const auto view = RecordView::parse(t.entry);
    std::uint64_t start = 0;
    const std::size_t from = out.size();
    if (!view || !load_call(*view, true, start)) {
        return 0;
    }
    leader(view->header(), view->header().time, t, out);
    if (t.resumed || call_.nr == kRestartSyscall) {
        out += "restart_syscall(";
        restart_text(t, out);
    } else {
        name_open(out);
        aux_.clear();
        Printer p(out, options_, call_, Half::kEntry, aux_);
        print_arguments(p);
        p.finish();
    }
    return out.size() - from;
}

/// `)`, blanks, the result, notes and the end of the line.
void TextLog::tail(const RecordHeader& h, std::uint64_t start, std::size_t column, Printer& p,
                   std::string& out) {
    const std::size_t from = out.size();
    out += ") ";
    pad(column + (out.size() - from), out);
    out += "= ";
    print_result(p);
    if (!aux_.empty()) {
        out += " (";
        out += aux_;
        out += ')';
    }
    if (options_.duration && start != 0) {
        const std::uint64_t ns = h.time > start ? h.time - start : 0;
        out += " <";
        Writer w(out, options_);
        w.udec(ns / 1'000'000'000).put('.').dec_fill(ns % 1'000'000'000 / 1000, 6, '0').put('>');
    }
    out += '\n';
}

void TextLog::print_whole(const RecordHeader& h, std::uint64_t start, Task& t, std::string& out) {
    const std::size_t from = out.size();
    leader(h, start != 0 ? start : h.time, t, out);
    aux_.clear();
    const bool restart = t.resumed || call_.nr == kRestartSyscall;
    if (restart) {
        out += "restart_syscall(";
        restart_text(t, out);
    } else {
        name_open(out);
    }
    Printer p(out, options_, call_, Half::kBoth, aux_);
    if (!restart) {
        print_arguments(p);
        p.finish();
    }
    tail(h, start, out.size() - from, p, out);
}

/// The exit half; `column` is the length of the line so far.
void TextLog::print_rest(const RecordHeader& h, std::uint64_t start, Task& t, std::size_t column,
                         std::string& out) {
    const std::size_t from = out.size();
    aux_.clear();
    Printer p(out, options_, call_, Half::kExit, aux_);
    if (!t.resumed && call_.nr != kRestartSyscall) {
        print_arguments(p);
        p.finish();
    }
    tail(h, start, column + (out.size() - from), p, out);
}

// ---------------------------------------------------------------------------------------- calls

void TextLog::on_entry(const RecordView& view, Task& t, std::string& out) {
    std::uint64_t start = 0;
    if (!load_call(view, true, start)) {
        return;
    }
    if (t.in_call) {
        abandon(view.header(), t, out);
        (void)load_call(view, true, start);
    }
    interrupt(out);
    (void)load_call(view, true, start);
    t.prev_nr = t.nr;
    t.nr = call_.nr;
    t.resumed = (view.header().flags & kRecordResumed) != 0;
    if (is_exit_call(call_)) {
        call_.exited = true;
        print_whole(view.header(), view.header().time, t, out);
        return;
    }
    const auto* bytes = reinterpret_cast<const std::byte*>(&view.header());
    t.entry.assign(bytes, bytes + sizeof(RecordHeader));
    t.entry.insert(t.entry.end(), view.payload().begin(), view.payload().end());
    t.in_call = true;
    open_tid_ = view.header().tid;
    open_shown_ = false;
}

void TextLog::on_exit(const RecordView& view, Task& t, std::string& out) {
    const RecordHeader& h = view.header();
    if (!t.in_call) {
        on_whole(view, t, out);
        return;
    }
    const bool mine = open_tid_ == h.tid;
    if (!mine) {
        interrupt(out);
    }
    const auto entry = RecordView::parse(t.entry);
    std::uint64_t start = 0;
    if (!entry || !load_call(*entry, true, start)) {
        return;
    }
    const auto nr = call_.nr;
    start = start != 0 ? start : entry->header().time;
    const auto args = call_.args;
    if (!load_call(view, false, start)) {
        return;
    }
    call_.args = nr == call_.nr ? args : call_.args;
    t.in_call = false;
    if (mine && !open_shown_) {
        print_whole(h, start, t, out);
    } else {
        std::size_t column = open_column_;
        if (!mine) {
            const std::size_t from = out.size();
            leader(h, h.time, t, out);
            out += "<... ";
            if (t.resumed) {
                out += "restart_syscall";
            } else {
                name_open(out);
                out.pop_back();
            }
            out += " resumed>";
            column = out.size() - from;
        }
        print_rest(h, start, t, column, out);
    }
    if (mine) {
        open_tid_ = 0;
        open_shown_ = false;
    }
    t.resumed = false;
}

void TextLog::on_whole(const RecordView& view, Task& t, std::string& out) {
    std::uint64_t start = 0;
    if (!load_call(view, true, start)) {
        return;
    }
    const RecordHeader& h = view.header();
    if (t.in_call) {
        abandon(h, t, out);
    }
    interrupt(out);
    (void)load_call(view, true, start);
    t.prev_nr = t.nr;
    t.nr = call_.nr;
    t.resumed = (h.flags & kRecordResumed) != 0;
    print_whole(h, start, t, out);
    t.resumed = false;
}

/// The call under way will never return: `read(0,  <unfinished ...>) = ?`.
void TextLog::abandon(const RecordHeader& h, Task& t, std::string& out) {
    const bool mine = open_tid_ == h.tid;
    if (!mine) {
        interrupt(out);
    }
    std::size_t column = open_column_;
    const std::size_t from = out.size();
    const bool complete = [&] {
        if (mine && !open_shown_) {
            column = print_entry(t, out);
        } else if (!mine) {
            std::uint64_t start = 0;
            const auto entry = RecordView::parse(t.entry);
            if (entry) {
                (void)load_call(*entry, true, start);
            }
            leader(h, h.time, t, out);
            out += "<... ";
            name_open(out);
            out.pop_back();
            out += " resumed>";
            column = out.size() - from;
        }
        std::string scratch;
        Printer p(scratch, options_, call_, Half::kEntry, aux_);
        print_arguments(p);
        return t.resumed || !p.stopped();
    }();
    const std::size_t middle = out.size();
    if (!complete) {
        out += " <unfinished ...>";
    }
    out += ") ";
    pad(column + (out.size() - middle), out);
    out += "= ?\n";
    t.in_call = false;
    t.resumed = false;
    if (mine) {
        open_tid_ = 0;
        open_shown_ = false;
    }
}

// --------------------------------------------------------------------------------------- others

void TextLog::on_signal(const RecordView& view, Task& t, std::string& out) {
    SignalPayload payload{};
    if (!view.read(payload)) {
        return;
    }
    interrupt(out);
    leader(view.header(), view.header().time, t, out);
    Writer w(out, options_);
    w.put("--- ");
    w.signal(payload.signo).put(' ');
    print_siginfo(w, std::as_bytes(std::span(payload.info)));
    w.put(" ---\n");
}

void TextLog::end_task(const RecordHeader& h, const TaskPayload& p, Task& t, std::string& out) {
    const auto what = static_cast<TaskEvent>(p.what);
    if (t.in_call) {
        abandon(h, t, out);
    }
    interrupt(out);
    const bool quiet = what == TaskEvent::kExited && options_.quiet >= 2;
    if (!quiet) {
        leader(h, h.time, t, out);
        Writer w(out, options_);
        const auto status = static_cast<std::uint32_t>(p.status);
        if (what == TaskEvent::kExited) {
            w.put("+++ exited with ").udec((status >> 8) & 0xff);
        } else if (what == TaskEvent::kKilled) {
            w.put("+++ killed by ").signal(status & 0x7f);
            w.put((status & 0x80) != 0 ? " (core dumped)" : "");
        } else {
            w.put("+++ superseded by execve in pid ").dec(p.other);
        }
        w.put(" +++\n");
    }
}

void TextLog::on_task(const RecordView& view, Task& t, std::string& out) {
    TaskPayload p{};
    if (!view.read(p)) {
        return;
    }
    const RecordHeader& h = view.header();
    if (options_.comm && p.comm[0] != '\0') {
        t.comm.assign(p.comm, bounded_length(p.comm, sizeof p.comm));
    }
    switch (static_cast<TaskEvent>(p.what)) {
        case TaskEvent::kExited:
        case TaskEvent::kKilled:
            end_task(h, p, t, out);
            tasks_.erase(h.tid);
            --alive_;
            break;
        case TaskEvent::kSuperseded: {
            end_task(h, p, t, out);
            // The thread that called execve lives on under this number.
            const auto other = tasks_.find(static_cast<std::uint32_t>(p.other));
            if (other != tasks_.end() && other->first != h.tid && other->second.alive) {
                t = std::move(other->second);
                tasks_.erase(other);
                --alive_;
            }
            break;
        }
        case TaskEvent::kStopped: {
            interrupt(out);
            leader(h, h.time, t, out);
            Writer(out, options_).put("--- stopped by ").signal(p.status).put(" ---\n");
            break;
        }
        case TaskEvent::kDetached:
            if (open_tid_ == h.tid) {
                if (!open_shown_) {
                    print_entry(t, out);
                }
                out += " <detached ...>\n";
                open_tid_ = 0;
                open_shown_ = false;
            }
            tasks_.erase(h.tid);
            --alive_;
            break;
        default:
            break;
    }
}

void TextLog::on_control(const RecordView& view, std::string& out) {
    const auto what = load<std::uint32_t>(view.payload(), 4);
    if (view.type() == RecordType::kBlind) {
        switch (static_cast<Blind>(what)) {
            case Blind::kIoUring:
                statement("blind: io_uring in use", out);
                break;
            case Blind::kNestedPtrace:
                statement("blind: nested ptrace", out);
                break;
            case Blind::kUntracedChild:
                statement("blind: untraced child", out);
                break;
            case Blind::kForeignAbi:
                statement("blind: foreign ABI", out);
                break;
        }
        return;
    }
    switch (static_cast<Control>(what)) {
        case Control::kEngineLost:
            statement("engine lost", out);
            break;
        case Control::kExitHoldEnded:
            statement("exit hold ended", out);
            break;
        case Control::kTimeoutRestarted:
            statement("writer restarted", out);
            break;
    }
}

void TextLog::record(std::span<const std::byte> bytes, std::string& out) {
    const auto view = RecordView::parse(bytes);
    if (!view) {
        return;
    }
    const RecordHeader& h = view->header();
    switch (view->type()) {
        case RecordType::kSyscall:
            on_whole(*view, task(h.tid), out);
            break;
        case RecordType::kSyscallEntry:
            on_entry(*view, task(h.tid), out);
            break;
        case RecordType::kSyscallExit:
            on_exit(*view, task(h.tid), out);
            break;
        case RecordType::kSignal:
            on_signal(*view, task(h.tid), out);
            break;
        case RecordType::kThread:
        case RecordType::kProcess:
            on_task(*view, task(h.tid), out);
            break;
        case RecordType::kLost: {
            LostPayload lost_events{};
            if (view->read(lost_events)) {
                lost(lost_events.count, lost_events.ring, out);
            }
            break;
        }
        case RecordType::kBlind:
        case RecordType::kControl:
            on_control(*view, out);
            break;
        default:
            break;
    }
}

void TextLog::lost(std::uint64_t count, std::uint32_t ring, std::string& out) {
    interrupt(out);
    Writer w(out, options_);
    w.put("!!! lost ").udec(count).put(" events: cpu ").udec(ring).put(", ring full !!!\n");
}

void TextLog::statement(std::string_view text, std::string& out) {
    interrupt(out);
    out += "!!! ";
    quote(TaintedBytes(text), {.marks = false}, out);
    out += " !!!\n";
}

void TextLog::partial(std::string& out) {
    if (open_tid_ != 0 && !open_shown_) {
        open_column_ = print_entry(tasks_[open_tid_], out);
        open_shown_ = true;
    }
}

void TextLog::finish(std::string& out) { interrupt(out); }

}  // namespace utrace::decode
