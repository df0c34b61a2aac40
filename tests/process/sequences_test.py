#!/usr/bin/python3
"""Sequences, ranges, keys and reads as clients see them, request by request: at the leader, and at
a follower, which has the leader do it."""

import json
import re

from harness import Cluster, ProcessTest, close_well, main
from http_client import Connection, curl, request_bytes

LAST = 2**64 - 1
JSON = ("-H", "Accept: application/json")


class Sequences(ProcessTest):
    """One cluster for all of these; each test counts in sequences of its own."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(close_well, cls.cluster)
        cls.cluster.begin(3)

    def setUp(self):
        self.leader = self.cluster.leader()
        self.follower = self.cluster.followers()[0]
        self.both = (self.leader, self.follower)
        self.name = self.id().rpartition(".")[2]

    def url(self, node, path="", name=None):
        return f"{node.url}seq/{name or self.name}{path}"

    def post(self, node, path="", *options, name=None):
        return curl("-X", "POST", *options, self.url(node, path, name))

    def get(self, node, path="", *options, name=None):
        return curl(*options, self.url(node, path, name))

    def assert_answer(self, status, body, response):
        self.assertEqual((status, body), (response.status, response.text))

    def assert_refused(self, status, pattern, response):
        self.assertEqual(status, response.status, response)
        self.assertRegex(response.text, pattern)

    # --- Counting ---------------------------------------------------------------------------------

    def test_a_fresh_sequence_counts_from_0(self):
        for expected in range(4):
            response = self.post(self.both[expected % 2])
            self.assert_answer(200, str(expected), response)
            self.assertEqual("text/plain", response.headers["content-type"].partition(";")[0])
            self.assertEqual("1", response.headers["content-length"])

    def test_a_read_counts_nothing(self):
        for node in self.both:
            self.assert_answer(200, "-1", self.get(node))
        self.post(self.leader)
        for node in self.both:
            self.assert_answer(200, "0", self.get(node))
            head = curl("--head", self.url(node))
            self.assertEqual((200, "1", b""),
                             (head.status, head.headers["content-length"], head.body))

    def test_several_sequences_are_read_at_once(self):
        self.post(self.leader, name="several-a")
        self.post(self.leader, name="several-a")
        self.post(self.leader, name="several-ä")
        expected = {"several-a": 1, "several-ä": 0, "several-c": -1}
        fields = "key=several-a&key=several-%C3%A4&key=several-c&key=several-a&"
        for node in self.both:
            for response in (curl(f"{node.url}seq/?{fields}"),
                             curl("-d", fields, f"{node.url}seq/")):
                self.assertEqual(200, response.status)
                self.assertEqual("application/json", response.headers["content-type"])
                self.assertEqual(expected, json.loads(response.body))
            for response in (curl(f"{node.url}seq/"), curl("-d", "", f"{node.url}seq/"),
                             curl(f"{node.url}seq/?other=a")):
                self.assert_refused(400, r"\ACannot query an empty list of sequences\Z", response)

    def test_a_key_is_any_text_of_1_to_255_bytes(self):
        for name in ("ä-ö", "a b", "a/b", "a%b", "✓", "n" * 255):
            encoded = "".join(f"%{byte:02x}" for byte in name.encode())
            for expected, node in enumerate(self.both):
                self.assert_answer(200, str(expected), self.post(node, name=encoded))
            read = curl(f"{self.leader.url}seq/?key={encoded}")
            self.assertEqual({name: 1}, json.loads(read.body))

    def test_a_key_that_is_none_is_refused(self):
        for node in self.both:
            for name, why in (("n" * 256, "255"), ("%80", "UTF-8"), ("%", "percent|%"),
                              ("%zz", "percent|%"), ("%c3", "UTF-8")):
                self.assert_refused(400, why, self.post(node, name=name))
                self.assert_refused(400, why, self.get(node, name=name))
            self.assertEqual(404, self.post(node, "/more").status)

    def test_sequences_are_listed_in_pages(self):
        names = [f"page-{letter}" for letter in "abcde"]
        for name in names:
            self.post(self.leader, "?count=3", name=name)
        for node in self.both:
            found, after = [], ""
            while after is not None:
                response = curl(f"{node.url}seq?prefix=page-&limit=2&after={after}")
                self.assertEqual(200, response.status)
                page = json.loads(response.body)
                found += page["sequences"]
                after = page["next"]
            self.assertEqual([{"key": name, "last": "2"} for name in names], found)
            self.assert_refused(400, "limit", curl(f"{node.url}seq?limit=0"))
            self.assert_refused(400, "limit", curl(f"{node.url}seq?limit=1001"))

    # --- Ranges -----------------------------------------------------------------------------------

    def test_a_range_is_taken_whole(self):
        for expected, node in (("0-9", self.leader), ("10-19", self.follower)):
            self.assert_answer(200, expected, self.post(node, "?count=10"))
        answer = json.loads(self.post(self.follower, "?count=5", *JSON).body)
        self.assertEqual({"first": "20", "last": "24", "count": 5}, answer)
        answer = json.loads(self.post(self.leader, "", *JSON).body)
        self.assertEqual({"first": "25", "last": "25", "count": 1}, answer)
        before = int(curl("-X", "POST", self.leader.url).body)
        self.assert_answer(200, f"{before + 1}-{before + 1000000}",
                           curl("-X", "POST", self.leader.url + "?count=1000000"))

    def test_a_count_out_of_range_is_refused(self):
        for node in self.both:
            for count in ("0", "1000001", "-1", "x", "", "1.5", "99999999999999999999"):
                self.assert_refused(400, "count", self.post(node, f"?count={count}"))
                self.assert_refused(400, "count", curl("-X", "POST", f"{node.url}?count={count}"))
        self.assert_answer(200, "-1", self.get(self.leader))

    def test_the_last_number_is_given_and_then_no_more(self):
        self.assert_answer(200, str(LAST - 5), self.put(self.leader, LAST - 5))
        self.assert_refused(409, str(LAST), self.post(self.follower, "?count=6"))
        self.assert_answer(200, f"{LAST - 4}-{LAST}", self.post(self.follower, "?count=5"))
        for node in self.both:
            self.assert_refused(409, str(LAST), self.post(node))
            self.assert_answer(200, str(LAST), self.get(node))

    # --- Moving and removing ----------------------------------------------------------------------

    def put(self, node, body, *options):
        return curl("-X", "PUT", "-d", str(body), *options, self.url(node))

    def test_a_sequence_is_moved_forward_and_never_back(self):
        for node in self.both:
            self.assert_answer(200, "41", self.put(node, 41))
        self.assert_answer(200, "42", self.post(self.follower))
        for node in self.both:
            self.assert_refused(409, "42", self.put(node, 41))
            for body in ("", "x", "-1", "1.0", str(LAST + 1), "1 2"):
                self.assert_refused(400, "number", self.put(node, body))
        self.assert_answer(200, "43", self.post(self.leader))

    def test_the_tickets_themselves_are_moved_forward(self):
        last = int(curl("-X", "POST", self.leader.url).body) + 1000
        response = curl("-X", "PUT", "-d", str(last), self.follower.url)
        self.assertEqual((307, self.leader.url), (response.status, response.headers["location"]))
        self.assert_answer(200, str(last),
                           curl("-L", "-X", "PUT", "-d", str(last), self.follower.url))
        self.assertEqual(last + 1, int(curl("-X", "POST", self.leader.url).body))

    def test_removing_is_refused(self):
        self.post(self.leader)
        for node in self.both:
            self.assert_refused(403, "uniqueness", curl("-X", "DELETE", self.url(node)))
        self.assert_answer(200, "0", self.get(self.leader))

    # --- Keys -------------------------------------------------------------------------------------

    def test_a_retry_gets_the_first_answer(self):
        key = ("-H", "Idempotency-Key: " + self.name)
        first = self.post(self.follower, "?count=3", *key)
        self.assert_answer(200, "0-2", first)
        self.assertNotIn("idempotency-replayed", first.headers)
        self.post(self.leader)
        for node in (*self.both, *self.both):
            again = self.post(node, "?count=3", *key)
            self.assert_answer(200, "0-2", again)
            self.assertEqual("true", again.headers["idempotency-replayed"])
            self.assert_refused(422, "key", self.post(node, "?count=4", *key))
            self.assert_refused(422, "key", self.post(node, "", *key, name="other"))
            self.assert_refused(422, "key", self.put(node, 3, *key))
        self.assert_answer(200, "3", self.get(self.leader))

    def test_a_retry_of_a_move_gets_the_first_answer(self):
        key = ("-H", "Idempotency-Key: " + self.name)
        self.assert_answer(200, "7", self.put(self.leader, 7, *key))
        self.post(self.leader)
        again = self.put(self.follower, 7, *key)
        self.assert_answer(200, "7", again)
        self.assertEqual("true", again.headers["idempotency-replayed"])

    def test_an_idempotency_key_that_is_none_is_refused(self):
        for node in self.both:
            for key in ("k" * 65, "a b", "ä"):
                self.assert_refused(400, "Idempotency-Key",
                                    self.post(node, "", "-H", f"Idempotency-Key: {key}"))

    # --- Reads ------------------------------------------------------------------------------------

    def test_a_stale_read_says_how_old_it_is(self):
        self.post(self.leader)
        self.cluster.wait_equal()
        for node in self.both:
            for path in (f"seq/{self.name}", f"seq/?key={self.name}&", f"seq?prefix={self.name}&"):
                separator = "" if path.endswith("&") else "?"
                response = curl(f"{node.url}{path}{separator}consistency=stale")
                self.assertEqual(200, response.status)
                self.assertRegex(response.headers["ticketd-applied-index"], r"\A[1-9][0-9]*\Z")
            self.assert_refused(400, "consistency", self.get(node, "?consistency=x"))

    def test_reads_write_nothing(self):
        self.post(self.leader)
        self.cluster.wait_equal()
        before = self.leader.status()["last_index"]
        with Connection(self.leader.http_endpoint) as connection:
            connection.send(request_bytes("GET", f"/seq/{self.name}") * 500)
            for _ in range(500):
                self.assertEqual(b"0", connection.response().body)
        self.assertEqual(before, self.leader.status()["last_index"])

    # --- Many at once -----------------------------------------------------------------------------

    def test_pipelined_requests_for_one_sequence_are_carried_out_in_order(self):
        for node in self.both:
            name = f"{self.name}-{node.id}"
            with Connection(node.http_endpoint) as connection:
                connection.send(
                    request_bytes("POST", f"/seq/{name}") * 400 +
                    request_bytes("PUT", f"/seq/{name}", body=b"999") +
                    request_bytes("POST", f"/seq/{name}?count=2") * 300 +
                    request_bytes("POST", f"/seq/{name}", [f"Idempotency-Key: pipe-{node.id}"]) +
                    request_bytes("POST", f"/seq/{name}") * 298)
                answers = [connection.response() for _ in range(1000)]
            self.assertEqual({200}, {answer.status for answer in answers})
            bodies = [answer.text for answer in answers]
            if node is self.leader:
                self.assertEqual([str(i) for i in range(400)] + ["999"] +
                                 [f"{1000 + 2 * i}-{1001 + 2 * i}" for i in range(300)] +
                                 [str(i) for i in range(1600, 1899)], bodies)
            else:
                numbers = [int(n) for body in bodies for n in body.split("-")]
                self.assertEqual(1898, max(numbers))

    # --- The rest ---------------------------------------------------------------------------------

    def test_other_methods_are_told_what_there_is(self):
        for node in self.both:
            for path, allowed in (("seq/x", {"GET", "HEAD", "POST", "PUT", "DELETE"}),
                                  ("seq/", {"GET", "HEAD", "POST"}), ("seq", {"GET", "HEAD"}),
                                  ("openapi.json", {"GET", "HEAD"})):
                response = curl("-X", "PATCH", node.url + path)
                self.assertEqual(405, response.status, path)
                self.assertEqual(allowed, set(re.split(", *", response.headers["allow"])))

    def test_the_command_line_knows_sequences(self):
        for node in self.both:
            name = f"{self.name}-{node.id}"
            self.assertEqual("0\n", self.ticketd(node, "next", name))
            self.assertEqual("1-3\n", self.ticketd(node, "next", name, "--count", "3",
                                                   "--idempotency_key", name))
            self.assertEqual("1-3\n", self.ticketd(node, "next", name, "--count", "3",
                                                   "--idempotency_key", name))
            self.assertEqual("3\n", self.ticketd(node, "get", name))
            self.assertEqual("-1\n", self.ticketd(node, "get", name + "?"))
            self.assertEqual(f"{name}\t3\n", self.ticketd(node, "list", "--prefix", name))

    def ticketd(self, node, *arguments):
        answer = node.ticketd(*arguments)
        self.assertEqual(0, answer.code, answer)
        return answer.out


class Options(ProcessTest):
    def test_redirect_sets_both(self):
        cluster = self.new_cluster(3, "--redirect", "307")
        leader, follower = cluster.leader(), cluster.followers()[0]
        for options in (["-X", "GET"], ["-X", "POST"], ["-X", "PUT", "-d", "7"]):
            response = curl(*options, f"{follower.url}seq/a?count=2")
            self.assertEqual((307, f"{leader.url}seq/a?count=2"),
                             (response.status, response.headers.get("location")))
        self.assertEqual("0", curl("-L", "-X", "POST", f"{follower.url}seq/a").text)

    def test_removing_where_it_is_allowed(self):
        cluster = self.new_cluster(3, "--allow_delete")
        leader, follower = cluster.leader(), cluster.followers()[0]
        for node in (leader, follower):
            self.assertEqual(404, curl("-X", "DELETE", f"{node.url}seq/a").status)
            curl("-X", "POST", f"{node.url}seq/a?count=5")
            response = curl("-X", "DELETE", f"{node.url}seq/a")
            self.assertEqual((200, "4"), (response.status, response.text))
            self.assertEqual("-1", curl(f"{node.url}seq/a").text)

    def test_a_full_table_of_keys_refuses_new_ones(self):
        cluster = self.new_cluster(1, "--idempotency_keys", "2", "--idempotency_age", "1h")
        url = f"{cluster[1].url}seq/a"
        for key, status in (("1", 200), ("2", 200), ("3", 503), ("1", 200)):
            response = curl("-X", "POST", "-H", f"Idempotency-Key: {key}", url)
            self.assertEqual(status, response.status, response)
        self.assertEqual("1", curl("-X", "POST", "-H", "Idempotency-Key: 2", url).text)
        self.assertEqual("1", curl(url).text)
        self.assertEqual("2", curl("-X", "POST", url).text)  # without a key there is room

    def test_without_a_quorum_reads_are_refused_and_stale_ones_answered(self):
        cluster = self.new_cluster(3)
        leader, followers = cluster.leader(), cluster.followers()
        curl("-X", "POST", f"{leader.url}seq/a?count=5")
        cluster.wait_equal()
        for follower in followers:
            follower.pause()
        self.assertEqual(503, curl(f"{leader.url}seq/a").status)
        response = curl(f"{leader.url}seq/a?consistency=stale")
        self.assertEqual((200, "4"), (response.status, response.text))
        for follower in followers:
            follower.resume()
        cluster.leader()


if __name__ == "__main__":
    main()
