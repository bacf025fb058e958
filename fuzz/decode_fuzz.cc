// SPDX-License-Identifier: MIT
// Any bytes as a sequence of records: the text log must neither crash nor let a control byte out.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "decode/text.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace utrace;
    if (size < 2) {
        return 0;
    }
    decode::TextOptions options;
    options.verbose = (data[0] & 1) != 0;
    options.xlat = static_cast<decode::XlatStyle>((data[0] >> 1) % 3);
    options.fd_paths = (data[0] & 8) != 0;
    options.relative = (data[0] & 16) != 0;
    options.comm = (data[0] & 32) != 0;
    decode::TextLog log(options);
    std::string out;
    const std::byte* at = reinterpret_cast<const std::byte*>(data) + 1;
    std::size_t left = size - 1;
    while (left >= sizeof(RecordHeader)) {
        // The length field decides where the next record starts; a bad one takes all that is left.
        std::uint32_t length = 0;
        std::memcpy(&length, at, sizeof length);
        const std::size_t step = length >= sizeof(RecordHeader) && length <= left ? length : left;
        // Copied to the heap so that one byte too far is seen.
        const std::vector<std::byte> record(at, at + step);
        log.record(record, out);
        if ((data[0] & 64) != 0) {
            log.partial(out);
        }
        at += step;
        left -= step;
    }
    log.finish(out);
    for (const char c : out) {
        const auto u = static_cast<unsigned char>(c);
        if (c != '\n' && (u < 0x20 || u > 0x7e)) {
            std::abort();
        }
    }
    return 0;
}
