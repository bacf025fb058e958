// SPDX-License-Identifier: MIT
#include "mini_tracer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <map>
#include <memory>

#include "capture/capture.h"
#include "decode/text.h"

namespace utrace::decode::test {
namespace {

using capture::SyscallCapture;

std::uint64_t now() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(t.tv_nsec);
}

std::size_t read_memory(void* context, std::uint64_t address, void* to, std::size_t size) noexcept {
    const pid_t pid = *static_cast<pid_t*>(context);
    std::size_t done = 0;
    while (done < size) {
        // Page by page: a partial transfer must give what is readable.
        const std::uint64_t at = address + done;
        const std::size_t step = std::min<std::size_t>(size - done, 4096 - at % 4096);
        iovec local = {static_cast<char*>(to) + done, step};
        iovec remote = {reinterpret_cast<void*>(at), step};
        const ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        if (n <= 0) {
            break;
        }
        done += static_cast<std::size_t>(n);
    }
    return done;
}

struct Task {
    pid_t tid = 0;
    bool in_call = false;
    bool fresh = true;
    bool separate = false;
    SyscallCapture capture;
    std::array<std::byte, kMaxEventBytes> scratch{};
};

class Tracer {
  public:
    Tracer(const TextOptions& options, bool split) : log_(options), split_(split) {
        limits_.string_bytes = options.string_limit;
        limits_.environment = options.verbose;
    }

    std::string run(const std::vector<std::string>& command);

  private:
    Task& task(pid_t tid) {
        auto& slot = tasks_[tid];
        if (slot == nullptr) {
            slot = std::make_unique<Task>();
            slot->tid = tid;
        }
        return *slot;
    }
    void emit(RecordType type, std::uint16_t flags, pid_t tid, const void* payload,
              std::size_t size);
    void event(pid_t tid, TaskEvent what, int status, int other = 0);
    void on_syscall(Task& t);
    void on_stop(Task& t, int status);
    void on_signal(Task& t, int signo);

    TextLog log_;
    bool split_;
    capture::Limits limits_;
    std::map<pid_t, std::unique_ptr<Task>> tasks_;
    std::string out_;
};

void Tracer::emit(RecordType type, std::uint16_t flags, pid_t tid, const void* payload,
                  std::size_t size) {
    RecordHeader h{};
    h.size = static_cast<std::uint32_t>(sizeof h + size);
    h.type = static_cast<std::uint16_t>(type);
    h.flags = flags;
    h.tid = static_cast<std::uint32_t>(tid);
    h.time = now();
    std::vector<std::byte> record(h.size);
    std::memcpy(record.data(), &h, sizeof h);
    std::memcpy(record.data() + sizeof h, payload, size);
    log_.record(record, out_);
}

void Tracer::event(pid_t tid, TaskEvent what, int status, int other) {
    TaskPayload p{};
    p.size = sizeof p;
    p.what = static_cast<std::uint16_t>(what);
    p.status = status;
    p.other = other;
    emit(RecordType::kThread, 0, tid, &p, sizeof p);
}

void Tracer::on_syscall(Task& t) {
    user_regs_struct r{};
    ptrace(PTRACE_GETREGS, t.tid, nullptr, &r);
    const capture::Memory memory = {&t.tid, read_memory};
    if (!t.in_call) {
        const std::uint64_t args[6] = {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9};
        const auto nr = static_cast<std::uint32_t>(r.orig_rax);
        t.capture.begin(t.scratch.data(), Abi::kX86_64, nr, args, now(), limits_, memory);
        const auto* desc = capture::find_syscall(Abi::kX86_64, nr);
        constexpr std::uint16_t kSeparate = capture::kAttrBlocking | capture::kAttrNoReturn;
        t.separate = split_ || (desc != nullptr && (desc->attrs & kSeparate) != 0);
        t.in_call = true;
        if (t.separate) {
            emit(RecordType::kSyscallEntry, t.capture.record_flags(), t.tid, t.capture.data(),
                 t.capture.size());
        }
        return;
    }
    t.in_call = false;
    if (t.separate) {
        t.capture.begin_exit();
    }
    t.capture.finish(static_cast<std::int64_t>(r.rax), memory);
    emit(t.separate ? RecordType::kSyscallExit : RecordType::kSyscall, t.capture.record_flags(),
         t.tid, t.capture.data(), t.capture.size());
}

void Tracer::on_signal(Task& t, int signo) {
    SignalPayload p{};
    p.size = sizeof p;
    p.signo = signo;
    siginfo_t info{};
    ptrace(PTRACE_GETSIGINFO, t.tid, nullptr, &info);
    std::memcpy(p.info, &info, sizeof p.info);
    emit(RecordType::kSignal, 0, t.tid, &p, sizeof p);
}

void Tracer::on_stop(Task& t, int status) {
    const int signo = WSTOPSIG(status);
    const int kind = status >> 16;
    long deliver = 0;
    if (signo == (SIGTRAP | 0x80)) {
        on_syscall(t);
    } else if (kind == PTRACE_EVENT_FORK || kind == PTRACE_EVENT_VFORK ||
               kind == PTRACE_EVENT_CLONE) {
        unsigned long child = 0;
        ptrace(PTRACE_GETEVENTMSG, t.tid, nullptr, &child);
        event(static_cast<pid_t>(child), TaskEvent::kBorn, kind, t.tid);
    } else if (kind == 0 && !(signo == SIGSTOP && t.fresh)) {
        on_signal(t, signo);
        deliver = signo;
    }
    t.fresh = t.fresh && kind != 0;
    if (signo == SIGSTOP && kind == 0) {
        t.fresh = false;
    }
    ptrace(PTRACE_SYSCALL, t.tid, nullptr, deliver);
}

std::string Tracer::run(const std::vector<std::string>& command) {
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        if (null > 2) {
            close(null);
        }
        std::vector<char*> argv;
        for (const std::string& word : command) {
            argv.push_back(const_cast<char*>(word.c_str()));
        }
        argv.push_back(nullptr);
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        execvp(argv[0], argv.data());
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
        return {};
    }
    task(child).fresh = false;
    constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                              PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    ptrace(PTRACE_SETOPTIONS, child, nullptr, kOptions);
    ptrace(PTRACE_SYSCALL, child, nullptr, 0);
    while (true) {
        const pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0) {
            break;
        }
        if (WIFSTOPPED(status)) {
            on_stop(task(tid), status);
        } else {
            event(tid, WIFEXITED(status) ? TaskEvent::kExited : TaskEvent::kKilled, status);
            tasks_.erase(tid);
        }
    }
    log_.finish(out_);
    return std::move(out_);
}

}  // namespace

std::string trace(const std::vector<std::string>& command, const TextOptions& options, bool split) {
    return Tracer(options, split).run(command);
}

}  // namespace utrace::decode::test
