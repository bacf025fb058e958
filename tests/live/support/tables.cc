// SPDX-License-Identifier: MIT
// What utrace printed, as numbers: the tables of the count engine and the lines of a log.
#include <cctype>
#include <cstdlib>
#include <sstream>

#include "live/support/live_test.h"

namespace utrace::live {
namespace {

Words words_of(const std::string& line) {
    std::istringstream in(line);
    Words words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

std::uint64_t number(const std::string& word) { return std::strtoull(word.c_str(), nullptr, 10); }

// Behind an optional "[pid N] " or "N ".
std::string_view without_pid(std::string_view line) {
    if (line.starts_with("[pid ")) {
        const auto end = line.find("] ");
        return end == line.npos ? line : line.substr(end + 2);
    }
    std::size_t at = 0;
    while (at < line.size() && std::isdigit(static_cast<unsigned char>(line[at]))) ++at;
    if (at == 0) return line;
    while (at < line.size() && line[at] == ' ') ++at;
    return line.substr(at);
}

}  // namespace

std::vector<Counts> count_tables(const std::string& text) {
    std::vector<Counts> tables;
    std::istringstream in(text);
    int rules = 2;  // rules of dashes seen in this table
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("% time ")) {
            tables.emplace_back();
            rules = 0;
        } else if (line.starts_with("------ ")) {
            ++rules;
        } else if (rules == 1) {
            const Words words = words_of(line);
            if (words.size() != 5 && words.size() != 6) {
                ADD_FAILURE() << "not a row of the count table: " << line;
                continue;
            }
            Row& row = tables.back()[words.back()];
            row.calls += number(words[3]);
            if (words.size() == 6) row.errors += number(words[4]);
        }
    }
    return tables;
}

Counts count_table(const std::string& text) {
    auto tables = count_tables(text);
    EXPECT_EQ(tables.size(), 1u) << text;
    return tables.empty() ? Counts() : tables.front();
}

std::map<std::string, std::uint64_t> logged_calls(const std::string& log) {
    std::map<std::string, std::uint64_t> calls;
    std::istringstream in(log);
    for (std::string line; std::getline(in, line);) {
        const std::string_view rest = without_pid(line);
        std::size_t end = 0;
        while (end < rest.size() &&
               (std::isalnum(static_cast<unsigned char>(rest[end])) || rest[end] == '_'))
            ++end;
        if (end > 0 && end < rest.size() && rest[end] == '(')
            ++calls[std::string(rest.substr(0, end))];
    }
    return calls;
}

std::uint64_t calls_of(const Counts& counts, const std::string& name) {
    const auto at = counts.find(name);
    return at == counts.end() ? 0 : at->second.calls;
}

std::map<std::string, std::uint64_t> said_counts(const std::string& out) {
    std::map<std::string, std::uint64_t> said;
    std::istringstream in(out);
    for (std::string line; std::getline(in, line);) {
        const Words words = words_of(line);
        if (words.size() == 2 && !words[1].empty() &&
            words[1].find_first_not_of("0123456789") == std::string::npos)
            said[words[0]] += number(words[1]);
    }
    return said;
}

}  // namespace utrace::live
