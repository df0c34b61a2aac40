#!/usr/bin/python3
"""Plays the scenarios, and sees that they are the ones that they should be.

Usage: scenarios_test.py EXECUTABLE FOLDER DOCUMENT
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

COUNT = 44
HEADER = re.compile(r"# (\d+) (\S.*)")


def titles(files):
    """By file name: the number and the title of its first line."""
    found = {}
    for name, text in files.items():
        match = HEADER.fullmatch(text.split("\n", 1)[0])
        found[name] = (int(match[1]), match[2]) if match else None
    return found


def faults(files, document, usage):
    """What is wrong with the folder or with what the document says of it, as lines."""
    wrong = []
    numbers = []
    for name, title in titles(files).items():
        if title is None:
            wrong.append(f"{name}: its first line is not \"# NUMBER TITLE\"")
            continue
        numbers.append(title[0])
        if not name.startswith(f"{title[0]:02}-"):
            wrong.append(f"{name}: it is number {title[0]}")
        if not re.search(r"^(expect|stops|await equal)\b", files[name], re.M):
            wrong.append(f"{name}: it expects nothing")
        if f"\n{title[0]}. {title[1]}\n" not in document:
            wrong.append(f"{name}: the document does not list \"{title[0]}. {title[1]}\"")
    wrong += [f"{number} is there {numbers.count(number)} times"
              for number in range(1, COUNT + 1) if numbers.count(number) != 1]
    listed = re.findall(r"^\d+\. .*$", document, re.M)
    if len(listed) != len(files):
        wrong.append(f"the document lists {len(listed)} scenarios, and there are {len(files)}")
    for line in usage.splitlines():
        command, what = line.split("  ", 1)
        row = "| `{}` | {} |".format(*(part.replace("|", "\\|") for part in (command, what)))
        if row not in document:
            wrong.append(f"the document lacks: {row}")
    return wrong


def run(executable, *arguments):
    return subprocess.run([executable, *map(str, arguments)], capture_output=True, text=True,
                          check=False)


def check_lint(files, document, usage):
    """It must find what is wrong."""
    first = sorted(files)[0]
    fewer = {name: text for name, text in files.items() if name != first}
    assert faults(fewer, document, usage), "a missing scenario is not found"
    assert faults({**files, "01-again.txt": files[first]}, document, usage), "a second one is not"
    assert faults({**files, first: "nothing"}, document, usage), "one without a title is not"
    assert faults(files, document.replace("| `status` |", ""), usage), "a missing command is not"


def check_modes(executable, scenario):
    """A transcript that differs is shown, and written anew when that is asked for; a command that is
    wrong is told with its line, and what was expected and did not come fails also then."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "scenario.txt"
        text = scenario.read_text(encoding="utf-8")
        copy.write_text(text.replace("leads in term 2", "leads in term 9"), encoding="utf-8")
        shown = run(executable, "--scenario", copy)
        assert shown.returncode == 1, shown
        assert "- 1 leads in term 9\n+ 1 leads in term 2\n" in shown.stdout, shown.stdout
        assert run(executable, "--scenario", copy, "--rewrite").returncode == 0
        assert copy.read_text(encoding="utf-8") == text
        copy.write_text("# 1 Wrong\n\ncluster voters=1\nelect 1\nexpect 1 term=9\n",
                        encoding="utf-8")
        assert run(executable, "--scenario", copy, "--rewrite").returncode == 1
        copy.write_text("# 1 Wrong\n\ncluster voters=1\nelct 1\n", encoding="utf-8")
        shown = run(executable, "--scenario", copy)
        assert shown.returncode == 1, shown
        assert f"{copy}: line 4: there is no command \"elct\"" in shown.stdout, shown.stdout


def main():
    executable, folder, document = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    paths = sorted(folder.glob("*.txt"))
    files = {path.name: path.read_text(encoding="utf-8") for path in paths}
    usage = run(executable, "--scenario-commands").stdout
    text = document.read_text(encoding="utf-8")
    wrong = faults(files, text, usage)
    print("\n".join(wrong))
    check_lint(files, text, usage)
    check_modes(executable, paths[0])
    played = run(executable, "--scenario", *paths)
    print(played.stdout + played.stderr)
    return 1 if wrong or played.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
