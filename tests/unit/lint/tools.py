#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a checker of others over the files of the source tree.

Usage: tools.py format|shell|spelling|tidy SOURCE_DIR BUILD_DIR. Each first shows the tool a file it
must refuse: a tool that accepts everything proves nothing. Exits 1 when the tool finds something,
77 (skipped) when the tool or something it needs is missing, naming it.

`tidy` looks at the .cc files of src/ that the last commit or the work tree changed, at most
QUICK_TIDY of them; at all files when UTRACE_TEST_LONG is set.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
SKIP = {"build", ".git"}
TOOLS = {"format": "clang-format-19", "shell": "shellcheck", "spelling": "codespell", "tidy": "clang-tidy-19"}
QUICK_TIDY = 6
# Facts of the kernel's headers and what fuzzing found; not our words.
NOT_SPELLED = re.compile(r"data/.*\.tsv$|fuzz/corpus/")
IGNORED_WORDS = pathlib.Path(__file__).with_name("codespell.words")
BAD = {
    "format": ("bad.cc", "int  f( ){return 1;}\n"),
    "shell": ("bad.sh", "#!/bin/sh\nrm -rf $1/*\n[ $2 = a ] && echo `ls`\n"),
    # Split, so that this file itself is spelled right.
    "spelling": ("bad.md", "This sentence is wri" + "ten wrong.\n"),
    "tidy": ("bad.cc", '#include <fcntl.h>\nint f() { return open("a", O_RDONLY); }\n'),
}


def git(root, *arguments):
    """Lines git prints, None when it fails or is missing."""
    if not shutil.which("git") or not (root / ".git").exists():
        return None
    done = subprocess.run(["git", "-c", f"safe.directory={root.resolve()}", "-C", str(root), *arguments],
                          capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else None


def tree(root):
    """Tracked files; of a tree without git, all that are not built."""
    names = git(root, "ls-files")
    if names is None:
        names = [p.relative_to(root).as_posix() for p in sorted(root.rglob("*"))
                 if p.relative_to(root).parts[0] not in SKIP]
    return [name for name in names if (root / name).is_file()]


def is_shell(root, name):
    with open(root / name, "rb") as file:
        first = file.readline(80)
    return name.endswith(".sh") or re.match(rb"#!.*\b(ba|da)?sh\b", first) is not None


def run(root, command):
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    return done.returncode, done.stdout


def command_for(rule, root, build):
    tool = TOOLS[rule]
    return {
        "format": [tool, "--dry-run", "-Werror", f"--style=file:{root}/.clang-format"],
        "shell": [tool, "--norc", "--severity=style"],
        "spelling": [tool, "--ignore-words", str(IGNORED_WORDS)],
        # The database is of another compiler, whose warning options clang may not know.
        "tidy": [tool, "--quiet", f"--config-file={root}/.clang-tidy", "-p", str(build),
                 "--extra-arg=-Wno-unknown-warning-option"],
    }[rule]


def refuses(rule, root, build):
    name, text = BAD[rule]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        path.write_text(text, encoding="utf-8")
        command = command_for(rule, root, build) + [str(path)]
        if rule == "tidy":
            command += ["--", "-std=c++23"]
        status, output = run(root, command)
    return status != 0 and name in output


def tidy_files(root, build):
    """(files, how many were left out), or the reason why there is nothing to look at."""
    known = {os.path.relpath(os.path.join(entry["directory"], entry["file"]), root)
             for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))}
    everything = [n for n in tree(root) if n.startswith("src/") and n.endswith(".cc") and n in known]
    if os.environ.get("UTRACE_TEST_LONG"):
        return everything, 0
    changed = git(root, "diff", "--name-only", "HEAD~1")
    if changed is None:
        return "no git history to tell what changed; UTRACE_TEST_LONG=1 looks at every file", 0
    files = [n for n in everything if n in changed]
    return files[:QUICK_TIDY], len(files) - len(files[:QUICK_TIDY])


def tidy(root, build):
    if not (build / "compile_commands.json").exists():
        print("skipped: the build folder has no compile_commands.json")
        return SKIPPED
    files, left_out = tidy_files(root, build)
    if isinstance(files, str):
        print("skipped:", files)
        return SKIPPED
    print(f"{len(files)} files" + (f"; {left_out} more with UTRACE_TEST_LONG=1" if left_out else ""))
    command = command_for("tidy", root, build)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for status, output in pool.map(lambda name: run(root, command + [name]), files):
            if status != 0:
                print(output, end="")
                failed = 1
    return failed


def main():
    rule, root, build = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
    if not shutil.which(TOOLS[rule]):
        print(f"skipped: {TOOLS[rule]} is not installed")
        return SKIPPED
    if not refuses(rule, root, build):
        print(f"{TOOLS[rule]} does not refuse a file it must refuse")
        return 1
    if rule == "tidy":
        return tidy(root, build)
    names = tree(root)
    if rule == "format":
        names = [n for n in names if n.endswith((".h", ".cc", ".c"))]
    elif rule == "shell":
        names = [n for n in names if is_shell(root, n)]
    else:
        names = [n for n in names if not NOT_SPELLED.match(n)]
    if not names:
        print("found no file to look at")
        return 1
    status, output = run(root, command_for(rule, root, build) + names)
    print(output, end="")
    print(f"{len(names)} files")
    return 1 if status != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
