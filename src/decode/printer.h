// SPDX-License-Identifier: MIT
// what:     one system call being printed: its arguments and what they pointed to.
// who:      text.cc makes it; the argument printers use it.
// lifetime: on the stack while one line is made.
// cost:     blob look-up is a scan of the few blobs of one call.
// see:      docs/design/0001-architecture.md, "Text".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "capture/syscall_table.h"
#include "decode/writer.h"

namespace utrace::decode {

/// A call as known so far: from one kSyscall record, or a kSyscallEntry and perhaps its exit.
struct Call {
    const capture::SyscallDesc* desc = nullptr;  ///< null: not in our table
    std::uint32_t nr = 0;
    Abi abi = Abi::kX86_64;
    std::array<std::uint64_t, 6> args{};
    std::int64_t ret = 0;
    bool exited = false;
    std::vector<Blob> blobs;

    bool failed() const;
    int error() const { return failed() ? static_cast<int>(-ret) : 0; }
    /// Memory behind argument `arg` read at `when`; null when nothing was captured.
    const Blob* blob(unsigned arg, unsigned when, BlobKind kind = BlobKind::kMain) const;
};

/// Which part of `name(args)` is wanted.
enum class Half : std::uint8_t {
    kBoth,
    kEntry,  ///< up to split()
    kExit,   ///< from split() on
};

class Printer : public Writer {
  public:
    Printer(std::string& line, const TextOptions& style, const Call& what, Half half,
            std::string& aux)
        : Writer(line, style), call(what), half_(half), start_(line.size()), aux_(aux) {}

    const Call& call;

    std::uint64_t arg(unsigned i) const { return call.args[i]; }
    int int_arg(unsigned i) const { return static_cast<int>(call.args[i]); }
    bool exiting() const { return half_ != Half::kEntry; }
    bool entry_only() const { return half_ == Half::kEntry; }

    /// The place where the entry half ends. True: return now, the rest needs the exit.
    bool split();
    /// Ends the arguments: for the exit half, drops what the entry half has printed.
    void finish();
    bool stopped() const { return stopped_; }
    /// Text after the result: ` (aux)`.
    std::string& aux() { return aux_; }
    /// The result is a word of bits: hex.
    void hex_result() { hex_result_ = true; }
    bool wants_hex_result() const { return hex_result_; }

    /// Structure bytes behind argument `i`, empty unless at least `size` were captured.
    Bytes in(unsigned i, std::size_t size) const { return bytes(i, 0, size); }
    Bytes out_bytes(unsigned i, std::size_t size) const { return bytes(i, 1, size); }
    Bytes bytes(unsigned i, unsigned when, std::size_t size) const;
    /// The same at whichever time the argument was read, exit first.
    Bytes any_bytes(unsigned i, std::size_t size) const;

    /// Argument `i` as the table describes it.
    void argument(unsigned i);
    void fd(unsigned i);
    void dirfd(unsigned i);
    /// O_CLOEXEC and its like, without an access mode.
    void creation_flags(std::uint64_t value);
    void path_arg(unsigned i);
    void string_arg(unsigned i);
    /// Memory the table calls a structure or an array of `count`.
    void memory(unsigned i, unsigned when);
    /// ` => after`, when the call changed what argument `i` points to.
    void changed(unsigned i);
    /// `<path>` after a descriptor.
    void fd_path(Bytes path);
    /// Null, having printed the address, when nothing was captured.
    const Blob* blob_or_address(unsigned i, unsigned when);
    std::uint64_t length_of(unsigned i) const;
    bool raw() const;
    bool opaque() const;
    /// How argument `i` is read, chosen by the other arguments where that matters.
    const capture::ArgDesc& desc(unsigned i) const;

  private:
    void structure(unsigned i, const Blob& b);
    void array(unsigned i, const Blob& b, std::uint64_t count);
    void vector_of_strings(unsigned i, bool environment);

    Half half_;
    bool stopped_ = false;
    bool split_seen_ = false;
    bool hex_result_ = false;
    std::size_t start_;
    std::string& aux_;
};

using CallPrinter = void (*)(Printer&);
using StructPrinter = void (*)(Writer&, Bytes);

struct NamedCall {
    const char* name;
    CallPrinter print;
};
struct NamedStruct {
    const char* name;
    std::uint32_t size;  ///< least bytes it needs
    StructPrinter print;
};

/// Printers that replace the generic one; by call name.
std::span<const NamedCall> file_calls();
std::span<const NamedCall> net_calls();
std::span<const NamedCall> process_calls();
std::span<const NamedCall> signal_calls();
std::span<const NamedCall> time_calls();
std::span<const NamedCall> memory_calls();
std::span<const NamedStruct> file_structs();
std::span<const NamedStruct> net_structs();
std::span<const NamedStruct> process_structs();
std::span<const NamedStruct> signal_structs();
std::span<const NamedStruct> time_structs();

/// Prints `name`'s arguments, without the parentheses.
void print_arguments(Printer& p);
/// Prints the arguments in the table's order.
void print_generic(Printer& p, unsigned from = 0);
/// The structure printer of the table's type id, or null.
const NamedStruct* struct_printer(std::uint16_t type);
/// Prints ` (aux)`-less result: `3`, `-1 ENOENT (No such…)`, `? ERESTARTSYS (…)`.
void print_result(Printer& p);

void print_siginfo(Writer& w, Bytes info);
void print_sockaddr(Writer& w, Bytes address, std::uint64_t length);
void print_wait_status(Writer& w, std::uint32_t status);

}  // namespace utrace::decode
