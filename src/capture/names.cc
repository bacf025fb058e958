// SPDX-License-Identifier: MIT
#include "capture/names.h"

#include <cstddef>

namespace utrace::capture {
namespace {

struct NameRow {
    int number;
    const char* name;
    const char* text;
};

#include "capture/name_rows.inc"

struct Alias {
    const char* name;
    const char* means;
};
constexpr Alias kErrnoAliases[] = {
    {"EWOULDBLOCK", "EAGAIN"}, {"EDEADLOCK", "EDEADLK"}, {"ENOTSUP", "EOPNOTSUPP"}};
constexpr Alias kSignalAliases[] = {
    {"SIGIOT", "SIGABRT"}, {"SIGCLD", "SIGCHLD"}, {"SIGPOLL", "SIGIO"}};

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

template <std::size_t N>
int number_of(const NameRow (&rows)[N], std::string_view name) noexcept {
    for (const NameRow& row : rows) {
        if (name == row.name) return row.number;
    }
    return -1;
}

template <std::size_t N>
std::string_view canonical(const Alias (&aliases)[N], std::string_view name) noexcept {
    for (const Alias& alias : aliases) {
        if (name == alias.name) return alias.means;
    }
    return name;
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
    return number_of(kErrnos, canonical(kErrnoAliases, name));
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
    constexpr std::size_t kPrefix = 3;
    for (const Alias& alias : kSignalAliases) {
        const std::string_view full = alias.name;
        if (name == full || name == full.substr(kPrefix)) return number_of(kSignals, alias.means);
    }
    for (const NameRow& row : kSignals) {
        const std::string_view full = row.name;
        if (name == full || name == full.substr(kPrefix)) return row.number;
    }
    return -1;
}

}  // namespace utrace::capture
