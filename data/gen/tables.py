# SPDX-License-Identifier: MIT
"""Reads and checks the tables of data/. Every complaint names file and line."""
import pathlib
import re

KINDS = (
    "int uint long ulong hex ptr octal fd dirfd pid uid gid mode dev signal flags enum custom "
    "unused path string buf struct array iovec sockaddr msghdr mmsghdr argv envp sigset ioctlarg "
    "fcntlarg variant"
).split()
MEMORY_KINDS = set(KINDS[KINDS.index("path"):])
COUNTED_KINDS = {"buf", "array", "iovec", "sockaddr", "mmsghdr", "sigset"}
CLASSES = {
    "file": "File", "desc": "Desc", "process": "Process", "network": "Network",
    "signal": "Signal", "ipc": "Ipc", "memory": "Memory", "clock": "Clock", "creds": "Creds",
    "stat": "Stat", "lstat": "Lstat", "fstat": "Fstat", "%stat": "StatLike", "statfs": "Statfs",
    "fstatfs": "Fstatfs", "%statfs": "StatfsLike", "pure": "Pure",
}
ATTRS = {
    "blocking": "Blocking", "noreturn": "NoReturn", "neverfails": "NeverFails", "exec": "Exec",
    "clone": "Clone", "remains": "Remains",
}
RETS = ("dec", "hex", "octal", "fd", "pid", "none", "time", "flags")
MAX_ARGS = 6
ARG = re.compile(
    r"(?:(?P<name>\w+):)?(?P<kind>[a-z]+)(?:\((?P<param>\w+)\))?"
    r"(?:@(?P<dir>in|out|inout))?(?:#(?P<len>ret|\*\d|=\d+|\d))?")


class TableError(Exception):
    """A row that cannot be used; the message opens with file:line."""


class Row(dict):
    """One row by column name, with the place it came from."""

    def __init__(self, path, line, values):
        super().__init__(values)
        self.path, self.line = path, line

    def fail(self, text):
        raise TableError(f"{self.path}:{self.line}: {text}")

    def number(self, column):
        try:
            return int(self[column], 0)
        except ValueError:
            return self.fail(f"{column} '{self[column]}' is not a number")


def read_rows(path, columns):
    """All rows of a table whose first row must be `columns`."""
    rows, header = [], None
    for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not text or text.startswith("#"):
            continue
        cells = text.split("\t")
        if header is None:
            header = cells
            if header != columns:
                raise TableError(f"{path}:{line}: columns must be {' '.join(columns)}")
            continue
        if len(cells) != len(header):
            raise TableError(f"{path}:{line}: {len(cells)} columns, expected {len(header)}")
        if not cells[-1]:
            raise TableError(f"{path}:{line}: provenance is empty")
        rows.append(Row(path, line, zip(header, cells)))
    return rows


def unique(rows, *columns):
    seen = {}
    for row in rows:
        key = tuple(row.number(c) if c in ("nr", "value") else row[c] for c in columns)
        if key in seen:
            row.fail(f"{' '.join(map(str, key))} is already in line {seen[key]}")
        seen[key] = row.line


class Arg:
    """One parsed `name:kind(param)@dir#len`."""

    def __init__(self, row, text, tables):
        match = ARG.fullmatch(text)
        if not match:
            row.fail(f"cannot read argument '{text}'")
        self.name = match["name"] or ""
        self.kind, self.param = match["kind"], match["param"]
        if self.kind not in KINDS:
            row.fail(f"unknown kind '{self.kind}' in '{text}'")
        memory = self.kind in MEMORY_KINDS
        self.dir = match["dir"] or ("in" if memory else "none")
        if match["dir"] and not memory:
            row.fail(f"'{text}': only memory has a direction")
        self._length(row, text, match["len"], memory)
        self._param(row, text, tables)

    def _length(self, row, text, length, memory):
        self.len_kind, self.len_arg = "None", 0
        if length is None:
            if self.kind in COUNTED_KINDS:
                row.fail(f"'{text}' needs a length")
            return
        if not memory:
            row.fail(f"'{text}': only memory has a length")
        if length == "ret":
            self.len_kind = "Ret"
            if self.dir == "in":
                row.fail(f"'{text}': the result cannot bound an input")
        elif length[0] == "*":
            self.len_kind, self.len_arg = "ArgPtr", int(length[1:])
        elif length[0] == "=":
            self.len_kind, self.len_arg = "Fixed", int(length[1:])
        else:
            self.len_kind, self.len_arg = "Arg", int(length)

    def _param(self, row, text, tables):
        if self.kind in ("flags", "enum"):
            if self.param not in tables.sets:
                row.fail(f"'{text}': no set '{self.param}' in flags/")
        elif self.kind in ("struct", "array"):
            if self.param not in tables.struct_names:
                row.fail(f"'{text}': no struct '{self.param}' in structs.tsv")
        elif self.kind == "variant" and self.param:
            if self.param not in tables.struct_names:
                row.fail(f"'{text}': no form '{self.param}' in structs.tsv")
        elif self.param:
            row.fail(f"'{text}' takes no parameter")

    def check_references(self, row, args):
        """Lengths must name an argument that exists and can hold one."""
        if self.len_kind not in ("Arg", "ArgPtr"):
            return
        if not 1 <= self.len_arg <= len(args):
            row.fail(f"'{self.name}': there is no argument {self.len_arg}")
        other = args[self.len_arg - 1]
        pointer = other.kind in MEMORY_KINDS
        if pointer != (self.len_kind == "ArgPtr"):
            row.fail(f"'{self.name}': argument {self.len_arg} is {other.kind}")


class FlagSet:
    def __init__(self, name, bitmask, unknown, rows):
        self.name, self.bitmask, self.unknown = name, bitmask, unknown
        self.rows = rows  # (value, mask, symbol)


class Tables:
    """Everything data/ says, checked."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.structs = self._table("structs", "name size provenance")
        unique(self.structs, "name")
        self.struct_names = {row["name"] for row in self.structs}
        self.sets = {}
        for path in sorted((self.root / "flags").glob("*.tsv")):
            self.sets[path.stem] = self._flag_set(path)
        self.ioctls = self._table("ioctls", "value name dir struct provenance")
        unique(self.ioctls, "value")
        self.ioctls.sort(key=lambda row: row.number("value"))
        self.sets["ioctl_cmds"] = FlagSet(
            "ioctl_cmds", False, "_IOC_???",
            [(row.number("value"), 2**32 - 1, row["name"]) for row in self.ioctls])
        self.errnos = self._table("errnos", "value name text provenance")
        self.signals = self._table("signals", "value name text provenance")
        for rows in (self.errnos, self.signals):
            unique(rows, "value")
            unique(rows, "name")
        self._calls()
        self._variants()
        self.other_abis = {}
        for abi in ("i386", "x32"):
            rows = self._table(f"syscalls_{abi}", "nr name provenance")
            unique(rows, "nr")
            unique(rows, "name")
            self.other_abis[abi] = rows

    def _table(self, name, columns):
        return read_rows(self.root / f"{name}.tsv", columns.split())

    def _flag_set(self, path):
        head = re.search(r"^# kind=(flags|enum) unknown=(\S+)$",
                         path.read_text(encoding="utf-8"), re.M)
        if not head:
            raise TableError(f"{path}:1: no '# kind=flags|enum unknown=…' line")
        rows = read_rows(path, "value name mask provenance".split())
        unique(rows, "name")
        out = []
        for row in rows:
            value = row.number("value") & (2**64 - 1)
            if row["mask"]:
                mask = row.number("mask")
            elif head[1] == "flags":
                mask = value
            else:
                # The kernel takes most of these as int: the upper half of the register is noise.
                negative = value >= 2**64 - 2**31
                mask = 2**32 - 1 if negative or value < 2**32 else 2**64 - 1
                value &= mask
            if head[1] == "flags" and value & ~mask:
                row.fail("value has bits outside its mask")
            out.append((value, mask, row["name"]))
        if head[1] == "enum":
            unique(rows, "value")
        return FlagSet(path.stem, head[1] == "flags", head[2], out)

    def _calls(self):
        self.calls = self._table("syscalls", "nr name classes attrs ret args provenance")
        unique(self.calls, "nr")
        unique(self.calls, "name")
        for row in self.calls:
            row.classes = self._names(row, "classes", CLASSES)
            row.attrs = self._names(row, "attrs", ATTRS)
            if row["ret"] not in RETS:
                row.fail(f"unknown ret '{row['ret']}'")
            texts = [] if row["args"] == "-" else row["args"].split(" ")
            if len(texts) > MAX_ARGS:
                row.fail(f"{len(texts)} arguments")
            row.args = [Arg(row, text, self) for text in texts]
            for arg in row.args:
                if not arg.name:
                    row.fail("an argument has no name")
                arg.check_references(row, row.args)

    @staticmethod
    def _names(row, column, known):
        if row[column] == "-":
            return []
        names = row[column].split(",")
        for name in names:
            if name not in known:
                row.fail(f"unknown {column} '{name}'")
        return [known[name] for name in names]

    def _variants(self):
        self.variants = self._table(
            "variants", "call arg selector mask value name spec provenance")
        unique(self.variants, "call", "arg", "value")
        by_name = {row["name"]: row for row in self.calls}
        for row in self.variants:
            call = by_name.get(row["call"])
            if call is None:
                row.fail(f"no call '{row['call']}'")
            names = [arg.name for arg in call.args]
            if row["arg"] not in names:
                row.fail(f"{row['call']} has no argument '{row['arg']}'")
            row.arg = names.index(row["arg"])
            if call.args[row.arg].kind not in ("variant", "fcntlarg"):
                row.fail(f"{row['arg']} is {call.args[row.arg].kind}, not variant")
            if not 1 <= row.number("selector") <= len(names):
                row.fail(f"there is no argument {row['selector']}")
            row.mask = 2**32 - 1 if row["mask"] == "-" else row.number("mask")
            row.nr = call.number("nr")
            row.spec = Arg(row, row["spec"], self)
            row.spec.name = row["arg"]
            row.spec.check_references(row, call.args)
        self.variants.sort(key=lambda row: (row.nr, row.arg))
