// SPDX-License-Identifier: MIT
// what:     symbol sets: which names the bits or values of an argument have.
// who:      anybody; immutable static data generated from data/flags/. Freestanding.
// lifetime: static.
// cost:     look-up by id is one bounds check and one index; by name a scan.
// see:      docs/design/0001-architecture.md, "System-call table"; data/README.md for the rows.
#pragma once

#include <cstdint>
#include <string_view>

#include "capture/xlat_ids.h"

namespace utrace::capture {

/// One symbol; it applies when `(v & mask) == value`. In a bit set single bits have mask == value,
/// fields share a mask, and value 0 with mask 0 names zero.
struct Xlat {
    std::uint64_t value;
    std::uint64_t mask;
    const char* name;
};

struct XlatSet {
    const char* name;
    bool bitmask;         ///< rows may be combined with |
    const char* unknown;  ///< what to say of a value no row explains: O_???
    const Xlat* rows;     ///< in the order they are printed
    std::uint32_t nr_rows;
};

/// The set with `id` (a XlatId); an empty set when there is none.
const XlatSet& xlat_set(std::uint16_t id) noexcept;
inline const XlatSet& xlat_set(XlatId id) noexcept {
    return xlat_set(static_cast<std::uint16_t>(id));
}

/// Id of the set called `name` (its file's name), 0 when there is none.
std::uint16_t xlat_id(std::string_view name) noexcept;

/// Name of value `v` in an enum set, or null.
const char* xlat_name(const XlatSet& set, std::uint64_t v) noexcept;

}  // namespace utrace::capture
