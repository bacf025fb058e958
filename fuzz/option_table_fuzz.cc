// SPDX-License-Identifier: MIT
// Words of a command line, separated by NUL or newline: parsing never crashes, every refusal
// renders within its four lines of 100 columns, and no byte of the input reaches the terminal
// unquoted.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/quoting.h"
#include "cli/say.h"

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void check_message(const std::string& text) {
    std::size_t lines = 0;
    std::size_t start = 0;
    while (start < text.size()) {
        const auto end = text.find('\n', start);
        require(end != text.npos);
        const std::string line = text.substr(start, end - start);
        require(utrace::cli::columns_of(line) <= utrace::cli::kMaxMessageColumns);
        for (const char c : line) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
        start = end + 1;
        ++lines;
    }
    require(lines >= 1 && lines <= 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> words(1);
    for (std::size_t i = 0; i < size; ++i) {
        if (data[i] == 0 || data[i] == '\n')
            words.emplace_back();
        else
            words.back() += static_cast<char>(data[i]);
    }
    // No PATH: the search for a command must not depend on the machine.
    const auto result = utrace::cli::parse(words, nullptr);
    if (result) {
        require(result->verb != utrace::cli::Verb::kLater);
        return 0;
    }
    require(result.error().status >= 124 && result.error().status <= 127);
    check_message(utrace::cli::render(result.error().msg, result.error().fields));
    return 0;
}
