// SPDX-License-Identifier: MIT
// what:     compares text with a file of tests/golden/cli; helpers of the cli tests.
// who:      tests of src/cli.
// lifetime: a Sandbox removes its directory.
// cost:     one small file each.
// see:      CONTRIBUTING.md, "Golden tests".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"
#include "cli/say.h"

namespace utrace::cli::test {

/// Fails unless `text` equals the golden file; UPDATE_GOLDEN=1 writes the file instead.
void expect_golden(const std::string& name, const std::string& text);

/// A fresh directory that is the current one while it lives.
class Sandbox {
  public:
    Sandbox();
    ~Sandbox();
    Sandbox(const Sandbox&) = delete;
    Sandbox& operator=(const Sandbox&) = delete;
    void file(const std::string& path, std::string_view text, unsigned mode = 0644) const;
    void directory(const std::string& path) const;
    void link(const std::string& path, const std::string& target) const;
    std::string read(const std::string& path) const;

  private:
    std::string path_;
    std::string before_;
};

/// Words of a command line, parsed with PATH=/usr/bin:/bin.
Parsed<Invocation> parse_words(const std::vector<std::string>& words);
/// The rendered complaint, or "(accepted)".
std::string complaint_of_words(const std::vector<std::string>& words);

}  // namespace utrace::cli::test
