// SPDX-License-Identifier: MIT
// what:     Word, an atomic word, and AtomicMemory, the memory policy of the core.
// who:      the core; a policy is the template parameter of Lists, Control, Pass and Death.
// lifetime: static functions; a Word lives in its owner.
// cost:     every load and store is one plain instruction on x86-64; add and drop are locked.
// see:      docs/design/memory-model.md, "Policies".
//
// Word is std::atomic without <atomic>, which libstdc++ 12 cannot compile with -mgeneral-regs-only
// under clang (its long double members). Word has no operators: each access names its order.
#pragma once

#include <cstdint>

namespace utrace::core {

template <class T>
class Word {
  public:
    constexpr Word(T value = T{}) noexcept : value_(value) {}
    Word(const Word&) = delete;
    Word& operator=(const Word&) = delete;

    T load_relaxed() const noexcept { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
    T load_acquire() const noexcept { return __atomic_load_n(&value_, __ATOMIC_ACQUIRE); }
    void store_relaxed(T value) noexcept { __atomic_store_n(&value_, value, __ATOMIC_RELAXED); }
    void store_release(T value) noexcept { __atomic_store_n(&value_, value, __ATOMIC_RELEASE); }
    /// Adds one, relaxed: taking a reference publishes nothing.
    void add() noexcept { __atomic_fetch_add(&value_, T{1}, __ATOMIC_RELAXED); }
    /// Takes one off; true for the last one, which then sees what every other owner did.
    bool drop() noexcept { return __atomic_fetch_sub(&value_, T{1}, __ATOMIC_ACQ_REL) == T{1}; }

  private:
    T value_;
};

/// The policy of every real host. A policy decides what an access is; another one counts them, or
/// makes each a scheduling point. Accesses that no pass makes (reference counts) are Word's own.
struct AtomicMemory {
    template <class T>
    static T load_relaxed(const Word<T>& word) noexcept {
        return word.load_relaxed();
    }
    template <class T>
    static T load_acquire(const Word<T>& word) noexcept {
        return word.load_acquire();
    }
    template <class T>
    static void store_relaxed(Word<T>& word, T value) noexcept {
        word.store_relaxed(value);
    }
    template <class T>
    static void store_release(Word<T>& word, T value) noexcept {
        word.store_release(value);
    }
    template <class T>
    static void add(Word<T>& word) noexcept {
        word.add();
    }
    template <class T>
    static bool drop(Word<T>& word) noexcept {
        return word.drop();
    }
    /// Orders the program text, not the processor: the other half is HostOps::membarrier.
    static void compiler_fence() noexcept { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
    static void lock_taken() noexcept {}
    static void host_called() noexcept {}
};

}  // namespace utrace::core
