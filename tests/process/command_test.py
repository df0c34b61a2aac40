#!/usr/bin/python3
"""The command line: client commands, options and their spellings, exit codes, addresses."""

import json
import os
import signal
import subprocess

import isolation
from harness import Cluster, ProcessTest, close_well, main
from http_client import curl, ticket
from node import TICKETD, ticketd


class ClientCommands(ProcessTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(close_well, cls.cluster)
        cls.cluster.begin(3)

    def test_status_tells_of_every_member(self):
        cluster = self.cluster
        cluster.wait_equal()
        leader = cluster.leader()
        for node in cluster.nodes.values():
            status = node.status()
            self.assertEqual((node.id, leader.id), (status["id"], status["leader"]))
            self.assertEqual("leader" if node is leader else "follower", status["role"])
            self.assertRegex(status["cluster_id"], r"\A[0-9a-f]{16}\Z")
            self.assertGreaterEqual(status["term"], 1)
            self.assertLessEqual(status["compacted_index"], status["applied_index"])
            self.assertLessEqual(status["applied_index"], status["commit_index"])
            self.assertLessEqual(status["commit_index"], status["last_index"])
            self.assertGreater(status["space"]["free_bytes"], 0)
            self.assertFalse(status["space"]["low"])
            self.assertGreater(status["disk"]["journal_flushes"], 0)
            members = {member["id"]: member for member in status["members"]}
            self.assertEqual({1, 2, 3}, set(members))
            for other in cluster.nodes.values():
                self.assertEqual((other.peer, other.http, "voter"),
                                 (members[other.id]["peer"], members[other.id]["http"],
                                  members[other.id]["suffrage"]))

    def test_the_leader_knows_how_far_the_others_are(self):
        self.cluster.wait_equal()
        for member in self.cluster.members().values():
            self.assertEqual(0, member["lag"])
            self.assertIsNotNone(member["match_index"])
            self.assertLess(member["last_heard_ms"], 5000)

    def test_status_as_text_names_every_member(self):
        answer = self.assert_exit(0, self.cluster[1].ticketd("status"))
        self.assertIn("leader", answer.out)
        for node in self.cluster.nodes.values():
            self.assertIn(node.peer, answer.out)

    def test_status_finds_the_node_of_the_directory(self):
        answer = self.assert_exit(0, ticketd("status", "-o", "json",
                                             "--path", self.cluster[2].directory))
        self.assertEqual(2, json.loads(answer.out)["id"])

    def test_next_takes_tickets_at_any_member(self):
        last = ticket(self.cluster[1])
        for more, node in enumerate(self.cluster.nodes.values(), start=1):
            answer = self.assert_exit(0, node.ticketd("next"))
            self.assertEqual(f"{last + more}\n", answer.out)
        answer = self.assert_exit(0, self.cluster[2].ticketd("next", "--count", 10))
        self.assertEqual(f"{last + 4}-{last + 13}\n", answer.out)
        self.assertEqual(last + 14, ticket(self.cluster[3]))

    def test_a_count_that_cannot_be_is_wrong_usage(self):
        for count in ("0", "-1", "x", "1000001"):
            self.assert_exit(2, self.cluster[1].ticketd("next", "--count", count))

    def test_next_goes_to_the_next_member_when_one_is_silent(self):
        dead = f"127.0.0.1:{isolation.free_port()}"
        self.assert_exit(0, ticketd("next", "--peer", dead, "--peer", self.cluster[1].peer))
        self.assert_exit(0, ticketd("next", "--peer", f"{dead},{self.cluster[1].peer}"))
        self.assert_exit(1, ticketd("next", "--peer", dead, "--request_timeout", 500))

    def test_leadership_is_handed_to_the_member_that_is_named(self):
        for _ in range(2):
            follower = self.cluster.followers()[0]
            before = ticket(follower)
            self.assert_exit(0, self.cluster[1].ticketd("transfer", follower.id))
            self.assertEqual(follower, self.cluster.leader())
            self.assertEqual(before + 1, ticket(follower))
        self.assert_exit(0, self.cluster[1].ticketd("transfer", self.cluster.leader().id))
        self.assert_exit(1, self.cluster[1].ticketd("transfer", 9), "9")

    def test_results_are_on_stdout_and_logs_on_stderr(self):
        for node in self.cluster.nodes.values():
            self.assertIsNone(node.log.find(r"^stdout:"))


class Usage(ProcessTest):
    def test_version_and_help(self):
        for option in ("-v", "--version"):
            self.assertRegex(self.assert_exit(0, ticketd(option)).out, r"^ticketd \d+\.\d+\.\d+")
        for arguments in (["-h"], ["--help"], ["start", "--help"], ["next", "-h"]):
            answer = self.assert_exit(0, ticketd(*arguments))
            self.assertIn("Usage", answer.out)
        for option in ("--daemonize", "--id", "--path", "--host", "--raft-port", "--http-port",
                       "--db-size", "--pid-file", "--debug", "--version", "--help", "--advertise",
                       "--election-timeout", "--heartbeat", "--redirect", "--force", "--replace"):
            self.assertIn(option, ticketd("--help").out)

    def test_wrong_usage_ends_with_2_and_says_why(self):
        for arguments in (["begin"], ["start"], ["join", "--id", 1], ["join", "nowhere", "--id", 1],
                          ["start", "--id", "x"], ["start", "--id", -1],
                          ["start", "--id", 1, "-p", 70000], ["--frobnicate"],
                          ["start", "--id", 1, "--redirect", 302], ["remove"],
                          ["remove", "x"], ["transfer"], ["status", "-o", "xml"], ["next", "a", "b"],
                          ["start", "--id", 1, "--db_size", 0], ["start", "--id", 1, "extra"],
                          ["start", "--id", 1, "--heartbeat", 400],
                          ["start", "--id", 2**64], ["drop", "--id"]):
            answer = self.assert_exit(2, ticketd(*arguments))
            self.assertNotEqual("", answer.err, arguments)
            self.assertEqual("", answer.out, arguments)

    def test_the_output_of_a_closed_pipe_is_no_crash(self):
        done = subprocess.run(f"'{TICKETD}' --help | head -n 1", shell=True, check=False,
                              capture_output=True)
        self.assertEqual((0, b""), (done.returncode, done.stderr))


class Addresses(ProcessTest):
    def test_dashes_and_underscores_are_the_same_in_long_names(self):
        cluster = self.new_cluster()
        node = cluster.add(1)
        line = [str(word).replace("_port", "-port") for word in node.command_line("start")]
        pid_file = node.directory / "no" / "such" / "place"
        # Not 2: only the file cannot be written.
        self.assert_exit(1, ticketd(*line, "--id", 1, "--db-size", 64, "--pid-file", pid_file))

    def test_short_options_do_what_the_long_ones_do(self):
        cluster = self.new_cluster()
        node = cluster.add(1)
        node.command_line = lambda *_: ["start", "-I", 1, "-P", node.directory, "-H", "127.0.0.1",
                                        "-p", node.raft_port, "-t", node.http_port, "-s", 64, "-g",
                                        "-i", cluster.directory / "pid"]
        node.start()
        self.assertEqual(1, ticket(node))
        pid = (cluster.directory / "pid").read_text("ascii")
        self.assertEqual(node.process.pid, int(pid))
        self.assertEqual(64 << 20, node.status()["space"]["map_bytes"])
        node.stop()
        self.assertFalse((cluster.directory / "pid").exists())

    def test_ipv6(self):
        cluster = self.new_cluster()
        first = cluster.add(1, host="::1").start()
        second = cluster.add(2, host="::1").join(first)
        self.assertEqual(1, ticket(second))
        self.assertEqual(f"http://[::1]:{first.http_port}/",
                         curl("-X", "POST", second.url).headers["location"])
        self.assert_exit(0, second.ticketd("next"))

    def test_host_names(self):
        cluster = self.new_cluster()
        first = cluster.add(1, host="localhost").start()
        second = cluster.add(2, host="localhost").join(first)
        self.assertEqual(1, ticket(second))
        self.assertEqual(first.url, curl("-X", "POST", second.url).headers["location"])

    def test_all_interfaces_need_something_to_announce(self):
        cluster = self.new_cluster()
        node = cluster.add(1, host="0.0.0.0")
        node.start(wait=False)
        self.assertEqual(1, node.wait_exit())
        node.wait_line("--advertise")
        node.advertise = "127.0.0.1"
        node.start()
        self.assertEqual(1, ticket(node))

    def test_port_0_is_any_free_port(self):
        cluster = self.new_cluster()
        node = cluster.add(1)
        node.raft_port = node.http_port = 0
        node.start()
        http, peer = node.wait_line(r"serving: http (\S+) peer (\S+)").groups()
        self.assertEqual(b"1", curl("-X", "POST", f"http://{http}/").body)
        self.assert_exit(0, ticketd("status", "--peer", peer))
        self.assert_exit(0, ticketd("status", "--path", node.directory))

    def test_a_port_in_use_is_an_error_that_names_it(self):
        cluster = self.new_cluster(1)
        for port in ("raft_port", "http_port"):
            other = cluster.add(2)
            setattr(other, port, getattr(cluster[1], port))
            other.start(wait=False)
            self.assertEqual(1, other.wait_exit())
            other.wait_line(str(getattr(other, port)))


class Daemons(ProcessTest):
    def setUp(self):
        self.cluster = self.new_cluster()

    def daemonize(self, node, *command):
        return ticketd(*node.command_line(*command), "--daemonize", "--pid_file",
                       self.cluster.directory / "pid", cwd=self.cluster.directory)

    def pid(self):
        return int((self.cluster.directory / "pid").read_text("ascii"))

    def test_the_parent_ends_when_the_child_serves(self):
        node = self.cluster.add(1)
        self.assert_exit(0, self.daemonize(node, "start", "--id", 1))
        self.assertEqual(1, ticket(node))
        pid = self.pid()
        self.assertEqual([pid], isolation.daemons())
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            session = int(stat.read().rpartition(")")[2].split()[3])
        self.assertEqual(pid, session, "a daemon leads a session of its own")
        self.assertRegex((node.directory / "ticketd.log").read_text(), "serving: http")
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(0, isolation.wait_daemon(pid))
        self.assertFalse((self.cluster.directory / "pid").exists())

    def test_a_joining_daemon_is_a_voter_when_the_parent_ends(self):
        first = self.cluster.add(1).start()
        node = self.cluster.add(2)
        self.assert_exit(0, self.daemonize(node, "join", first.peer, "--id", 2))
        self.assertEqual("voter", self.cluster.members()[2]["suffrage"])

    def test_the_parent_has_the_status_of_a_child_that_fails(self):
        first = self.cluster.add(1).start()
        node = self.cluster.add(2)
        # A port in use, nothing to rejoin, an id in use.
        port, node.http_port = node.http_port, first.http_port
        self.assert_exit(1, self.daemonize(node, "start", "--id", 2), str(first.http_port))
        node.http_port = port
        self.assert_exit(1, self.daemonize(self.cluster.add(4)), "No database available")
        self.assert_exit(1, self.daemonize(self.cluster.add(3), "join", first.peer, "--id", 1),
                         "in use")
        self.assertEqual([], isolation.daemons())
        self.assertFalse((self.cluster.directory / "pid").exists())


if __name__ == "__main__":
    main()
