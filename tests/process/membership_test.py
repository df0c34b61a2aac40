#!/usr/bin/python3
"""Who belongs to the cluster: joining, leaving, removal, replacement, other addresses."""

from harness import ProcessTest, main, scaled, wait_until
from http_client import curl, ticket
from load import Load
from node import VOTER, ticketd


class Joining(ProcessTest):
    def test_three_nodes_hand_out_tickets_from_one_on(self):
        cluster = self.new_cluster(3)
        cluster.wait_voters(1, 2, 3)
        self.assertEqual([1, 2, 3, 4, 5, 6],
                         [ticket(cluster[node_id]) for node_id in (1, 2, 3, 3, 2, 1)])
        cluster.wait_equal()

    def test_a_node_joins_through_a_follower(self):
        cluster = self.new_cluster(2)
        follower = cluster.followers()[0]
        cluster.add(3).join(follower)
        cluster.wait_voters(1, 2, 3)
        self.assertEqual(1, ticket(cluster[3]))

    def test_a_join_tells_what_it_waits_for(self):
        cluster = self.new_cluster(1)
        # A majority of one and a silent learner is still there; of two it would not be.
        cluster.add(2).join(cluster[1])
        cluster[1].pause()
        cluster.add(3).join(cluster[2], wait=False)
        cluster[3].wait_line(r"asking \S+ for admission")
        cluster[3].wait_line(r"waiting ")
        cluster[1].resume()
        cluster[3].wait_line(VOTER)
        cluster.wait_voters(1, 2, 3)

    def test_a_join_that_waits_stops_on_a_signal(self):
        cluster = self.new_cluster(1)
        cluster[1].kill()
        joiner = cluster.add(2).join(cluster[1], wait=False)
        joiner.wait_line(r"asking \S+ for admission")
        self.assertEqual(0, joiner.stop())
        cluster[1].rejoin()
        joiner.join(cluster[1])
        cluster.wait_voters(1, 2)

    def test_a_join_that_is_killed_anywhere_resumes(self):
        cluster = self.new_cluster(1)
        self.assertEqual(1, ticket(cluster[1]))
        joiner = cluster.add(2)
        # Killed at each line that it writes, one later each time, until it gets through.
        for lines in range(1, 60):
            joiner.join(cluster[1], wait=False)
            first = joiner.log.wait(lambda: len(joiner.log.lines) - joiner.first_line > lines, 5)
            joiner.kill()
            if joiner.said(VOTER) or not first:
                break
        joiner.rejoin(wait=False) if joiner.said(VOTER) else joiner.join(cluster[1])
        cluster.wait_voters(1, 2)
        self.assertEqual(2, ticket(joiner))
        cluster.wait_equal()

    def test_a_join_that_was_admitted_and_killed_resumes_without_a_command(self):
        cluster = self.new_cluster(1)
        joiner = cluster.add(2).join(cluster[1], wait=False)
        wait_until(lambda: 2 in cluster.members(), "the admission")
        joiner.kill()
        joiner.rejoin()
        cluster.wait_voters(1, 2)

    def test_an_id_in_use_is_refused_alive_or_silent(self):
        cluster = self.new_cluster(3)
        imposter = cluster.add(20)
        imposter.id = 3
        for state in ("alive", "silent"):
            if state == "silent":
                cluster[3].kill()
            imposter.join(cluster[1], wait=False)
            self.assertEqual(1, imposter.wait_exit())
            imposter.wait_line(r"id 3 is in use.*--replace")
            self.assertFalse(imposter.directory.exists(), "nothing is left of a refused join")
        cluster.nodes.pop(20)
        self.assertEqual({1, 2, 3}, set(cluster.members()))

    def test_a_lost_node_is_replaced_under_its_id(self):
        cluster = self.new_cluster(3)
        before = cluster.members()[3]["incarnation"]
        cluster[3].kill()
        self.assertEqual(0, ticketd("drop", "--yes", "--path", cluster[3].directory).code)
        with Load([cluster[1], cluster[2]], clients=4) as load:
            cluster[3].join(cluster[1], "--replace")
            cluster.wait_voters(1, 2, 3)
        self.assertEqual([], load.violations())
        self.assertGreater(cluster.members()[3]["incarnation"], before)
        cluster.wait_equal()

    def test_a_member_that_comes_back_with_other_addresses_is_found(self):
        cluster = self.new_cluster(3)
        moved = cluster.followers()[0]
        moved.stop()
        moved.take_new_ports()
        moved.rejoin()
        wait_until(lambda: cluster.members()[moved.id]["peer"] == moved.peer, "the new address")
        self.assertEqual(moved.http, cluster.members()[moved.id]["http"])
        cluster.lead(moved)
        follower = cluster.followers()[0]
        self.assertEqual(moved.url, curl("-X", "POST", follower.url).headers["location"])


class Leaving(ProcessTest):
    def leave(self, node, *options):
        return ticketd("leave", "--path", node.directory, *options)

    def test_a_running_node_leaves(self):
        cluster = self.new_cluster(3)
        for node in (cluster.followers()[0], cluster.leader()):
            self.assert_exit(0, self.leave(node))
            self.assertEqual(0, node.wait_exit())
            self.assertNotIn(node.id, cluster.members())
            self.assertFalse(node.directory.exists() and any(node.directory.iterdir()))
        last = cluster.leader()
        cluster.wait_voters(last.id)
        self.assertEqual(1, ticket(last))

    def test_a_stopped_node_leaves(self):
        cluster = self.new_cluster(3)
        node = cluster.followers()[0]
        node.kill()
        self.assert_exit(0, self.leave(node))
        self.assertNotIn(node.id, cluster.members())
        self.assertFalse(node.directory.exists() and any(node.directory.iterdir()))

    def test_the_last_voter_may_not_leave(self):
        cluster = self.new_cluster(1)
        self.assertEqual(1, ticket(cluster[1]))
        self.assert_exit(1, self.leave(cluster[1]), "last voter")
        self.assertEqual(2, ticket(cluster[1]))
        cluster[1].stop()
        self.assert_exit(1, self.leave(cluster[1]))
        cluster[1].rejoin()
        self.assertEqual(3, ticket(cluster[1]))

    def test_without_a_leader_leaving_changes_nothing(self):
        cluster = self.new_cluster(3)
        follower, other = cluster.followers()
        for node in (other, cluster.leader()):
            node.kill()
        for running in (True, False):
            if not running:
                follower.kill()
            answer = self.leave(follower, "--request_timeout", 1000)
            self.assert_exit(1, answer, "nothing was changed")
            self.assertEqual(running, follower.running)
            self.assertTrue(any(follower.directory.iterdir()))
        for node in cluster.nodes.values():
            node.rejoin(wait=False)
        cluster.wait_voters(1, 2, 3)
        self.assertEqual(1, ticket(follower))

    def test_a_removed_node_ends_with_3_and_says_so(self):
        cluster = self.new_cluster(3)
        node = cluster.followers()[0]
        self.assert_exit(0, cluster.leader().ticketd("remove", node.id))
        self.assertEqual(3, node.wait_exit())
        node.wait_line("was removed from the cluster")
        self.assertNotIn(node.id, cluster.members())
        # It is removed for good, and says so again.
        node.rejoin(wait=False)
        self.assertEqual(3, node.wait_exit(30))
        # Under a new incarnation it is welcome.
        self.assert_exit(0, ticketd("drop", "--yes", "--path", node.directory))
        node.join(cluster.leader())
        cluster.wait_voters(1, 2, 3)

    def test_a_leader_is_removed(self):
        cluster = self.new_cluster(3)
        leader = cluster.leader()
        self.assert_exit(0, leader.ticketd("remove", leader.id))
        self.assertEqual(3, leader.wait_exit())
        self.assertNotIn(leader.id, cluster.members())

    def test_a_node_that_was_away_while_it_was_removed_hears_of_it(self):
        cluster = self.new_cluster(3)
        node = cluster.followers()[0]
        node.kill()
        self.assert_exit(0, cluster.leader().ticketd("remove", node.id))
        node.rejoin(wait=False)
        self.assertEqual(3, node.wait_exit(30))
        self.assertEqual(1, ticket(cluster.leader()))

    def test_an_unknown_member_cannot_be_removed(self):
        cluster = self.new_cluster(1)
        self.assert_exit(1, cluster[1].ticketd("remove", 7), "node 7 is not a member")

    def test_a_change_that_would_leave_no_live_majority_is_refused(self):
        cluster = self.new_cluster(3)
        silent, alive = cluster.followers()
        silent.kill()
        self.assert_exit(1, cluster.leader().ticketd("remove", alive.id), "no majority")
        self.assertEqual({1, 2, 3}, set(cluster.members()))
        # The silent one may go.
        self.assert_exit(0, cluster.leader().ticketd("remove", silent.id))
        self.assertEqual(1, ticket(cluster.leader()))


class GrowingAndShrinking(ProcessTest):
    def test_one_to_three_to_five_and_back_under_load(self):
        cluster = self.new_cluster(1)
        pace = scaled(300, at_least=30)
        with Load([cluster[1]]) as load:
            load.wait_done(pace)
            for node_id in (2, 3, 4, 5):
                cluster.add(node_id).join(cluster[1])
                load.nodes = cluster.running
                load.wait_done(pace)
            cluster.wait_voters(1, 2, 3, 4, 5)
            for stopped in (False, False, True, False):
                # The leader among them.
                node = cluster.followers()[0] if stopped else cluster.leader()
                load.nodes = [other for other in cluster.running if other is not node]
                if stopped:
                    node.stop()
                self.assert_exit(0, ticketd("leave", "--path", node.directory))
                node.wait_exit()
                load.wait_done(pace)
            self.assertEqual(1, len(cluster.members()))
        print(f"{load.done_count()} tickets, not done: {load.reasons()}", flush=True)
        self.assertEqual([], load.violations())
        refusals = {reason for _, reason in load.reasons()}
        self.assertEqual(set(), refusals - {503, "no connection", "too many redirects"})


if __name__ == "__main__":
    main()
