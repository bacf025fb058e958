// SPDX-License-Identifier: MIT
// what:     compares a name with a table's C string without strlen.
// who:      look-ups by name in this folder. Freestanding.
// lifetime: free functions.
// cost:     one pass over the shorter of the two.
// see:      data/README.md.
#pragma once

#include <cstddef>
#include <string_view>

namespace utrace::capture {

/// Less than, equal to or greater than 0 as `name` sorts before, with or after `text`.
inline int name_order(std::string_view name, const char* text) noexcept {
    for (std::size_t i = 0; i < name.size(); ++i) {
        const auto a = static_cast<unsigned char>(name[i]);
        const auto b = static_cast<unsigned char>(text[i]);
        if (a != b) return a < b ? -1 : 1;
        if (b == 0) return 1;
    }
    return text[name.size()] == '\0' ? 0 : -1;
}

}  // namespace utrace::capture
