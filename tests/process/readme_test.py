#!/usr/bin/python3
"""What README.md shows is what happens: every `console` block of it is typed into a shell, line by
line, and must print what stands there; every program is run, and must print what its comments say.

The network is this test's own, so that the ports of the README are free. Where a line of output
cannot be the same twice (a date, a term, a table of the cluster), it is compared by its shape.
"""

import os
import pty
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import isolation
from harness import ProcessTest, main
from node import ROOT, TICKETD

NO_PRIVATE_NETWORK = isolation.enter_namespaces(network=True)

END_OF_ANSWER = "--- that was all ---"


PROGRAMS = {"python": "python3 program.py", "javascript": "node program.mjs"}


def blocks(text):
    """Of each block that is run: the commands, each with the lines that it is to print, and the
    program that they need, or None."""
    languages = "|".join(["console", *PROGRAMS])
    for language, block in re.findall(rf"^```({languages})\n(.*?)^```$", text,
                                      re.MULTILINE | re.DOTALL):
        if language == "console":
            yield console_commands(block), None
        else:
            yield [(PROGRAMS[language], re.findall(r"(?:#|//) prints (.*)$", block,
                                                   re.MULTILINE))], block


def console_commands(block):
    commands = []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append((line[2:], []))
        elif commands and line.startswith("> "):
            commands[-1] = (commands[-1][0] + "\n" + line[2:], [])
        else:
            commands[-1][1].append(line)
    return commands


def without_escapes(line):
    """As it looks: without the colours and links that a terminal is sent."""
    return re.sub(r"\x1b(\[[0-9;]*m|\].*?\x1b\\)", "", line)


def shape(command, line):
    """What must be the same each time."""
    line = re.sub(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "<date>", line)
    if command.startswith("ticketd status"):
        line = re.sub(r"\b[0-9a-f]{16}\b", "<hash>", line)
        # A dash stands for what is not known yet.
        line = re.sub(r"\b\d+(\.\d+)?( s| ms)?\b|(?<= )-(?= |$)", "<number>", line)
        line = re.sub(r"\b(leader|follower)\b", "<role>", line)
        line = re.sub(r"\s+", " ", line)
    return line.rstrip()


def shapes(command, lines):
    """Without empty lines at the end: some programs print them on a terminal."""
    shaped = [shape(command, line) for line in lines]
    while shaped and not shaped[-1]:
        shaped.pop()
    return shaped


class Shell:
    """A bash at a terminal of its own, which is typed into."""

    def __init__(self, directory):
        controller, terminal = pty.openpty()
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "bash", "--norc", "--noprofile"],
            cwd=directory, stdin=subprocess.PIPE, stdout=terminal, stderr=terminal,
            env={**os.environ, "TMPDIR": str(directory)})
        os.close(terminal)
        self._screen = os.fdopen(controller, "rb")
        isolation.started.add(self._process.pid)

    def type(self, command):
        """What it prints, as lines."""
        # Without an input of its own a command would read the commands behind it.
        self._process.stdin.write(
            f"{{ {command}\n}} </dev/null\necho; echo '{END_OF_ANSWER}'\n".encode())
        self._process.stdin.flush()
        printed = []
        for line in self._screen:
            line = without_escapes(line.decode().rstrip("\r\n"))
            if line == END_OF_ANSWER:
                break
            printed.append(line)
        return printed

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._screen.close()


class Blocks(unittest.TestCase):
    def test_commands_and_their_output_are_told_apart(self):
        text = "x\n```console\n$ one\na\nb\n$ two \\\n> three\n```\n```sh\n$ no\n```\n"
        self.assertEqual([([("one", ["a", "b"]), ("two \\\nthree", [])], None)],
                         list(blocks(text)))

    def test_a_program_says_in_comments_what_it_prints(self):
        text = "```python\nprint(1)  # prints 1\n```\n```javascript\nf(); // prints 2 to 3\n```\n"
        self.assertEqual([([("python3 program.py", ["1"])], "print(1)  # prints 1\n"),
                          ([("node program.mjs", ["2 to 3"])], "f(); // prints 2 to 3\n")],
                         list(blocks(text)))

    def test_only_what_may_differ_is_left_out_of_the_comparison(self):
        self.assertEqual(shape("curl", "Date: Sun, 22 Nov 2026 12:00:00 GMT"),
                         shape("curl", "Date: Mon, 23 Nov 2026 13:00:01 GMT"))
        self.assertNotEqual(shape("curl", "1"), shape("curl", "2"))
        table = "ticketd status -P one"
        self.assertEqual(shape(table, "1  leader    0 ms"), shape(table, "12 follower  31 ms"))
        self.assertNotEqual(shape(table, "1 voter"), shape(table, "1 learner"))

    def test_what_a_terminal_is_sent_for_its_looks_is_left_out(self):
        self.assertEqual("Location: x", without_escapes(
            "\x1b[1mLocation\x1b[0m: \x1b]8;;http://x/\x1b\\x\x1b]8;;\x1b\\"))


class Readme(ProcessTest):
    @unittest.skipIf(NO_PRIVATE_NETWORK, NO_PRIVATE_NETWORK)
    def test_the_transcript(self):
        isolation.adopt_daemons()
        steps = [(step, program) for commands, program in blocks((ROOT / "README.md").read_text("utf-8"))
                 for step in commands]
        self.assertGreater(len(steps), 10)
        directory = tempfile.TemporaryDirectory(prefix="ticketd-test-")
        self.addCleanup(directory.cleanup)
        self.addCleanup(isolation.kill_daemons)
        # Where README.md says that it was built.
        build = Path(directory.name) / "build/release"
        build.mkdir(parents=True)
        (build / "ticketd").symlink_to(TICKETD)
        shell = Shell(directory.name)
        self.addCleanup(shell.close)
        for (command, expected), program in steps:
            if program:
                Path(directory.name, command.split()[1]).write_text(program, "utf-8")
            printed = shell.type(command)
            print(f"$ {command}", *printed, sep="\n", flush=True)
            try:
                self.assert_same(command, expected, printed)
            except AssertionError:
                for log in sorted(Path(directory.name).glob("*/ticketd.log")):
                    print(f"----- {log}", log.read_text("utf-8", "replace"), sep="\n", flush=True)
                raise

    def assert_same(self, command, expected, printed):
        self.assertEqual(shapes(command, expected), shapes(command, printed), command)


if __name__ == "__main__":
    main()
