// SPDX-License-Identifier: MIT
// what:     the log engine: one line per call, signal, exit, as strace writes them.
// who:      the client's loop, one thread.
// lifetime: one per -e log.
// cost:     formatting, in the client, beside the program.
// see:      utrace-log(1) in docs/man; docs/design/0001-architecture.md, "Engines".
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "decode/text.h"
#include "engines/record_engine.h"

namespace utrace::engines {

/// Results shown, bits as in the option status=.
enum LogStatus : std::uint8_t {
    kShowSuccessful = 0x01,
    kShowFailed = 0x02,
    kShowUnfinished = 0x04,
    kShowUnavailable = 0x08,
    kShowDetached = 0x10,
    kShowAll = 0x1f,
};

struct LogOptions {
    std::bitset<512> syscalls;
    std::bitset<65> signals;  ///< indexed by signal number
    std::uint8_t status = kShowAll;
    bool superseded = true;  ///< `+++ superseded …` lines
    decode::TextOptions text;
};

class LogEngine final : public RecordEngine {
  public:
    explicit LogEngine(const LogOptions& options) : options_(options), text_(options.text) {}

    void record(std::span<const std::byte> bytes, std::string& out) override;
    void lost(unsigned ring, std::uint64_t count, std::string& out) override;
    void finish(std::string& out) override;
    /// Shows the begun line of a call that has not returned.
    void partial(std::string& out) { text_.partial(out); }

  private:
    bool wants_call(const RecordHeader& header, std::span<const std::byte> bytes) const;
    void filtered(const RecordHeader& header, std::span<const std::byte> bytes, std::string& out);
    void task(std::span<const std::byte> bytes, std::string& out);

    LogOptions options_;
    decode::TextLog text_;
    // Entries waiting for a result that says whether they are shown at all.
    std::unordered_map<std::uint32_t, std::vector<std::byte>> waiting_;
};

}  // namespace utrace::engines
