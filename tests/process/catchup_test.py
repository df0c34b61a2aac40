#!/usr/bin/python3
"""Followers that are behind: the leader serves on, and its disk and memory stay within bounds."""

import time
from pathlib import Path

from checker import DONE
from harness import TIMING, ProcessTest, main, scaled, wait_until
from http_client import ticket
from load import Load
from peer_client import Pump
from slow_link import SlowLink

MAP_MB = 64
# Journal, files of snapshots and what a checkpoint holds, besides the map.
BESIDES_MAP_MB = 40


def names(count, length=200):
    """Distinct sequences whose names take room in log and state."""
    return [f"{number:08}".encode().ljust(length, b"x") for number in range(count)]


def anonymous_bytes(node):
    """Memory of the process that no file backs."""
    status = Path(f"/proc/{node.process.pid}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024


def compact_past(cluster, pump, index):
    """Fills the log until the leader no longer has the entry at that index."""
    def compacted():
        return cluster.leader().status()["compacted_index"] > index
    wait_until(compacted, lambda: f"compaction past {index}, {pump.taken} taken", 60)


class CatchUp(ProcessTest):
    def test_a_node_that_was_away_while_the_log_was_compacted(self):
        cluster = self.new_cluster(3, "--db_size", 32)
        self.assertEqual(1, ticket(cluster[1]))
        away = cluster.followers()[0]
        away.kill()
        behind = cluster.leader().status()["last_index"]
        with Load(cluster.running, clients=4) as load, Pump(cluster, names(500)) as pump:
            compact_past(cluster, pump, behind)
            away.rejoin()
            wait_until(lambda: away.status()["disk"]["snapshots_installed"] > 0, "the snapshot", 60)
            load.wait_done(20)
        self.assertEqual([], [v for v in load.violations() if "1 tickets are missing" not in v])
        cluster.wait_equal()
        cluster.lead(away)
        before = load.done_count() + 1
        self.assertEqual(before + 1, ticket(away))

    def test_a_node_that_was_away_for_a_little_needs_no_snapshot(self):
        cluster = self.new_cluster(3)
        away = cluster.followers()[0]
        away.kill()
        with Pump(cluster, names(50)) as pump:
            pump.wait_taken(1000)
            away.rejoin()
        cluster.wait_equal()
        self.assertEqual(0, away.status()["disk"]["snapshots_installed"])

    def test_a_receiver_of_a_snapshot_at_10_kilobytes_a_second_under_full_load(self):
        cluster = self.new_cluster(2, "--db_size", MAP_MB)
        # Its peers dial 127.0.0.2, where the slow line begins.
        slow = cluster.add(3, advertise="127.0.0.2")
        listen, target = ("127.0.0.2", slow.raft_port), ("127.0.0.1", slow.raft_port)
        state = names(scaled(20_000, at_least=5_000))
        with SlowLink(listen, target, None) as link:
            slow.join(cluster[1])
            slow.kill()
            leader = cluster.leader()
            behind = leader.status()["last_index"]
            with Load([cluster[1], cluster[2]]) as load, Pump(cluster, state) as pump:
                compact_past(cluster, pump, behind)
                pump.wait_taken(len(state))
                link.bytes_per_s = 10_000
                slow.rejoin()
                self.watch(leader, load, pump, link)
                self.assertIs(leader, cluster.leader())
                self.assertEqual(0, slow.status()["disk"]["snapshots_installed"])
            link.bytes_per_s = None
            wait_until(lambda: slow.status()["disk"]["snapshots_installed"] > 0, "the snapshot", 60)
            cluster.wait_equal()
            self.assertEqual([], load.violations())

    def watch(self, leader, load, pump, link):
        """Full load for a while: much more than the map goes through the log."""
        wait_until(lambda: link.forwarded > 0, "the slow line to be used")
        goal = pump.taken + scaled(300_000, at_least=20_000)
        began_s, began_bytes, largest = time.monotonic(), link.forwarded, 0
        while pump.taken < goal:
            pump.wait_taken(scaled(20_000, at_least=2_000))
            largest = max(largest, leader.data_bytes())
            self.assertFalse(leader.status()["space"]["low"])
        seconds = time.monotonic() - began_s
        rate = (link.forwarded - began_bytes) / seconds
        pause = longest_pause_s(load.history(), began_s)
        print(f"{pump.taken} numbers and {load.done_count()} tickets taken, {seconds:.1f} s under"
              f" full load; slow line {rate / 1000:.1f} KB/s; data directory at most"
              f" {largest >> 20} MB, memory {anonymous_bytes(leader) >> 20} MB, longest pause"
              f" {pause * 1000:.0f} ms", flush=True)
        self.assertLess(largest, (MAP_MB + BESIDES_MAP_MB) << 20)
        self.assertGreater(rate, 5_000)
        self.assertLess(rate, 15_000)
        if TIMING:
            self.assertLess(pause, 1.0)
            self.assertLess(anonymous_bytes(leader), 256 << 20)


def longest_pause_s(history, since_s):
    """The longest time in which nobody was given a ticket."""
    returns = sorted(o.returned for o in history
                     if o.outcome == DONE and o.returned >= since_s * 1e9)
    return max((b - a for a, b in zip(returns, returns[1:])), default=0) / 1e9


if __name__ == "__main__":
    main()
