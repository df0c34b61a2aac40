#!/usr/bin/python3
"""Whole runs, short ones: a cluster, clients, faults, a verdict, and what is left on the disk.

Usage: run_test.py PROGRAM
"""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = None


class Run(unittest.TestCase):
    def setUp(self):
        self.results = tempfile.TemporaryDirectory()
        self.addCleanup(self.results.cleanup)

    def run_program(self, *arguments):
        # A slow build on few cores would depose leaders by its own load.
        done = subprocess.run([PROGRAM, "run", "--results", self.results.name,
                               "--election-timeout", "1000",
                               *map(str, arguments)],
                              capture_output=True, text=True, timeout=200, check=False)
        return done.returncode, done.stdout, done.stderr

    def judge(self, code, out, err, faults):
        self.assertEqual((0, ""), (code, err), out)
        self.assertIn("valid: linearizable", out)
        (directory,) = Path(self.results.name).iterdir()
        self.assertIn(str(directory), out)
        history = (directory / "history.edn").read_text(encoding="utf-8")
        for fault in faults:
            for event in (f"begin-{fault}", fault, f"healed-{fault}", f"end-{fault}"):
                self.assertIn(f":f :{event}, ", history)
        for sequence in ("", "sequence-0", "ranges-0", "retries-0", "pipelines-0"):
            self.assertRegex(history, rf':type :ok, :f :take, :value \["{sequence}"')
        # What the run said is what the recorded history says.
        checked = subprocess.run([PROGRAM, "check", "--both", directory / "history.edn"],
                                 capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(0, checked.returncode, checked.stdout)
        page = (directory / "report.html").read_text(encoding="utf-8")
        self.assertIn("<strong>VALID</strong>", page)
        self.assertIn(f"VALID: {directory / 'report.html'}", out)
        facts = json.loads((directory / "run.json").read_text(encoding="utf-8"))
        self.assertEqual([], facts["failures"])
        self.assertEqual(faults, [fault["fault"] for fault in facts["faults"]])
        self.assertIn("--seed", facts["command"])
        # The same page again.
        subprocess.run([PROGRAM, "report", directory / "history.edn", "--out",
                        directory / "again.html"], capture_output=True, timeout=60, check=True)
        self.assertEqual(page, (directory / "again.html").read_text(encoding="utf-8"))
        operations = re.search(r"^(\d+) operations", out, re.M).group(1)
        self.assertGreater(int(operations), 300)
        self.assertIn(f"{operations} operations on", checked.stdout)
        for node in (1, 2, 3):
            self.assertTrue((directory / f"node{node}.log").stat().st_size > 0)
            self.assertTrue((directory / f"node{node}").is_dir())

    def test_on_hosts_with_a_network_of_their_own(self):
        code, out, err = self.run_program("--time", 8, "--nemesis", "partition-leader", "--rate",
                                          200, "--seed", 3)
        if "--network loopback runs without" in err:
            self.skipTest(err)
        self.judge(code, out, err, ["partition-leader"])

    def test_on_the_loopback(self):
        code, out, err = self.run_program("--time", 8, "--nemesis", "kill-all", "--rate", 200,
                                          "--network", "loopback")
        self.judge(code, out, err, ["kill-all"])

    def test_faults_in_turn_are_all_had_whatever_the_time(self):
        code, out, err = self.run_program("--time", 1, "--in-turn", "--nemesis",
                                          "cut-clients,leave,transfer", "--rate", 200,
                                          "--network", "loopback")
        self.judge(code, out, err, ["cut-clients", "leave", "transfer"])
        self.assertIn("(3 of 3)", out)
        self.assertNotIn("not confirmed", out)

    def test_a_power_cut(self):
        code, out, err = self.run_program("--time", 8, "--nemesis", "power-cut", "--rate", 200,
                                          "--network", "loopback", "--seed", 2)
        self.judge(code, out, err, ["power-cut"])

    def test_a_program_that_is_no_ticketd_ends_with_1(self):
        code, _, err = self.run_program("--network", "loopback", "--ticketd", "/nowhere/ticketd")
        self.assertEqual(1, code)
        self.assertIn("cannot execute /nowhere/ticketd", err)

    def test_wrong_usage_ends_with_2_and_says_what_there_is(self):
        for arguments, expected in (
                (("--nemesis", "flood"), "there is no nemesis flood; they are: kill,"),
                (("--workload", "sleep"), "there is no workload sleep"),
                (("--protocol", "gopher"), "--protocol is http, redis or both"),
                (("--network", "pigeons"), "--network is hosts or loopback"),
                (("--network", "loopback", "--nemesis", "partition"), "needs --network hosts"),
                (("--time", "0"), "--time")):
            with self.subTest(arguments=arguments):
                code, _, err = self.run_program(*arguments)
                self.assertEqual(2, code)
                self.assertIn(expected, err)
        self.assertEqual([], list(Path(self.results.name).iterdir()))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
