// SPDX-License-Identifier: MIT
#include "cli/suggest.h"

#include <algorithm>
#include <cstddef>

namespace utrace::cli {

unsigned edit_distance(std::string_view a, std::string_view b) noexcept {
    constexpr std::size_t kMax = 63;
    if (a.size() > kMax || b.size() > kMax) return kMax + 1;
    // rows[i % 3][j]: edits from the first i bytes of a to the first j bytes of b.
    unsigned rows[3][kMax + 1] = {};
    for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = static_cast<unsigned>(j);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        unsigned* row = rows[i % 3];
        const unsigned* up = rows[(i - 1) % 3];
        row[0] = static_cast<unsigned>(i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const unsigned replace = up[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({up[j] + 1, row[j - 1] + 1, replace});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a.size() % 3][b.size()];
}

}  // namespace utrace::cli
