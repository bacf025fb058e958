// SPDX-License-Identifier: MIT
// The same commands under strace 6.1 and under our decoder must give the same lines.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "mini_tracer.h"

namespace utrace::decode {
namespace {

/// Strips what differs from run to run: the pid, addresses, times, random bytes.
std::string normalise(const std::string& line) {
    static const std::regex kPid("^[0-9]+ +");
    static const std::regex kAddress("0x[0-9a-f]{6,}");
    static const std::regex kRandom("getrandom\\(\"[^\"]*\"");
    static const std::regex kField(
        "(tv_sec|tv_nsec|tv_usec|si_utime|si_stime|si_pid|f_bfree|f_bavail|f_ffree)=[0-9]+");
    static const std::regex kOwnId("((set_tid_address|getp?pid)\\([^)]*\\)) += [0-9]+");
    static const std::regex kTarget("kill\\([0-9]+");
    static const std::regex kBlanks(" +");
    std::string text = std::regex_replace(line, kPid, "");
    text = std::regex_replace(text, kAddress, "0xADDR");
    text = std::regex_replace(text, kRandom, "getrandom(R");
    text = std::regex_replace(text, kField, "$1=N");
    text = std::regex_replace(text, kOwnId, "$1 = N");
    text = std::regex_replace(text, kTarget, "kill(N");
    return std::regex_replace(text, kBlanks, " ");
}

std::vector<std::string> lines_of(std::istream& in) {
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(normalise(line));
    }
    return lines;
}

std::vector<std::string> strace_lines(const std::string& command) {
    char path[] = "/tmp/utrace-oracle-XXXXXX";
    const int fd = mkstemp(path);
    if (fd < 0) {
        return {};
    }
    close(fd);
    const std::string all = std::string("timeout 30 strace -f -o ") + path + " " + command +
                            " </dev/null >/dev/null 2>&1";
    (void)std::system(all.c_str());
    std::ifstream in(path);
    auto lines = lines_of(in);
    std::remove(path);
    return lines;
}

class Oracle : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(Oracle, SameLinesAsStrace) {
    if (std::system("strace --version 2>/dev/null | grep -q 'version 6\\.1$'") != 0) {
        GTEST_SKIP() << "strace 6.1 is not installed";
    }
    // A shell between us and strace would correct it, and the shell that is traced looks at it.
    ::setenv("PWD", std::filesystem::current_path().c_str(), 1);
    std::string command;
    for (const std::string& word : GetParam()) {
        command += "'" + word + "' ";
    }
    const auto expected = strace_lines(command);
    if (expected.size() < 10) {
        GTEST_SKIP() << "strace cannot trace here";
    }
    TextOptions options;
    options.pid = PidMode::kAlways;
    std::istringstream in(test::trace(GetParam(), options, false));
    const auto got = lines_of(in);

    std::map<std::string, int> count;
    for (const std::string& line : expected) {
        ++count[line];
    }
    std::size_t equal = 0;
    std::string different;
    for (const std::string& line : got) {
        if (count[line]-- > 0) {
            ++equal;
        } else {
            different += line + "\n";
        }
    }
    EXPECT_GE(static_cast<double>(equal), 0.99 * static_cast<double>(expected.size())) << different;
}

using Words = std::vector<std::string>;
INSTANTIATE_TEST_SUITE_P(
    Commands, Oracle,
    ::testing::Values(Words{"/bin/ls", "-l", "/"}, Words{"/bin/cat", "/etc/passwd", "/nonexistent"},
                      Words{"/bin/sh", "-c", "exit 3"}, Words{"/bin/sh", "-c", "kill -TERM $$"},
                      Words{"/usr/bin/env", "-i", "A=b"}, Words{"/bin/df", "/"},
                      Words{"/bin/mkdir", "/nonexistent/a/b"}));

}  // namespace
}  // namespace utrace::decode
