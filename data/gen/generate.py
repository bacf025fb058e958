# SPDX-License-Identifier: MIT
"""Writes the C++ tables from data/. Usage: generate.py DATA_DIR OUT_DIR"""
import pathlib
import sys

import tables as t

HEADER = "// SPDX-License-Identifier: MIT\n// Generated from data/ by data/gen/generate.py.\n"


def camel(name):
    return "k" + "".join(part[:1].upper() + part[1:] for part in name.lstrip("_").split("_"))


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def kind_name(kind):
    special = {"ioctlarg": "IoctlArg", "fcntlarg": "FcntlArg"}
    return special.get(kind, kind.capitalize())


DIRS = {"none": "None", "in": "In", "out": "Out", "inout": "InOut"}


def arg_text(arg):
    xlat = f"xlat(XlatId::{camel(arg.param)})" if arg.kind in ("flags", "enum") else "0"
    struct = "0"
    if arg.kind in ("struct", "array", "variant") and arg.param:
        struct = f"type(StructId::{camel(arg.param)})"
    return (f"{{{quoted(arg.name)}, ArgKind::k{kind_name(arg.kind)}, Dir::k{DIRS[arg.dir]}, "
            f"LenKind::k{arg.len_kind}, {arg.len_arg}, {xlat}, {struct}}}")


def reads(args):
    """Attributes that say whether a call has memory to read at entry and at exit."""
    out = []
    kinds = [a for a in args if a.kind in t.MEMORY_KINDS]
    variant = any(a.kind in ("ioctlarg", "fcntlarg", "variant") for a in kinds)
    message = any(a.kind in ("msghdr", "mmsghdr") for a in kinds)
    if variant or message or any(a.dir in ("in", "inout") for a in kinds):
        out.append("ReadsEntry")
    if variant or any(a.dir in ("out", "inout") for a in kinds):
        out.append("ReadsExit")
    return out


def bits(prefix, names):
    return " | ".join(f"k{prefix}{name}" for name in names) or "0"


def syscall_rows(data):
    by_nr = {row.number("nr"): row for row in data.calls}
    limit = max(by_nr) + 1
    out = [HEADER, f"constexpr std::uint32_t kLimit = {limit};\n",
           "constexpr SyscallDesc kCalls[kLimit] = {\n"]
    for nr in range(limit):
        row = by_nr.get(nr)
        if row is None:
            out.append(f"    {{{nr}, 0, RetKind::kDec, 0, 0, nullptr, {{}}}},\n")
            continue
        args = ",\n         ".join(arg_text(arg) for arg in row.args)
        ret = row["ret"].capitalize()
        out.append(f"    {{{nr}, {len(row.args)}, RetKind::k{ret}, "
                   f"{bits('Attr', row.attrs + reads(row.args))}, "
                   f"{bits('Class', row.classes)}, {quoted(row['name'])},\n        {{{args}}}}},\n")
    out.append("};\n")
    names = sorted((row["name"], row.number("nr")) for row in data.calls)
    out.append(f"constexpr std::uint16_t kByName[{len(names)}] = {{\n")
    out += [f"    {nr},\n" for _, nr in names]
    out.append("};\n")
    for abi, rows in data.other_abis.items():
        rows = sorted(rows, key=lambda row: row.number("nr"))
        first, last = rows[0].number("nr"), rows[-1].number("nr")
        found = {row.number("nr"): row["name"] for row in rows}
        tag = {"i386": "I386", "x32": "X32"}[abi]
        out.append(f"constexpr std::uint32_t k{tag}First = {first};\n"
                   f"constexpr SyscallDesc k{tag}Calls[{last - first + 1}] = {{\n")
        for nr in range(first, last + 1):
            name = quoted(found[nr]) if nr in found else "nullptr"
            out.append(f"    names_only({nr}, {name}),\n")
        out.append("};\n")
    return "".join(out)


def ioctl_spec(row):
    direction, struct = row["dir"], row["struct"]
    if direction not in ("in", "out", "inout", "-"):
        row.fail(f"unknown dir '{direction}'")
    if struct == "val":
        kind, direction, kind_struct = "Int", "None", "0"
    elif struct == "-":
        kind = "Unused" if direction == "-" else "Ptr"
        direction, kind_struct = "None", "0"
    else:
        kind, direction = "Struct", DIRS[direction]
        kind_struct = f"type(StructId::{camel(struct)})"
    return (f'{{"arg", ArgKind::k{kind}, Dir::k{direction}, LenKind::kNone, 0, 0, '
            f"{kind_struct}}}")


def variant_rows(data):
    for row in data.ioctls:
        if row["struct"] not in ("-", "val") and row["struct"] not in data.struct_names:
            row.fail(f"no struct '{row['struct']}' in structs.tsv")
    out = [HEADER, "constexpr VariantDesc kVariants[] = {\n"]
    for row in data.variants:
        out.append(f"    {{{row.nr}, {row.arg}, {row.number('selector') - 1}, {row.mask:#x}, "
                   f"{row.number('value'):#x}, {arg_text(row.spec)}}},\n")
    out.append("};\nconstexpr IoctlDesc kIoctls[] = {\n")
    out += [f"    {{{row.number('value'):#x}, {ioctl_spec(row)}}},\n" for row in data.ioctls]
    out.append("};\n")
    return "".join(out)


def struct_ids(data):
    out = [HEADER, "#pragma once\n\n#include <cstdint>\n\nnamespace utrace::capture {\n\n",
           "/// Structures of data/structs.tsv.\nenum class StructId : std::uint16_t {\n",
           "    kNone = 0,\n"]
    out += [f"    {camel(row['name'])},\n" for row in data.structs]
    out.append("};\n\n}  // namespace utrace::capture\n")
    return "".join(out)


def struct_rows(data):
    out = [HEADER, 'constexpr StructDesc kStructs[] = {\n    {"", 0},\n']
    out += [f"    {{{quoted(row['name'])}, {row.number('size')}}},\n" for row in data.structs]
    out.append("};\n")
    return "".join(out)


def xlat_ids(data):
    out = [HEADER, "#pragma once\n\n#include <cstdint>\n\nnamespace utrace::capture {\n\n",
           "/// Flag sets of data/flags/.\nenum class XlatId : std::uint16_t {\n    kNone = 0,\n"]
    out += [f"    {camel(name)},\n" for name in sorted(data.sets)]
    out.append("};\n\n}  // namespace utrace::capture\n")
    return "".join(out)


def xlat_rows(data):
    out = [HEADER]
    for name in sorted(data.sets):
        flag_set = data.sets[name]
        out.append(f"constexpr Xlat {camel(name)}Rows[] = {{\n")
        out += [f"    {{{v:#x}, {m:#x}, {quoted(s)}}},\n" for v, m, s in flag_set.rows]
        out.append("};\n")
    out.append('constexpr XlatSet kSets[] = {\n    {"", false, "", nullptr, 0},\n')
    for name in sorted(data.sets):
        flag_set = data.sets[name]
        out.append(f"    {{{quoted(name)}, {str(flag_set.bitmask).lower()}, "
                   f"{quoted(flag_set.unknown)}, {camel(name)}Rows, {len(flag_set.rows)}}},\n")
    out.append("};\n")
    return "".join(out)


def name_rows(data):
    out = [HEADER]
    for tag, rows in (("Errno", data.errnos), ("Signal", data.signals)):
        out.append(f"constexpr NameRow k{tag}s[] = {{\n")
        out += [f"    {{{row.number('value')}, {quoted(row['name'])}, {quoted(row['text'])}}},\n"
                for row in sorted(rows, key=lambda row: row.number("value"))]
        out.append("};\n")
    return "".join(out)


FILES = {
    "syscall_rows.inc": syscall_rows, "variant_rows.inc": variant_rows,
    "struct_ids.h": struct_ids, "struct_rows.inc": struct_rows, "xlat_ids.h": xlat_ids,
    "xlat_tables.inc": xlat_rows, "name_rows.inc": name_rows,
}


def main(argv):
    if len(argv) != 3:
        print("usage: generate.py DATA_DIR OUT_DIR", file=sys.stderr)
        return 2
    try:
        data = t.Tables(argv[1])
        texts = {name: write(data) for name, write in FILES.items()}
    except t.TableError as error:
        print(error, file=sys.stderr)
        return 1
    out = pathlib.Path(argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
