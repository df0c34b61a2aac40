#!/usr/bin/python3
"""Levels of durability: what a kill and what a power cut mean at each, and the way back."""

import filecmp
import os
import re
import shutil

from harness import TIMING, ProcessTest, main, wait_until
from http_client import Connection, NoAnswer, NotConnected, curl, request_bytes, ticket
from node import VOTER, ticketd

# Mounts the file $0 over the kernel's boot id, which this process and its children alone see.
AS_IF_BOOTED = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"'


class DurabilityTest(ProcessTest):
    def under_boot(self, cluster, name):
        """A command that starts a node on a machine that was booted under that name."""
        file = cluster.directory / name
        file.write_text(name + "\n")
        root = [] if os.geteuid() == 0 else ["--map-root-user"]
        return ["unshare", "--mount", *root, "sh", "-c", AS_IF_BOOTED, str(file)]

    def begin(self, size, *options):
        cluster = self.new_cluster(0, *options)
        for node_id in range(1, size + 1):
            node = cluster.add(node_id, under=self.under_boot(cluster, "first"))
            node.start() if node_id == 1 else node.join(cluster[1])
        cluster.wait_voters(*range(1, size + 1))
        return cluster

    def cut_power(self, cluster, node, boot="second"):
        """Of its machine: the process ends, and comes back after another boot."""
        node.kill()
        node.under = self.under_boot(cluster, boot)

    def recover(self, node, *arguments):
        return ticketd("recover", "--path", node.directory, *arguments)


class Levels(DurabilityTest):
    def incarnation(self, node):
        return node.status()["incarnation"]

    def test_a_node_comes_back_from_a_power_cut_as_another_incarnation(self):
        for level in ("medium", "low"):
            with self.subTest(level):
                cluster = self.begin(3, "--durability", level)
                self.assertEqual([1, 2, 3], [ticket(cluster[1]) for _ in range(3)])
                cut = cluster.leader()
                before = self.incarnation(cut)
                self.cut_power(cluster, cut)
                self.assertEqual(4, ticket(cluster.leader()))
                cut.rejoin(wait=False)
                cut.wait_line("the power was cut or a flush failed, and this node may have lost")
                cut.wait_line(VOTER)
                cluster.wait_voters(1, 2, 3)
                self.assertGreater(self.incarnation(cut), before)
                self.assertEqual(5, ticket(cut))
                cluster.wait_equal()

    def test_a_node_in_doubt_that_is_killed_while_it_asks_resumes(self):
        cluster = self.begin(3, "--durability", "medium")
        cut = cluster.followers()[0]
        self.cut_power(cluster, cut)
        for lines in range(1, 60):
            cut.rejoin(wait=False)
            more = cut.log.wait(lambda: len(cut.log.lines) - cut.first_line > lines, 5)
            cut.kill()
            if cut.said(VOTER) or not more:
                break
        cut.rejoin(wait=False)
        cluster.wait_voters(1, 2, 3)
        cluster.wait_equal()

    def test_a_power_cut_before_the_first_entry_is_come_back_from(self):
        cluster = self.begin(3, "--durability", "medium")
        cut = cluster.followers()[0]
        self.cut_power(cluster, cut)
        cut.advertise = "127.0.0.77"  # nobody listens there: it is admitted, and gets no log
        cut.rejoin(wait=False)
        cut.wait_line("waiting for the leader to connect")
        self.cut_power(cluster, cut, "third")
        cut.advertise = None
        cut.rejoin(wait=False)
        cut.wait_line(VOTER)
        cluster.wait_voters(1, 2, 3)
        cluster.wait_equal()

    def test_a_node_in_doubt_that_was_removed_stays_out(self):
        cluster = self.begin(3, "--durability", "medium")
        cluster.lead(cluster[1])
        self.cut_power(cluster, cluster[3])
        self.assert_exit(0, cluster[1].ticketd("remove", 3))
        cluster[3].rejoin(wait=False)
        self.assertEqual(3, cluster[3].wait_exit())
        cluster[3].wait_line("this node was removed from the cluster")
        cluster.wait_voters(1, 2)

    def test_a_node_in_doubt_leaves_its_id_to_its_successor(self):
        cluster = self.begin(3, "--durability", "medium")
        cluster.lead(cluster[1])
        before = cluster[3]
        self.cut_power(cluster, before)
        after = cluster.add(3, directory=cluster.directory / "successor")
        after.join(cluster[1], "--replace")
        cluster.wait_voters(1, 2, 3)
        before.rejoin(wait=False)
        self.assertEqual(3, before.wait_exit())
        cluster.wait_voters(1, 2, 3)
        self.assertTrue(after.running)

    def test_a_kill_and_a_clean_stop_before_another_boot_leave_no_doubt(self):
        cluster = self.begin(3, "--durability", "medium")
        node = cluster.followers()[0]
        before = self.incarnation(node)
        node.kill()
        node.rejoin()
        self.assertEqual(0, node.stop())
        node.under = self.under_boot(cluster, "second")
        node.rejoin()
        cluster.wait_voters(1, 2, 3)
        self.assertEqual(before, self.incarnation(node))

    def test_high_needs_no_readmission(self):
        cluster = self.begin(3, "--durability", "high")
        node = cluster.followers()[0]
        before = self.incarnation(node)
        self.cut_power(cluster, node)
        node.rejoin()
        cluster.wait_voters(1, 2, 3)
        self.assertEqual(before, self.incarnation(node))

    def test_a_majority_in_doubt_waits_for_an_operator(self):
        cluster = self.begin(3, "--durability", "medium")
        self.assertEqual([1, 2, 3], [ticket(cluster[1]) for _ in range(3)])
        for node in (cluster[1], cluster[2], cluster[3]):
            self.cut_power(cluster, node)
            node.rejoin(wait=False)
        for node_id in (1, 2, 3):
            cluster[node_id].wait_line("waiting to be admitted: no leader answered")
        running = self.recover(cluster[1], "--yes")
        self.assert_exit(1, running, "runs: stop it first")
        cluster[1].kill()
        asked = self.assert_exit(1, self.recover(cluster[1]), "nothing was changed: say --yes")
        self.assertIn("(unnamed)  3 -> 1000003", asked.err)
        self.assertIn("begin at 1000000, and so will brand-new ones", asked.err)
        self.assert_exit(0, self.recover(cluster[1], "--forward", 500, "--yes"))
        cluster[1].rejoin()
        self.assertEqual(504, ticket(cluster[1]))
        cluster.wait_voters(1, 2, 3)
        cluster.wait_equal()
        self.assertEqual(505, ticket(cluster[3]))

    def test_the_only_node_in_doubt_says_what_to_do(self):
        cluster = self.begin(1, "--durability", "low")
        self.assertEqual(1, ticket(cluster[1]))
        self.cut_power(cluster, cluster[1])
        cluster[1].rejoin(wait=False)
        cluster[1].wait_line("'ticketd recover' moves every sequence forward first")
        self.assertEqual(1, cluster[1].wait_exit())
        self.assert_exit(0, self.recover(cluster[1], "--forward", 9, "--yes"))
        cluster[1].rejoin()
        self.assertEqual(11, ticket(cluster[1]))

    def test_a_cluster_that_goes_on_is_not_recovered_beside_itself(self):
        cluster = self.begin(3, "--durability", "medium")
        cut = cluster.followers()[0]
        self.cut_power(cluster, cut)
        self.assert_exit(1, self.recover(cut, "--yes"), "have a leader and go on")
        cut.rejoin(wait=False)
        cut.wait_line(VOTER)
        cluster.wait_voters(1, 2, 3)

    def test_numbers_whose_loss_left_no_trace_are_not_given_again(self):
        cluster = self.begin(1, "--durability", "low")
        self.cut_power(cluster, cluster[1])
        self.assert_exit(0, self.recover(cluster[1], "--forward", 9, "--yes"))
        cluster[1].rejoin()
        self.assertEqual(10, ticket(cluster[1]))

    def test_a_named_sequence_whose_first_numbers_were_lost_begins_behind_them(self):
        cluster = self.begin(1, "--durability", "low")
        node = cluster[1]

        def take(key):
            return int(self.assert_exit(0, node.ticketd("next", key)).out)

        self.assertEqual(0, take("known"))
        node.stop()
        self.assert_exit(0, self.recover(node, "--forward", 1000, "--yes"))
        node.rejoin()
        # Nothing of "lost" is in the log: numbers below 1000 may have been given.
        self.assertEqual([1000, 1001, 1001], [take("lost"), take("lost"), take("known")])
        new = node.url + "seq/new"
        self.assertEqual("-1", curl(new).text)
        for number, expected in ((998, 409), (999, 200)):
            self.assertEqual(expected, curl("-X", "PUT", "-d", number, new).status)
        self.assertEqual(1000, take("new"))
        node.stop()
        self.assert_exit(0, self.recover(node, "--forward", 1000, "--yes"))
        node.rejoin()
        self.assertEqual(2000, node.status()["beginning"])
        self.assertEqual([2000, 2002, 2001], [take("newer"), take("lost"), take("new")])
        # Those that join have it from the log.
        cluster.add(2).join(node)
        cluster.wait_voters(1, 2)
        cluster.lead(cluster[2])
        self.assertEqual(2000, take("newest"))
        cluster.wait_equal()

    def test_nothing_is_recovered_out_of_nothing(self):
        cluster = self.new_cluster(0)
        self.assert_exit(1, self.recover(cluster.add(1), "--yes"), "nothing to recover")

    def test_status_shows_the_levels_and_nodes_warn_of_others(self):
        cluster = self.begin(1, "--durability", "medium")
        cluster.add(2)
        cluster[2].options = ["--durability", "high"]
        cluster[2].join(cluster[1])
        cluster.wait_voters(1, 2)
        cluster[2].wait_line("member 1 runs at durability medium, this node at high")
        cluster[1].wait_line("member 2 runs at durability high, this node at medium")

        def levels():
            return [member["durability"] for member in cluster[1].status()["members"]]
        wait_until(lambda: levels() == ["medium", "high"], "the levels in the status")


# Sequences by their paths: the unnamed one, and others by when they are made, and unmade.
TICKETS, OLD, BETWEEN, GONE, NEW = "/", "/seq/old", "/seq/between", "/seq/gone", "/seq/new"
EVERY = (TICKETS, OLD, BETWEEN, GONE, NEW)
FORWARD = 1000  # more than is lost


class LostNumbers(DurabilityTest):
    """Power cuts that take numbers which were given: each directory is put back to a copy of it."""

    def setUp(self):
        self.given = {}  # the last number of each sequence that a client was told

    def ask(self, node, method, *paths):
        """Sends all of these at once, and again what is not done. (path, text) of each answer."""
        answers = []

        def done():
            left = [path for path in paths if path not in dict(answers)]
            try:
                with Connection(node.http_endpoint) as connection:
                    connection.send(b"".join(request_bytes(method, path) for path in left))
                    for path in left:
                        response = connection.response()
                        # 404: there is nothing to be deleted.
                        if response.status in (200, 404):
                            answers.append((path, response.text))
            except (NotConnected, NoAnswer):
                pass
            return len(answers) == len(paths)
        wait_until(done, lambda: f"{method} {paths} at node {node.id}: {answers}")
        return answers

    def take(self, node, *paths):
        """A number of each sequence, above all of it that were given."""
        for path, text in self.ask(node, "POST", *paths):
            self.assertGreater(int(text), self.given.get(path, -1), path)
            self.given[path] = int(text)

    def freeze(self, node):
        node.pause()
        # Until the last of its threads has stopped.
        os.waitid(os.P_PID, node.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def copy_of(self, node):
        return node.directory.with_suffix(".copy")

    def copy(self, node):
        """Of its directory: what the disk may hold until the next checkpoint has landed."""
        shutil.rmtree(self.copy_of(node), ignore_errors=True)
        self.freeze(node)
        shutil.copytree(node.directory, self.copy_of(node))
        node.resume()

    def may_be_left(self, node):
        """Could a power cut now leave the copy: has no checkpoint landed since?"""
        return filecmp.cmp(node.directory / "data.mdb", self.copy_of(node) / "data.mdb",
                           shallow=False)

    def give_and_copy(self, leader, followers):
        """Gives numbers that are in no copy. True: a power cut could take them now, and the nodes
        are stopped. False: one of the disks has them."""
        self.ask(leader, "DELETE", BETWEEN, GONE, NEW)  # of an earlier try
        for path in (BETWEEN, GONE, NEW):
            self.given.pop(path, None)
        self.take(leader, TICKETS, OLD, GONE)
        self.copy(followers[0])
        self.take(leader, TICKETS, OLD, BETWEEN)
        self.copy(followers[1])
        self.take(leader, TICKETS, OLD, BETWEEN)
        self.copy(leader)  # it has got furthest
        for _ in range(3):
            self.take(leader, *EVERY)
        self.ask(leader, "DELETE", GONE)
        nodes = (leader, *followers)
        for node in nodes:
            self.freeze(node)
        if all(self.may_be_left(node) for node in nodes):
            return True
        for node in nodes:
            node.resume()
        return False

    def cut_power_and_lose(self, cluster, node):
        self.cut_power(cluster, node)
        shutil.rmtree(node.directory)
        self.copy_of(node).rename(node.directory)

    def assert_give_nothing(self, nodes):
        for node in nodes:
            asked = self.assert_exit(1, node.ticketd("next", "--request-timeout", 500))
            self.assertEqual("", asked.out)
            self.assertEqual(503, curl("-d", "", node.url).status)

    def look(self, node):
        """How far it got, and the last numbers that it knows of."""
        said = self.assert_exit(1, self.recover(node), "nothing was changed: say --yes").err
        self.assertIn("and may have lost what came after", said)
        index, term = re.search(r"log up to index (\d+) of term (\d+)", said).groups()
        last = {TICKETS if name == "(unnamed)" else f"/seq/{name}": int(number)
                for name, number in re.findall(r"^ +(\S+)  (\d+) -> \d+$", said, re.MULTILINE)}
        return (int(term), int(index)), last

    def test_numbers_that_no_disk_has_any_more_are_not_given_again(self):
        # An election is flushed at once: none may come between. Small journals are quickly copied.
        patient = ("--election-timeout", 3000) if TIMING else ()  # else they are
        cluster = self.begin(3, "--durability", "low", "--allow-delete", "--redirect", "proxy",
                             "--db-size", 16, *patient)
        leader, followers = cluster.leader(), cluster.followers()
        nodes = [leader, *followers]
        wait_until(lambda: self.give_and_copy(leader, followers), "no checkpoint to land", 40)
        for node in nodes:
            self.cut_power_and_lose(cluster, node)
        for node in nodes:
            node.rejoin(wait=False)
        for node in nodes:
            node.wait_line("waiting to be admitted: no leader answered")
        self.assert_give_nothing(nodes)
        for node in nodes:
            self.assertEqual(0, node.stop())

        got = {}
        for node in nodes:
            got[node.id], last = self.look(node)
            self.assertNotIn(NEW, last)
            for path in EVERY:
                self.assertLess(last.get(path, -1), self.given[path], "nothing was lost")
        for node in followers:
            self.assertLess(got[node.id], got[leader.id])

        # The same numbers would be given again if they were not moved forward.
        still = cluster.add("still", directory=cluster.directory / "still")
        shutil.copytree(leader.directory, still.directory)
        self.assert_exit(0, self.recover(still, "--forward", 0, "--yes"))
        still.rejoin()
        for path, number in self.ask(still, "POST", *EVERY):
            self.assertLessEqual(int(number), self.given[path], path)
        self.assertEqual(0, still.stop())

        self.assert_exit(0, self.recover(leader, "--forward", FORWARD, "--yes"))
        leader.rejoin()
        self.take(leader, *EVERY)
        for node in followers:
            node.rejoin(wait=False)
        for node in followers:
            node.wait_line(VOTER)
        cluster.wait_voters(1, 2, 3)
        for node in nodes:
            self.take(node, *EVERY)
        for node in followers:
            self.take(cluster.lead(node), *EVERY)
        cluster.wait_equal()


if __name__ == "__main__":
    main()
