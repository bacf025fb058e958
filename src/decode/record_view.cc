// SPDX-License-Identifier: MIT
#include "decode/record_view.h"

#include <algorithm>

namespace utrace::decode {

std::optional<RecordView> RecordView::parse(Bytes bytes) {
    RecordView view;
    if (bytes.size() < sizeof(RecordHeader)) {
        return std::nullopt;
    }
    std::memcpy(&view.header_, bytes.data(), sizeof(RecordHeader));
    if (view.header_.size < sizeof(RecordHeader) || view.header_.size > bytes.size()) {
        return std::nullopt;
    }
    view.payload_ = bytes.subspan(sizeof(RecordHeader), view.header_.size - sizeof(RecordHeader));
    return view;
}

std::optional<SyscallView> RecordView::syscall() const {
    SyscallView view;
    if (!read(view.head)) {
        return std::nullopt;
    }
    const Bytes rest = payload_.subspan(sizeof(SyscallPayload));
    const std::size_t args_bytes = std::size_t{view.head.nargs} * sizeof(std::uint64_t);
    if (args_bytes > rest.size()) {
        return std::nullopt;
    }
    const std::size_t known = std::min<std::size_t>(view.head.nargs, view.args.size());
    for (std::size_t i = 0; i < known; ++i) {
        view.args[i] = load<std::uint64_t>(rest, i * sizeof(std::uint64_t));
    }
    view.blobs = rest.subspan(args_bytes);
    return view;
}

void append_blobs(const SyscallView& view, std::vector<Blob>& to) {
    Bytes rest = view.blobs;
    for (unsigned n = 0; n < view.head.nr_blobs && rest.size() >= sizeof(BlobHeader); ++n) {
        const auto head = load<BlobHeader>(rest);
        rest = rest.subspan(sizeof(BlobHeader));
        if (head.size > rest.size()) {
            return;
        }
        if (head.kind <= static_cast<std::uint8_t>(BlobKind::kFdPath)) {
            to.push_back({rest.first(head.size), head.arg, head.when, head.flags,
                          static_cast<BlobKind>(head.kind)});
        }
        const std::size_t step = (std::size_t{head.size} + 7) & ~std::size_t{7};
        rest = rest.subspan(std::min(step, rest.size()));
    }
}

}  // namespace utrace::decode
