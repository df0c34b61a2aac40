#!/usr/bin/python3
"""Runs the simulator: over seeds that nobody has seen, or over those that once found something.

Usage: seeds_test.py EXECUTABLE fresh COUNT MINUTES
       seeds_test.py EXECUTABLE regression FILE
       seeds_test.py EXECUTABLE usage
"""

import re
import subprocess
import sys


def run(arguments):
    print("+", " ".join(arguments), flush=True)
    return subprocess.run(arguments, check=False).returncode


def fresh(executable, count, minutes):
    """The commit chooses the seeds, so that each is another sample and can be repeated."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True,
                            check=True).stdout.strip()
    first = int(commit[:10], 16)
    command = [executable, "--seeds", f"{first}..{first + int(count) - 1}", "--minutes", minutes,
               "--quiet"]
    print("+", " ".join(command), flush=True)
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(ran.stdout, flush=True)
    if ran.returncode == 0:
        runs = int(re.search(r"^runs (\d+) ", ran.stdout, re.M).group(1))
        few = int(re.search(r"\(in (\d+) less than 2000\)", ran.stdout).group(1))
        assert few <= 1 + runs // 100, f"{few} of {runs} runs had less operations than they should"
    return ran.returncode


def regression(executable, path):
    """Each line: options, then what they found, behind a #."""
    failed = 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            options = line.split("#")[0].split()
            if options:
                failed += run([executable, "--quiet", *options]) != 0
    return failed


def usage(executable):
    """Help, wrong options, and the same trace for the same seed in two processes."""
    shown = subprocess.run([executable, "--help"], capture_output=True, text=True, check=True)
    assert "--seeds" in shown.stdout and "--shrink" in shown.stdout, shown.stdout
    for wrong in (["--sead", "1"], ["--seeds", "9..2"], ["--faults", "lightning"]):
        assert subprocess.run([executable, *wrong], capture_output=True,
                              check=False).returncode == 2, wrong
    command = [executable, "--seed", "7", "--operations", "300", "--time-ms", "30000"]
    traces = {re.search(r"trace (\w+)", subprocess.run(command, capture_output=True, text=True,
                                                       check=True).stdout).group(1)
              for _ in range(2)}
    assert len(traces) == 1, traces
    return 0


def main():
    executable, what, *rest = sys.argv[1:]
    return {"fresh": fresh, "regression": regression, "usage": usage}[what](executable, *rest)


if __name__ == "__main__":
    sys.exit(main())
