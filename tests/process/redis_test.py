#!/usr/bin/python3
"""The Redis protocol as clients see it: redis-cli, redis-benchmark, redis-py, and pipelines."""

import logging
import re
import threading
import unittest

import isolation

NO_PRIVATE_NETWORK = isolation.enter_namespaces(network=True)

from harness import Cluster, ProcessTest, close_well, main, scaled, wait_until
from http_client import curl
from node import ROOT, VOTER
from redis_client import Connection, ReplyError, benchmark, redis_cli, request

try:
    from redis.cluster import ClusterNode, RedisCluster
    NO_REDIS_PY = None
except ImportError:
    NO_REDIS_PY = "there is no redis-py (python3-redis)"

# As hashicorp/raft names them.
RAFT_STATS = {"applied_index", "commit_index", "last_contact", "last_log_index", "last_log_term",
              "last_snapshot_index", "last_snapshot_term", "latest_configuration", "num_peers",
              "state", "term"}


def endpoint(node):
    return (node.host, node.redis_port)


def stats(node):
    with Connection(endpoint(node)) as connection:
        flat = [text.decode() for text in connection.ask("RAFT.STATS")]
    return dict(zip(flat[::2], flat[1::2]))


def documented_stats():
    page = (ROOT / "docs/redis-api.md").read_text("utf-8")
    table = page.partition("\n## RAFT.STATS\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {name for cell in cells for name in re.findall("`(.*?)`", cell)}


class ThreeNodes(ProcessTest):
    """One cluster for all of these."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(close_well, cls.cluster)
        cls.cluster.begin(3, redis=True)

    def leader_and_follower(self):
        leader = self.cluster.lead(self.cluster[1])
        return leader, self.cluster[2]

    # --- Tickets ----------------------------------------------------------------------------------

    def test_tickets_are_those_of_http(self):
        leader, _ = self.leader_and_follower()
        first = int(redis_cli(leader, "TICKET"))
        self.assertEqual(str(first + 1), curl("-d", "", leader.url).text)
        self.assertEqual(str(first + 2), redis_cli(leader, "ticket"))

    def test_sequences_are_those_of_http(self):
        leader, _ = self.leader_and_follower()
        self.assertEqual("(integer) -1", redis_cli(leader, "TICKET.GET", "shared"))
        self.assertEqual("(integer) 0", redis_cli(leader, "TICKET", "shared"))
        self.assertEqual("1-10", curl("-d", "", leader.url + "seq/shared?count=10").text)
        self.assertEqual("1) (integer) 11\n2) (integer) 13",
                         redis_cli(leader, "TICKET", "shared", "COUNT", 3))
        self.assertEqual("(integer) 13", redis_cli(leader, "TICKET.GET", "shared"))

    def test_a_number_that_is_no_signed_integer_is_a_string(self):
        leader, _ = self.leader_and_follower()
        self.assertEqual(200, curl("-X", "PUT", "-d", 2**63 - 2, leader.url + "seq/large").status)
        self.assertEqual(f"(integer) {2**63 - 1}", redis_cli(leader, "TICKET", "large"))
        self.assertEqual(f'"{2**63}"', redis_cli(leader, "TICKET", "large"))
        self.assertEqual(200, curl("-X", "PUT", "-d", 2**64 - 2, leader.url + "seq/large").status)
        self.assertEqual(f'"{2**64 - 1}"', redis_cli(leader, "TICKET", "large"))
        self.assertRegex(redis_cli(leader, "TICKET", "large"), r"\A\(error\) ERR ")

    def test_a_token_and_an_idempotency_key_are_one_thing(self):
        leader, _ = self.leader_and_follower()
        first = redis_cli(leader, "TICKET", "once", "IDEMPOTENT", "order-1")
        self.assertEqual("(integer) 0", first)
        self.assertEqual(first, redis_cli(leader, "TICKET", "once", "IDEMPOTENT", "order-1"))
        again = curl("-d", "", "-H", "Idempotency-Key: order-1", leader.url + "seq/once")
        self.assertEqual(("0", "true"), (again.text, again.headers["idempotency-replayed"]))
        self.assertRegex(redis_cli(leader, "TICKET", "other", "IDEMPOTENT", "order-1"),
                         r"\A\(error\) ERR ")
        self.assertEqual("(integer) 0", redis_cli(leader, "TICKET.GET", "once"))

    # --- Pipelines --------------------------------------------------------------------------------

    def test_a_pipeline_gets_consecutive_numbers_in_order(self):
        leader, _ = self.leader_and_follower()
        count = 10_000
        with Connection(endpoint(leader)) as connection:
            first = int(connection.ask("TICKET")) + 1
            connection.send(request("TICKET") * count)
            connection.end()
            self.assertEqual([str(number) for number in range(first, first + count)],
                             [connection.reply() for _ in range(count)])
            self.assertRaises(EOFError, connection.reply)

    def test_a_pipeline_of_tickets_is_one_append(self):
        leader, _ = self.leader_and_follower()
        before = int(stats(leader)["last_log_index"])
        with Connection(endpoint(leader)) as connection:
            connection.send(request("TICKET") * 500)
            for _ in range(500):
                connection.reply()
        # It may have arrived in several pieces.
        self.assertLess(int(stats(leader)["last_log_index"]) - before, 25)

    def test_replies_of_all_kinds_keep_the_order_of_their_requests(self):
        leader, _ = self.leader_and_follower()
        with Connection(endpoint(leader)) as connection:
            first = int(connection.ask("TICKET"))
            connection.send(b"TICKET\r\nPING\r\n" + request("TICKET", "mixed") +
                            b"ECHO \"a b\"\r\nticket\r\nNONE\r\nTICKET.GET mixed\r\n"
                            b"QUIT\r\nPING\r\n")
            replies = [connection.reply() for _ in range(8)]
            self.assertRaises(EOFError, connection.reply)
        self.assertEqual([str(first + 1), "PONG", 0, b"a b", str(first + 2)], replies[:5])
        self.assertEqual("ERR unknown command 'NONE'", str(replies[5]))
        self.assertEqual([0, "OK"], replies[6:])

    def test_clients_that_pipeline_at_once_share_the_numbers(self):
        leader, _ = self.leader_and_follower()
        clients, each = 8, scaled(2_000, at_least=200)
        first = int(redis_cli(leader, "TICKET")) + 1
        taken = [[] for _ in range(clients)]

        def take(numbers):
            with Connection(endpoint(leader)) as connection:
                connection.send(request("TICKET") * each)
                numbers.extend(int(connection.reply()) for _ in range(each))

        threads = [threading.Thread(target=take, args=(numbers,)) for numbers in taken]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for numbers in taken:
            self.assertEqual(sorted(numbers), numbers)
        self.assertEqual(list(range(first, first + clients * each)), sorted(sum(taken, [])))

    def test_redis_benchmark_takes_as_many_as_it_says(self):
        leader, _ = self.leader_and_follower()
        for arguments in (["-c", 16], ["-c", 16, "-P", 16]):
            # Whole pipelines, which redis-benchmark completes beyond -n.
            count = scaled(16 * 640, at_least=16 * 64)
            before = int(redis_cli(leader, "TICKET"))
            printed = benchmark(leader, "-n", count, "-q", *arguments, "TICKET")
            self.assertIn("requests per second", printed)
            self.assertNotRegex(printed, "(?i)error|warning")
            self.assertEqual(before + count + 1, int(redis_cli(leader, "TICKET")))

    # --- Followers --------------------------------------------------------------------------------

    def test_a_follower_says_where_the_leader_is(self):
        leader, follower = self.leader_and_follower()
        slot = redis_cli(follower, "CLUSTER", "KEYSLOT", "a").removeprefix("(integer) ")
        for expected, command in ((0, ["TICKET"]), (slot, ["TICKET", "a"]),
                                  (slot, ["TICKET.GET", "a"]), (0, ["RAFT.REMOVESERVER", 3])):
            self.assertEqual(f"(error) MOVED {expected} {leader.redis_address}",
                             redis_cli(follower, *command))

    def test_redis_cli_follows(self):
        _, follower = self.leader_and_follower()
        first = int(redis_cli(follower, "TICKET", follow=True))
        self.assertEqual(first + 1, int(redis_cli(follower, "TICKET", follow=True)))
        self.assertEqual("(integer) 0", redis_cli(follower, "TICKET", "follow", follow=True))
        self.assertEqual("(integer) 0", redis_cli(follower, "TICKET.GET", "follow", follow=True))

    def test_any_node_tells_of_the_cluster(self):
        leader, follower = self.leader_and_follower()
        for node in (leader, follower):
            with Connection(endpoint(node)) as connection:
                [[first, last, master, *replicas]] = connection.ask("CLUSTER", "SLOTS")
                self.assertEqual((0, 16383), (first, last))
                self.assertEqual([leader.host.encode(), leader.redis_port], master[:2])
                self.assertEqual({self.cluster[2].redis_port, self.cluster[3].redis_port},
                                 {replica[1] for replica in replicas})
                names = {member[2] for member in (master, *replicas)}
                self.assertEqual(3, len(names))
                self.assertIn(connection.ask("CLUSTER", "MYID"), names)
                info = connection.ask("INFO").decode()
                self.assertIn("cluster_enabled:1", info)
                self.assertIn("role:master" if node is leader else "role:slave", info)
                self.assertEqual(leader.peer, connection.ask("RAFT.LEADER"))
                self.assertIn(b"cluster_state:ok", connection.ask("CLUSTER", "INFO"))

    # --- RAFT.* -----------------------------------------------------------------------------------

    def test_statistics_have_the_names_of_other_raft_servers(self):
        for node, state in zip(self.leader_and_follower(), ("Leader", "Follower")):
            with Connection(endpoint(node)) as connection:
                flat = connection.ask("RAFT.STATS")
                contact = connection.ask("RAFT.LASTCONTACT")
            names = flat[::2]
            self.assertEqual(sorted(names), names)
            told = stats(node)
            self.assertLessEqual(RAFT_STATS, told.keys())
            self.assertEqual(documented_stats(), told.keys())
            self.assertEqual((state, "2"), (told["state"], told["num_peers"]))
            self.assertIn(f"{{Suffrage:Voter ID:{node.id} Address:{node.peer}}}",
                          told["latest_configuration"])
            self.assertRegex(contact, r"\A0\Z" if state == "Leader" else r"\A\d+\.\d{3}ms\Z")

    def test_the_configuration_lists_the_members(self):
        _, follower = self.leader_and_follower()
        with Connection(endpoint(follower)) as connection:
            told = connection.ask("RAFT.CONFIGURATION")
        self.assertEqual([[b"id", str(node.id).encode(), b"address", node.peer.encode(),
                           b"suffrage", b"Voter"] for node in self.cluster.nodes.values()], told)

    def test_a_snapshot_is_made_when_there_is_something_new(self):
        for node in self.leader_and_follower():
            redis_cli(node, "TICKET", follow=True)
            self.cluster.wait_equal()
            before = stats(node)
            self.assertEqual("OK", redis_cli(node, "RAFT.SNAPSHOT"))
            after = stats(node)
            self.assertEqual(before["applied_index"], after["last_snapshot_index"])
            self.assertEqual(int(before["snapshots_made"]) + 1, int(after["snapshots_made"]))
            self.assertEqual("(error) ERR nothing new to snapshot",
                             redis_cli(node, "RAFT.SNAPSHOT"))

    def test_a_voter_is_added_when_it_waits(self):
        leader, follower = self.leader_and_follower()
        self.assertEqual("OK", redis_cli(leader, "RAFT.ADDVOTER", follower.id, follower.peer))
        self.assertRegex(redis_cli(leader, "RAFT.ADDVOTER", 9, "127.0.0.1:1"),
                         r"\A\(error\) ERR no node waits at 127.0.0.1:1; start it with: ticketd ")
        self.assertRegex(redis_cli(leader, "RAFT.ADDVOTER", follower.id, follower.peer, 1),
                         r"\A\(error\) ERR configuration changed since 1 ")
        self.assertRegex(redis_cli(leader, "RAFT.REMOVESERVER", follower.id, "127.0.0.1:1"),
                         r"\A\(error\) ERR member 2 is at ")
        self.assertRegex(redis_cli(leader, "RAFT.REMOVESERVER", follower.id, follower.peer, 1),
                         r"\A\(error\) ERR configuration changed since 1 ")


@unittest.skipIf(NO_REDIS_PY, NO_REDIS_PY)
class RedisPy(ProcessTest):
    def client(self, cluster, **options):
        logging.getLogger("redis.cluster").setLevel(logging.CRITICAL)
        nodes = [ClusterNode(node.host, node.redis_port) for node in cluster.nodes.values()]
        client = RedisCluster(startup_nodes=nodes, require_full_coverage=True, **options)
        self.addCleanup(client.close)
        return client

    def test_it_finds_the_leader_and_its_successors(self):
        cluster = self.new_cluster(3, redis=True)
        client = self.client(cluster)
        self.assertEqual([0, 1, 2], [client.execute_command("TICKET", "key") for _ in range(3)])
        self.assertEqual([3, 12], client.execute_command("TICKET", "key", "COUNT", 10))
        cluster.lead(cluster[2])
        self.assertEqual(13, client.execute_command("TICKET", "key"))
        self.assertEqual(13, client.execute_command("TICKET.GET", "key"))
        cluster[2].kill()
        cluster.leader()
        number = wait_until(lambda: self.try_to_take(client), "a ticket of the next leader")
        self.assertGreater(number, 13)
        self.assertEqual(number + 1, client.execute_command("TICKET", "key"))
        cluster[2].rejoin()

    def test_it_may_wish_to_read_from_replicas(self):
        cluster = self.new_cluster(3, redis=True)
        client = self.client(cluster, read_from_replicas=True)
        self.assertEqual(0, client.execute_command("TICKET", "key"))
        self.assertEqual([0] * 9, [client.execute_command("TICKET.GET", "key") for _ in range(9)])

    def try_to_take(self, client):
        try:
            return client.execute_command("TICKET", "key")
        except Exception:  # whatever it makes of a node that is gone
            return None


class Changes(ProcessTest):
    def test_a_server_is_removed(self):
        cluster = self.new_cluster(3, redis=True)
        leader = cluster.lead(cluster[1])
        self.assertEqual("OK", redis_cli(leader, "RAFT.REMOVESERVER", 3, cluster[3].peer))
        cluster[3].wait_exit()
        cluster.wait_voters(1, 2)
        self.assertRegex(redis_cli(leader, "RAFT.REMOVESERVER", 3), r"\A\(error\) ERR no member ")
        # The leader itself hands over first.
        self.assertRegex(redis_cli(leader, "RAFT.REMOVESERVER", 1), r"\A\(error\) TRYAGAIN ")
        wait_until(lambda: cluster.leader() is cluster[2], "the other one to lead")

    def test_a_node_that_comes_back_at_another_port_is_found_there(self):
        cluster = self.new_cluster(3, redis=True)
        node = cluster[2]
        self.assertEqual(0, node.stop())
        node.redis_port = isolation.free_port()
        node.rejoin()
        cluster.lead(node)
        moved = f"(error) MOVED 0 {node.redis_address}"
        wait_until(lambda: redis_cli(cluster[1], "TICKET") == moved, "the new address")
        shown = {member["id"]: member["redis"] for member in cluster[1].status()["members"]}
        self.assertEqual(node.redis_address, shown[2])

    def test_clients_are_sent_to_an_ipv6_address(self):
        cluster = self.new_cluster()
        cluster.add(1, host="::1", redis=True).start()
        cluster.add(2, host="::1", redis=True).join(cluster[1])
        cluster.lead(cluster[1])
        self.assertEqual("1", redis_cli(cluster[2], "TICKET", follow=True))
        self.assertEqual("(integer) 0", redis_cli(cluster[2], "TICKET", "a", follow=True))

    def test_a_leader_without_the_protocol_cannot_be_moved_to(self):
        cluster = self.new_cluster(1)
        cluster.add(2, redis=True).join(cluster[1])
        cluster.lead(cluster[1])
        self.assertRegex(redis_cli(cluster[2], "TICKET"),
                         r"\A\(error\) CLUSTERDOWN The Raft leader ")
        cluster.lead(cluster[2])
        self.assertEqual("1", redis_cli(cluster[2], "TICKET"))


class WithoutMajority(ProcessTest):
    def test_what_was_appended_is_unknown_and_then_the_cluster_is_down(self):
        cluster = self.new_cluster(3, redis=True)
        leader, followers = cluster.leader(), cluster.followers()
        self.assertEqual("1", redis_cli(leader, "TICKET"))
        for follower in followers:
            follower.pause()
        self.assertRegex(redis_cli(leader, "TICKET"), r"\A\(error\) UNKNOWN outcome unknown: ")
        wait_until(lambda: leader.status()["role"] != "leader", "the leader to step down")
        self.assertEqual("(error) CLUSTERDOWN No Raft leader", redis_cli(leader, "TICKET"))
        self.assertEqual("(error) CLUSTERDOWN No Raft leader",
                         redis_cli(leader, "CLUSTER", "SLOTS"))
        self.assertEqual('""', redis_cli(leader, "RAFT.LEADER") or '""')
        for follower in followers:
            follower.resume()
        # Whether the lost request took ticket 2 or not, it is not handed out twice.
        taken = wait_until(lambda: self.take(cluster), "a ticket")
        self.assertIn(taken, (2, 3))

    def take(self, cluster):
        reply = redis_cli(cluster.leader(), "TICKET")
        return int(reply) if reply.isdecimal() else None


class BeforeAdmission(ProcessTest):
    def test_clients_are_turned_away_until_the_node_is_admitted(self):
        cluster = self.new_cluster()
        founder, joiner = cluster.add(1, redis=True), cluster.add(2, redis=True)
        joiner.join(founder, wait=False)
        joiner.wait_line("asking .* for admission")
        for command in ("PING", "TICKET", "RAFT.LEADER"):
            self.assertEqual("(error) CLUSTERDOWN No Raft leader", redis_cli(joiner, command))
        answer = curl("-d", "", joiner.url)
        self.assertEqual((503, "1"), (answer.status, answer.headers["retry-after"]))
        self.assertIn("waits to be admitted", answer.text)
        founder.start()
        joiner.wait_line(VOTER, 30)
        self.assertEqual("PONG", redis_cli(joiner, "PING"))
        self.assertEqual("1", redis_cli(joiner, "TICKET", follow=True))


@unittest.skipIf(NO_PRIVATE_NETWORK, NO_PRIVATE_NETWORK)
class Elsewhere(ProcessTest):
    """Clients that are not on the node's machine, as far as the node can tell."""

    ADDRESS = "192.0.2.1"

    @classmethod
    def setUpClass(cls):
        isolation.add_address(cls.ADDRESS)

    def node(self, *options):
        node = self.new_cluster().add(1, *options, host="0.0.0.0", advertise="127.0.0.1",
                                      redis=True)
        return node.start()

    def test_they_may_ask_but_not_change(self):
        node = self.node()
        self.assertEqual("1", redis_cli(node, "TICKET", host=self.ADDRESS))
        self.assertEqual("127.0.0.1:%d" % node.raft_port,
                         redis_cli(node, "RAFT.LEADER", host=self.ADDRESS))
        for command in (["RAFT.SNAPSHOT"], ["RAFT.REMOVESERVER", 1],
                        ["RAFT.ADDVOTER", 2, "127.0.0.1:1"]):
            self.assertRegex(redis_cli(node, *command, host=self.ADDRESS), r"\A\(error\) NOPERM ")
        self.assertEqual("OK", redis_cli(node, "RAFT.SNAPSHOT", host="127.0.0.1"))

    def test_they_may_change_where_that_is_allowed(self):
        node = self.node("--redis_admin")
        self.assertEqual("1", redis_cli(node, "TICKET", host=self.ADDRESS))
        self.assertEqual("OK", redis_cli(node, "RAFT.SNAPSHOT", host=self.ADDRESS))


class Off(ProcessTest):
    def test_the_protocol_is_not_spoken_unless_asked_for(self):
        cluster = self.new_cluster(1)
        self.assertIsNone(cluster[1].said("redis"))
        self.assertEqual("", cluster[1].status()["members"][0]["redis"])


if __name__ == "__main__":
    main()
