// SPDX-License-Identifier: MIT
// what:     CountingMemory, a memory policy that counts what a pass must not do.
// who:      cost_test.cc; one thread.
// lifetime: static counters.
// cost:     irrelevant.
// see:      docs/design/memory-model.md, "Policies".
#pragma once

#include <cstdint>

#include "core/memory.h"

namespace utrace::core {

struct Counts {
    std::uint64_t locks = 0, host_calls = 0, read_modify_writes = 0;
    std::uint64_t loads = 0, stores = 0, compiler_fences = 0;
};

struct CountingMemory {
    static inline Counts counts;

    template <class T>
    static T load_relaxed(const Word<T>& word) noexcept {
        ++counts.loads;
        return word.load_relaxed();
    }
    template <class T>
    static T load_acquire(const Word<T>& word) noexcept {
        ++counts.loads;
        return word.load_acquire();
    }
    template <class T>
    static void store_relaxed(Word<T>& word, T value) noexcept {
        ++counts.stores;
        word.store_relaxed(value);
    }
    template <class T>
    static void store_release(Word<T>& word, T value) noexcept {
        ++counts.stores;
        word.store_release(value);
    }
    template <class T>
    static void add(Word<T>& word) noexcept {
        ++counts.read_modify_writes;
        word.add();
    }
    template <class T>
    static bool drop(Word<T>& word) noexcept {
        ++counts.read_modify_writes;
        return word.drop();
    }
    static void compiler_fence() noexcept { ++counts.compiler_fences; }
    static void lock_taken() noexcept { ++counts.locks; }
    static void host_called() noexcept { ++counts.host_calls; }
};

}  // namespace utrace::core
