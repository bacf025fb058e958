#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pairing tags of atomic operations.

Usage: tags.py SOURCE_DIR | tags.py self_test. Every atomic operation in src/ has a comment
`[Xn order]` of its own order on its line or right above its statement; every tag that a comment
pairs with is on an operation somewhere; every tag has a row in docs/design/memory-model.md, and
every row has its operations. `compiler` fences have no second half in the sources: their row says
what the other half is.
"""
import pathlib
import re
import sys

MODEL = "docs/design/memory-model.md"
# The definitions of the operations: what uses them is tagged, they are not.
DEFINITIONS = {"src/core/memory.h"}
ORDERS = ("relaxed", "acquire", "release", "acq_rel", "seq_cst", "compiler")
TAG = re.compile(r"(?P<pair>[Pp]airs with )?\[(?P<id>[RPCXS]\d+) (?P<order>" + "|".join(ORDERS) + r")\]")
ITSELF = re.compile(r"[Pp]airs with itself")
FENCE = re.compile(r"signal_fence\s*\(|\bcompiler_fence\s*\(")
RAW = re.compile(r"\b__atomic_\w+\s*\(|\b__sync_\w+\s*\(|\batomic_thread_fence\s*\("
                 r"|(?:\.|->)(?:load|store|exchange|fetch_\w+|compare_exchange_\w+|test_and_set)\s*\(")
NAMED = re.compile(r"(?:\.|->|::)(?:load|store|exchange)_(relaxed|acquire|release|acq_rel|seq_cst)\s*\(")
COUNTED = re.compile(r"\bMemory::(add|drop)\s*\(|(?:\.|->)(add|drop)\s*\(\s*\)")
CPP_ORDER = re.compile(r"memory_order(?:_|::)(\w+)|__ATOMIC_([A-Z_]+)")


def code_of(line):
    """The line without its // comment and with strings emptied."""
    return re.sub(r"//.*", "", re.sub(r'"(?:\\.|[^"\\])*"', '""', line))


def operations(lines):
    """(index, orders) of each line that holds an atomic operation."""
    for index, line in enumerate(lines):
        code = code_of(line)
        if FENCE.search(code):
            yield index, {"compiler"}
            continue
        named = NAMED.search(code)
        counted = COUNTED.search(code)
        if named:
            yield index, {named.group(1)}
        elif counted:
            yield index, {"relaxed" if "add" in counted.groups() else "acq_rel"}
        elif RAW.search(code):
            # The order is an argument, here or on the next lines of the statement.
            statement = code
            for following in lines[index + 1:index + 4]:
                if ";" in statement:
                    break
                statement += code_of(following)
            found = {(a or b).lower() for a, b in CPP_ORDER.findall(statement)}
            yield index, found or {"no order"}


def comments_of(lines, index):
    """The comments of the statement at `index`: on its own lines and right above it."""
    first = index
    while first > 0 and index - first < 4:
        above = lines[first - 1].strip()
        if not above or above.startswith("//") or re.search(r"[;{}:]\s*(//.*)?$", above):
            break
        first -= 1
    found = [line[line.find("//"):] for line in lines[first:index + 1] if "//" in line]
    above = first - 1
    while above >= 0 and lines[above].strip().startswith("//"):
        found.insert(0, lines[above].strip())
        above -= 1
    return re.sub(r"\s+", " ", " ".join(re.sub(r"^///?<? ?", "", c) for c in found))


def rows_of(model):
    """Ids in the first cells of the tables of the model."""
    found = {}
    for number, line in enumerate(model.split("\n"), 1):
        cell = re.match(r"\|([^|]*)\|", line)
        for tag in re.findall(r"\b([RPCXS]\d+)\b", cell.group(1) if cell else ""):
            found.setdefault(tag, number)
    return found


def check(sources, model):
    """Violations, as lines of text. `sources`: path -> text."""
    problems, on_operations, pairs = [], {}, []
    for path, text in sorted(sources.items()):
        lines = text.split("\n")
        for index, orders in operations(lines):
            where = f"{path}:{index + 1}"
            comment = comments_of(lines, index)
            tags = {(m["id"], m["order"]) for m in TAG.finditer(comment) if not m["pair"]}
            if "no order" in orders:
                problems.append(f"{where}: an atomic operation that does not name its order")
            elif not any(order in orders for _, order in tags):
                problems.append(f"{where}: an atomic operation without a tag [Xn {'/'.join(sorted(orders))}]")
            for tag in tags:
                on_operations.setdefault(tag, where)
            targets = {(m["id"], m["order"]) for m in TAG.finditer(comment) if m["pair"]}
            targets |= tags if ITSELF.search(comment) else set()
            pairs += [(where, tag, target) for tag in tags for target in targets]
    for where, _, target in pairs:
        if target not in on_operations:
            problems.append(f"{where}: pairs with [{target[0]} {target[1]}], which is on no operation")
    paired = {tag[0] for _, tag, _ in pairs} | {target[0] for _, _, target in pairs}
    rows = rows_of(model)
    for (tag, order), where in sorted(on_operations.items()):
        if tag not in rows:
            problems.append(f"{where}: [{tag} {order}] has no row in {MODEL}")
        if tag not in paired and order != "compiler":
            problems.append(f"{where}: [{tag} {order}] pairs with nothing")
    for tag, number in rows.items():
        if tag not in {known for known, _ in on_operations}:
            problems.append(f"{MODEL}:{number}: {tag} is on no operation")
    return problems


GOOD = ("void f() {\n    // [R1 release] pairs with [R1 acquire] in\n    // g().\n"
        "    __atomic_store_n(&a,\n                     1, __ATOMIC_RELEASE);\n}\n"
        "int g() {\n    return __atomic_load_n(&a, __ATOMIC_ACQUIRE);  // [R1 acquire] pairs with [R1 release] in f().\n}\n")
ROW = "| tag | publishes |\n|---|---|\n| R1 | a |\n"
BAD = {
    "no tag": (GOOD + "int h() { return word.load_relaxed(); }\n", ROW),
    "wrong order": (GOOD.replace("__ATOMIC_ACQUIRE", "__ATOMIC_RELAXED"), ROW),
    "default order": (GOOD + "int h() {\n    // [R1 acquire]\n    return a.load();\n}\n", ROW),
    "no row": (GOOD, "| tag | publishes |\n"),
    "row without operation": (GOOD, ROW + "| R2 | b |\n"),
    "second half gone": (GOOD.replace("int g() {", "int g() { return 0;").split("    return __atomic")[0], ROW),
    "pairs with nothing": ("// [R1 relaxed] alone\nint h() { return word.load_relaxed(); }\n", ROW),
    "fence without tag": (GOOD + "void h() { std::atomic_signal_fence(std::memory_order_seq_cst); }\n", ROW),
    "reference count": (GOOD + "bool h() { return Memory::drop(users); }\n", ROW),
}


def self_test():
    failed = [f"does not see: {name}" for name, (text, model) in BAD.items()
              if not check({"src/a.cc": text}, model)]
    failed += check({"src/a.cc": GOOD}, ROW)
    print("\n".join(failed), end="\n" if failed else "")
    return 1 if failed else 0


def main():
    if sys.argv[1] == "self_test":
        return self_test()
    root = pathlib.Path(sys.argv[1])
    sources = {p.relative_to(root).as_posix(): p.read_text(encoding="utf-8")
               for p in (root / "src").rglob("*") if p.suffix in {".cc", ".h", ".c"}}
    for path in DEFINITIONS:
        sources.pop(path)
    problems = check(sources, (root / MODEL).read_text(encoding="utf-8"))
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
