"""Clients that take tickets as fast as they can, and write down what each of them saw."""

import random
import threading
import time
from urllib.parse import urlsplit

from checker import DONE, REFUSED, UNKNOWN, Operation, violations
from http_client import Connection, NoAnswer, NotConnected
from pace import wait_until

# Longer than any server takes to answer.
CLIENT_TIMEOUT_S = 12
MAX_REDIRECTS = 4


class Load:
    """Takes tickets from the moment it is entered until it is left or stopped.

    Each client keeps to the server that answered it last, follows redirects as a POST, and goes to
    another server when refused. `nodes` may be replaced at any time. A client that has no answer
    after `timeout_s` gives up."""

    def __init__(self, nodes, clients=16, timeout_s=CLIENT_TIMEOUT_S):
        self.nodes = list(nodes)
        self.timeout_s = timeout_s
        self._clients = [_Client(self, number) for number in range(clients)]
        self.stopping = threading.Event()

    def __enter__(self):
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for client in self._clients:
            client.join()

    # --- While it runs ----------------------------------------------------------------------------

    def done_count(self):
        return sum(client.done for client in self._clients)

    def wait_done(self, more, timeout_s=30):
        """Until so many more tickets were taken."""
        goal = self.done_count() + more
        wait_until(lambda: self.done_count() >= goal, f"{more} more tickets under load", timeout_s)

    def wait_first_since(self, moment, not_from=(), timeout_s=20):
        """Until a ticket comes after that moment from a server that is not in `not_from`; how many
        seconds after it."""
        def first():
            return min((operation.returned for client in self._clients
                        for operation in client.since(moment)
                        if operation.outcome == DONE and operation.server not in not_from),
                       default=None)
        return (wait_until(first, "a ticket after a fault", timeout_s) - moment) / 1e9

    # --- Afterwards -------------------------------------------------------------------------------

    def history(self):
        return [operation for client in self._clients for operation in list(client.operations)]

    def violations(self):
        return violations(self.history())

    def reasons(self):
        """How often each reason stands for an operation that is not done."""
        counts = {}
        for operation in self.history():
            if operation.outcome != DONE:
                key = (operation.outcome, operation.reason)
                counts[key] = counts.get(key, 0) + 1
        return counts


class _Client(threading.Thread):
    def __init__(self, load, number):
        super().__init__(daemon=True)
        self._load = load
        self._number = number
        self._random = random.Random(number)
        self._connections = {}
        self.operations = []
        self.done = 0

    def since(self, moment):
        """The operations that returned after it."""
        for position in range(len(self.operations) - 1, -1, -1):
            if self.operations[position].returned <= moment:
                return
            yield self.operations[position]

    def run(self):
        nodes = self._load.nodes
        endpoint = nodes[self._number % len(nodes)].http_endpoint
        while not self._load.stopping.is_set():
            operation = self._take(endpoint)
            self.operations.append(operation)
            if operation.outcome == DONE:
                self.done += 1
                endpoint = operation.server
            else:
                endpoint = self._random.choice(self._load.nodes).http_endpoint
                self._load.stopping.wait(0.003)
        self.close()

    def close(self):
        for connection in self._connections.values():
            connection.close()

    def _take(self, endpoint):
        invoked = time.monotonic_ns()
        for _ in range(MAX_REDIRECTS):
            outcome, value, reason = self._post(endpoint)
            if outcome != "redirect":
                break
            endpoint = value
        else:
            outcome, value, reason = REFUSED, None, "too many redirects"
        return Operation(invoked, time.monotonic_ns(), outcome, value, endpoint, reason)

    def _post(self, endpoint):
        """One request to one server: outcome (or "redirect"), ticket (or where to), reason."""
        try:
            connection = (self._connections.get(endpoint) or
                          Connection(endpoint, self._load.timeout_s))
        except NotConnected:
            return REFUSED, None, "no connection"
        self._connections[endpoint] = connection
        try:
            response = connection.post()
        except NoAnswer:
            self._forget(endpoint)
            return UNKNOWN, None, "no answer"
        if response.headers.get("connection", "").lower() == "close":
            self._forget(endpoint)
        if response.status == 200:
            return DONE, int(response.body), None
        if response.status in (301, 307, 308):
            location = urlsplit(response.headers["location"])
            return "redirect", (location.hostname, location.port), None
        outcome = UNKNOWN if response.status == 504 else REFUSED
        return outcome, None, response.status

    def _forget(self, endpoint):
        self._connections.pop(endpoint).close()


def take(node):
    """One ticket from that node, or from where it redirects to, as an operation."""
    client = _Client(Load([node], clients=0), 0)
    try:
        return client._take(node.http_endpoint)
    finally:
        client.close()
