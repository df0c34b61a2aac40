"""A closed loop of persistent sequential creates at a ZooKeeper server: as much of its protocol as
that takes, and no client library's cost."""

import math
import selectors
import socket
import struct
import time

SESSION_TIMEOUT_MS = 30_000
CREATE = 1
PERSISTENT_SEQUENTIAL = 2
ALL_PERMISSIONS = 31


def text(value):
    encoded = value.encode()
    return struct.pack(">i", len(encoded)) + encoded


def connect_request():
    body = struct.pack(">iqiq", 0, 0, SESSION_TIMEOUT_MS, 0) + text("\0" * 16) + b"\0"
    return struct.pack(">i", len(body)) + body


def create_request():
    """Without the length and the number in front."""
    return (struct.pack(">i", CREATE) + text("/t-") + text("") + struct.pack(">i", 1) +
            struct.pack(">i", ALL_PERMISSIONS) + text("world") + text("anyone") +
            struct.pack(">i", PERSISTENT_SEQUENTIAL))


class Connection:
    """One session, with one request under way."""

    REQUEST = create_request()

    def __init__(self, address):
        self.socket = socket.create_connection(address, 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(connect_request())
        self.received = b""
        while self.take() is None:
            pass
        self.number = 0
        self.sent_at = 0.0

    def take(self):
        """The next message, or None when it is not whole after one read."""
        read = self.socket.recv(65536)
        if not read:
            raise ConnectionError("ZooKeeper closed a connection")
        self.received += read
        if len(self.received) < 4:
            return None
        [length] = struct.unpack_from(">i", self.received)
        if len(self.received) < 4 + length:
            return None
        message, self.received = self.received[4:4 + length], self.received[4 + length:]
        return message

    def ask(self):
        self.number += 1
        self.sent_at = time.monotonic()
        self.socket.sendall(struct.pack(">ii", len(self.REQUEST) + 4, self.number) + self.REQUEST)

    def answer(self):
        """Whether the answer is there; fails when it is not the one that was due."""
        message = self.take()
        if message is None:
            return False
        number, _, error = struct.unpack_from(">iqi", message)
        if error != 0 or number != self.number:
            raise ConnectionError(f"ZooKeeper answered request {self.number} with error {error} "
                                  f"of {number}")
        return True


def quantile(ordered, part):
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else 0


def measure(address, clients, seconds, warm_up_s):
    """Operations a second, and latencies in microseconds, as `ticketd bench` tells them."""
    connections = [Connection(address) for _ in range(clients)]
    waiting = selectors.DefaultSelector()
    latencies = []
    begun = time.monotonic() + warm_up_s
    try:
        for connection in connections:
            waiting.register(connection.socket, selectors.EVENT_READ, connection)
            connection.ask()
        while (now := time.monotonic()) < begun + seconds:
            for key, _ in waiting.select(1):
                connection = key.data
                if connection.answer():
                    now = time.monotonic()
                    if connection.sent_at >= begun:
                        latencies.append((now - connection.sent_at) * 1e6)
                    connection.ask()
    finally:
        waiting.close()
        for connection in connections:
            connection.socket.close()
    latencies.sort()
    return {"operations_per_second": len(latencies) / (now - begun), "failures": {},
            "latency_us": {name: quantile(latencies, part) for name, part in
                           (("p50", 0.5), ("p99", 0.99), ("p99_9", 0.999))}}
