// SPDX-License-Identifier: MIT
// what:     the count engine: calls, errors and time per system call, as a table.
// who:      the client's loop, one thread.
// lifetime: one per -e count.
// cost:     one index and four additions per call.
// see:      utrace-count(1) in docs/man; docs/design/0001-architecture.md, "Engines".
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "engines/record_engine.h"
#include "utrace/record.h"

namespace utrace::engines {

class CountEngine final : public RecordEngine {
  public:
    struct Row {
        std::uint64_t calls = 0;
        std::uint64_t errors = 0;
        std::uint64_t time_ns = 0;  ///< from entry to exit, waiting included
    };

    explicit CountEngine(const std::bitset<512>& syscalls) : syscalls_(syscalls) {}

    void record(std::span<const std::byte> bytes, std::string& out) override;
    void lost(unsigned ring, std::uint64_t count, std::string& out) override;
    /// The table: rows by time, most first.
    void finish(std::string& out) override;

    /// Row of an x86-64 call; for tests.
    const Row& row(std::uint32_t nr) const { return rows_[nr < 512 ? nr : 0]; }
    std::uint64_t total_calls() const;

  private:
    std::bitset<512> syscalls_;
    Row rows_[512];
    std::map<std::pair<Abi, std::uint32_t>, Row> others_;  // other ABIs and numbers past the table
    std::uint64_t lost_ = 0;
};

}  // namespace utrace::engines
