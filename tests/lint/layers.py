#!/usr/bin/python3
"""Checks who may know whom: the include directions of the source folders, and their link lines.

Usage: layers.py ROOT. Prints one line for each breach and fails if there is any.
"""

import re
import sys
from pathlib import Path

# What each folder may include and link, besides itself. From the bottom up.
MAY_KNOW = {
    "base": set(),
    "serve": {"base"},
    "raft": {"base"},
    "ticket": {"base", "raft"},
    "store": {"base", "raft", "ticket"},
    "net": {"base", "serve", "raft", "ticket"},
    "http": {"base", "serve", "ticket"},
    "redis": {"base", "serve", "ticket"},
    "server": {"base", "serve", "raft", "ticket", "store", "net", "http", "redis"},
    "load": {"base"},
    "cli": {"base", "serve", "raft", "ticket", "store", "net", "http", "redis", "server", "load"},
    "sim": {"base", "raft", "ticket", "store", "net", "server"},
    "jepsen": {"base"},
    "bench": {"base", "serve", "raft", "ticket", "store", "net", "http", "redis"},
}

# raft/ is a pure state machine: no file, socket, clock, thread, lock, locale or randomness. Of the
# standard library it may include these headers, and of third-party libraries nothing.
PURE = {"raft"}
PURE_HEADERS = set(
    """algorithm array bit bitset cassert climits compare concepts cstddef cstdint cstring deque
    functional initializer_list iosfwd iterator limits list map memory new numeric optional ostream
    queue ranges set span sstream stdexcept string string_view tuple type_traits unordered_map
    unordered_set utility variant vector version""".split())

SOURCE_SUFFIXES = {".h", ".hpp", ".inc", ".c", ".cc", ".cpp"}
INCLUDE = re.compile(r"^\s*#\s*include\b\s*(.*)$")
INCLUDED = re.compile(r'^([<"])([^>"]+)[>"]')
LINKING_CALL = re.compile(
    r"\b(ticketd_library|ticketd_executable|target_link_libraries|link_libraries)\s*\(([^)]*)\)",
    re.IGNORECASE)
KEYWORDS = {"PUBLIC", "PRIVATE", "INTERFACE", "LINKS", "SOURCES"}


def include_breaches(root, folder, path):
    """The breaches in one source file."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        directive = INCLUDE.match(line)
        if not directive:
            continue
        place = f"{path.relative_to(root)}:{number}"
        included = INCLUDED.match(directive.group(1))
        if not included:
            yield f"{place}: an include must name its file"
            continue
        quote, header = included.groups()
        first = header.split("/")[0]
        # <net/if.h> is the system's unless the tree has such a file.
        ours = quote == '"' or (first in MAY_KNOW and (root / header).exists())
        if ours and ("/" not in header or first not in MAY_KNOW):
            yield f'{place}: "{header}" must be written from the root, as "folder/file.h"'
        elif ours and first != folder and first not in MAY_KNOW[folder]:
            yield f"{place}: {folder}/ may not include {first}/ ({header})"
        elif not ours and folder in PURE and header not in PURE_HEADERS:
            yield f"{place}: {folder}/ may not include <{header}>: it has no effects of its own"


def link_breaches(root, folder, path):
    """The breaches in one CMakeLists.txt."""
    text = re.sub(r"#[^\n]*", "", path.read_text(encoding="utf-8"))
    place = path.relative_to(root)
    for call, arguments in LINKING_CALL.findall(text):
        words = arguments.split()
        if call.lower().startswith("ticketd_"):
            linked = words[words.index("LINKS"):] if "LINKS" in words else []
            if "SOURCES" in linked:
                linked = linked[:linked.index("SOURCES")]
        else:
            linked = words if call.lower() == "link_libraries" else words[1:]
        for name in linked:
            if name in KEYWORDS or name == folder:
                continue
            if name in MAY_KNOW and name not in MAY_KNOW[folder]:
                yield f"{place}: {folder}/ may not link {name}"
            elif name not in MAY_KNOW and folder in PURE:
                yield f"{place}: {folder}/ may not link {name}: it has no effects of its own"


def breaches(root):
    """Every breach in the tree, as lines of text in a fixed order."""
    found = []
    for folder in MAY_KNOW:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SOURCE_SUFFIXES:
                found.extend(include_breaches(root, folder, path))
            elif path.name == "CMakeLists.txt" or path.suffix == ".cmake":
                found.extend(link_breaches(root, folder, path))
    # A folder that builds a library but is not in the table would be held to nothing.
    for path in sorted(root.glob("*/CMakeLists.txt")):
        name = path.parent.name
        if name not in MAY_KNOW and "ticketd_library(" in path.read_text(encoding="utf-8"):
            found.append(f"{name}/CMakeLists.txt: {name}/ has no rule in tests/lint/layers.py")
    return found


def main():
    found = breaches(Path(sys.argv[1]).resolve())
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
