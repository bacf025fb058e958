// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <string>

#include "capture/names.h"
#include "capture/struct_ids.h"
#include "capture/syscall_table.h"
#include "capture/xlat.h"

namespace utrace::capture {
namespace {

TEST(Table, NumbersAndNamesFindEachOther) {
    std::set<std::string> names;
    for (std::uint32_t nr = 0; nr < syscall_limit(); ++nr) {
        const SyscallDesc* desc = find_syscall(Abi::kX86_64, nr);
        if (desc == nullptr) continue;
        EXPECT_EQ(desc->nr, nr);
        EXPECT_TRUE(names.insert(desc->name).second) << desc->name;
        EXPECT_EQ(syscall_number(desc->name), static_cast<int>(nr));
    }
    EXPECT_GE(names.size(), 380u);
    EXPECT_EQ(find_syscall(Abi::kX86_64, syscall_limit()), nullptr);
    EXPECT_EQ(find_syscall(Abi::kX86_64, ~0u), nullptr);
    EXPECT_EQ(find_syscall(Abi::kUnknown, 0), nullptr);
    EXPECT_EQ(syscall_number("no_such_call"), -1);
    EXPECT_EQ(syscall_number(""), -1);
    EXPECT_EQ(syscall_number("rea"), -1);
}

TEST(Table, AgreesWithTheKernelHeader) {
    std::ifstream header(UTRACE_UNISTD_64);
    ASSERT_TRUE(header) << UTRACE_UNISTD_64;
    std::string define;
    std::string name;
    std::string line;
    unsigned seen = 0;
    while (std::getline(header, line)) {
        constexpr std::string_view kPrefix = "#define __NR_";
        if (!line.starts_with(kPrefix)) continue;
        const std::size_t space = line.find(' ', kPrefix.size());
        ASSERT_NE(space, std::string::npos) << line;
        name = line.substr(kPrefix.size(), space - kPrefix.size());
        EXPECT_EQ(syscall_number(name), std::stoi(line.substr(space))) << name;
        ++seen;
    }
    EXPECT_GE(seen, 350u);
}

TEST(Table, LengthsReferToArgumentsThatHoldThem) {
    for (std::uint32_t nr = 0; nr < syscall_limit(); ++nr) {
        const SyscallDesc* desc = find_syscall(Abi::kX86_64, nr);
        if (desc == nullptr) continue;
        ASSERT_LE(desc->nargs, 6);
        for (unsigned i = 0; i < desc->nargs; ++i) {
            const ArgDesc& arg = desc->args[i];
            EXPECT_NE(arg.name[0], '\0') << desc->name;
            if (arg.len_kind == LenKind::kArg) {
                ASSERT_LE(arg.len_arg, desc->nargs) << desc->name;
                EXPECT_LT(desc->args[arg.len_arg - 1].kind, ArgKind::kPath) << desc->name;
            }
            if (arg.len_kind == LenKind::kArgPtr) {
                ASSERT_LE(arg.len_arg, desc->nargs) << desc->name;
                EXPECT_EQ(desc->args[arg.len_arg - 1].kind, ArgKind::kStruct) << desc->name;
            }
            if (arg.kind == ArgKind::kFlags || arg.kind == ArgKind::kEnum) {
                EXPECT_GT(xlat_set(arg.xlat).nr_rows, 0u) << desc->name << ' ' << arg.name;
            }
            if (arg.kind == ArgKind::kStruct || arg.kind == ArgKind::kArray) {
                EXPECT_GT(struct_desc(arg.type).size, 0u) << desc->name << ' ' << arg.name;
            }
        }
    }
}

TEST(Table, DerivedAttributes) {
    EXPECT_EQ(find_syscall(Abi::kX86_64, 39)->attrs & (kAttrReadsEntry | kAttrReadsExit), 0);
    EXPECT_EQ(find_syscall(Abi::kX86_64, 0)->attrs, kAttrBlocking | kAttrReadsExit);
    EXPECT_EQ(find_syscall(Abi::kX86_64, 1)->attrs, kAttrReadsEntry);
    EXPECT_EQ(find_syscall(Abi::kX86_64, 231)->attrs, kAttrNoReturn);
}

TEST(Table, ClassesAreSets) {
    EXPECT_EQ(find_syscall(Abi::kX86_64, 257)->classes, kClassFile | kClassDesc);
    EXPECT_EQ(find_syscall(Abi::kX86_64, 41)->classes & kClassNetwork, kClassNetwork);
    EXPECT_EQ(find_syscall(Abi::kX86_64, 39)->classes, kClassPure);
}

TEST(Table, OtherAbis) {
    EXPECT_STREQ(find_syscall(Abi::kI386, 4)->name, "write");
    EXPECT_STREQ(find_syscall(Abi::kI386, 1)->name, "exit");
    EXPECT_EQ(find_syscall(Abi::kI386, 4)->nargs, 6);
    EXPECT_EQ(find_syscall(Abi::kI386, 100000), nullptr);
    EXPECT_STREQ(find_syscall(Abi::kX32, 0)->name, "read");
    EXPECT_STREQ(find_syscall(Abi::kX32, 520)->name, "execve");
}

TEST(Table, Variants) {
    const SyscallDesc& fcntl = *find_syscall(Abi::kX86_64, 72);
    const std::uint64_t setfl[6] = {0, 4, 0, 0, 0, 0};
    EXPECT_EQ(effective_arg(fcntl, 2, setfl).kind, ArgKind::kFlags);
    const std::uint64_t unknown[6] = {0, 4444, 0, 0, 0, 0};
    EXPECT_EQ(effective_arg(fcntl, 2, unknown).kind, ArgKind::kHex);
    const SyscallDesc& ioctl = *find_syscall(Abi::kX86_64, 16);
    const std::uint64_t winsize[6] = {0, 0xffffffff00005413, 0, 0, 0, 0};
    EXPECT_EQ(effective_arg(ioctl, 2, winsize).type,
              static_cast<std::uint16_t>(StructId::kWinsize));
    EXPECT_EQ(&effective_arg(ioctl, 0, winsize), &ioctl.args[0]);
}

TEST(Xlat, SetsByIdAndName) {
    const XlatSet& set = xlat_set(XlatId::kOpenFlags);
    EXPECT_STREQ(set.name, "open_flags");
    EXPECT_STREQ(set.unknown, "O_???");
    EXPECT_TRUE(set.bitmask);
    EXPECT_EQ(xlat_id("open_flags"), static_cast<std::uint16_t>(XlatId::kOpenFlags));
    EXPECT_EQ(xlat_id("open_flag"), 0);
    EXPECT_EQ(xlat_set(std::uint16_t{65535}).nr_rows, 0u);
    EXPECT_STREQ(xlat_name(xlat_set(XlatId::kWhence), 2), "SEEK_END");
    EXPECT_STREQ(xlat_name(xlat_set(XlatId::kRusageWho), 0xffffffff), "RUSAGE_CHILDREN");
    EXPECT_STREQ(xlat_name(xlat_set(XlatId::kRusageWho), ~std::uint64_t{0}), "RUSAGE_CHILDREN");
    EXPECT_STREQ(xlat_name(xlat_set(XlatId::kIoctlCmds), 0x5401), "TCGETS");
}

TEST(Names, ErrorsBothWays) {
    EXPECT_STREQ(errno_name(2), "ENOENT");
    EXPECT_STREQ(errno_text(2), "No such file or directory");
    EXPECT_STREQ(errno_name(11), "EAGAIN");
    EXPECT_STREQ(errno_name(512), "ERESTARTSYS");
    EXPECT_EQ(errno_name(0), nullptr);
    EXPECT_EQ(errno_name(4000), nullptr);
    EXPECT_EQ(errno_number("EWOULDBLOCK"), 11);
    EXPECT_EQ(errno_number("ENOSUCH"), -1);
    for (int number = 1; number <= 133; ++number) {
        if (errno_name(number) == nullptr) continue;
        EXPECT_EQ(errno_number(errno_name(number)), number);
    }
}

TEST(Names, SignalsBothWays) {
    EXPECT_STREQ(signal_name(9), "SIGKILL");
    EXPECT_STREQ(signal_name(32), "SIGRTMIN");
    EXPECT_STREQ(signal_name(64), "SIGRT_32");
    EXPECT_EQ(signal_name(65), nullptr);
    EXPECT_EQ(signal_number("INT"), 2);
    EXPECT_EQ(signal_number("SIGCLD"), 17);
    EXPECT_EQ(signal_number("SIG"), -1);
    for (int number = 1; number <= 64; ++number) {
        ASSERT_NE(signal_name(number), nullptr) << number;
        EXPECT_EQ(signal_number(signal_name(number)), number);
    }
}

}  // namespace
}  // namespace utrace::capture
