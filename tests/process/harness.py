"""What a process test is written with: clusters of real nodes, and a test case that ends them and
shows their logs when something is wrong. See README.md."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path

import isolation
from node import TICKETD, Node
from pace import PATIENCE, SCALE, TIMING, scaled, wait_until

__all__ = ["PATIENCE", "SCALE", "TIMING", "TICKETD", "Cluster", "ProcessTest", "main", "scaled",
           "wait_until"]

# A report of these in a node's log fails the test, whatever else the node did.
CRASHES = r"Sanitizer|runtime error:|ENSURE failed|UNREACHABLE reached|terminate called"

_clusters = []


class Cluster:
    """Nodes that belong together, in a temporary directory that goes when they go."""

    def __init__(self, *options):
        isolation.adopt_daemons()
        self.directory = Path(tempfile.mkdtemp(prefix="ticketd-test-"))
        # A slow build on few cores would depose leaders by its own load.
        self.options = [*(() if TIMING else ("--election_timeout", 1000, "--heartbeat", 100)),
                        *options]
        self.nodes = {}
        _clusters.append(self)

    def __getitem__(self, node_id):
        return self.nodes[node_id]

    def add(self, node_id, *options, directory=None, **keywords):
        """A node that is not started yet. Its data goes to the cluster's directory by default."""
        self.nodes[node_id] = Node(node_id, directory or self.directory / f"node{node_id}",
                                   [*self.options, *options], **keywords)
        return self.nodes[node_id]

    def begin(self, size, **keywords):
        """Starts node 1 and has nodes 2 to `size` join it."""
        for node_id in range(1, size + 1):
            node = self.add(node_id, **keywords)
            node.start() if node_id == 1 else node.join(self[1])
        return self

    @property
    def running(self):
        return [node for node in self.nodes.values() if node.running and not node.paused]

    def statuses(self):
        """What each running node that answers says, by id."""
        return {node.id: status for node in self.running if (status := node.status())}

    # --- Who leads --------------------------------------------------------------------------------

    def leader(self, timeout_s=20):
        """The running node that says of itself that it leads, in the newest term."""
        def find():
            leaders = [s for s in self.statuses().values() if s["role"] == "leader"]
            return max(leaders, key=lambda status: status["term"], default=None)
        return self[wait_until(find, "a leader", timeout_s)["id"]]

    def followers(self):
        leader = self.leader()
        return [node for node in self.running if node is not leader]

    def lead(self, node):
        """Has that node lead."""
        def leads():
            leader = self.leader()
            if leader is not node:
                leader.ticketd("transfer", node.id)
            return leader is node
        wait_until(leads, f"node {node.id} to lead")
        return node

    # --- Waiting ----------------------------------------------------------------------------------

    def members(self):
        """The leader's view, by id."""
        return {member["id"]: member for member in self.leader().status()["members"]}

    def wait_voters(self, *node_ids, timeout_s=30):
        """Until the leader's configuration has exactly these members, all of them voters."""
        def agreed():
            status = self.leader().status()
            found = [(m["id"], m["suffrage"]) for m in status["members"]] if status else []
            return sorted(found) == [(node_id, "voter") for node_id in sorted(node_ids)]
        wait_until(agreed, lambda: f"voters {node_ids}: {self.statuses()}", timeout_s)

    def wait_equal(self, timeout_s=30):
        """Until every running node has applied the same log, to the same state."""
        def equal():
            statuses = self.statuses()
            return (len(statuses) == len(self.running) and
                    len({(s["applied_index"], s["digest"]) for s in statuses.values()}) == 1)
        wait_until(equal, lambda: f"equal states: {self.statuses()}", timeout_s)

    # --- The end ----------------------------------------------------------------------------------

    def close(self):
        """Stops what still runs. Returns complaints about how it went, as lines of text."""
        running = [node for node in self.nodes.values() if node.running]
        for node in running:
            node.terminate()
        complaints = []
        for node in running:
            try:
                code = node.wait_exit()
                if code != 0:
                    complaints.append(f"node {node.id} ended with {code} on SIGTERM")
            except AssertionError:
                complaints.append(f"node {node.id} did not end on SIGTERM")
        self.destroy()
        for node in self.nodes.values():
            if crash := node.log.find(CRASHES):
                complaints.append(f"node {node.id} reported: {crash.string}")
        return complaints

    def destroy(self):
        """Kills what still runs, and removes the directory."""
        for node in self.nodes.values():
            if node.running:
                node.kill()
        isolation.kill_daemons()
        shutil.rmtree(self.directory, ignore_errors=True)

    def dump(self, lines=150):
        for node in self.nodes.values():
            print(f"===== node {node.id}", *node.log.lines[-lines:], sep="\n", flush=True)


class ProcessTest(unittest.TestCase):
    """A test of real nodes. Shows the logs of all of them when it fails."""

    maxDiff = None

    def run(self, result=None):
        failed_before = len(result.failures) + len(result.errors)
        began = time.monotonic()
        super().run(result)
        print(f"        {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
        if len(result.failures) + len(result.errors) > failed_before:
            print(f"===== the nodes of {self.id()}")
            for cluster in _clusters:
                cluster.dump()
        _clusters[:] = [cluster for cluster in _clusters if cluster.directory.exists()]

    def new_cluster(self, size=0, *options, **keywords):
        """A cluster that ends with this test, and must end well."""
        cluster = Cluster(*options)
        self.addCleanup(close_well, cluster)
        return cluster.begin(size, **keywords)

    def assert_exit(self, code, answer, pattern=None):
        """`pattern` must be found in what the command said on standard error."""
        self.assertEqual(code, answer.code, answer)
        if pattern:
            self.assertRegex(answer.err, pattern)
        return answer


def close_well(cluster):
    complaints = cluster.close()
    if complaints:
        raise AssertionError("\n".join(complaints))


def _end_at_the_limit():
    """Ends this process in good order before ctest would end it in bad order."""
    def too_late(*_):
        raise KeyboardInterrupt("the time for this test is over")
    signal.signal(signal.SIGALRM, too_late)
    signal.signal(signal.SIGTERM, too_late)
    signal.alarm(int(os.environ.get("TICKETD_TEST_LIMIT_S", "0")))


@atexit.register
def _destroy_what_is_left():
    for cluster in _clusters:
        cluster.destroy()


def main():
    if not TICKETD.exists():
        sys.exit(f"{TICKETD} is not there: build it, or set TICKETD")
    _end_at_the_limit()
    try:
        unittest.main(verbosity=2)
    except KeyboardInterrupt:
        for cluster in _clusters:
            cluster.dump()
        raise
