// SPDX-License-Identifier: MIT
#include "engines/count/count.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "capture/syscall_table.h"

namespace utrace::engines {
namespace {

std::string call_name(Abi abi, std::uint32_t nr) {
    const capture::SyscallDesc* desc = capture::find_syscall(abi, nr);
    if (desc == nullptr || desc->name == nullptr) return fmt::format("syscall_0x{:x}", nr);
    return abi == Abi::kI386 ? fmt::format("{} (i386)", desc->name) : std::string(desc->name);
}

constexpr char kRule[] = "------ ----------- ----------- --------- --------- ----------------\n";

}  // namespace

void CountEngine::record(std::span<const std::byte> bytes, std::string&) {
    RecordHeader header;
    SyscallPayload payload;
    if (bytes.size() < sizeof header + sizeof payload) return;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.type != static_cast<std::uint16_t>(RecordType::kSyscall) &&
        header.type != static_cast<std::uint16_t>(RecordType::kSyscallExit))
        return;
    std::memcpy(&payload, bytes.data() + sizeof header, sizeof payload);
    const auto abi = static_cast<Abi>(payload.abi);
    const bool in_table = abi == Abi::kX86_64 && payload.nr < 512;
    if (in_table && !syscalls_[payload.nr]) return;
    Row& row = in_table ? rows_[payload.nr] : others_[{abi, payload.nr}];
    ++row.calls;
    if (payload.ret < 0 && payload.ret >= -4095) ++row.errors;
    if (payload.start != 0 && header.time >= payload.start)
        row.time_ns += header.time - payload.start;
}

void CountEngine::lost(unsigned, std::uint64_t count, std::string&) { lost_ += count; }

std::uint64_t CountEngine::total_calls() const {
    std::uint64_t total = 0;
    for (const Row& row : rows_) total += row.calls;
    for (const auto& [key, row] : others_) total += row.calls;
    return total;
}

void CountEngine::finish(std::string& out) {
    std::vector<std::pair<std::string, Row>> table;
    Row sum;
    const auto add = [&](Abi abi, std::uint32_t nr, const Row& row) {
        if (row.calls == 0) return;
        table.emplace_back(call_name(abi, nr), row);
        sum.calls += row.calls;
        sum.errors += row.errors;
        sum.time_ns += row.time_ns;
    };
    for (std::uint32_t nr = 0; nr < 512; ++nr) add(Abi::kX86_64, nr, rows_[nr]);
    for (const auto& [key, row] : others_) add(key.first, key.second, row);
    std::sort(table.begin(), table.end(), [](const auto& a, const auto& b) {
        return a.second.time_ns != b.second.time_ns ? a.second.time_ns > b.second.time_ns
                                                    : a.first < b.first;
    });
    auto to = std::back_inserter(out);
    const auto line = [&](const std::string& name, const Row& row, double percent) {
        const double seconds = static_cast<double>(row.time_ns) / 1e9;
        fmt::format_to(to, "{:6.2f} {:11.6f} {:11} {:9} {:>9} {}\n", percent, seconds,
                       row.calls != 0 ? row.time_ns / row.calls / 1000 : 0, row.calls,
                       row.errors != 0 ? std::to_string(row.errors) : std::string(), name);
    };
    out += "% time     seconds  usecs/call     calls    errors syscall\n";
    out += kRule;
    for (const auto& [name, row] : table)
        line(name, row,
             sum.time_ns != 0
                 ? 100.0 * static_cast<double>(row.time_ns) / static_cast<double>(sum.time_ns)
                 : 0.0);
    out += kRule;
    line("total", sum, 100.0);
    if (lost_ != 0) fmt::format_to(to, "!!! lost {} events: not counted above !!!\n", lost_);
}

}  // namespace utrace::engines
