// SPDX-License-Identifier: MIT
// what:     the one owner of a memory mapping.
// who:      any thread; not shared between threads without a lock.
// lifetime: unmaps on destruction; move-only.
// cost:     two words.
// see:      docs/design/0001-architecture.md, "Ownership".
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include "base/error.h"

namespace utrace::ring {

class Mapping {
  public:
    Mapping() noexcept = default;
    Mapping(Mapping&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Mapping& operator=(Mapping&& other) noexcept {
        if (this != &other) {
            reset();
            data_ = std::exchange(other.data_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() { reset(); }

    /// Maps `size` bytes of `fd`, shared and not inherited by fork.
    [[nodiscard]] static Expected<Mapping> shared(int fd, std::size_t size, int prot) {
        void* data = ::mmap(nullptr, size, prot, MAP_SHARED, fd, 0);
        if (data == MAP_FAILED) return fail(errno, "mmap", "ring");
        Mapping out;
        out.data_ = static_cast<std::byte*>(data);
        out.size_ = size;
        if (::madvise(data, size, MADV_DONTFORK) != 0) return fail(errno, "madvise", "ring");
        return out;
    }

    std::byte* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    void reset() noexcept {
        if (data_ != nullptr) ::munmap(data_, size_);
        data_ = nullptr;
        size_ = 0;
    }

  private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace utrace::ring
