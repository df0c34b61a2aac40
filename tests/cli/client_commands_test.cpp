#include <doctest/doctest.h>

#include "cli/commands.h"
#include "tests/cli/captured.h"
#include "tests/cli/scripted_cluster.h"

namespace ticketd::cli {
namespace {

using Calls = std::vector<std::string>;
using Code = net::ErrorReply::Code;

Target target() {
  Target target;
  target.peers = {"127.0.0.1:9001", "127.0.0.1:9002"};
  return target;
}

const std::vector<raft::Member> kTwo = {voter(1, 1), voter(2, 3)};

Answer run_remove(ScriptedCluster& cluster, std::uint64_t node) {
  return captured([&] { return remove({target(), raft::NodeId(node)}, cluster); });
}

Answer run_transfer(ScriptedCluster& cluster, std::uint64_t node) {
  return captured([&] { return transfer({target(), raft::NodeId(node)}, cluster); });
}

TEST_CASE("status asks the leader as well, for what only a leader knows") {
  ScriptedCluster cluster(kTwo);
  cluster.leader = raft::NodeId(2);
  const Answer answer = captured([&] { return status({target(), false}, cluster); });
  CHECK(answer.code == 0);
  CHECK(cluster.calls == Calls{"status 127.0.0.1:9001", "status 127.0.0.1:9002"});
  CHECK_FALSE(contains(answer.out, "not shown"));
}

TEST_CASE("status goes on to the next peer, and without a leader shows what it has") {
  ScriptedCluster cluster(kTwo);
  Target two = target();
  two.peers = {"127.0.0.1:1", "127.0.0.1:9002"};
  const Answer answer = captured([&] { return status({two, false}, cluster); });
  CHECK(answer.code == 0);
  CHECK(contains(answer.out, "No leader is known"));
  CHECK(contains(answer.out, "2*"));
  two.peers = {"127.0.0.1:1"};
  const Answer silent = captured([&] { return status({two, true}, cluster); });
  CHECK(silent.code == 1);
  CHECK(silent.out.empty());
  CHECK(contains(silent.err, "127.0.0.1:1"));
}

TEST_CASE("remove takes the incarnation that it saw, and sees it gone") {
  ScriptedCluster cluster(kTwo);
  const Answer answer = run_remove(cluster, 2);
  CHECK(answer.code == 0);
  CHECK(contains(answer.out, "node 2 (127.0.0.1:9002) is removed"));
  CHECK(cluster.calls == Calls{"members", "remove 2.3", "members"});
}

TEST_CASE("an unknown id is answered with the members there are") {
  ScriptedCluster cluster(kTwo);
  for (const Answer& answer : {run_remove(cluster, 9), run_transfer(cluster, 9)}) {
    CHECK(answer.code == 1);
    CHECK(contains(answer.err, "node 9 is not a member; the members are 1 (127.0.0.1:9001), 2 "));
  }
  CHECK(cluster.calls == Calls{"members", "members"});
}

TEST_CASE("a removal that was refused is an error with its reason, at once") {
  ScriptedCluster cluster(kTwo);
  cluster.removes = false;
  cluster.removal_answer = net::Reply(net::ErrorReply{Code::kRefused, "the last voter", {}, false});
  const Answer answer = run_remove(cluster, 2);
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "the last voter"));
  CHECK(cluster.pauses == 0);
}

TEST_CASE("a removal that is not seen within the time for all of it is an error") {
  ScriptedCluster cluster(kTwo);
  cluster.removes = false;
  cluster.pauses_until_over = 3;
  const Answer answer = run_remove(cluster, 2);
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "not confirmed"));
  CHECK(cluster.pauses == 3);
}

TEST_CASE("a removal that somebody else was faster with is done") {
  ScriptedCluster cluster(kTwo);
  cluster.removal_answer = net::Reply(net::ErrorReply{Code::kRefused, "no such member", {}, false});
  CHECK(run_remove(cluster, 2).code == 0);
}

TEST_CASE("transfer waits until the named member says that it leads") {
  ScriptedCluster cluster(kTwo);
  const Answer answer = run_transfer(cluster, 2);
  CHECK(answer.code == 0);
  CHECK(answer.out == "node 2 leads in term 7\n");
  CHECK(cluster.calls == Calls{"members", "transfer", "status 127.0.0.1:9002"});
}

TEST_CASE("transfer that is refused, or ends with another leader, is an error") {
  ScriptedCluster cluster(kTwo);
  cluster.transfer_answer = net::ErrorReply{Code::kBusy, "it is not caught up", {}, false};
  const Answer refused = run_transfer(cluster, 2);
  CHECK(refused.code == 1);
  CHECK(contains(refused.err, "not caught up"));
  cluster.transfer_answer = net::DoneReply{"node 1 leads now"};
  const Answer other = run_transfer(cluster, 2);
  CHECK(other.code == 1);
  CHECK(contains(other.err, "node 2 does not lead"));
}

TEST_CASE("a learner cannot be handed leadership") {
  std::vector<raft::Member> members = kTwo;
  members[1].voter = false;
  ScriptedCluster cluster(members);
  const Answer answer = run_transfer(cluster, 2);
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "learner"));
  CHECK(cluster.calls == Calls{"members"});
}

}  // namespace
}  // namespace ticketd::cli
