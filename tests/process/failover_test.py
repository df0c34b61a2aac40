#!/usr/bin/python3
"""Sixteen clients write while nodes are killed, paused, stopped and restarted: no ticket twice,
none lost, real-time order kept, and soon there are tickets again."""

import signal
import time

from checker import DONE, UNKNOWN, violations
from harness import TIMING, ProcessTest, main, scaled
from load import Load, take

# What a killed leader may cost, in a release build.
RECOVERY_S = 1.0


class Failover(ProcessTest):
    def assert_sound(self, *loads):
        """All of them together are one history."""
        for load in loads:
            print(f"{load.done_count()} tickets, not done: {load.reasons()}", flush=True)
            expected = {503, 504, "no connection", "no answer", "too many redirects"}
            self.assertEqual(set(), {reason for _, reason in load.reasons()} - expected)
        self.assertEqual([], violations([o for load in loads for o in load.history()]))

    def assert_soon(self, what, seconds):
        print(f"first ticket {seconds * 1000:.0f} ms after {what}", flush=True)
        if TIMING:
            self.assertLess(seconds, RECOVERY_S, what)

    def test_killing_the_leader_under_load(self):
        cluster = self.new_cluster(3)
        with Load(cluster.nodes.values()) as load:
            for _ in range(scaled(4, at_least=1)):
                load.wait_done(scaled(400, at_least=50))
                leader = cluster.leader()
                moment = time.monotonic_ns()
                leader.kill()
                gap = load.wait_first_since(moment, not_from={leader.http_endpoint})
                self.assert_soon(f"kill -9 of the leader, node {leader.id}", gap)
                load.wait_done(scaled(200, at_least=20))
                leader.rejoin()
            load.wait_done(100)
        cluster.wait_equal()
        self.assert_sound(load)

    def test_killing_a_follower_under_load(self):
        cluster = self.new_cluster(3)
        with Load(cluster.nodes.values()) as load:
            load.wait_done(scaled(400, at_least=50))
            follower = cluster.followers()[0]
            moment = time.monotonic_ns()
            follower.kill()
            self.assert_soon(f"kill -9 of a follower, node {follower.id}",
                             load.wait_first_since(moment))
            load.wait_done(scaled(400, at_least=50))
            follower.rejoin()
            load.wait_done(scaled(400, at_least=50))
        cluster.wait_equal()
        self.assert_sound(load)

    def test_killing_all_at_once_under_load(self):
        cluster = self.new_cluster(3)
        with Load(cluster.nodes.values()) as load:
            for _ in range(scaled(2, at_least=1)):
                load.wait_done(scaled(400, at_least=50))
                for node in cluster.nodes.values():
                    node.process.kill()
                for node in cluster.nodes.values():
                    node.kill()
                for node in cluster.nodes.values():
                    node.rejoin(wait=False)
                load.wait_done(scaled(400, at_least=50))
        cluster.wait_equal()
        self.assert_sound(load)

    def test_killing_a_cluster_of_one(self):
        cluster = self.new_cluster(1)
        with Load(cluster.nodes.values(), clients=4) as load:
            for _ in range(scaled(5, at_least=2)):
                load.wait_done(scaled(100, at_least=20))
                cluster[1].kill()
                cluster[1].rejoin()
            load.wait_done(20)
        self.assert_sound(load)

    def test_a_leader_that_was_paused_and_deposed_hands_out_nothing_old(self):
        cluster = self.new_cluster(3)
        with Load(cluster.nodes.values()) as load:
            load.wait_done(scaled(400, at_least=50))
            leader = cluster.leader()
            moment = time.monotonic_ns()
            leader.pause()
            # The clients so far wait for the paused node; these are less patient.
            with Load(cluster.running, clients=4, timeout_s=0.5) as others:
                others.wait_first_since(moment, not_from={leader.http_endpoint})
                others.wait_done(scaled(100, at_least=20))
                leader.resume()
                load.wait_done(scaled(400, at_least=50))
                others.wait_done(scaled(100, at_least=20))
        cluster.wait_equal()
        self.assert_sound(load, others)

    def test_a_leader_that_is_asked_to_stop_hands_over_first(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            cluster = self.new_cluster(3)
            with Load(cluster.nodes.values()) as load:
                load.wait_done(scaled(400, at_least=50))
                leader = cluster.leader()
                moment = time.monotonic_ns()
                leader.terminate(number)
                gap = load.wait_first_since(moment, not_from={leader.http_endpoint})
                self.assert_soon(f"signal {number} to the leader, node {leader.id}", gap)
                self.assertEqual(0, leader.wait_exit())
                load.wait_done(scaled(200, at_least=20))
                # It did not leave the cluster.
                self.assertIn(leader.id, cluster.members())
                leader.rejoin()
                load.wait_done(20)
            self.assert_sound(load)
            self.assertEqual(set(), {r for r in load.reasons() if r[0] == UNKNOWN})

    def test_one_ticket_after_another_is_larger_at_whatever_node(self):
        cluster = self.new_cluster(3)
        nodes = list(cluster.nodes.values())
        operations = [take(nodes[i % 3]) for i in range(60)]
        self.assertEqual([(DONE, i + 1) for i in range(60)],
                         [(o.outcome, o.value) for o in operations])


if __name__ == "__main__":
    main()
