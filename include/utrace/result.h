// SPDX-License-Identifier: MIT
// what:     Errc, the error numbers of this library, and Result<T>, a value or one of them.
// who:      any thread; value types. Freestanding.
// lifetime: value.
// cost:     one byte beside the value; no allocation, no exception.
// see:      docs/design/0002-report-pass.md, "Vocabulary".
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

namespace utrace {

/// Linux errno values (asm-generic), so that a C function may return `-static_cast<int>(code)`.
/// They are spelled out because <cerrno> is a hosted header; a test compares them with it.
enum class Errc : std::uint8_t {
    kPerm = 1,
    kNoEntry = 2,
    kNoTask = 3,  ///< ESRCH
    kInterrupted = 4,
    kTooBig = 7,
    kAgain = 11,
    kNoMemory = 12,
    kFault = 14,
    kExists = 17,
    kInvalid = 22,
    kNoSpace = 28,
    kNotSupported = 95,
    kNotConnected = 107,
    kTimedOut = 110,
    kAlready = 114,
    kInProgress = 115,
};

/// What the C functions return: 0 or -errno.
constexpr int status(Errc code) noexcept { return -static_cast<int>(code); }

/// A value or an Errc; the non-monadic part of std::expected. T must be trivially destructible.
template <class T = void>
class [[nodiscard]] Result {
    static_assert(std::is_trivially_destructible_v<T>);

  public:
    constexpr Result(T value) noexcept : value_(std::move(value)), ok_(true) {}
    constexpr Result(Errc error) noexcept : error_(error), ok_(false) {}
    constexpr explicit operator bool() const noexcept { return ok_; }
    constexpr bool has_value() const noexcept { return ok_; }
    constexpr T& value() noexcept { return value_; }
    constexpr const T& value() const noexcept { return value_; }
    constexpr T& operator*() noexcept { return value_; }
    constexpr const T& operator*() const noexcept { return value_; }
    constexpr T value_or(T other) const noexcept { return ok_ ? value_ : other; }
    constexpr Errc error() const noexcept { return error_; }

  private:
    union {
        T value_;
        Errc error_;
    };
    bool ok_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    constexpr Result() noexcept = default;
    constexpr Result(Errc error) noexcept : error_(error), ok_(false) {}
    /// From the return value of a C function: 0 or -errno.
    static constexpr Result from_status(int value) noexcept {
        return value == 0 ? Result() : Result(static_cast<Errc>(-value));
    }
    constexpr explicit operator bool() const noexcept { return ok_; }
    constexpr bool has_value() const noexcept { return ok_; }
    constexpr Errc error() const noexcept { return error_; }

  private:
    Errc error_{};
    bool ok_ = true;
};

}  // namespace utrace
