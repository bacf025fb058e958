// SPDX-License-Identifier: MIT
#include "golden.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace utrace::cli::test {

namespace {

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

void expect_golden(const std::string& name, const std::string& text) {
    const std::string path = std::string(UTRACE_GOLDEN_DIR) + "/" + name;
    if (const char* update = std::getenv("UPDATE_GOLDEN"); update != nullptr && *update == '1') {
        std::ofstream(path, std::ios::binary) << text;
        return;
    }
    EXPECT_EQ(slurp(path), text) << "golden file " << name << "; UPDATE_GOLDEN=1 rewrites it";
}

Sandbox::Sandbox() {
    char name[] = "/tmp/utrace-cli-XXXXXX";
    char before[PATH_MAX];
    EXPECT_NE(::getcwd(before, sizeof before), nullptr);
    EXPECT_NE(::mkdtemp(name), nullptr);
    before_ = before;
    path_ = name;
    EXPECT_EQ(::chdir(name), 0);
}

Sandbox::~Sandbox() {
    EXPECT_EQ(::chdir(before_.c_str()), 0);
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void Sandbox::file(const std::string& path, std::string_view text, unsigned mode) const {
    std::error_code ignored;
    const auto parent = std::filesystem::path(path).parent_path();
    if (!parent.empty()) std::filesystem::create_directories(parent, ignored);
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0) << path;
}

void Sandbox::directory(const std::string& path) const {
    std::error_code ignored;
    std::filesystem::create_directories(path, ignored);
}

void Sandbox::link(const std::string& path, const std::string& target) const {
    const auto parent = std::filesystem::path(path).parent_path();
    if (!parent.empty()) directory(parent);
    EXPECT_EQ(::symlink(target.c_str(), path.c_str()), 0) << path;
}

std::string Sandbox::read(const std::string& path) const { return slurp(path); }

Parsed<Invocation> parse_words(const std::vector<std::string>& words) {
    return parse(words, "/usr/bin:/bin");
}

std::string complaint_of_words(const std::vector<std::string>& words) {
    const auto result = parse_words(words);
    if (result) return "(accepted)\n";
    return render(result.error().msg, result.error().fields) + "(status " +
           std::to_string(result.error().status) + ")\n";
}

}  // namespace utrace::cli::test
