// SPDX-License-Identifier: MIT
// what:     "did you mean": the nearest word at edit distance two or less.
// who:      src/cli; pure functions.
// lifetime: results are views of the candidates.
// cost:     length of word times length of candidate, per candidate.
// see:      docs/man/utrace.1.scd, "MESSAGES".
#pragma once

#include <string_view>

namespace utrace::cli {

inline constexpr unsigned kMaxSuggestDistance = 2;

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`; words longer than 63 bytes
/// are never near.
unsigned edit_distance(std::string_view a, std::string_view b) noexcept;

/// Keeps the nearest of the candidates it was offered; the first of equals.
class Nearest {
  public:
    explicit Nearest(std::string_view word) noexcept : word_(word) {}
    void offer(std::string_view candidate) noexcept {
        const unsigned distance = edit_distance(word_, candidate);
        // A word that shares nothing with a short candidate is no typing error.
        if (distance < best_ && distance < candidate.size()) {
            best_ = distance;
            found_ = candidate;
        }
    }
    /// Empty when nothing was near.
    std::string_view found() const noexcept { return found_; }

  private:
    std::string_view word_;
    std::string_view found_;
    unsigned best_ = kMaxSuggestDistance + 1;
};

}  // namespace utrace::cli
