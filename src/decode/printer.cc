// SPDX-License-Identifier: MIT
#include "decode/printer.h"

#include <algorithm>

#include "decode/net.h"

namespace utrace::decode {
namespace {

using capture::ArgDesc;
using capture::ArgKind;
using capture::Dir;
using capture::LenKind;

bool is_memory(ArgKind kind) { return kind >= ArgKind::kPath; }

constexpr std::size_t kMaxCalls = 512;

/// Printers by x86-64 number, resolved once from the names.
class CallTable {
  public:
    CallTable() {
        for (const auto list : {file_calls(), net_calls(), process_calls(), signal_calls(),
                                time_calls(), memory_calls()}) {
            for (const NamedCall& c : list) {
                const int nr = capture::syscall_number(c.name);
                if (nr >= 0 && static_cast<std::size_t>(nr) < kMaxCalls) {
                    by_nr_[static_cast<std::size_t>(nr)] = c.print;
                }
            }
        }
    }
    CallPrinter find(const Call& call) const {
        const bool known = (call.abi == Abi::kX86_64) && call.nr < kMaxCalls;
        return known && call.desc != nullptr ? by_nr_[call.nr] : nullptr;
    }

  private:
    std::array<CallPrinter, kMaxCalls> by_nr_{};
};

constexpr std::size_t kMaxStructs = 1024;

class StructTable {
  public:
    StructTable() {
        for (std::uint16_t type = 1; type < kMaxStructs; ++type) {
            const capture::StructDesc desc = capture::struct_desc(type);
            if (desc.name == nullptr) {
                continue;
            }
            for (const auto list : {file_structs(), net_structs(), process_structs(),
                                    signal_structs(), time_structs()}) {
                for (const NamedStruct& s : list) {
                    if (std::string_view(s.name) == desc.name) {
                        by_type_[type] = &s;
                    }
                }
            }
        }
    }
    const NamedStruct* find(std::uint16_t type) const {
        return type < kMaxStructs ? by_type_[type] : nullptr;
    }

  private:
    std::array<const NamedStruct*, kMaxStructs> by_type_{};
};

const CallTable& call_table() {
    static const CallTable table;
    return table;
}
const StructTable& struct_table() {
    static const StructTable table;
    return table;
}

bool is_32_bit(ArgKind kind) {
    switch (kind) {
        case ArgKind::kInt:
        case ArgKind::kUint:
        case ArgKind::kFd:
        case ArgKind::kDirfd:
        case ArgKind::kPid:
        case ArgKind::kUid:
        case ArgKind::kGid:
        case ArgKind::kMode:
        case ArgKind::kSignal:
            return true;
        default:
            return false;
    }
}

void print_raw(Printer& p) {
    const auto* desc = p.call.desc;
    const unsigned n = desc != nullptr ? desc->nargs : 6;
    bool first = true;
    for (unsigned i = 0; i < n; ++i) {
        if (desc != nullptr && desc->args[i].kind == ArgKind::kUnused) {
            continue;
        }
        p.put(first ? "" : ", ");
        first = false;
        const bool narrow = desc != nullptr && is_32_bit(desc->args[i].kind);
        p.hex(narrow ? static_cast<std::uint32_t>(p.arg(i)) : p.arg(i));
    }
}

}  // namespace

const NamedStruct* struct_printer(std::uint16_t type) { return struct_table().find(type); }

bool Call::failed() const {
    const bool never = desc != nullptr && (desc->attrs & capture::kAttrNeverFails) != 0;
    return exited && !never && ret < 0 && ret >= -4095;
}

const Blob* Call::blob(unsigned arg, unsigned when, BlobKind kind) const {
    for (const Blob& b : blobs) {
        if (b.arg == arg && b.when == when && b.kind == kind) {
            return &b;
        }
    }
    return nullptr;
}

bool Printer::split() {
    if (half_ == Half::kExit && !split_seen_) {
        out().resize(start_);
    }
    split_seen_ = true;
    stopped_ = half_ == Half::kEntry;
    return stopped_;
}

void Printer::finish() {
    if (half_ == Half::kExit && !split_seen_) {
        out().resize(start_);
    }
}

bool Printer::raw() const { return call.nr < options().raw.size() && options().raw[call.nr]; }

bool Printer::opaque() const {
    return call.nr < options().opaque.size() && options().opaque[call.nr];
}

const ArgDesc& Printer::desc(unsigned i) const {
    std::uint64_t args[6];
    std::copy(call.args.begin(), call.args.end(), args);
    return capture::effective_arg(*call.desc, i, args);
}

Bytes Printer::bytes(unsigned i, unsigned when, std::size_t size) const {
    const Blob* b = call.blob(i, when);
    return b != nullptr && b->bytes.size() >= size && size != 0 ? b->bytes : Bytes{};
}

Bytes Printer::any_bytes(unsigned i, std::size_t size) const {
    const Bytes after = bytes(i, 1, size);
    return after.empty() ? bytes(i, 0, size) : after;
}

void Printer::creation_flags(std::uint64_t value) {
    if (value == 0 || options().xlat != XlatStyle::kAbbrev) {
        flags(value == 0 ? XlatId::kFdFlags : XlatId::kOpenFlags, value);
        return;
    }
    const std::size_t from = out().size();
    constexpr std::string_view kReadOnly = "O_RDONLY|";
    flags(XlatId::kOpenFlags, value);
    if (out().compare(from, kReadOnly.size(), kReadOnly) == 0) {
        out().erase(from, kReadOnly.size());
    }
}

void Printer::fd_path(Bytes path) {
    put('<');
    quote(TaintedBytes(path), {.hex = HexMode::kNone, .marks = false, .escape_angle = true}, out());
    put('>');
}

void Printer::fd(unsigned i) {
    dec(int_arg(i));
    if (options().fd_paths) {
        for (const unsigned when : {0u, 1u}) {
            if (const Blob* b = call.blob(i, when, BlobKind::kFdPath)) {
                fd_path(b->bytes);
                return;
            }
        }
    }
}

void Printer::dirfd(unsigned i) {
    constexpr int kAtFdcwd = -100;
    if (int_arg(i) != kAtFdcwd) {
        fd(i);
        return;
    }
    named("AT_FDCWD", arg(i) | 0xffffffff00000000, true);
    if (const Blob* b = call.blob(i, 0, BlobKind::kFdPath); b != nullptr && options().fd_paths) {
        fd_path(b->bytes);
    }
}

/// Null, or memory that could not be read: the address.
const Blob* Printer::blob_or_address(unsigned i, unsigned when) {
    const Blob* b = arg(i) == 0 ? nullptr : call.blob(i, when);
    if (b == nullptr || (b->fault() && b->bytes.empty())) {
        ptr(arg(i));
        return nullptr;
    }
    return b;
}

void Printer::path_arg(unsigned i) {
    const unsigned when = call.blob(i, 0) != nullptr ? 0 : 1;
    if (const Blob* b = blob_or_address(i, when)) {
        b->fault() ? ptr(arg(i)) : path(b->bytes);
    }
}

void Printer::string_arg(unsigned i) {
    const unsigned when = call.blob(i, 0) != nullptr ? 0 : 1;
    if (const Blob* b = blob_or_address(i, when)) {
        b->fault() ? ptr(arg(i)) : text(b->bytes);
    }
}

/// Bytes or elements argument `i` has in memory, as far as the arguments and the result say.
std::uint64_t Printer::length_of(unsigned i) const {
    const ArgDesc& a = desc(i);
    const unsigned from = a.len_arg - 1u;
    switch (a.len_kind) {
        case LenKind::kArg:
            return from < 6 ? call.args[from] : 0;
        case LenKind::kArgPtr: {
            const Blob* b = from < 6 ? call.blob(from, 1) : nullptr;
            b = b == nullptr && from < 6 ? call.blob(from, 0) : b;
            return b != nullptr ? load<std::uint32_t>(b->bytes) : 0;
        }
        case LenKind::kRet:
            return call.ret > 0 ? static_cast<std::uint64_t>(call.ret) : 0;
        case LenKind::kFixed:
            return a.len_arg;
        case LenKind::kNone:
            break;
    }
    return 1;
}

void Printer::memory(unsigned i, unsigned when) {
    const ArgDesc& a = desc(i);
    if (when == 1 && call.failed()) {
        ptr(arg(i));
        return;
    }
    if (opaque() && a.kind >= ArgKind::kStruct) {
        ptr(arg(i));
        return;
    }
    const std::uint64_t length = length_of(i);
    const Blob* b = blob_or_address(i, when);
    if (b == nullptr) {
        return;
    }
    switch (a.kind) {
        case ArgKind::kPath:
            path_arg(i);
            break;
        case ArgKind::kString:
            string_arg(i);
            break;
        case ArgKind::kBuf:
            b->fault() && b->bytes.size() < std::min<std::uint64_t>(length, options().string_limit)
                ? ptr(arg(i))
                : buffer(b->bytes, length);
            break;
        case ArgKind::kSigset:
            sigset(b->bytes.first(std::min<std::size_t>(b->bytes.size(), length)));
            break;
        case ArgKind::kStruct:
            structure(i, *b);
            break;
        case ArgKind::kArray:
            array(i, *b, length);
            break;
        case ArgKind::kSockaddr:
            print_sockaddr(*this, b->bytes, length);
            break;
        case ArgKind::kArgv:
            vector_of_strings(i, false);
            break;
        case ArgKind::kEnvp:
            vector_of_strings(i, true);
            break;
        case ArgKind::kIovec: {
            std::uint64_t limit = ~std::uint64_t{0};
            if (when == 1 || (a.dir == Dir::kOut)) {
                limit = call.ret > 0 ? static_cast<std::uint64_t>(call.ret) : 0;
            }
            ElementCursor cursor(call, i, when);
            const Blob* vector = call.blob(i, 0);
            print_iovecs(*this, vector != nullptr ? vector->bytes : b->bytes, length, limit,
                         cursor);
            break;
        }
        default:
            ptr(arg(i));
            break;
    }
}

void Printer::structure(unsigned i, const Blob& b) {
    const NamedStruct* s = struct_printer(desc(i).type);
    if (s == nullptr || b.bytes.size() < s->size) {
        ptr(arg(i));
        return;
    }
    s->print(*this, b.bytes);
}

void Printer::array(unsigned i, const Blob& b, std::uint64_t count) {
    const std::uint16_t type = desc(i).type;
    const NamedStruct* s = struct_printer(type);
    const std::size_t size = capture::struct_desc(type).size;
    if (s == nullptr || size == 0) {
        ptr(arg(i));
        return;
    }
    if (count != 0 && b.bytes.size() < size) {
        ptr(arg(i));
        return;
    }
    put('[');
    const std::uint64_t shown =
        abbrev() ? std::min<std::uint64_t>(count, options().array_limit) : count;
    std::uint64_t k = 0;
    for (; k < shown && (k + 1) * size <= b.bytes.size(); ++k) {
        put(k == 0 ? "" : ", ");
        s->print(*this, b.bytes.subspan(k * size, size));
    }
    if (k < count) {
        put(b.fault() && k < shown ? ", ???" : ", ...");
    }
    put(']');
}

void Printer::vector_of_strings(unsigned i, bool environment) {
    const Blob* vector = call.blob(i, 0);
    std::size_t count = vector != nullptr ? vector->bytes.size() / 8 : 0;
    if (count != 0 && load<std::uint64_t>(vector->bytes, (count - 1) * 8) == 0) {
        --count;
    }
    if (environment && abbrev()) {
        hex(arg(i)).put(" /* ").udec(count).put(count == 1 ? " var" : " vars");
        put(vector != nullptr && vector->cut() ? ", unterminated */" : " */");
        return;
    }
    put('[');
    std::size_t k = 0;
    for (const Blob& b : call.blobs) {
        if (b.arg != i || b.kind != BlobKind::kElement || b.when != 0) {
            continue;
        }
        put(k == 0 ? "" : ", ");
        ++k;
        b.fault() ? ptr(vector != nullptr ? load<std::uint64_t>(vector->bytes, (k - 1) * 8) : 0)
                  : text(b.bytes);
    }
    put(k < count || (vector != nullptr && vector->cut()) ? (k == 0 ? "..." : ", ...") : "");
    put(']');
}

void Printer::argument(unsigned i) {
    const ArgDesc& a = desc(i);
    const std::uint64_t v = arg(i);
    switch (a.kind) {
        case ArgKind::kInt:
        case ArgKind::kPid:
            dec(static_cast<std::int32_t>(v));
            break;
        case ArgKind::kUint:
            udec(static_cast<std::uint32_t>(v));
            break;
        case ArgKind::kLong:
            dec(static_cast<std::int64_t>(v));
            break;
        case ArgKind::kUlong:
            udec(v);
            break;
        case ArgKind::kHex:
            hex(v);
            break;
        case ArgKind::kOctal:
            octal(static_cast<std::uint16_t>(v));
            break;
        case ArgKind::kFd:
            fd(i);
            break;
        case ArgKind::kDirfd:
            dirfd(i);
            break;
        case ArgKind::kUid:
        case ArgKind::kGid:
            id(static_cast<std::uint32_t>(v));
            break;
        case ArgKind::kMode:
            mode(static_cast<std::uint16_t>(v));
            break;
        case ArgKind::kDev:
            dev(static_cast<std::uint32_t>(v));
            break;
        case ArgKind::kSignal:
            signal(static_cast<std::int32_t>(v));
            break;
        case ArgKind::kFlags:
            flags(capture::xlat_set(a.xlat), v);
            break;
        case ArgKind::kEnum:
            symbol(capture::xlat_set(a.xlat), static_cast<std::uint32_t>(v));
            break;
        case ArgKind::kCustom:
            hex(v);
            break;
        case ArgKind::kUnused:
            break;
        case ArgKind::kPtr:
            ptr(v);
            break;
        default:
            memory(i, a.dir == Dir::kIn ? 0 : 1);
            break;
    }
}

void print_generic(Printer& p, unsigned from) {
    const auto* desc = p.call.desc;
    bool first = from == 0;
    for (unsigned i = from; i < desc->nargs; ++i) {
        const ArgDesc& a = p.desc(i);
        if (a.kind == ArgKind::kUnused) {
            continue;
        }
        p.put(first ? "" : ", ");
        first = false;
        const bool memory = is_memory(a.kind);
        if (memory && a.dir == Dir::kOut && p.split()) {
            return;
        }
        if (memory && a.dir == Dir::kInOut) {
            p.memory(i, 0);
            if (p.arg(i) == 0) {
                continue;
            }
            if (p.split()) {
                return;
            }
            p.changed(i);
            continue;
        }
        p.argument(i);
    }
}

/// ` => after`, when the call changed what argument `i` points to.
void Printer::changed(unsigned i) {
    const Blob* before = call.blob(i, 0);
    const Blob* after = call.blob(i, 1);
    if (call.failed() || after == nullptr) {
        return;
    }
    if (before != nullptr && std::ranges::equal(before->bytes, after->bytes)) {
        return;
    }
    put(" => ");
    memory(i, 1);
}

void print_arguments(Printer& p) {
    if (p.call.desc == nullptr || p.raw()) {
        print_raw(p);
        return;
    }
    const bool whole = p.options().verbose || (p.call.nr < p.options().unabbreviated.size() &&
                                               p.options().unabbreviated[p.call.nr]);
    p.set_abbrev(!whole);
    if (const CallPrinter custom = call_table().find(p.call)) {
        custom(p);
    } else {
        print_generic(p);
    }
}

}  // namespace utrace::decode
