// SPDX-License-Identifier: MIT
// what:     turns records into the lines strace 6.1 would print.
// who:      one thread at a time per TextLog; a pure function of the records given so far.
// lifetime: keeps a few bytes per live task and the entry record of a call that is under way.
// cost:     one pass per record; no allocation in the steady state.
// see:      docs/design/0001-architecture.md, "Text"; utrace-log(1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "decode/printer.h"
#include "decode/record_view.h"
#include "decode/text_options.h"

namespace utrace::decode {

class TextLog {
  public:
    explicit TextLog(TextOptions options);

    /// Appends the whole lines `record` completes; nothing for a record that does not parse.
    void record(std::span<const std::byte> record, std::string& out);
    /// Appends the line for a gap of `count` events in `ring`.
    void lost(std::uint64_t count, std::uint32_t ring, std::string& out);
    /// Appends any other statement about the log itself: `!!! text !!!`.
    void statement(std::string_view text, std::string& out);
    /// Appends the begun line of the call under way, without its end, so that a person sees what
    /// the program waits for. The next lines continue it.
    void partial(std::string& out);
    /// Ends the log: what is begun is closed with ` <unfinished ...>`.
    void finish(std::string& out);

    /// Tasks known to be alive.
    std::size_t tasks() const { return alive_; }

  private:
    struct Task {
        bool alive = false;
        bool in_call = false;  ///< an entry was seen, its exit not
        bool resumed = false;  ///< the call was blocked when we attached
        std::uint32_t nr = 0;  ///< of the call under way or the last one
        std::uint32_t prev_nr = kNone;
        std::string comm;
        std::vector<std::byte> entry;  ///< the entry record of the call under way
    };
    static constexpr std::uint32_t kNone = 0xffffffff;

    Task& task(std::uint32_t tid);
    void leader(const RecordHeader& h, std::uint64_t time, const Task& t, std::string& out);
    void time_fields(std::uint64_t time, std::string& out);
    void interrupt(std::string& out);
    std::size_t print_entry(Task& t, std::string& out);
    void pad(std::size_t used, std::string& out);
    void name_open(std::string& out);
    bool load_call(const RecordView& view, bool entry, std::uint64_t& start);
    void restart_text(const Task& t, std::string& out);

    void on_entry(const RecordView& view, Task& t, std::string& out);
    void on_exit(const RecordView& view, Task& t, std::string& out);
    void on_whole(const RecordView& view, Task& t, std::string& out);
    void print_whole(const RecordHeader& h, std::uint64_t start, Task& t, std::string& out);
    void print_rest(const RecordHeader& h, std::uint64_t start, Task& t, std::size_t column,
                    std::string& out);
    void tail(const RecordHeader& h, std::uint64_t start, std::size_t column, Printer& p,
              std::string& out);
    void abandon(const RecordHeader& h, Task& t, std::string& out);
    void on_signal(const RecordView& view, Task& t, std::string& out);
    void on_task(const RecordView& view, Task& t, std::string& out);
    void on_control(const RecordView& view, std::string& out);
    void end_task(const RecordHeader& h, const TaskPayload& p, Task& t, std::string& out);

    TextOptions options_;
    std::unordered_map<std::uint32_t, Task> tasks_;
    std::size_t alive_ = 0;
    std::uint32_t open_tid_ = 0;   ///< task whose entry waits for its exit on the same line; 0 none
    bool open_shown_ = false;      ///< partial() has printed the begun line
    std::size_t open_column_ = 0;  ///< its length
    std::uint64_t last_time_ = 0;  ///< of the line before, for -r
    std::int64_t clock_second_ = -1;  ///< cache of the local time text
    char clock_text_[9] = {};
    Call call_;        ///< reused
    std::string aux_;  ///< reused
};

}  // namespace utrace::decode
