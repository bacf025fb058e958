// SPDX-License-Identifier: MIT
#include "capture/names.h"

#include <cstddef>

#include "capture/name_order.h"

namespace utrace::capture {
namespace {

struct NameRow {
    int number;
    const char* name;
    const char* text;
};

#include "capture/name_rows.inc"

/// Second names; numbers as asm/errno.h and asm/signal.h 6.1 have them.
struct Alias {
    const char* name;
    int number;
};
constexpr Alias kErrnoAliases[] = {{"EWOULDBLOCK", 11}, {"EDEADLOCK", 35}, {"ENOTSUP", 95}};
constexpr Alias kSignalAliases[] = {{"SIGIOT", 6}, {"SIGCLD", 17}, {"SIGPOLL", 29}};

template <std::size_t N>
const NameRow* find(const NameRow (&rows)[N], int number) noexcept {
    std::size_t low = 0;
    std::size_t high = N;
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (rows[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < N && rows[low].number == number ? &rows[low] : nullptr;
}

/// Number of `name`, whose first `skip` characters may be left out; -1 when there is none.
template <std::size_t N, std::size_t M>
int number_of(const NameRow (&rows)[N], const Alias (&aliases)[M], std::string_view name,
              std::size_t skip) noexcept {
    const auto same = [&](const char* text) {
        return name_order(name, text) == 0 || (skip != 0 && name_order(name, text + skip) == 0);
    };
    for (const NameRow& row : rows) {
        if (same(row.name)) return row.number;
    }
    for (const Alias& alias : aliases) {
        if (same(alias.name)) return alias.number;
    }
    return -1;
}

}  // namespace

const char* errno_name(int number) noexcept {
    const NameRow* row = find(kErrnos, number);
    return row ? row->name : nullptr;
}

const char* errno_text(int number) noexcept {
    const NameRow* row = find(kErrnos, number);
    return row ? row->text : nullptr;
}

int errno_number(std::string_view name) noexcept {
    return number_of(kErrnos, kErrnoAliases, name, 0);
}

const char* signal_name(int number) noexcept {
    const NameRow* row = find(kSignals, number);
    return row ? row->name : nullptr;
}

const char* signal_text(int number) noexcept {
    const NameRow* row = find(kSignals, number);
    return row ? row->text : nullptr;
}

int signal_number(std::string_view name) noexcept {
    constexpr std::size_t kPrefix = sizeof("SIG") - 1;
    return number_of(kSignals, kSignalAliases, name, kPrefix);
}

}  // namespace utrace::capture
