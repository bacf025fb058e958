#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules of the source tree that a compiler does not check.

Usage: lint.py RULE SOURCE_DIR. Prints one line per violation and exits 1 when there are any.
"""
import pathlib
import re
import sys

LAYERS = ["base", "ring", "core", "capture", "host", "patch", "runtime", "decode", "engines",
          "session", "trace", "cli"]
# capture and ring are side by side: both only know base and the public headers.
CODE = {".cc", ".h", ".c", ".def"}
SPDX = {".cc", ".h", ".c", ".def", ".py", ".cmake", ".sh", ".tsv"}
SKIP = ("build", ".git")
MAX_LINES = 600

# Raw calls outside src/base/sys.*, each with the reason why a wrapper does not fit.
RAW_CALLS = re.compile(r"(?<![\w>])::(read|write|poll|epoll_wait|waitid|waitpid|wait4)\(")
HEADER_LINES = ["what:", "who:", "lifetime:", "cost:", "see:"]
# What may print: the one place for messages, and text that goes to an opened output.
PRINTING = re.compile(
    r"\b(printf|fprintf|vprintf|puts|fputs|putchar|fputc|perror|psignal)\s*\("
    r"|std::(cout|cerr|clog|print|println)\b|fmt::print\b|\bSTD(OUT|ERR)_FILENO\b")
PRINTERS = {"src/cli/say.cc", "src/cli/output.cc"}
ARCH = re.compile(r"#\s*(if|ifdef|ifndef|elif).*__(x86_64|i386|aarch64|arm|riscv)\w*__"
                  r"|\b(asm|__asm__|__asm)\s*(volatile|goto|inline|\()")


class File:
    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.suffix = pathlib.PurePath(path).suffix


def files(root):
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or name.split("/")[0] in SKIP:
            continue
        if path.suffix in CODE | SPDX | {".md", ".scd"} or path.name == "CMakeLists.txt":
            yield File(name, path.read_text(encoding="utf-8", errors="replace"))


def without_comments(text):
    """Line and block comments blanked; strings left as they are; line numbers kept."""
    pattern = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.S)

    def blank(match):
        found = match.group(0)
        return found if found[0] in "\"'" else "\n" * found.count("\n")
    return pattern.sub(blank, text)


def in_source(file):
    return file.path.startswith(("src/", "include/")) and file.suffix in CODE


def spdx(file):
    if file.suffix not in SPDX and not file.path.endswith("CMakeLists.txt"):
        return
    first = file.lines[1] if file.lines[0].startswith("#!") else file.lines[0]
    if "SPDX-License-Identifier: MIT" not in first:
        yield 1, "first line is not the SPDX line"


def headers(file):
    if not in_source(file) or file.suffix != ".h":
        return
    want = iter(HEADER_LINES)
    expected = next(want)
    for line in file.lines[1:12]:
        if expected and line.startswith("// " + expected):
            expected = next(want, None)
    if expected:
        yield 2, f"header comment has no '{expected}' line in its place"


def includes(file):
    if not in_source(file):
        return
    parts = file.path.split("/")
    public = parts[0] == "include"
    mine = parts[1] if not public else None
    for number, line in enumerate(file.lines, 1):
        match = re.match(r'\s*#\s*include\s+["<]([^">]+)[">]', line)
        if not match:
            continue
        target = match.group(1)
        if public and target.startswith("linux/"):
            yield number, "a public header includes <linux/*>"
        folder = target.split("/")[0]
        if folder not in LAYERS or "/" not in target:
            continue
        if public:
            yield number, f"a public header includes the layer {folder}"
        elif mine in LAYERS and LAYERS.index(folder) > LAYERS.index(mine) \
                and (mine, folder) != ("ring", "core"):
            yield number, f"{mine} includes the higher layer {folder}"


def printing(file):
    if not file.path.startswith("src/") or file.path in PRINTERS:
        return
    for number, line in enumerate(without_comments(file.text).split("\n"), 1):
        match = PRINTING.search(line)
        # Asking whether a stream is a terminal, or naming it for dup2, prints nothing.
        if match and not re.search(r"isatty|dup2|print_to|lint: output", line):
            yield number, f"prints outside the catalogue: {match.group(0)}"
    for number, line in enumerate(without_comments(file.text).split("\n"), 1):
        if re.search(r'\bprint_(out|err)\(\s*(u8|R)?"', line):
            yield number, "a string literal is printed; it belongs into messages.def"


def arch(file):
    if not in_source(file) or "/arch/" in file.path:
        return
    for number, line in enumerate(without_comments(file.text).split("\n"), 1):
        if ARCH.search(line):
            yield number, "assembler or an architecture #if outside an arch/ folder"


def raw_calls(file):
    if not file.path.startswith("src/") or file.path.startswith("src/base/sys."):
        return
    lines = file.lines
    for number, line in enumerate(without_comments(file.text).split("\n"), 1):
        match = RAW_CALLS.search(line)
        if not match:
            continue
        near = " ".join(lines[max(0, number - 3):number])
        if "UTRACE_RETRY" in near or "sys::retry" in near or "lint: raw" in near:
            continue
        yield number, f"raw {match.group(1)} outside base/sys and UTRACE_RETRY"


def sizes(file):
    if file.suffix in CODE and len(file.lines) > MAX_LINES + 1:
        yield len(file.lines), f"{len(file.lines) - 1} lines; {MAX_LINES} are allowed"


def messages(file):
    """Ids of the catalogue are explained, and every id named anywhere in src/ is in the catalogue."""
    if file.path != "src/cli/messages.def":
        return
    ids = set(re.findall(r'"(UT-[A-Z]+-\d\d)"', file.text))
    explained = set(re.findall(r'UTRACE_EXPLAIN\("(UT-[A-Z]+-\d\d)"', file.explanations))
    for missing in sorted(ids - explained):
        yield 1, f"{missing} has no explanation"
    for number, line in enumerate(file.lines, 1):
        match = re.search(r"UTRACE_MESSAGE\((k\w+)", line)
        if match and f"Msg::{match.group(1)}" not in file.users:
            yield number, f"{match.group(1)} is used nowhere"


def exceptions(file):
    if not in_source(file):
        return
    for number, line in enumerate(without_comments(file.text).split("\n"), 1):
        if re.search(r"\b(throw|try|catch)\b\s*[({;\w]", line) and '"' not in line:
            yield number, "exceptions are off"
        if re.search(r"#\s*include\s+<(iostream|format|print|regex|thread)>", line):
            yield number, "header is not used here"


def paths(file):
    """The project stands alone: no absolute path of a developer's machine."""
    for number, line in enumerate(file.lines, 1):
        if re.search(r"(?<![\w.])/(home|work|farm|root|Users)/\w", line) and "lint.py" not in file.path:
            yield number, "absolute path of a machine"


RULES = {rule.__name__: rule for rule in (spdx, headers, includes, printing, arch, raw_calls, sizes,
                                          messages, exceptions, paths)}

BAD = {
    "spdx": ("src/base/a.cc", "int a;\n"),
    "headers": ("src/base/a.h", "// SPDX\n// what: x\n#pragma once\n"),
    "includes": ("src/base/a.cc", '#include "cli/say.h"\n'),
    "printing": ("src/core/a.cc", 'void f() { std::fprintf(stderr, "x"); }\n'),
    "arch": ("src/core/a.cc", 'void f() { asm volatile("nop"); }\n'),
    "raw_calls": ("src/core/a.cc", "void f() { ::read(0, b, 1); }\n"),
    "sizes": ("src/core/a.cc", "\n" * 601),
    "messages": ("src/cli/messages.def", 'UTRACE_MESSAGE(kX, "UT-NONE-01", kError, "", "", "", "")\n'),
    "exceptions": ("src/core/a.cc", "void f() { throw 1; }\n"),
    "paths": ("src/core/a.cc", "// /home/me/x\n"),
}


def self_test():
    failed = [name for name, (path, text) in BAD.items()
              if not list(RULES[name](with_context(File(path, text), "", "")))]
    clean = File("src/core/a.cc", "// SPDX-License-Identifier: MIT\nint fine() { return 1; }\n")
    noisy = [name for name, rule in RULES.items() if list(rule(clean))]
    for name in failed:
        print(f"rule {name} does not see its violation")
    for name in noisy:
        print(f"rule {name} complains about clean code")
    return 1 if failed or noisy or set(BAD) != set(RULES) else 0


def with_context(file, explanations, users):
    file.explanations = explanations
    file.users = users
    return file


def main():
    name, root = sys.argv[1], pathlib.Path(sys.argv[2])
    if name == "self_test":
        return self_test()
    everything = list(files(root))
    explanations = "".join(f.text for f in everything if f.path == "src/cli/explanations.def")
    users = "".join(f.text for f in everything
                    if f.path.startswith(("src/", "tests/")) and f.suffix == ".cc")
    found = 0
    for file in everything:
        for number, what in RULES[name](with_context(file, explanations, users)):
            print(f"{file.path}:{number}: {what}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
