// SPDX-License-Identifier: MIT
// what:     what works on this machine, for this user and for one process, with the values read.
// who:      the verb doctor and its tests.
// lifetime: values.
// cost:     some system calls and one short-lived child per check.
// see:      docs/man/utrace-doctor.1.scd.
#pragma once

#include <string>
#include <vector>

#include "cli/say.h"

namespace utrace::cli {

enum class Health : unsigned char { kOk, kNo, kWarn };

struct Check {
    Health health;
    const char* name;
    std::string value;   ///< as read; quoted already
    std::string effect;  ///< what is affected
};

struct Diagnosis {
    std::vector<Check> checks;
    bool can_trace = false;  ///< something can be traced
    const char* host = "none";
};

/// The machine and this user.
Diagnosis examine_machine();
/// The same for one process, appended to `to`; can_trace becomes that of the process.
void examine_process(pid_t pid, Diagnosis& to);

enum class DoctorForm : unsigned char { kPlain, kMarks, kJson };
std::string doctor_text(const Diagnosis& diagnosis, DoctorForm form);

// The single checks, in the order of the report.
Check check_kernel();
/// Seizes a child of our own; `works` tells whether that went through.
Check check_ptrace(bool& works);
Check check_yama();
Check check_rights();
Check check_seccomp();
Check check_pidfd();
Check check_memfd();
Check check_rseq();
Check check_membarrier();
Check check_dispatch();
Check check_openat2();
Check check_syscall_table();

}  // namespace utrace::cli
