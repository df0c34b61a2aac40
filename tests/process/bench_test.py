#!/usr/bin/python3
"""`ticketd bench` against real clusters: it finds the leader, counts right, outlives a leader."""

import json
import shutil
import signal
import subprocess
import tempfile
import unittest

import isolation
from harness import Cluster, ProcessTest, close_well, main, scaled
from node import host_and_port, spawn, ticketd
from pace import PATIENCE, wait_until


def bench(*arguments, **options):
    return ticketd("bench", "--warmup", 0, "-o", "json", *arguments, timeout_s=60, **options)


class Loads(ProcessTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(close_well, cls.cluster)
        cls.cluster.begin(3)

    def measure(self, *arguments):
        return json.loads(self.assert_exit(0, bench(*arguments)).out)

    def last_given(self, *key):
        return int(self.assert_exit(0, self.cluster[1].ticketd("get", *key)).out)

    def test_a_follower_is_enough_to_find_the_leader(self):
        count = scaled(5000)
        before = self.last_given()
        found = self.measure("--http", self.cluster.followers()[0].http, "--requests", count,
                             "--clients", 4, "--pipeline", 8)
        self.assertEqual(count, found["operations"])
        self.assertEqual([0], list(set(found["failures"].values())))
        self.assertEqual(count, sum(times for _, times in found["histogram_us"]))
        # One more found the leader.
        self.assertEqual(before + count + 1, self.last_given())

    def test_finding_the_leader_takes_nothing_of_a_named_sequence(self):
        count = scaled(1000)
        for node in self.cluster.nodes.values():
            key = f"of/{node.id}"
            found = self.measure("--http", node.http, "--requests", count, "--clients", 2,
                                 "--sequence", key, "--count", 3)
            self.assertEqual(count, found["operations"])
            self.assertEqual(3 * count - 1, self.last_given(key))

    def test_requests_are_spread_over_keys(self):
        self.measure("--http", self.cluster[1].http, "--requests", 400, "--pipeline", 20,
                     "--sequence", "many", "--keys", 200)
        listed = self.assert_exit(0, self.cluster[1].ticketd("list", "--prefix", "many-")).out
        self.assertEqual([f"many-{key:08}\t1" for key in range(200)], listed.splitlines())

    def test_an_open_loop_keeps_its_schedule(self):
        found = self.measure("--http", self.cluster[1].http, "--rate", 500, "--requests", 500,
                             "--clients", 8)
        self.assertEqual((500, 500), (found["rate"], found["operations"]))
        self.assertGreaterEqual(found["seconds"], 499 / 500)

    def test_any_request_is_sent_and_its_answer_looked_at(self):
        node = self.cluster[2]
        found = self.measure("--http", node.http, "--target", "/openapi.json", "--requests", 100,
                             "--expect", '"openapi"')
        self.assertEqual(100, found["operations"])
        self.assert_exit(1, bench("--http", node.http, "--target", "/openapi.json", "--requests",
                                  100, "--expect", "no such words", "--request_timeout", 1000),
                         "no answer from .*openapi")

    def test_the_table_is_for_people_and_progress_for_standard_error(self):
        answer = self.assert_exit(0, ticketd("bench", "--http", self.cluster[1].http, "--time",
                                             1.5, "--warmup", 0))
        self.assertRegex(answer.out, r"operations/s +[0-9,]+\n(.*\n)+  p99\.9 +[0-9.]+  us\n")
        self.assertRegex(answer.err, r"\A1 s: [0-9,]+/s, p50 [0-9.]+ us")

    def test_an_interrupt_ends_it_with_what_was_measured(self):
        process = spawn(["bench", "--http", self.cluster[1].http, "--time", 86400, "-o", "json"])
        process.stderr.readline()
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20 * PATIENCE)
        self.assertEqual(0, process.returncode)
        self.assertGreater(json.loads(out)["operations"], 0)


class Failures(ProcessTest):
    def test_a_load_goes_on_at_the_next_leader(self):
        cluster = self.new_cluster(3)
        addresses = ",".join(node.http for node in cluster.nodes.values())
        process = spawn(["bench", "--http", addresses, "--clients", 8, "--time", 86400, "--warmup",
                         0, "-o", "json", "--request_timeout", 20000])
        lines = iter(process.stderr.readline, b"")
        next(lines)
        cluster.leader().kill()
        # Seconds without a ticket, and then one with tickets again.
        gave = (int(line.split()[2].split(b"/")[0].replace(b",", b"")) for line in lines)
        next(number for number in gave if number > 0)
        cluster.leader()
        next(number for number in gave if number > 0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20 * PATIENCE)
        self.assertEqual(0, process.returncode, err)
        found = json.loads(out)
        self.assertGreaterEqual(found["failures"]["broken"], 1)
        self.assertEqual(0, found["failures"]["unexpected"])
        self.assertGreaterEqual(found["connects"], 16)
        # An election takes at least half of an election time-out.
        self.assertGreater(found["longest_silence_us"], 100_000)

    def test_nobody_there_is_an_error_that_names_the_reason(self):
        dead = host_and_port("127.0.0.1", isolation.free_port())
        self.assert_exit(1, bench("--http", dead, "--request_timeout", 500), "Connection refused")


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class RedisServer(ProcessTest):
    def test_a_stock_server_counts_what_was_asked(self):
        port = isolation.free_port()
        with tempfile.TemporaryDirectory(prefix="ticketd-test-") as directory:
            server = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "redis-server", "--port", str(port),
                 "--bind", "127.0.0.1", "--save", "", "--dir", directory],
                stdout=subprocess.DEVNULL)
            isolation.started.add(server.pid)
            try:
                name = host_and_port("127.0.0.1", port)
                asked = ("--redis", name, "--command", "INCR k", "--clients", 4, "--pipeline", 16)
                found = wait_until(
                    lambda: (answer := bench(*asked, "--requests", 10000)).code == 0 and answer,
                    "redis-server to answer")
                self.assertEqual(10000, json.loads(found.out)["operations"])
                # One of them found that somebody is there.
                self.assert_exit(0, bench("--redis", name, "--command", "GET k", "--expect",
                                          "10001", "--requests", 1))
            finally:
                server.terminate()
                server.wait()


if __name__ == "__main__":
    main()
