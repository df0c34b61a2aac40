// CLUSTER and RAFT.*.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "redis/replies.h"
#include "tests/redis/server_fixture.h"

namespace ticketd::redis {
namespace {

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

std::string name(std::uint64_t node) { return node_name(0xabcdef0123456789, {node, 2 * node - 1}); }

TEST_CASE("the slot of a key is that of its first braces, when something is in them") {
  // Values of the Redis cluster specification and of its servers.
  CHECK(key_slot("123456789") == 0x31c3 % 16'384);
  CHECK(key_slot("foo") == 12'182);
  CHECK(key_slot("{foo}bar") == 12'182);
  CHECK(key_slot("a{foo}{bar}") == 12'182);
  CHECK(key_slot("foo{}{bar}") == 8'363);
  CHECK(key_slot("foo{{bar}}zap") == key_slot("{bar"));
  CHECK(key_slot("{foo") != 12'182);
  CHECK(key_slot("") == 0);
}

TEST_CASE("a member's name is 40 hexadecimal digits, and differs between incarnations") {
  std::set<std::string> names;
  for (const MemberId id : {MemberId{0, 1}, MemberId{1, 1}, MemberId{1, 2}, MemberId{2, 1},
                            MemberId{18446744073709551615u, 18446744073709551615u}}) {
    const std::string told = node_name(1, id);
    CHECK(told.size() == 40);
    CHECK(told.find_first_not_of("0123456789abcdef") == std::string::npos);
    names.insert(told);
  }
  CHECK(names.size() == 5);
}

TEST_CASE_FIXTURE(ServerFixture, "all slots are the leader's, and the others its replicas") {
  operations.seen.leader = MemberId{2, 3};
  const auto node = [](std::uint64_t number) {
    return "*4\r\n" + bulk("127.0.0.1") + ":700" + std::to_string(number) + "\r\n" +
           bulk(name(number)) + "*0\r\n";
  };
  CHECK(exchange("CLUSTER SLOTS\r\n") ==
        "*1\r\n*5\r\n:0\r\n:16383\r\n" + node(2) + node(1) + node(3));
}

TEST_CASE_FIXTURE(ServerFixture, "who does not speak this protocol is not listed") {
  operations.seen.members[1].redis.clear();
  CHECK(exchange("CLUSTER SLOTS\r\n").starts_with("*1\r\n*4\r\n:0\r\n"));
  CHECK(exchange("CLUSTER SLOTS\r\n").find(name(2)) == std::string::npos);
  CHECK(exchange("CLUSTER NODES\r\n").find(name(2)) == std::string::npos);
  operations.seen.members[0].redis.clear();
  CHECK(exchange("CLUSTER SLOTS\r\nCLUSTER SHARDS\r\n") ==
        repeated("-CLUSTERDOWN No Raft leader\r\n", 2));
}

TEST_CASE_FIXTURE(ServerFixture, "the cluster's view waits for a leader, but not for ever") {
  service.hold_leader = true;
  operations.seen.leader.reset();
  start();
  auto client = connect();
  client->send("CLUSTER SLOTS\r\nCLUSTER SHARDS\r\nCLUSTER NODES\r\nCLUSTER INFO\r\n");
  REQUIRE(until([&] { return !service.leader_waiting.empty(); }));
  loop.poll();
  std::exchange(service.leader_waiting, {})[0](ticket::NoLeader{});
  REQUIRE(client->wait_for("cluster_my_epoch"));
  CHECK(client->starts_with(repeated("-CLUSTERDOWN No Raft leader\r\n", 2)));
  CHECK(client->received.find("master") == std::string::npos);
  CHECK(client->received.find("cluster_state:fail\r\ncluster_slots_assigned:0\r\n") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(ServerFixture, "SHARDS are one, with the health of its members") {
  operations.seen.members[2].alive = false;
  const std::string told = exchange("HELLO 3\r\nCLUSTER SHARDS\r\n");
  CHECK(told.find("*1\r\n%2\r\n" + bulk("slots") + "*2\r\n:0\r\n:16383\r\n" + bulk("nodes") +
                  "*3\r\n%7\r\n" + bulk("id") + bulk(name(1)) + bulk("port") + ":7001\r\n" +
                  bulk("ip") + bulk("127.0.0.1") + bulk("endpoint") + bulk("127.0.0.1") +
                  bulk("role") + bulk("master") + bulk("replication-offset") + ":41\r\n" +
                  bulk("health") + bulk("online")) != std::string::npos);
  CHECK(told.ends_with(bulk("health") + bulk("fail")));
}

TEST_CASE_FIXTURE(ServerFixture, "NODES, INFO, MYID and KEYSLOT") {
  operations.seen.members[2].alive = false;
  CHECK(exchange("CLUSTER NODES\r\n") ==
        bulk(name(1) + " 127.0.0.1:7001@9001 myself,master - 0 0 7 connected 0-16383\n" + name(2) +
             " 127.0.0.1:7002@9002 slave " + name(1) + " 0 0 7 connected\n" + name(3) +
             " 127.0.0.1:7003@9003 slave,fail " + name(1) + " 0 0 7 disconnected\n"));
  CHECK(exchange("cluster info\r\n").find("cluster_state:ok\r\ncluster_slots_assigned:16384\r\n") !=
        std::string::npos);
  CHECK(exchange("CLUSTER MYID\r\n") == bulk(name(1)));
  CHECK(exchange("CLUSTER KEYSLOT foo\r\n") == ":12182\r\n");
  CHECK(exchange("CLUSTER\r\nCLUSTER KEYSLOT\r\nCLUSTER SLOTS x\r\nCLUSTER FOO\r\n") ==
        repeated("-ERR wrong number of arguments\r\n", 3) + "-ERR unknown subcommand 'FOO'\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "RAFT.LEADER is the leader's peer address, empty without one") {
  CHECK(exchange("RAFT.LEADER\r\n") == "+127.0.0.1:9001\r\n");
  operations.seen.leader.reset();
  CHECK(exchange("raft.leader\r\n") == "+\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "RAFT.STATS are sorted names, each with its value") {
  CHECK(exchange("RAFT.STATS\r\nRAFT.LASTCONTACT\r\n") ==
        "*6\r\n" + bulk("applied_index") + bulk("41") + bulk("last_contact") + bulk("0") +
            bulk("term") + bulk("7") + "+0\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "RAFT.CONFIGURATION is a list of members") {
  const auto member = [](const std::string& id, const std::string& suffrage) {
    return "*6\r\n" + bulk("id") + bulk(id) + bulk("address") + bulk("127.0.0.1:900" + id) +
           bulk("suffrage") + bulk(suffrage);
  };
  CHECK(exchange("RAFT.CONFIGURATION\r\n") ==
        "*3\r\n" + member("1", "Voter") + member("2", "Voter") + member("3", "Nonvoter"));
}

TEST_CASE_FIXTURE(ServerFixture, "the membership is changed at the leader, and the outcome told") {
  CHECK(exchange("RAFT.ADDVOTER 3 127.0.0.1:9003 17\r\n") == "+OK\r\n");
  CHECK(operations.added->node == 3);
  CHECK(operations.added->address == "127.0.0.1:9003");
  CHECK(operations.added->previous_index == 17);
  CHECK(exchange("RAFT.REMOVESERVER 2\r\n") == "+OK\r\n");
  CHECK(operations.removed->node == 2);
  CHECK(operations.removed->address.empty());
  CHECK(operations.removed->previous_index == 0);
  CHECK(exchange("RAFT.SNAPSHOT\r\n") == "+OK\r\n");
  using Kind = Outcome::Kind;
  for (const auto& [kind, reply] :
       {std::pair(Kind::kRefused, "-ERR words"), std::pair(Kind::kBusy, "-TRYAGAIN words"),
        std::pair(Kind::kNoLeader, "-CLUSTERDOWN No Raft leader"),
        std::pair(Kind::kUnknown, "-UNKNOWN outcome unknown: words")}) {
    operations.outcome = {kind, "words"};
    CHECK(exchange("RAFT.REMOVESERVER 2 127.0.0.1:9002 4\r\n") == std::string(reply) + "\r\n");
  }
}

TEST_CASE_FIXTURE(ServerFixture, "a snapshot is made at any node, and waited for in its turn") {
  service.leader = ticket::LeaderThere{"", "l:1"};
  operations.hold = true;
  start();
  auto client = connect();
  client->send("RAFT.SNAPSHOT\r\nPING\r\n");
  REQUIRE(until([&] { return operations.waiting.size() == 1; }));
  loop.poll();
  CHECK(client->received.empty());
  std::exchange(operations.waiting, {})[0]({Outcome::Kind::kRefused, "nothing new to snapshot"});
  REQUIRE(client->wait_for("+PONG\r\n"));
  CHECK(client->received == "-ERR nothing new to snapshot\r\n+PONG\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "what RAFT commands have wrong is said first") {
  for (const std::string request :
       {"RAFT.ADDVOTER x a:1", "RAFT.ADDVOTER -1 a:1", "RAFT.ADDVOTER 1 nowhere",
        "RAFT.REMOVESERVER 1 a:1 x", "RAFT.REMOVESERVER 18446744073709551616"}) {
    CAPTURE(request);
    CHECK(exchange(request + "\r\n").starts_with("-ERR "));
  }
  CHECK(exchange("RAFT.ADDVOTER 1\r\nRAFT.REMOVESERVER\r\nRAFT.SNAPSHOT x\r\nRAFT.LEADER x\r\n") ==
        repeated("-ERR wrong number of arguments\r\n", 4));
  CHECK(service.leader_questions == 0);
}

}  // namespace
}  // namespace ticketd::redis
