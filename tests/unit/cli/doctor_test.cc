// SPDX-License-Identifier: MIT
#include "cli/doctor.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <string>

#include "base/sys.h"

namespace utrace::cli {
namespace {

TEST(Doctor, EachCheckHasItsOwnNameAndAValue) {
    const Diagnosis diagnosis = examine_machine();
    std::set<std::string> names;
    for (const auto& check : diagnosis.checks) {
        EXPECT_TRUE(names.insert(check.name).second) << check.name;
        EXPECT_FALSE(check.value.empty()) << check.name;
    }
    EXPECT_EQ(std::string(diagnosis.host), diagnosis.can_trace ? "ptrace" : "none");
}

TEST(Doctor, LastLineIsTheHost) {
    const std::string text = doctor_text(examine_machine(), DoctorForm::kPlain);
    EXPECT_TRUE(text.ends_with("\nhost: ptrace\n") || text.ends_with("\nhost: none\n")) << text;
}

TEST(Doctor, ThisProcessCannotBeAttachedByItself) {
    Diagnosis diagnosis = examine_machine();
    examine_process(::getpid(), diagnosis);
    EXPECT_FALSE(diagnosis.can_trace);
    EXPECT_STREQ(diagnosis.host, "none");
}

TEST(Doctor, AChildIsDescribed) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (true) ::pause();
    }
    Diagnosis diagnosis = examine_machine();
    const bool machine = diagnosis.can_trace;
    examine_process(child, diagnosis);
    ::kill(child, SIGKILL);  // our own child, not waited for: the number is still its
    siginfo_t info{};
    ASSERT_EQ(UTRACE_RETRY(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED)), 0);
    EXPECT_EQ(diagnosis.can_trace, machine);
    const std::string text = doctor_text(diagnosis, DoctorForm::kPlain);
    EXPECT_NE(text.find("64-bit"), std::string::npos) << text;
    EXPECT_NE(text.find("can be attached"), std::string::npos) << text;
}

TEST(Doctor, AMissingProcessIsNamed) {
    Diagnosis diagnosis;
    diagnosis.can_trace = true;
    examine_process(0x7ffffff0, diagnosis);
    EXPECT_FALSE(diagnosis.can_trace);
    ASSERT_EQ(diagnosis.checks.size(), 1u);
    EXPECT_EQ(diagnosis.checks[0].effect, "no such process");
}

}  // namespace
}  // namespace utrace::cli
