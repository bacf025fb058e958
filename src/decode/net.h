// SPDX-License-Identifier: MIT
// what:     what the socket printers and the buffer-vector printers share.
// who:      the printers of this folder.
// lifetime: on the stack while one line is made.
// cost:     a scan of the call's blobs.
// see:      docs/design/0001-architecture.md, "Text".
#pragma once

#include "decode/printer.h"

namespace utrace::decode {

/// Walks the blobs of one argument in their order.
class ElementCursor {
  public:
    ElementCursor(const Call& call, unsigned arg, unsigned when)
        : call_(call), arg_(arg), when_(when) {}
    const Blob* next() { return next_of(BlobKind::kElement); }
    /// The next blob of `kind`, or null.
    const Blob* next_of(BlobKind kind);

  private:
    const Call& call_;
    unsigned arg_;
    unsigned when_;
    std::size_t at_ = 0;
};

/// `[{iov_base="…", iov_len=N}, …]`; `limit` bytes in all were transferred.
void print_iovecs(Printer& p, Bytes vector, std::uint64_t count, std::uint64_t limit,
                  ElementCursor& cursor);
void print_msghdr(Printer& p, Bytes header, std::uint64_t limit, std::int64_t namelen_before,
                  ElementCursor& cursor);

}  // namespace utrace::decode
