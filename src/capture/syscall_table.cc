// SPDX-License-Identifier: MIT
#include "capture/syscall_table.h"

#include "capture/name_order.h"
#include "capture/struct_ids.h"
#include "capture/xlat_ids.h"

namespace utrace::capture {
namespace {

constexpr std::uint16_t xlat(XlatId id) { return static_cast<std::uint16_t>(id); }
constexpr std::uint16_t type(StructId id) { return static_cast<std::uint16_t>(id); }

/// A call of another ABI: no plan, every register is shown in hex.
constexpr SyscallDesc names_only(std::uint16_t nr, const char* name) {
    constexpr auto arg = [](const char* text) {
        return ArgDesc{text, ArgKind::kHex, Dir::kNone, LenKind::kNone, 0, 0, 0};
    };
    return {nr,
            6,
            RetKind::kDec,
            0,
            0,
            name,
            {arg("a1"), arg("a2"), arg("a3"), arg("a4"), arg("a5"), arg("a6")}};
}

struct VariantDesc {
    std::uint16_t nr;
    std::uint8_t index;     ///< argument it describes, 0-based
    std::uint8_t selector;  ///< argument whose value chooses, 0-based
    std::uint32_t mask;
    std::uint32_t value;
    ArgDesc arg;
};

struct IoctlDesc {
    std::uint32_t command;
    ArgDesc arg;
};

#include "capture/struct_rows.inc"
#include "capture/syscall_rows.inc"
#include "capture/variant_rows.inc"

constexpr ArgDesc kUnknown = {"arg", ArgKind::kHex, Dir::kNone, LenKind::kNone, 0, 0, 0};

template <std::size_t N>
const SyscallDesc* at(const SyscallDesc (&calls)[N], std::uint32_t index) noexcept {
    return index < N && calls[index].name ? &calls[index] : nullptr;
}

const ArgDesc& ioctl_arg(std::uint32_t command) noexcept {
    std::size_t low = 0;
    std::size_t high = sizeof(kIoctls) / sizeof(kIoctls[0]);
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (kIoctls[middle].command == command) return kIoctls[middle].arg;
        if (kIoctls[middle].command < command) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return kUnknown;
}

}  // namespace

const SyscallDesc* find_syscall(Abi abi, std::uint32_t nr) noexcept {
    switch (abi) {
        case Abi::kX86_64:
            return at(kCalls, nr);
        case Abi::kX32:
            return nr >= kX32First ? at(kX32Calls, nr - kX32First) : at(kCalls, nr);
        case Abi::kI386:
            return at(kI386Calls, nr - kI386First);
        case Abi::kUnknown:
            break;
    }
    return nullptr;
}

int syscall_number(std::string_view name) noexcept {
    std::size_t low = 0;
    std::size_t high = sizeof(kByName) / sizeof(kByName[0]);
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        const int order = name_order(name, kCalls[kByName[middle]].name);
        if (order == 0) return kByName[middle];
        if (order > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return -1;
}

std::uint32_t syscall_limit() noexcept { return kLimit; }

const ArgDesc& effective_arg(const SyscallDesc& desc, unsigned index,
                             const std::uint64_t (&args)[6]) noexcept {
    const ArgDesc& arg = desc.args[index];
    if (arg.kind == ArgKind::kIoctlArg) return ioctl_arg(static_cast<std::uint32_t>(args[1]));
    if (arg.kind != ArgKind::kFcntlArg && (arg.kind != ArgKind::kVariant || arg.type != 0)) {
        return arg;
    }
    for (const VariantDesc& variant : kVariants) {
        if (variant.nr != desc.nr || variant.index != index) continue;
        if ((static_cast<std::uint32_t>(args[variant.selector]) & variant.mask) == variant.value) {
            return variant.arg;
        }
    }
    return kUnknown;
}

StructDesc struct_desc(std::uint16_t id) noexcept {
    return kStructs[id < sizeof(kStructs) / sizeof(kStructs[0]) ? id : 0];
}

}  // namespace utrace::capture
