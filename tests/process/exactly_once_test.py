#!/usr/bin/python3
"""Clients that retry under one idempotency key until they are answered, hang up before the answer
whenever they like, and ask any node, while nodes are killed: each key gets one number, and the
numbers of a sequence are dense."""

import random
import threading

from harness import ProcessTest, main, scaled
from http_client import Connection, NoAnswer, NotConnected, request_bytes
from pace import wait_until

REQUESTS = scaled(100_000, at_least=4_000)
CLIENTS = 16
WINDOW = 50
SEQUENCES = ("invoices", "orders/2026", "zeilen ä")
KILLS = 8
CLIENT_TIMEOUT_S = 12


def target(sequence):
    return "/seq/" + "".join(f"%{byte:02X}" for byte in sequence.encode())


class Client(threading.Thread):
    """Asks for one number under each of its keys; asks again, also when it has been told."""

    def __init__(self, number, nodes, keys):
        super().__init__(daemon=True)
        self._random = random.Random(number)
        self._nodes = nodes
        self._waiting = list(keys)
        self.values = {}
        self.contradictions = []
        self.statuses = {}
        self.hung_up = 0
        self.replayed = 0

    def run(self):
        while self._waiting:
            keys, self._waiting = self._waiting[:WINDOW], self._waiting[WINDOW:]
            if self.values:  # and one whose answer is known, which must not change
                keys.append(self._random.choice(list(self.values)[-200:]))
            try:
                with Connection(self._random.choice(self._nodes).http_endpoint,
                                CLIENT_TIMEOUT_S) as connection:
                    self._ask(connection, keys)
            except (NotConnected, NoAnswer):
                pass
            self._waiting.extend(key for key in keys if key not in self.values)
            if keys[0] not in self.values:
                self._random.shuffle(self._waiting)

    def _ask(self, connection, keys):
        connection.send(b"".join(
            request_bytes("POST", target(sequence), [f"Idempotency-Key: {key}"])
            for sequence, key in keys))
        stay = len(keys)
        if self._random.random() < 0.5:
            stay = self._random.randrange(len(keys))
            self.hung_up += 1
        for sequence, key in keys[:stay]:
            self._note((sequence, key), connection.response())

    def _note(self, key, response):
        self.statuses[response.status] = self.statuses.get(response.status, 0) + 1
        if response.status != 200:
            return
        self.replayed += "idempotency-replayed" in response.headers
        value = int(response.body)
        if self.values.setdefault(key, value) != value:
            self.contradictions.append((key, self.values[key], value))


class ExactlyOnce(ProcessTest):
    def test_each_key_gets_one_number_and_none_is_left_out(self):
        cluster = self.new_cluster(3)
        clients = []
        for number in range(CLIENTS):
            keys = [(SEQUENCES[i % len(SEQUENCES)], f"client-{number}-request-{i}")
                    for i in range(REQUESTS // CLIENTS)]
            clients.append(Client(number, list(cluster.nodes.values()), keys))
        total = CLIENTS * (REQUESTS // CLIENTS)
        for client in clients:
            client.start()

        def told():
            return sum(len(client.values) for client in clients)

        for kill in range(KILLS):
            goal = total * (kill + 1) // (KILLS + 2)
            wait_until(lambda: told() >= goal, lambda: f"{goal} answers, not {told()}", 60)
            victim = cluster.leader() if kill % 2 == 0 else cluster.followers()[0]
            victim.kill()
            victim.rejoin(wait=False)
        wait_until(lambda: told() == total, lambda: f"all answers, not {told()}", 60)
        for client in clients:
            client.join()

        statuses = {}
        for client in clients:
            for status, count in client.statuses.items():
                statuses[status] = statuses.get(status, 0) + count
        print(f"{total} keys, answers {statuses}, hung up {sum(c.hung_up for c in clients)} times, "
              f"replayed {sum(c.replayed for c in clients)}", flush=True)
        self.assertEqual([], [c for client in clients for c in client.contradictions])
        self.assertLessEqual(set(statuses), {200, 503, 504})
        values = {}
        for client in clients:
            for (sequence, _), value in client.values.items():
                values.setdefault(sequence, []).append(value)
        for sequence in SEQUENCES:
            self.assertEqual(list(range(len(values[sequence]))), sorted(values[sequence]), sequence)
        cluster.wait_equal()


if __name__ == "__main__":
    main()
