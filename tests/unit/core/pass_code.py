#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counted obligations (b) and (c): what the pass's machine code may hold.

usage: pass_code.py OBJDUMP OBJECT...   (objects of pass.cc and fast_exit.cc, compiled with -O2)
"""
import re
import subprocess
import sys

FORBIDDEN = re.compile(r"^(lock\b|xchg\s.*\(|mfence|lfence|sfence|syscall|sysenter|int\s)")
BUDGET = 8  # instructions of the uninterested answer, its ret included


def functions(objdump, path):
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", "-C", path], check=True,
                          capture_output=True, text=True).stdout
    name, code = None, {}
    for line in text.splitlines():
        if head := re.match(r"^[0-9a-f]+ <(.*)>:$", line):
            name = head.group(1)
            code[name] = []
        elif name and (row := re.match(r"^\s+[0-9a-f]+:\s+(.*\S)", line)):
            code[name].append(row.group(1))
    return code


def main():
    objdump, paths = sys.argv[1], sys.argv[2:]
    seen, bad = set(), []
    for path in paths:
        for name, code in functions(objdump, path).items():
            seen.add(re.sub(r"\(.*", "", name))
            bad += [f"{name}: {row}" for row in code if FORBIDDEN.match(row)]
            if "fast_exit_probe" in name:
                length = next(i + 1 for i, row in enumerate(code) if row.startswith("ret"))
                print(f"uninterested answer: {length} instructions of {BUDGET}")
                if length > BUDGET:
                    bad.append(f"{name}: {length} instructions, budget {BUDGET}")
    for wanted in ("::syscall_entry", "::syscall_exit", "fast_exit_probe"):
        if not any(name.endswith(wanted) for name in seen):
            bad.append(f"no function {wanted} in {paths}: nothing was checked")
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
