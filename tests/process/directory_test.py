#!/usr/bin/python3
"""The data directory: never destroyed by accident, never shared, and what happens when it is lost
or has no room left."""

import os
import pty
import tempfile
import unittest
from pathlib import Path

import isolation
from harness import ProcessTest, main, wait_until
from http_client import curl, ticket
from node import spawn, ticketd

# The reserve is a tenth of this, and must fit on the disk with room to spare.
SMALL = ("--db_size", 64)

NO_PRIVATE_MOUNTS = isolation.enter_namespaces(mounts=True)


class ExistingData(ProcessTest):
    def setUp(self):
        self.cluster = self.new_cluster(1)
        self.node = self.cluster[1]
        self.assertEqual(1, ticket(self.node))

    def test_start_with_the_same_id_resumes_with_a_notice(self):
        self.node.stop()
        self.node.start()
        self.node.wait_line("holds node 1 already: it resumes")
        self.assertEqual(2, ticket(self.node))

    def test_join_with_the_same_id_resumes_with_a_notice(self):
        second = self.cluster.add(2).join(self.node)
        second.stop()
        second.join(self.node)
        second.wait_line("holds node 2 already: it resumes")
        self.assertEqual(2, ticket(second))

    def test_another_id_is_refused_with_a_hint(self):
        self.node.kill()
        for command in (["start"], ["join", "127.0.0.1:1"]):
            answer = ticketd(*self.node.command_line(*command), "--id", 2)
            self.assert_exit(1, answer, "holds node 1, not node 2.*--force")
        self.node.rejoin()
        self.assertEqual(2, ticket(self.node))

    def test_force_begins_anew(self):
        self.node.stop()
        self.node.start("--force")
        self.assertEqual(1, ticket(self.node))

    def test_force_never_takes_the_directory_of_a_running_node(self):
        other = self.cluster.add(2)
        other.directory = self.node.directory
        other.start("--force", wait=False)
        self.assertEqual(1, other.wait_exit())
        other.wait_line(f"in use by process {self.node.process.pid}")
        self.assertEqual(2, ticket(self.node))
        del self.cluster.nodes[2]

    def test_rejoin_without_data_says_what_to_do(self):
        for directory in ("nothing", "empty"):
            path = self.cluster.directory / directory
            if directory == "empty":
                path.mkdir()
            self.assert_exit(1, ticketd("--path", path),
                             r"No database available\. Please start or join a cluster\.")

    def test_the_same_node_comes_back_without_a_command(self):
        for end in (self.node.stop, self.node.kill):
            end()
            self.node.rejoin()
        self.assertEqual(2, ticket(self.node))


class Drop(ProcessTest):
    def setUp(self):
        self.cluster = self.new_cluster(1)
        self.node = self.cluster[1]
        self.assertEqual(1, ticket(self.node))

    def data_is_there(self):
        return self.node.directory.exists() and any(self.node.directory.iterdir())

    def drop_at_a_terminal(self, typed):
        """What a person sees, who types that."""
        controller, terminal = pty.openpty()
        process = spawn(["drop", "--path", self.node.directory], stdin=terminal, stdout=terminal,
                        stderr=terminal)
        os.close(terminal)
        seen = b""
        with os.fdopen(controller, "r+b", buffering=0) as screen:
            while b"?" not in seen:
                seen += screen.read(4096)
            screen.write(typed)
            try:
                while more := screen.read(4096):
                    seen += more
            except OSError:
                pass  # that is how a terminal ends
        return process.wait(), seen.decode()

    def test_drop_refuses_while_the_node_runs(self):
        for more in ([], ["--yes"]):
            answer = ticketd("drop", *more, "--path", self.node.directory)
            self.assert_exit(1, answer, rf"\b{self.node.process.pid}\b")
        self.assertEqual(2, ticket(self.node))

    def test_drop_needs_yes_without_a_terminal(self):
        self.node.stop()
        self.assert_exit(1, ticketd("drop", "--path", self.node.directory), "--yes")
        self.assertTrue(self.data_is_there())
        self.assert_exit(0, ticketd("drop", "--yes", "--path", self.node.directory))
        self.assertFalse(self.data_is_there())

    def test_drop_asks_at_a_terminal(self):
        self.node.stop()
        code, seen = self.drop_at_a_terminal(b"no\n")
        self.assertNotEqual(0, code, seen)
        self.assertTrue(self.data_is_there())
        code, seen = self.drop_at_a_terminal(b"yes\n")
        self.assertEqual(0, code, seen)
        self.assertFalse(self.data_is_there())

    def test_drop_of_nothing_is_an_error(self):
        self.assert_exit(1, ticketd("drop", "--yes", "--path", self.cluster.directory / "nothing"))

    def test_drop_leaves_alone_what_is_not_the_nodes(self):
        self.node.stop()
        (self.node.directory / "notes.txt").write_text("mine", "ascii")
        self.assert_exit(0, ticketd("drop", "--yes", "--path", self.node.directory))
        self.assertEqual(["notes.txt"], os.listdir(self.node.directory))


class LostVolume(ProcessTest):
    def test_a_node_that_begins_its_own_cluster_by_mistake_is_told_and_stops(self):
        cluster = self.new_cluster(3)
        self.assertEqual([1, 2, 3], [ticket(cluster[1]) for _ in range(3)])
        lost = cluster.followers()[0]
        lost.kill()
        self.assert_exit(0, ticketd("drop", "--yes", "--path", lost.directory))
        lost.start(wait=False)
        self.assertEqual(1, lost.wait_exit())
        lost.wait_line("join .*--replace")
        # What the message says to do works.
        self.assert_exit(0, ticketd("drop", "--yes", "--path", lost.directory))
        lost.join(cluster.leader(), "--replace")
        cluster.wait_voters(1, 2, 3)
        self.assertEqual(4, ticket(lost))


@unittest.skipIf(NO_PRIVATE_MOUNTS, NO_PRIVATE_MOUNTS)
class FullDisk(ProcessTest):
    def setUp(self):
        """A small disk, which is there until the nodes have ended."""
        self.disk = Path(tempfile.mkdtemp(prefix="ticketd-test-"))
        self.addCleanup(self.disk.rmdir)
        if reason := isolation.mount_tmpfs(self.disk, 96):
            self.skipTest(reason)
        self.addCleanup(isolation.unmount, self.disk)
        self.highest = 0

    def test_a_node_on_a_full_disk_refuses_and_goes_on_when_there_is_room(self):
        node = self.new_cluster(0, *SMALL).add(1, directory=self.disk / "node")
        node.start()
        self.highest = ticket(node)
        self.assertEqual(1, self.highest)
        filler = self.fill_disk()
        self.assert_refusal_for_want_of_space(node)
        self.assertTrue(node.status()["space"]["low"])
        filler.unlink()
        # Refused, not lost: the next number is one above the last.
        last = self.highest
        self.assertEqual(last + 1, ticket(node))
        node.kill()
        node.rejoin()
        self.assertEqual(last + 2, ticket(node))

    def test_a_full_disk_of_one_voter_is_noticed_by_the_leader(self):
        cluster = self.new_cluster(2, *SMALL)
        cluster.add(3, directory=self.disk / "node").join(cluster[1])
        leader = cluster.lead(cluster[1])
        filler = self.fill_disk()
        self.assert_refusal_for_want_of_space(leader)
        filler.unlink()
        self.assertEqual(self.highest + 1, ticket(leader))
        cluster.wait_equal()

    def test_a_node_that_is_killed_on_a_full_disk_comes_back(self):
        node = self.new_cluster(0, *SMALL).add(1, directory=self.disk / "node")
        node.start()
        filler = self.fill_disk()
        self.assert_refusal_for_want_of_space(node)
        node.kill()
        filler.unlink()
        node.rejoin()
        self.assertEqual(self.highest + 1, ticket(node))

    def assert_refusal_for_want_of_space(self, node):
        def refusal():
            response = curl("-X", "POST", node.url)
            if response.status != 200:
                return response
            self.highest = int(response.body)
            return None
        response = wait_until(refusal, "a refusal")
        self.assertEqual(507, response.status)
        self.assertIn("space", response.text)

    def fill_disk(self):
        """A file that takes all the room there is."""
        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError:
                pass
        return filler


if __name__ == "__main__":
    main()
