#!/usr/bin/python3
"""ticketd-jepsen as a command: what it says of a recorded history, and its exit codes.

Usage: command_test.py PROGRAM
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = None


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def take(process, invoked_ns, returned_ns, first, last):
    """The two lines of a take."""
    count = "" if first == last else f":count {last - first + 1}"
    more = f"{count}, " if count else ""
    return [f'{{:process {process}, :type :invoke, :f :take, :value ["s" {{{count}}}],'
            f' :time {invoked_ns}}}\n',
            f'{{:process {process}, :type :ok, :f :take, :value ["s" {{{more}:first {first},'
            f' :last {last}}}], :time {returned_ns}}}\n']


class Command(unittest.TestCase):
    def check(self, *lines, options=()):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "history.edn"
            path.write_text("".join(lines), encoding="utf-8")
            return run("check", path, *options)

    def test_a_sound_history_ends_with_0(self):
        code, out, err = self.check(*take(0, 1, 2, 0, 0), *take(0, 3, 4, 1, 3))
        self.assertEqual((0, ""), (code, err))
        self.assertIn("2 operations on 1 sequences: 0 failed, 0 unknown", out)
        self.assertIn("operations/s", out)
        self.assertIn("valid: linearizable", out)

    def test_a_violation_ends_with_1_and_names_the_operations(self):
        for options in ((), ("--both",)):
            code, out, _ = self.check(*take(0, 1, 2, 0, 0), *take(7, 3, 4, 0, 3), options=options)
            self.assertEqual(1, code)
            self.assertIn("VIOLATED", out)
            self.assertIn("number 0 handed out twice", out)
            self.assertIn('process 7 took 0-3 of "s"', out)
            self.assertIn("(line 3)", out)

    def test_what_cannot_be_decided_ends_with_1(self):
        lines = [f'{{:process {n}, :type :invoke, :f :take, :value ["s" {{:count {99 + 7 * n}}}],'
                 f' :time {n}}}\n' for n in range(1, 31)]
        code, out, _ = self.check(*lines, *take(99, 100, 101, 1500, 1500),
                                  options=("--budget", 1000))
        self.assertEqual(1, code)
        self.assertIn("UNDECIDED", out)

    def test_a_report_is_made_of_a_recorded_history(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "history.edn"
            path.write_text("".join([*take(0, 1, 2, 0, 0), *take(7, 3, 4, 0, 0)]),
                            encoding="utf-8")
            code, out, _ = run("report", path)
            self.assertEqual(1, code)  # as check says of it
            self.assertIn("without the run's parameters", out)
            page = (Path(directory) / "report.html").read_text(encoding="utf-8")
            self.assertIn("number 0 handed out twice", page)
            path.write_text("".join(take(0, 1, 2, 0, 0)), encoding="utf-8")
            other = Path(directory) / "other.html"
            self.assertEqual(0, run("report", path, "--out", other)[0])
            self.assertIn("VALID", other.read_text(encoding="utf-8"))
            self.assertEqual(2, run("report", path, "--out", "/nowhere/report.html")[0])
            self.assertEqual(2, run("report", "/nowhere.edn")[0])

    def test_a_file_that_is_no_history_ends_with_2_and_its_line(self):
        code, _, err = self.check(*take(0, 1, 2, 0, 0), "{:process}\n")
        self.assertEqual(2, code)
        self.assertIn("history.edn:3: ", err)
        self.assertEqual(2, run("check", "/nowhere.edn")[0])

    def test_wrong_usage_ends_with_2(self):
        for arguments in ((), ("check",), ("guess",), ("check", "a", "b"),
                          ("cross-check", "--histories", "many")):
            with self.subTest(arguments=arguments):
                self.assertEqual(2, run(*arguments)[0])
        self.assertEqual(0, run("--help")[0])

    def test_the_checkers_are_compared_on_demand(self):
        code, out, _ = run("cross-check", "--histories", 20_000, "--seed", 2)
        self.assertEqual(0, code, out)
        self.assertIn("20000 random histories from seed 2", out)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
