// SPDX-License-Identifier: MIT
// what:     the client's half of a recording engine: eats records, makes output.
// who:      the client's loop, one thread.
// lifetime: one per -e option.
// cost:     see each engine.
// see:      docs/design/0001-architecture.md, "Engines".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace utrace::engines {

class RecordEngine {
  public:
    virtual ~RecordEngine() = default;
    /// One validated record, in ring order. Text for the engine's output is appended to `out`.
    virtual void record(std::span<const std::byte> bytes, std::string& out) = 0;
    /// `count` events are missing here.
    virtual void lost(unsigned ring, std::uint64_t count, std::string& out) = 0;
    /// No record will come any more.
    virtual void finish(std::string& out) = 0;
};

}  // namespace utrace::engines
