// SPDX-License-Identifier: MIT
#include "capture/xlat.h"

#include <cstddef>

#include "capture/name_order.h"

namespace utrace::capture {
namespace {

#include "capture/xlat_tables.inc"

constexpr std::size_t kNrSets = sizeof(kSets) / sizeof(kSets[0]);

}  // namespace

const XlatSet& xlat_set(std::uint16_t id) noexcept { return kSets[id < kNrSets ? id : 0]; }

std::uint16_t xlat_id(std::string_view name) noexcept {
    for (std::size_t id = 1; id < kNrSets; ++id) {
        if (name_order(name, kSets[id].name) == 0) return static_cast<std::uint16_t>(id);
    }
    return 0;
}

const char* xlat_name(const XlatSet& set, std::uint64_t v) noexcept {
    for (std::uint32_t i = 0; i < set.nr_rows; ++i) {
        if ((v & set.rows[i].mask) == set.rows[i].value) return set.rows[i].name;
    }
    return nullptr;
}

}  // namespace utrace::capture
