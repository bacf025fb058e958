// SPDX-License-Identifier: MIT
// Files: where the log may go, and that the program's descriptors are its own.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "live/faults/fault_test.h"

namespace utrace::live {
namespace {

class Files : public Fault {
  protected:
    // Words in front of a command that make it run as nobody, from a place nobody can reach.
    static Words as_nobody() {
        return {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    }

    void expect_refused(const Words& before, const std::string& utrace, const std::string& output,
                        const std::string& target, const std::string& cwd) {
        SCOPED_TRACE(output.substr(0, 100));
        const std::string wanted = target.empty() ? "" : read_text(target);
        const std::string ran = cwd + "/ran";
        Spawn spawn{.argv = before + Words{utrace, "run", "-o", output, "--", "touch", ran}};
        spawn.cwd = cwd;
        spawn.env = {{"XDG_RUNTIME_DIR", ""}};
        const Result got = run(std::move(spawn));
        EXPECT_TRUE(got.exited(125)) << got.text();
        EXPECT_NE(got.err.find("utrace: "), std::string::npos) << got.text();
        EXPECT_FALSE(std::filesystem::exists(ran)) << "the program ran all the same";
        if (!target.empty()) {
            EXPECT_EQ(read_text(target), wanted);
        }
    }

    // A folder with every kind of output that must be refused.
    void refuse_all(const Words& before, const std::string& utrace, const std::string& folder,
                    bool root) {
        const auto in = [&](const char* name) { return folder + "/" + name; };
        const uid_t owner = root ? 0 : 65534;
        const auto own = [&](const std::string& file) {
            EXPECT_EQ(::lchown(file.c_str(), owner, owner), 0);
        };
        write_text(in("target"), "precious\n");
        own(in("target"));
        EXPECT_EQ(::symlink(in("target").c_str(), in("link").c_str()), 0);
        own(in("link"));
        expect_refused(before, utrace, in("link"), in("target"), folder);
        EXPECT_EQ(::link(in("target").c_str(), in("hard").c_str()), 0);
        expect_refused(before, utrace, in("hard"), in("target"), folder);
        EXPECT_EQ(::unlink(in("hard").c_str()), 0);
        EXPECT_EQ(::mkfifo(in("fifo").c_str(), 0666), 0);
        own(in("fifo"));
        expect_refused(before, utrace, in("fifo"), {}, folder);
        EXPECT_EQ(::symlink(folder.c_str(), in("way").c_str()), 0);
        expect_refused(before, utrace, in("way/target"), in("target"), folder);
        expect_refused(before, utrace, "way/../way/target", in("target"), folder);
        expect_refused(before, utrace, in(std::string(300, 'x').c_str()), {}, folder);
        expect_refused(before, utrace, folder + std::string(5000, '/') + "log", {}, folder);
        expect_refused(before, utrace, folder, {}, folder);
        expect_refused(before, utrace, in("missing/log"), {}, folder);
        // In a sticky folder of all: somebody else's file.
        EXPECT_EQ(::mkdir(in("sticky").c_str(), 0755), 0);
        EXPECT_EQ(::chmod(in("sticky").c_str(), 01777), 0);
        if (::geteuid() == 0) {
            write_text(in("sticky/foreign"), "theirs\n", 0666);
            EXPECT_EQ(::chown(in("sticky/foreign").c_str(), 12345, 12345), 0);
            expect_refused(before, utrace, in("sticky/foreign"), in("sticky/foreign"), folder);
        }
    }
};

TEST_F(Files, F74_OutputPaths) { refuse_all({}, utrace_path(), dir(), ::geteuid() == 0); }

TEST_F(Files, F74_OutputPathsAsNobody) {
    if (!is_root()) GTEST_SKIP() << "needs root to become nobody; F74_OutputPaths ran unprivileged";
    if (!has_tool("setpriv")) GTEST_SKIP() << "needs the tool setpriv";
    // The build folder may be closed to others, so utrace is copied.
    const std::string folder = path("nobody");
    ASSERT_EQ(::chmod(dir().c_str(), 0755), 0);
    ASSERT_EQ(::mkdir(folder.c_str(), 0755), 0);
    const std::string copy = path("utrace");
    std::filesystem::copy_file(utrace_path(), copy);
    ASSERT_EQ(::chmod(copy.c_str(), 0755), 0);
    ASSERT_EQ(::chown(folder.c_str(), 65534, 65534), 0);
    refuse_all(as_nobody(), copy, folder, false);
    // And where it may write, it works.
    const Result got =
        run({.argv = as_nobody() + Words{copy, "run", "-o", folder + "/log", "--", "true"}});
    EXPECT_TRUE(got.exited(0)) << got.text();
}

TEST_F(Files, F75_DescriptorsBareAndTraced) {
    const Words command = mode({"state"});
    const auto out = path("out");
    const auto state_of = [&](const Words& words) {
        // Outputs in a file, so that it is the same kind of descriptor in each run.
        Words shell{"sh", "-c", "\"$@\" > " + out + " 2> " + path("err") + " 7< /dev/null; exit $?",
                    "sh"};
        const Result got = run({.argv = shell + words});
        EXPECT_TRUE(got.exited(0)) << got.text() << read_text(path("err"));
        return read_text(out);
    };
    const std::string wanted = state_of(command);
    ASSERT_NE(wanted.find("\nfd 7 /dev/null"), std::string::npos) << wanted;
    ASSERT_TRUE(wanted.ends_with("\nok\n")) << wanted;
    EXPECT_EQ(state_of(utrace({"run", "-o", path("log"), "--"}) + command), wanted);
    EXPECT_EQ(state_of(utrace({"run", "--"}) + command), wanted);
    EXPECT_EQ(state_of(utrace({"run", "-e", "count", "-o", path("log2"), "--"}) + command), wanted);
}

TEST_F(Files, F75_DescriptorsWhileAttached) {
    const Words command = mode({"state", "wait"});
    const std::string wanted = bare(command, "g").out;
    Spawn spawn{.argv = command};
    spawn.keep_input = true;
    Child child = Child::start(std::move(spawn));
    ASSERT_TRUE(child.expect_line("begin"));
    Child client = Child::start(
        {.argv = utrace({"attach", "-o", path("log"), "-p", std::to_string(child.pid())})});
    ASSERT_TRUE(client.expect_error_text("attached"));
    child.send("g");
    const Result got = child.wait();
    EXPECT_TRUE(got.exited(0)) << got.text();
    EXPECT_EQ(got.out, wanted);
    client.wait();
}

}  // namespace
}  // namespace utrace::live
