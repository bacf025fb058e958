# SPDX-License-Identifier: MIT
"""A bad row stops the generator with its file and line. Usage: generator_test.py DATA_DIR"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

DATA = pathlib.Path(sys.argv.pop(1))


class Generator(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name) / "data"
        shutil.copytree(DATA, self.root)

    def tearDown(self):
        self.folder.cleanup()

    def run_generator(self):
        return subprocess.run(
            [sys.executable, "-B", str(self.root / "gen/generate.py"), str(self.root),
             str(self.root / "out")], capture_output=True, text=True, check=False)

    def expect_error(self, table, row, text):
        path = self.root / table
        lines = path.read_text(encoding="utf-8").splitlines() + [row]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        done = self.run_generator()
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{path}:{len(lines)}: ", done.stderr)
        self.assertIn(text, done.stderr)

    def call(self, args, number=9999, name="test_call", classes="-", attrs="-", ret="dec"):
        return f"{number}\t{name}\t{classes}\t{attrs}\t{ret}\t{args}\treviewed"

    def test_tables_as_they_are(self):
        done = self.run_generator()
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_duplicate_number(self):
        self.expect_error("syscalls.tsv", self.call("-", number=0), "already in line")

    def test_duplicate_name(self):
        self.expect_error("syscalls.tsv", self.call("-", name="read"), "already in line")

    def test_unknown_kind(self):
        self.expect_error("syscalls.tsv", self.call("a:nothing"), "unknown kind")

    def test_unknown_set(self):
        self.expect_error("syscalls.tsv", self.call("a:flags(nothing)"), "no set 'nothing'")

    def test_unknown_struct(self):
        self.expect_error("syscalls.tsv", self.call("a:struct(nothing)"), "no struct 'nothing'")

    def test_length_of_missing_argument(self):
        self.expect_error("syscalls.tsv", self.call("a:buf#3"), "no argument 3")

    def test_length_from_a_pointer(self):
        self.expect_error("syscalls.tsv", self.call("a:buf#2 b:path"), "argument 2 is path")

    def test_buffer_without_length(self):
        self.expect_error("syscalls.tsv", self.call("a:buf"), "needs a length")

    def test_result_bounds_input(self):
        self.expect_error("syscalls.tsv", self.call("a:buf@in#ret"), "cannot bound")

    def test_unknown_class(self):
        self.expect_error("syscalls.tsv", self.call("-", classes="nothing"), "unknown classes")

    def test_unknown_attribute(self):
        self.expect_error("syscalls.tsv", self.call("-", attrs="nothing"), "unknown attrs")

    def test_missing_column(self):
        self.expect_error("structs.tsv", "only_a_name", "1 columns")

    def test_missing_provenance(self):
        self.expect_error("structs.tsv", "a_name\t8\t", "provenance is empty")

    def test_value_outside_mask(self):
        self.expect_error("flags/open_flags.tsv", "0x10\tO_TEST\t0x1\treviewed", "outside its mask")

    def test_variant_of_a_scalar(self):
        self.expect_error("variants.tsv", "read\tfd\t1\t-\t0\tX\tint\treviewed", "not variant")

    def test_number_that_is_none(self):
        self.expect_error("errnos.tsv", "x\tEX\ttext\treviewed", "is not a number")


if __name__ == "__main__":
    unittest.main()
