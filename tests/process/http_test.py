#!/usr/bin/python3
"""HTTP as clients see it: at the leader, at a follower, and at the limits."""

import os
import resource
import select
import socket
import time

from harness import PATIENCE, SCALE, TIMING, Cluster, ProcessTest, close_well, main, wait_until
from http_client import Connection, NoAnswer, curl, request_bytes, ticket


class ThreeNodes(ProcessTest):
    """One cluster for all of these: node 1 redirects with 301, node 2 with 307, node 3 asks the
    leader itself."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(close_well, cls.cluster)
        cls.cluster.add(1).start()
        cls.cluster.add(2, "--redirect", 307).join(cls.cluster[1])
        cls.cluster.add(3, "--redirect", "proxy").join(cls.cluster[1])

    def leader_and_follower(self, follower_id=1):
        """The nodes, once that one follows."""
        leader = self.cluster.lead(self.cluster[3 if follower_id != 3 else 1])
        return leader, self.cluster[follower_id]

    def both(self):
        return self.leader_and_follower()

    # --- The leader -------------------------------------------------------------------------------

    def test_the_leader_answers_with_the_bare_number(self):
        leader, _ = self.leader_and_follower()
        first = curl("-X", "POST", leader.url)
        self.assertEqual(200, first.status)
        self.assertRegex(first.text, r"\A[1-9][0-9]*\Z")
        self.assertEqual("text/plain", first.headers["content-type"].partition(";")[0])
        self.assertEqual(int(first.body) + 1, int(curl("-X", "POST", leader.url).body))

    def test_a_body_and_a_query_are_of_no_consequence(self):
        leader, _ = self.leader_and_follower()
        self.assertEqual(200, curl("-d", "some=form", leader.url + "?a=b").status)

    def test_every_answer_has_a_date_and_names_the_server(self):
        for node in self.both():
            for arguments in (["-X", "POST"], [], ["-X", "DELETE"]):
                for path in ("", "elsewhere"):
                    response = curl(*arguments, node.url + path)
                    self.assertRegex(response.headers["server"], r"\Aticketd/\d+\.\d+")
                    self.assertRegex(response.headers["date"],
                                     r"\A\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\Z")

    def test_pipelined_requests_are_answered_in_their_order(self):
        leader, _ = self.leader_and_follower()
        with Connection(leader.http_endpoint) as connection:
            connection.send(request_bytes("POST") * 100)
            tickets = [int(connection.response().body) for _ in range(100)]
            connection.send(request_bytes("GET") + request_bytes("POST"))
            self.assertEqual([405, 200], [connection.response().status for _ in range(2)])
        self.assertEqual(list(range(tickets[0], tickets[0] + 100)), tickets)

    def test_a_connection_is_closed_when_the_client_asks_for_it(self):
        leader, _ = self.leader_and_follower()
        with Connection(leader.http_endpoint) as connection:
            self.assertEqual("close", connection.post(headers=["Connection: close"])
                             .headers["connection"].lower())
            self.assertTrue(connection.closed_by_server())
        with Connection(leader.http_endpoint) as connection:
            connection.send(b"POST / HTTP/1.0\r\n\r\n")
            self.assertEqual(200, connection.response().status)
            self.assertTrue(connection.closed_by_server())

    # --- A follower -------------------------------------------------------------------------------

    def assert_redirect(self, status, response, location):
        self.assertEqual(status, response.status)
        self.assertEqual(location, response.headers["location"])
        self.assertEqual("no-store", response.headers["cache-control"])
        self.assertEqual("0", response.headers["content-length"])
        self.assertEqual(b"", response.body)

    def test_a_follower_redirects_a_post_with_301(self):
        leader, follower = self.leader_and_follower(1)
        response = curl("-X", "POST", follower.url)
        self.assert_redirect(301, response, leader.url)
        self.assertEqual("Moved Permanently", response.reason)

    def test_a_redirect_keeps_path_and_query(self):
        leader, follower = self.leader_and_follower(1)
        response = curl("-X", "POST", follower.url + "?a=b%20c&d=/e")
        self.assert_redirect(301, response, leader.url + "?a=b%20c&d=/e")

    def test_a_follower_redirects_with_307_when_told_so(self):
        leader, follower = self.leader_and_follower(2)
        self.assert_redirect(307, curl("-X", "POST", follower.url), leader.url)
        # curl repeats the POST by itself.
        self.assertEqual(200, curl("-L", "-d", "", follower.url).status)

    def test_a_follower_redirects_with_308_when_told_so(self):
        leader, follower = self.leader_and_follower(2)
        follower.stop()
        follower.options[-1] = 308
        self.addCleanup(self.restart_with_307, follower)
        follower.rejoin()
        self.assert_redirect(308, wait_until(lambda: self.answer_of(follower), "a redirect"),
                             leader.url)

    @staticmethod
    def restart_with_307(follower):
        follower.stop()
        follower.options[-1] = 307
        follower.rejoin()

    @staticmethod
    def answer_of(node):
        response = curl("-X", "POST", node.url)
        return response if response.status != 503 else None

    def test_curl_follows_to_a_ticket_as_a_post(self):
        _, follower = self.leader_and_follower(1)
        response = curl("-L", "--post301", "-d", "", follower.url)
        self.assertEqual(200, response.status)
        self.assertRegex(response.text, r"\A[1-9][0-9]*\Z")

    def test_a_client_that_turned_the_post_into_a_get_is_told_so(self):
        _, follower = self.leader_and_follower(1)
        response = curl("-L", "-d", "", follower.url)
        self.assertEqual(405, response.status)
        self.assertIn("--post301", response.text)

    def test_a_proxy_answers_itself(self):
        leader, follower = self.leader_and_follower(3)
        before = int(curl("-X", "POST", leader.url).body)
        response = curl("-X", "POST", follower.url)
        self.assertEqual((200, before + 1), (response.status, int(response.body)))
        self.assertEqual(before + 2, int(curl("-X", "POST", leader.url).body))

    def test_a_proxy_answers_pipelined_requests_in_their_order(self):
        _, follower = self.leader_and_follower(3)
        with Connection(follower.http_endpoint) as connection:
            connection.send(request_bytes("POST") * 50)
            tickets = [int(connection.response().body) for _ in range(50)]
        self.assertEqual(50, len(set(tickets)))

    # --- What is refused, at both -----------------------------------------------------------------

    def test_other_methods_are_refused(self):
        for node in self.both():
            for method in ("GET", "DELETE", "PATCH", "OPTIONS"):
                response = curl("-X", method, node.url)
                self.assertEqual(405, response.status, method)
                self.assertIn("POST", response.headers["allow"])
                self.assertIn("POST", response.text)
            response = curl("--head", node.url)
            self.assertEqual((405, b""), (response.status, response.body))

    def test_other_paths_are_not_found(self):
        for node in self.both():
            for path in ("tickets", "x/y?z", "/"):
                for method in ("GET", "POST"):
                    response = curl("--path-as-is", "-X", method, node.url + path)
                    self.assertEqual(404, response.status, f"{method} /{path}")

    def assert_refused_and_closed(self, status, node, request):
        with Connection(node.http_endpoint) as connection:
            try:
                connection.send(request)
            except NoAnswer:
                pass  # it may stop reading before all is sent
            response = connection.response()
            self.assertEqual(status, response.status)
            self.assertEqual("close", response.headers["connection"].lower())
            self.assertTrue(connection.closed_by_server())

    def test_too_large_headers_are_refused(self):
        for node in self.both():
            self.assertEqual(431, curl("-X", "POST", "-H", "X: " + "y" * 16384, node.url).status)
            self.assert_refused_and_closed(
                431, node, request_bytes("POST", headers=["X: " + "y" * 16384]))
            self.assert_refused_and_closed(
                431, node, request_bytes("POST", headers=["X: " + "y" * 100] * 200))
            self.assert_refused_and_closed(431, node, request_bytes("POST", "/?" + "y" * 16384))

    def test_too_large_a_body_is_refused(self):
        for node in self.both():
            self.assertEqual(413, curl("-H", "Expect:", "-d", "y" * 65537, node.url).status)
            self.assertNotEqual(413, curl("-H", "Expect:", "-d", "y" * 65536, node.url).status)
            self.assert_refused_and_closed(413, node, b"POST / HTTP/1.1\r\nHost: test\r\n"
                                                      b"Content-Length: 99999999999\r\n\r\n")
            head = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
            chunk = b"8000\r\n" + b"y" * 0x8000 + b"\r\n"
            self.assert_refused_and_closed(413, node, head + chunk * 3)

    def test_what_is_not_http_is_refused(self):
        for node in self.both():
            for request in (b"\x16\x03\x01\x02\x00 hello\r\n\r\n", b"POST\r\n\r\n",
                            b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: -1\r\n\r\n",
                            b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n"
                            b"Content-Length: 2\r\n\r\nyy"):
                self.assert_refused_and_closed(400, node, request)

    def test_an_unknown_transfer_encoding_is_refused(self):
        for node in self.both():
            self.assert_refused_and_closed(501, node, b"POST / HTTP/1.1\r\nHost: test\r\n"
                                                      b"Transfer-Encoding: gzip, chunked\r\n\r\n")

    def test_a_request_that_does_not_arrive_whole_in_time_is_refused(self):
        leader, follower = self.leader_and_follower()
        beginnings = (b"POST / HTTP/1.1\r\nHost:",
                      b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc")
        connections = [Connection(node.http_endpoint, 20) for node in (leader, follower)
                       for _ in beginnings]
        began = time.monotonic()
        for connection, beginning in zip(connections, beginnings * 2):
            connection.send(beginning)
        for connection in connections:
            with connection:
                self.assertEqual(408, connection.response().status)
                self.assertTrue(connection.closed_by_server())
        self.assertGreater(time.monotonic() - began, 8)

    def test_one_connection_too_many_is_refused(self):
        if SCALE < 1:
            self.skipTest("ten thousand connections are for a release build")
        leader, _ = self.leader_and_follower()
        need_descriptors(self, 10_200)
        connections = [socket.create_connection(leader.http_endpoint) for _ in range(10_000)]
        try:
            response = curl("-X", "POST", leader.url)
            self.assertEqual((503, "close"),
                             (response.status, response.headers["connection"].lower()))
        finally:
            for connection in connections:
                connection.close()
        wait_until(lambda: curl("-X", "POST", leader.url).status == 200, "connections to be let go")


def need_descriptors(test, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        test.skipTest(f"{count} open files are needed, {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


class Descriptors(ProcessTest):
    def test_the_limit_of_open_files_is_raised_as_needed(self):
        cluster = self.new_cluster()
        node = cluster.add(1, under=["prlimit", "--nofile=64:4096"]).start()
        connections = [Connection(node.http_endpoint) for _ in range(300)]
        for connection in connections:
            with connection:
                self.assertEqual(200, connection.post().status)

    def test_accepting_pauses_without_descriptors_and_does_not_spin(self):
        if not TIMING:
            self.skipTest("a sanitizer needs descriptors of its own to look at memory")
        cluster = self.new_cluster()
        # Root might raise its limit.
        humble = ["setpriv", "--bounding-set=-sys_resource", "--"] if os.getuid() == 0 else []
        node = cluster.add(1, under=[*humble, "prlimit", "--nofile=64:64"]).start()
        first = Connection(node.http_endpoint)
        self.assertEqual(200, first.post().status)
        others = [socket.create_connection(node.http_endpoint) for _ in range(100)]
        for other in others:
            other.sendall(request_bytes("POST"))
        self.assertEqual(200, first.post().status)
        began_s, cpu_s = time.monotonic(), node.cpu_s()
        tickets = 0
        while time.monotonic() - began_s < 1:
            # An open connection is served all the while, at a pace that needs next to no time.
            self.assertEqual(200, first.post().status)
            tickets += 1
            wait_for_nothing(first, 0.05)
        self.assertLess(node.cpu_s() - cpu_s, 0.4)
        for other in others:
            other.close()
        wait_until(lambda: curl("-X", "POST", node.url).status == 200, "accepting to go on")
        first.close()


def wait_for_nothing(connection, seconds):
    """Nothing may come in that time."""
    assert not select.select([connection], [], [], seconds)[0]


class WithoutLeader(ProcessTest):
    def assert_unavailable(self, response):
        self.assertEqual((503, "Leader unavailable"), (response.status, response.reason))
        self.assertEqual(("0", "1"), (response.headers["content-length"],
                                      response.headers["retry-after"]))
        self.assertNotEqual("close", response.headers.get("connection", "").lower())

    def test_a_node_alone_answers_503_and_keeps_the_connection(self):
        cluster = self.new_cluster(3)
        leader, (one, two) = cluster.leader(), cluster.followers()
        with Connection(leader.http_endpoint) as at_leader, Connection(one.http_endpoint) as at_one:
            self.assertEqual(200, at_leader.post().status)
            two.kill()
            one.pause()
            wait_until(lambda: leader.status()["role"] != "leader", "the leader to step down")
            for _ in range(2):
                self.assert_unavailable(at_leader.post())
            leader.kill()
            one.resume()
            # Until its time-out it may send us to the leader that it heard last.
            wait_until(lambda: at_one.post().status == 503, "the leader to be missed")
            for _ in range(2):
                self.assert_unavailable(at_one.post())
            # Method and path are judged all the same.
            self.assertEqual(405, at_one.request("GET").status)
            self.assertEqual(404, at_one.post("/elsewhere").status)
        leader.rejoin()
        ticket(one)

    def test_the_outcome_is_unknown_when_the_leader_loses_its_quorum_after_the_append(self):
        cluster = self.new_cluster(3)
        leader, followers = cluster.leader(), cluster.followers()
        self.assertEqual(b"1", curl("-X", "POST", leader.url).body)
        for follower in followers:
            follower.pause()
        began = time.monotonic()
        response = curl("-X", "POST", leader.url)
        self.assertLess(time.monotonic() - began, 6 * PATIENCE)
        self.assertEqual(504, response.status)
        self.assertIn("outcome unknown", response.text)
        for follower in followers:
            follower.resume()
        # Whether the lost request took ticket 2 or not, it is not handed out twice.
        self.assertIn(ticket(leader), (2, 3))

    def test_a_forward_without_an_answer_is_a_504(self):
        cluster = self.new_cluster(3, "--redirect", "proxy")
        leader, (follower, _) = cluster.leader(), cluster.followers()
        self.assertEqual(b"1", curl("-X", "POST", follower.url).body)
        leader.pause()
        began = time.monotonic()
        response = curl("-X", "POST", follower.url)
        self.assertLess(time.monotonic() - began, 6 * PATIENCE)
        self.assertEqual(504, response.status)
        self.assertIn("outcome unknown", response.text)
        leader.resume()
        self.assertIn(ticket(follower), (2, 3))


if __name__ == "__main__":
    main()
