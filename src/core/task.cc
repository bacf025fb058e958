// SPDX-License-Identifier: MIT
// The functions of task.h, which are the core's parts with the memory policy of real hosts.

#include "core/task.h"

#include "core/core.h"

namespace utrace::core {

using RealControl = Control<AtomicMemory>;
using RealPass = Pass<AtomicMemory>;
using RealDeath = Death<AtomicMemory>;

int attach(Task& task, const utrace_attach_params& params, Engine** out) noexcept {
    return RealControl::attach(task, params, out);
}
void get(Engine& engine) noexcept { RealControl::get(engine); }
void put(Engine& engine) noexcept { Lists<AtomicMemory>::put(engine); }
int set_events(Engine& engine, EventSet set) noexcept {
    return RealControl::set_events(engine, set);
}
int set_syscalls(Engine& engine, const std::uint64_t* bits, std::uint32_t words) noexcept {
    return RealControl::set_syscalls(engine, bits, words);
}
int control(Engine& engine, std::uint32_t resume) noexcept {
    return RealControl::control(engine, resume);
}
int set_level(Engine& engine, std::int32_t level) noexcept {
    return RealControl::set_level(engine, level);
}
int barrier(Engine& engine, std::uint32_t timeout_ms) noexcept {
    return RealControl::barrier(engine, timeout_ms);
}

void hold_clone(Task& child, Task& parent) noexcept { RealControl::hold_clone(child, &parent); }
void enter_job_stop(Task& task) noexcept { RealControl::enter_job_stop(task); }
void leave_job_stop(Task& task) noexcept { RealControl::leave_job_stop(task); }
void retire(Task& task) noexcept { Lists<AtomicMemory>::drop_user(task); }

namespace slow {
PassResult syscall_entry(Task& task, utrace_syscall& call, bool resumed) noexcept {
    return RealPass::syscall_entry(task, call, resumed);
}
PassResult syscall_exit(Task& task, utrace_syscall& call) noexcept {
    return RealPass::syscall_exit(task, call);
}
PassResult signal(Task& task, Event event, utrace_signal& signal, SignalVerdict verdict) noexcept {
    return RealPass::signal(task, event, signal, verdict);
}
}  // namespace slow

PassResult report_clone(Task& task, std::uint64_t flags, Task* child) noexcept {
    return RealPass::clone(task, flags, child);
}
PassResult report_exec(Task& task, const utrace_exec& image) noexcept {
    return RealPass::exec(task, image);
}
PassResult report_jctl(Task& task, int type, int notify) noexcept {
    return RealPass::jctl(task, type, notify);
}
PassResult report_exit(Task& task, int* code) noexcept { return RealPass::exit(task, code); }
PassResult report_extension(Task& task, std::uint32_t event, const void* record,
                            std::uint32_t length) noexcept {
    return RealPass::extension(task, event, record, length);
}
PassResult report_quiesce(Task& task) noexcept {
    return RealPass::resume_point(task, nullptr, false);
}
PassResult report_pre_signal(Task& task, utrace_signal& signal, bool handler) noexcept {
    return RealPass::resume_point(task, &signal, handler);
}
void report_death(Task& task, int group_dead, int signal) noexcept {
    RealDeath::report_death(task, group_dead, signal);
}
bool report_reap(Task& task) noexcept { return RealDeath::report_reap(task); }

}  // namespace utrace::core
