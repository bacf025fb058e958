// SPDX-License-Identifier: MIT
// what:     Engine, one client's hold on one task, and NrSet, a set of system-call numbers.
// who:      fields are the core's; others hold pointers with a reference and use task.h.
// lifetime: made by attach(kCreate); freed, after release(data), when the last reference is put.
// cost:     one allocation per engine.
// see:      docs/design/0002-report-pass.md, "Vocabulary"; docs/design/memory-model.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/memory.h"
#include "utrace/engine_abi.h"
#include "utrace/types.h"

namespace utrace::core {

class Task;

/// System-call numbers 0-511; a number of 512 or more is in every set.
/// Written under the task lock, read by the pass without: each word stands for itself.
class NrSet {
  public:
    static constexpr std::uint32_t kNumbers = 512;
    static constexpr std::uint32_t kWords = kNumbers / 64;

    bool has(std::uint32_t nr) const noexcept {
        // [P5 relaxed] a number switched on or off during the pass may count either way;
        // pairs with [C5 relaxed] in Control::set_syscalls and Lists::unite.
        return nr >= kNumbers || ((words_[nr / 64].load_relaxed() >> (nr % 64)) & 1) != 0;
    }
    std::uint64_t word(std::uint32_t index) const noexcept {
        // [P5 relaxed] see has().
        return words_[index].load_relaxed();
    }
    void set_word(std::uint32_t index, std::uint64_t bits) noexcept {
        // [C5 relaxed] under the task lock; pairs with [P5 relaxed] in has().
        words_[index].store_relaxed(bits);
    }

  private:
    Word<std::uint64_t> words_[kWords];
};

/// Bits of Engine::events beside the events themselves.
inline constexpr std::uint64_t kStopBit = std::uint64_t{1} << 14;  ///< holds STOP
inline constexpr std::uint64_t kDetachedBit = std::uint64_t{1}
                                              << 15;  ///< marked, no callback any more

struct Engine {
    /// Event set, STOP and detached in one word, so one load tells the pass everything.
    /// Written under the task lock; [P2]/[C1] in pass.cc and control.cc.
    Word<std::uint64_t> events{0};

    /// The number this engine saw in the entry pass of call `entry_stamp >> 32`. Executor only.
    std::uint64_t entry_stamp = 0;
    /// Signal round in which a kReport or kInterrupt of this engine was honoured. Executor only.
    std::uint32_t signal_round = 0;

    /// kMayFloor, kReentrant, kExitKill; never changes.
    std::uint32_t flags = 0;
    Engine* next = nullptr;  ///< towards the user; lists change only as lists.cc says
    Engine* prev = nullptr;  ///< towards the kernel
    utrace_engine_ops ops{};
    void* data = nullptr;
    Task* task = nullptr;

    NrSet numbers;

    const utrace_engine_ops* ops_key = nullptr;  ///< for kMatchOps
    std::uint64_t sequence = 0;                  ///< order of attach
    std::int32_t level = 0;                      ///< lock
    std::uint32_t reply_ms = 0;
    bool listed = false;  ///< lock; on `attached` or `attaching`
    char name[32] = {};

    Word<std::uint32_t> references{0};
};

/// The C ABI's opaque engine is this one.
inline utrace_engine* handle(Engine& engine) noexcept {
    return reinterpret_cast<utrace_engine*>(&engine);
}
inline Engine& engine_of(utrace_engine* engine) noexcept {
    return *reinterpret_cast<Engine*>(engine);
}

}  // namespace utrace::core
