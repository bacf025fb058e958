// SPDX-License-Identifier: MIT
// what:     the words of the engine interface: events, resume values, verdicts, actions, flags.
// who:      any thread, host side or traced side; plain values. Freestanding.
// lifetime: value.
// cost:     none; everything is a register-sized integer.
// see:      docs/design/0002-report-pass.md, "Vocabulary".
#pragma once

#include <cstdint>
#include <initializer_list>

#include "utrace/result.h"

namespace utrace {

/// What can be reported. Numbers are stable. 32-63 are extension events registered per session.
enum class Event : std::uint8_t {
    kQuiesce = 0,       ///< before any specific callback; event mask 0 at a resume point
    kReap = 1,          ///< last callback, when the dead task is reaped
    kClone = 2,         ///< child complete, not runnable before the pass ends
    kExec = 3,          ///< new image in place, before its first instruction
    kExit = 4,          ///< thread exits, memory and files alive
    kDeath = 5,         ///< dead, reapable any moment
    kSyscallEntry = 6,  ///< before the call
    kSyscallExit = 7,   ///< after the call, before signals
    kSignal = 8,        ///< signal with a handler
    kSignalIgn = 9,     ///< ignored signal
    kSignalStop = 10,   ///< default action stops
    kSignalTerm = 11,   ///< default action terminates
    kSignalCore = 12,   ///< default action dumps core
    kJctl = 13,         ///< job-control stop entered or left
};

constexpr std::uint64_t bit(Event event) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(event);
}

/// A set of events: one bit per Event. Bits 14-31 belong to the core and are never in a set.
class EventSet {
  public:
    static constexpr std::uint64_t kPublic = 0xffffffff00003fffu;

    constexpr EventSet() noexcept = default;
    constexpr explicit EventSet(std::uint64_t bits) noexcept : bits_(bits & kPublic) {}
    constexpr EventSet(std::initializer_list<Event> events) noexcept {
        for (Event event : events) bits_ |= bit(event);
    }
    constexpr bool has(Event event) const noexcept { return (bits_ & bit(event)) != 0; }
    constexpr EventSet with(Event event) const noexcept { return EventSet(bits_ | bit(event)); }
    constexpr EventSet without(Event event) const noexcept { return EventSet(bits_ & ~bit(event)); }
    constexpr std::uint64_t bits() const noexcept { return bits_; }
    friend constexpr bool operator==(EventSet, EventSet) noexcept = default;

  private:
    std::uint64_t bits_ = 0;
};

/// How the task is to go on. Over engines the smallest value wins.
enum class Resume : std::uint8_t {
    kStop = 0,        ///< hold the task until this engine lets go
    kInterrupt = 1,   ///< force a pre-signal report; interrupts a blocked call
    kReport = 2,      ///< report again before user mode
    kSingleStep = 3,  ///< one instruction
    kBlockStep = 4,   ///< to the next branch
    kResume = 5,      ///< run
    kDetach = 6,      ///< this engine is done with the task
};

/// Bits 4-7 of a syscall-entry action.
enum class SyscallVerdict : std::uint32_t { kRun = 0x00, kAbort = 0x10 };

/// Bits 4-7 of a signal action.
enum class SignalVerdict : std::uint32_t {
    kDeliver = 0x00,  ///< to the handler
    kIgn = 0x10,      ///< drop it
    kTerm = 0x20,     ///< terminate
    kCore = 0x30,     ///< dump core
    kStop = 0x40,     ///< job stop, unconditionally
    kTstp = 0x50,     ///< job stop unless the process group is orphaned
    kReport = 0x60,   ///< pre-signal report, no signal yet
    kHandler = 0x70,  ///< a handler was just set up
};

inline constexpr std::uint32_t kResumed = 0x100;  ///< syscall entry: this is a repeat pass
inline constexpr std::uint32_t kHold = 0x100;     ///< signal: put it back on the queue
inline constexpr std::uint32_t kFinal = 0x200;    ///< syscall entry: abort with floor
inline constexpr std::uint32_t kReplay = 0x400;   ///< signal: pass that ends a claim

/// What callbacks take and return: Resume in bits 0-2, verdict in bits 4-7, flags from bit 8.
class Action {
  public:
    constexpr Action() noexcept = default;
    constexpr Action(Resume resume, std::uint32_t rest = 0) noexcept
        : bits_(static_cast<std::uint32_t>(resume) | (rest & ~0x7u)) {}
    constexpr Action(Resume resume, SyscallVerdict verdict) noexcept
        : Action(resume, static_cast<std::uint32_t>(verdict)) {}
    constexpr Action(Resume resume, SignalVerdict verdict) noexcept
        : Action(resume, static_cast<std::uint32_t>(verdict)) {}
    static constexpr Action from_bits(std::uint32_t bits) noexcept {
        Action action;
        action.bits_ = bits;
        return action;
    }

    constexpr std::uint32_t bits() const noexcept { return bits_; }
    /// 7 is no Resume; it reads as kResume.
    constexpr Resume resume() const noexcept {
        return (bits_ & 7u) == 7u ? Resume::kResume : static_cast<Resume>(bits_ & 7u);
    }
    constexpr SyscallVerdict syscall() const noexcept {
        return static_cast<SyscallVerdict>(bits_ & 0x10u);
    }
    constexpr SignalVerdict signal() const noexcept {
        return static_cast<SignalVerdict>(bits_ & 0x70u);
    }
    constexpr bool has(std::uint32_t flag) const noexcept { return (bits_ & flag) != 0; }
    constexpr Action with(Resume resume) const noexcept {
        return from_bits((bits_ & ~7u) | static_cast<std::uint32_t>(resume));
    }
    constexpr Action with(SyscallVerdict verdict) const noexcept {
        return from_bits((bits_ & ~0xf0u) | static_cast<std::uint32_t>(verdict));
    }
    constexpr Action with(SignalVerdict verdict) const noexcept {
        return from_bits((bits_ & ~0xf0u) | static_cast<std::uint32_t>(verdict));
    }
    friend constexpr bool operator==(Action, Action) noexcept = default;

  private:
    std::uint32_t bits_ = static_cast<std::uint32_t>(Resume::kResume);
};

/// Flags of utrace_attach_params.
enum AttachFlag : std::uint32_t {
    kMatchOps = 0x01,    ///< look-up, exclusive: same ops pointer
    kMatchData = 0x02,   ///< look-up, exclusive: same data pointer
    kCreate = 0x10,      ///< make a new engine
    kExclusive = 0x20,   ///< with kCreate: only if no live engine matches
    kMayFloor = 0x100,   ///< may return kAbort|kFinal
    kReentrant = 0x200,  ///< is called in nested passes even while one of its callbacks runs
    kExitKill = 0x400,   ///< the task dies with the engine's process
};

}  // namespace utrace
