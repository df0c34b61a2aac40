#!/usr/bin/python3
"""Every rule of layers.py catches a tree that breaks it, and a tree that breaks none passes."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import layers


def breaches_of(files):
    """What the check says of a tree that holds these files (path to text)."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory).resolve()
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return layers.breaches(root)


class Layers(unittest.TestCase):
    def assert_caught(self, path, text, expected):
        found = breaches_of({path: text})
        self.assertEqual(1, len(found), found)
        self.assertIn(expected, found[0])

    def test_a_good_tree_passes(self):
        self.assertEqual([], breaches_of({
            "base/bytes.h": "#include <string>\n",
            "raft/node.h": '#include "base/bytes.h"\n#include <vector>\n#include "raft/log.h"\n',
            "raft/CMakeLists.txt": "ticketd_library(raft SOURCES node.cpp log.cpp LINKS base)\n",
            "net/tcp.cpp": "#include <net/if.h>\n#include <asio.hpp>\n",
            "store/log.cpp": '#include <lmdb.h>\n#include "ticket/machine.h"\n',
            "http/parser.cpp": '// Not "store/log.h".\n#include "ticket/service.h"\n',
            "http/CMakeLists.txt": "ticketd_library(http SOURCES a.cpp # not store\n"
                                   "  LINKS ticket llhttp::llhttp)\n",
            "server/replica.cpp": '#include "net/tcp.h"\n#include "store/log.h"\n',
            "tests/raft/node_test.cpp": '#include "server/replica.h"\n',
        }))

    def test_each_forbidden_direction_of_an_include_is_caught(self):
        for folder, known in layers.MAY_KNOW.items():
            for other in layers.MAY_KNOW.keys() - known - {folder}:
                with self.subTest(folder=folder, other=other):
                    self.assert_caught(f"{folder}/inner/x.cpp", f'#include "{other}/y.h"\n',
                                       f"x.cpp:1: {folder}/ may not include {other}/")

    def test_each_forbidden_direction_of_a_link_is_caught(self):
        for folder, known in layers.MAY_KNOW.items():
            for other in layers.MAY_KNOW.keys() - known - {folder}:
                with self.subTest(folder=folder, other=other):
                    expected = f"{folder}/ may not link {other}"
                    path = f"{folder}/CMakeLists.txt"
                    self.assert_caught(
                        path, f"ticketd_library({folder} LINKS\n  {other} SOURCES x.cpp)\n", expected)
                    self.assert_caught(
                        path, f"target_link_libraries({folder} PRIVATE {other})\n", expected)

    def test_the_order_is_one_way(self):
        for folder, known in layers.MAY_KNOW.items():
            for other in known:
                self.assertNotIn(folder, layers.MAY_KNOW[other], f"{folder} and {other}")

    def test_front_ends_know_the_service_alone_and_siblings_not_each_other(self):
        for front_end in ("http", "redis"):
            self.assertEqual({"base", "serve", "ticket"}, layers.MAY_KNOW[front_end])
        self.assertEqual({"base"}, layers.MAY_KNOW["serve"])
        self.assertNotIn("net", layers.MAY_KNOW["store"])
        self.assertNotIn("store", layers.MAY_KNOW["net"])
        self.assertEqual({"base"}, layers.MAY_KNOW["raft"])
        self.assertEqual(set(), layers.MAY_KNOW["base"])

    def test_effects_in_raft_are_caught(self):
        for header in ("fstream", "iostream", "cstdio", "filesystem", "sys/socket.h", "unistd.h",
                       "chrono", "ctime", "thread", "mutex", "atomic", "condition_variable",
                       "future", "random", "cstdlib", "locale", "asio.hpp", "lmdb.h",
                       "spdlog/spdlog.h"):
            with self.subTest(header=header):
                self.assert_caught("raft/node.cpp", f"#include <vector>\n#include <{header}>\n",
                                   f"raft/node.cpp:2: raft/ may not include <{header}>")

    def test_a_library_linked_to_raft_is_caught(self):
        self.assert_caught("raft/CMakeLists.txt", "ticketd_library(raft LINKS base Asio::Asio)\n",
                           "raft/ may not link Asio::Asio")

    def test_spacing_and_angle_brackets_hide_nothing(self):
        self.assert_caught("raft/node.h", '  #  include"store/log.h"\n', "may not include store/")
        found = breaches_of({"raft/node.h": "#include <store/log.h>\n", "store/log.h": ""})
        self.assertEqual(1, len(found), found)
        self.assertIn("may not include store/", found[0])

    def test_an_include_that_is_not_written_from_the_root_is_caught(self):
        for header in ("log.h", "../store/log.h", "tests/log.h"):
            with self.subTest(header=header):
                self.assert_caught("raft/node.h", f'#include "{header}"\n', "from the root")

    def test_an_include_through_a_macro_is_caught(self):
        self.assert_caught("raft/node.h", "#include LOG_HEADER\n", "must name its file")

    def test_a_folder_without_a_rule_is_caught(self):
        self.assert_caught("util/CMakeLists.txt", "ticketd_library(util SOURCES x.cpp)\n",
                           "util/ has no rule")

    def test_the_command_fails_on_a_breach_and_names_it(self):
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "raft").mkdir()
            (Path(directory) / "raft" / "node.h").write_text("#include <thread>\n")
            done = subprocess.run([sys.executable, layers.__file__, directory],
                                  capture_output=True, text=True, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("raft/node.h:1: raft/ may not include <thread>", done.stdout)


if __name__ == "__main__":
    unittest.main()
