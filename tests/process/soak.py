#!/usr/bin/python3
"""Long runs, by hand.

    tests/process/soak.py log [--entries N] [--bytes N] [--kills N] [--db_size MB]

Much goes through the log, a follower is away for part of it, and the leader is killed again and
again. Prints what the data directories take, what checkpoints write, and how long each recovery
lasts; ends with 1 when a bound or the order of the tickets is broken. A million entries and a
gibibyte take about half an hour on two cores.

    tests/process/soak.py state [--sequences N] [--keys N] [--db_size MB]

The state becomes large: N sequences, then N idempotency keys. Prints what they take on disk and in
memory, how long requests for sequences drawn at random take, and how long it takes until a new
member has it all: by snapshot, when the log that is kept (an eighth of --db_size) is shorter.
"""

import argparse
import random
import sys
import threading
import time
from pathlib import Path

from harness import Cluster, close_well, wait_until
from http_client import Connection, request_bytes
from load import Load
from peer_client import Pump

CLIENTS = 16
RECOVERY_S = 1.0
PAGE_BYTES = 4096
# Fixed costs besides the map: the journal, and two snapshot files of at most the state's size.
BESIDES_MAP_BYTES = 40 << 20


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def mebibytes(number):
    return f"{number / (1 << 20):.1f} MiB"


class Bounds:
    """The largest that any data directory ever was."""

    def __init__(self, cluster, map_bytes):
        self._cluster = cluster
        self._limit = map_bytes + BESIDES_MAP_BYTES
        self.largest = 0

    def look(self):
        sizes = [node.data_bytes() for node in self._cluster.nodes.values()]
        self.largest = max(self.largest, *sizes)
        return " ".join(mebibytes(size) for size in sizes)

    def verdict(self):
        return self.largest <= self._limit, (f"largest data directory {mebibytes(self.largest)},"
                                             f" bound {mebibytes(self._limit)}")


def checkpoint_pages(before, after):
    """Pages that a checkpoint wrote, on average, between two looks at one node."""
    checkpoints = after["disk"]["checkpoints"] - before["disk"]["checkpoints"]
    written = after["disk"]["checkpoint_bytes"] - before["disk"]["checkpoint_bytes"]
    return written / PAGE_BYTES / max(1, checkpoints)


def run_through_the_log(cluster, arguments, bounds):
    """Appends so many entries and bytes, with a follower down for the middle third. Returns what a
    checkpoint writes at the beginning and at the end."""
    name_bytes = 250
    names = [f"{number:08}".encode().ljust(name_bytes, b"x") for number in range(1000)]
    # So many names an entry as make the bytes and the entries come out together.
    window = max(2, min(Pump.WINDOW_MAX, round(arguments.bytes / arguments.entries / name_bytes)))
    leader = cluster.leader()
    away = cluster.followers()[0]
    first = leader.status()
    looks = [first]
    with Pump(cluster, names, window) as pump:
        steps = 60
        for step in range(1, steps + 1):
            if step == steps // 3:
                say(f"node {away.id} goes away")
                away.kill()
            if step == 2 * steps // 3:
                say(f"node {away.id} comes back")
                away.rejoin()
            after = looks[-1]
            while (after["last_index"] - first["last_index"] < arguments.entries * step / steps or
                   pump.taken * name_bytes < arguments.bytes * step / steps):
                pump.wait_taken(5000, 120)
                bounds.look()
                after = leader.status()
            looks.append(after)
            say(f"{after['last_index'] - first['last_index']} entries, "
                f"{mebibytes(pump.taken * name_bytes)} appended, directories {bounds.look()}, "
                f"{checkpoint_pages(*looks[-2:]):.0f} pages a checkpoint, compacted up to "
                f"{after['compacted_index']}")
    wait_until(lambda: away.status()["commit_index"] >= after["commit_index"], "the catch-up", 600)
    cluster.wait_equal(120)
    say(f"node {away.id} installed {away.status()['disk']['snapshots_installed']} snapshots")
    # The beginning is where compaction has set in.
    tenth = steps // 10
    return (checkpoint_pages(looks[tenth], looks[2 * tenth]),
            checkpoint_pages(looks[-1 - tenth], looks[-1]))


def kill_leaders(cluster, kills):
    """The recovery times under CLIENTS clients, and what is wrong with the tickets."""
    recoveries = []
    with Load(cluster.nodes.values(), CLIENTS) as load:
        for number in range(1, kills + 1):
            load.wait_done(1000)
            leader = cluster.leader()
            moment = time.monotonic_ns()
            leader.kill()
            recoveries.append(load.wait_first_since(moment, {leader.http_endpoint}))
            say(f"kill {number} of the leader, node {leader.id}: first ticket after "
                f"{recoveries[-1] * 1000:.0f} ms")
            load.wait_done(500)
            leader.rejoin()
        load.wait_done(1000)
    say(f"{load.done_count()} tickets; not done: {load.reasons()}")
    return recoveries, load.violations()


def soak(arguments):
    cluster = Cluster("--db_size", arguments.db_size)
    try:
        cluster.begin(3)
        bounds = Bounds(cluster, arguments.db_size << 20)
        recoveries, wrong = kill_leaders(cluster, arguments.kills)
        at_first, at_last = run_through_the_log(cluster, arguments, bounds)
        bounded, size = bounds.verdict()
        verdicts = [
            (not wrong, "tickets: " + ("no one twice, none lost, real-time order kept" if not wrong
                                       else "; ".join(wrong))),
            (max(recoveries, default=0) < RECOVERY_S, "first ticket after a kill: " + ", ".join(
                f"{seconds * 1000:.0f}" for seconds in recoveries) + " ms"),
            (bounded, size),
            (at_last < 1.5 * at_first, f"pages a checkpoint: {at_first:.0f} at the beginning,"
                                       f" {at_last:.0f} at the end"),
        ]
        close_well(cluster)
        for good, text in verdicts:
            say(("ok    " if good else "BAD   ") + text)
        return 0 if all(good for good, _ in verdicts) else 1
    finally:
        cluster.destroy()


# --- A large state --------------------------------------------------------------------------------

FILLERS = 4
FILL_WINDOW = 500


def fill(endpoint, count, request):
    """Sends request(number) for each number below `count` and reads the answers, which are 200."""
    def run(first):
        numbers = range(first, count, FILLERS)
        with Connection(endpoint, 60) as connection:
            for start in range(0, len(numbers), FILL_WINDOW):
                window = numbers[start:start + FILL_WINDOW]
                connection.send(b"".join(request(number) for number in window))
                for _ in window:
                    response = connection.response()
                    assert response.status == 200, response
    threads = [threading.Thread(target=run, args=(first,)) for first in range(FILLERS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def memory_kib(node, field):
    text = Path(f"/proc/{node.process.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(field))


def describe(cluster):
    for node in cluster.nodes.values():
        space = node.status()["space"]
        say(f"node {node.id}: {mebibytes(node.data_bytes())} on disk, "
            f"{mebibytes(space['used_bytes'])} of the map, "
            f"{mebibytes(memory_kib(node, 'RssAnon') << 10)} of memory besides the map "
            f"({mebibytes(memory_kib(node, 'RssFile') << 10)} of it and other files are cached)")


def latencies(endpoint, count, request):
    """One after the other, in milliseconds: the median, the 99th of a hundred, the longest."""
    times = []
    with Connection(endpoint, 60) as connection:
        for number in range(count):
            began = time.monotonic()
            connection.send(request(number))
            assert connection.response().status == 200
            times.append((time.monotonic() - began) * 1000)
    times.sort()
    return (f"median {times[count // 2]:.2f} ms, 99 % {times[count * 99 // 100]:.2f} ms, "
            f"longest {times[-1]:.2f} ms")


def large_state(arguments):
    def name(number):
        return f"/seq/customer-{number:011}"

    def draw(_):
        return name(random.randrange(arguments.sequences))

    cluster = Cluster("--db_size", arguments.db_size)
    try:
        cluster.begin(3)
        endpoint = cluster.leader().http_endpoint
        seconds = fill(endpoint, arguments.sequences, lambda n: request_bytes("POST", name(n)))
        say(f"{arguments.sequences} sequences after {seconds:.0f} s, "
            f"{arguments.sequences / seconds:.0f} a second")
        cluster.wait_equal(120)
        describe(cluster)
        for method in ("POST", "GET"):
            say(f"{method} of sequences drawn at random: " + latencies(
                endpoint, 1000, lambda n, m=method: request_bytes(m, draw(n))))
        used = cluster.leader().status()["space"]["used_bytes"]
        seconds = fill(endpoint, arguments.keys, lambda n: request_bytes(
            "POST", "/seq/keyed", [f"Idempotency-Key: 00000000-0000-4000-8000-{n * 7919 % 10**12:012}"]))
        cluster.wait_equal(120)
        grown = cluster.leader().status()["space"]["used_bytes"] - used
        say(f"{arguments.keys} keys after {seconds:.0f} s, {grown / arguments.keys:.0f} bytes of the "
            "map for each")
        describe(cluster)
        began = time.monotonic()
        cluster.add(4).join(cluster.leader())
        cluster.wait_equal(600)
        say(f"node 4 has it all after {time.monotonic() - began:.1f} s, by "
            f"{cluster[4].status()['disk']['snapshots_installed']} snapshots")
        describe(cluster)
        close_well(cluster)
        return 0
    finally:
        cluster.destroy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    runs = parser.add_subparsers(dest="run", required=True)
    log = runs.add_parser("log")
    log.add_argument("--entries", type=int, default=1_000_000)
    log.add_argument("--bytes", type=int, default=1 << 30)
    log.add_argument("--kills", type=int, default=10)
    log.add_argument("--db_size", type=int, default=256)
    log.set_defaults(call=soak)
    state = runs.add_parser("state")
    state.add_argument("--sequences", type=int, default=2_000_000)
    state.add_argument("--keys", type=int, default=500_000)
    state.add_argument("--db_size", type=int, default=600)
    state.set_defaults(call=large_state)
    arguments = parser.parse_args()
    sys.exit(arguments.call(arguments))


if __name__ == "__main__":
    main()
