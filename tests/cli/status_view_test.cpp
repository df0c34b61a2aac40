#include "cli/status_view.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace ticketd::cli {
namespace {

using raft::Incarnation;
using raft::Index;
using raft::MemberId;
using raft::NodeId;
using raft::Role;
using raft::Term;

constexpr std::uint64_t kHuge = 18446744073709551615u;

MemberId id(std::uint64_t node, std::uint64_t incarnation) {
  return {NodeId(node), Incarnation(incarnation)};
}

net::MemberView member(MemberId member_id, bool voter) {
  net::MemberView view;
  view.member.id = member_id;
  view.member.voter = voter;
  view.member.addresses.peer = "127.0.0.1:900" + std::to_string(member_id.node.value % 10);
  view.member.addresses.http = "127.0.0.1:800" + std::to_string(member_id.node.value % 10);
  if (voter) {
    view.member.addresses.redis = "127.0.0.1:700" + std::to_string(member_id.node.value % 10);
  }
  return view;
}

net::StatusReply reply(MemberId self, Role role) {
  net::StatusReply out;
  out.cluster_id = 0xabc;
  out.self = self;
  out.role = role;
  out.term = Term(7);
  out.leader = id(1, 1);
  out.commit_index = Index(98);
  out.applied_index = Index(97);
  out.last_index = Index(100);
  out.compacted_index = Index(10);
  out.configuration_index = Index(5);
  out.digest = 0x1234;
  out.sequences = 3;
  out.keys = 5;
  out.map_bytes = 1000u << 20;
  out.used_bytes = 12u << 20;
  out.free_bytes = 988u << 20;
  out.journal_flushes = 42;
  out.version = "0.1.0";
  out.members = {member(id(1, 1), true), member(id(2, 3), true), member(id(3, 5), false)};
  return out;
}

/// Node 1, which leads and has heard 2 and not 3.
net::StatusReply leader_reply() {
  net::StatusReply out = reply(id(1, 1), Role::kLeader);
  out.last_index = Index(110);
  out.members[0].match_index = Index(110);
  out.members[1].match_index = Index(100);
  out.members[1].last_heard_us = 12'345;
  net::MemberStatus status;
  status.applied_index = Index(96);
  status.digest = 0x99;
  out.members[1].status = status;
  return out;
}

TEST_CASE("the leader's knowledge of progress is merged into the node's view") {
  const StatusView view{reply(id(2, 3), Role::kFollower), leader_reply()};
  const std::vector<MemberRow> rows = merged_members(view);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].match_index == Index(110));
  CHECK(rows[0].lag == 0);
  CHECK(rows[1].match_index == Index(100));
  CHECK(rows[1].lag == 10);
  CHECK(rows[1].last_heard_us == 12'345);
  // Its own word, not what it told the leader a while ago.
  CHECK(rows[1].applied_index == Index(97));
  CHECK(rows[1].digest == 0x1234);
  CHECK_FALSE(rows[2].match_index);
  CHECK_FALSE(rows[2].lag);
  CHECK_FALSE(rows[2].applied_index);
}

TEST_CASE("a match beyond the leader's answer is no lag") {
  StatusView view{reply(id(2, 3), Role::kFollower), leader_reply()};
  view.leader->members[1].match_index = Index(120);
  CHECK(merged_members(view)[1].lag == 0);
}

TEST_CASE("a learner is called one, and so is who campaigns") {
  CHECK(role_name(reply(id(1, 1), Role::kLeader)) == "leader");
  CHECK(role_name(reply(id(2, 3), Role::kFollower)) == "follower");
  CHECK(role_name(reply(id(2, 3), Role::kPreCandidate)) == "candidate");
  CHECK(role_name(reply(id(2, 3), Role::kCandidate)) == "candidate");
  CHECK(role_name(reply(id(3, 5), Role::kFollower)) == "learner");
  CHECK(role_name(reply(id(4, 9), Role::kFollower)) == "learner");
}

TEST_CASE("JSON holds the node's own view with the names that are documented") {
  const StatusView view{reply(id(2, 3), Role::kFollower), leader_reply()};
  const auto json = nlohmann::json::parse(status_json(view));
  CHECK(json["cluster_id"] == "0000000000000abc");
  CHECK(json["id"] == 2);
  CHECK(json["incarnation"] == 3);
  CHECK(json["role"] == "follower");
  CHECK(json["term"] == 7);
  CHECK(json["leader"] == 1);
  CHECK(json["commit_index"] == 98);
  CHECK(json["applied_index"] == 97);
  CHECK(json["last_index"] == 100);
  CHECK(json["compacted_index"] == 10);
  CHECK(json["configuration_index"] == 5);
  CHECK(json["digest"] == "0000000000001234");
  CHECK(json["sequences"] == 3);
  CHECK(json["keys"] == 5);
  CHECK(json["beginning"] == 0);
  CHECK(json["space"] == nlohmann::json{{"map_bytes", 1000u << 20},
                                        {"used_bytes", 12u << 20},
                                        {"free_bytes", 988u << 20},
                                        {"low", false}});
  CHECK(json["disk"] == nlohmann::json{{"journal_flushes", 42},
                                       {"checkpoints", 0},
                                       {"checkpoint_bytes", 0},
                                       {"last_checkpoint_bytes", 0},
                                       {"snapshots_made", 0},
                                       {"snapshots_installed", 0}});
  CHECK(json["version"] == "0.1.0");
  CHECK(json["members"][1] == nlohmann::json{{"id", 2},
                                             {"incarnation", 3},
                                             {"suffrage", "voter"},
                                             {"peer", "127.0.0.1:9002"},
                                             {"http", "127.0.0.1:8002"},
                                             {"redis", "127.0.0.1:7002"},
                                             {"match_index", 100},
                                             {"lag", 10},
                                             {"last_heard_ms", 12},
                                             {"applied_index", 97},
                                             {"digest", "0000000000001234"},
                                             {"durability", "high"}});
  const auto& third = json["members"][2];
  CHECK(third["suffrage"] == "learner");
  for (const char* name : {"match_index", "lag", "last_heard_ms", "applied_index", "digest",
                           "durability"}) {
    CAPTURE(name);
    CHECK(third[name].is_null());
  }
}

TEST_CASE("64-bit numbers are exact in JSON, and no leader is null") {
  StatusView view{reply(id(kHuge, kHuge), Role::kFollower), std::nullopt};
  view.node.leader.reset();
  view.node.commit_index = Index(kHuge);
  const auto json = nlohmann::json::parse(status_json(view));
  CHECK(json["id"].get<std::uint64_t>() == kHuge);
  CHECK(json["commit_index"].get<std::uint64_t>() == kHuge);
  CHECK(json["leader"].is_null());
  CHECK(status_json(view).find("18446744073709551615") != std::string::npos);
}

TEST_CASE("bytes that are not text neither break JSON nor reach the terminal") {
  StatusView view{reply(id(2, 3), Role::kFollower), std::nullopt};
  view.node.version = "\xff\x1b[2J";
  CHECK_NOTHROW(nlohmann::json::parse(status_json(view)));
  CHECK(status_text(view).find('\x1b') == std::string::npos);
}

TEST_CASE("where new sequences begin is told when a recovery raised it") {
  StatusView view{reply(id(2, 3), Role::kFollower), std::nullopt};
  view.node.beginning = kHuge;
  CHECK(nlohmann::json::parse(status_json(view))["beginning"].get<std::uint64_t>() == kHuge);
  CHECK(status_text(view).find("3 sequences, new ones begin at 18446744073709551615, 5 ") !=
        std::string::npos);
}

TEST_CASE("text is a header and a table") {
  const StatusView view{reply(id(2, 3), Role::kFollower), leader_reply()};
  CHECK(status_text(view) == R"(cluster  0000000000000abc
node     2, incarnation 3, ticketd 0.1.0
role     follower in term 7
leader   node 1
log      commit 98, applied 97, last 100, compacted 10, configuration 5
state    3 sequences, 5 idempotency keys, digest 0000000000001234
space    12.0 MiB of 1000.0 MiB used, 988.0 MiB free
disk     42 flushes, 0 checkpoints (0.0 MiB, the last 0.0 MiB), snapshots: 0 made, 0 installed

ID  ROLE      SUFFRAGE  PEER            HTTP            REDIS           DURABILITY  MATCH  LAG  LAST HEARD  APPLIED
1   leader    voter     127.0.0.1:9001  127.0.0.1:8001  127.0.0.1:7001  -             110    0           -        -
2*  follower  voter     127.0.0.1:9002  127.0.0.1:8002  127.0.0.1:7002  high          100   10       12 ms       97
3   learner   learner   127.0.0.1:9003  127.0.0.1:8003  -               -               -    -           -        -
)");
}

TEST_CASE("text says when no leader could be asked, and when space is low") {
  StatusView view{reply(id(2, 3), Role::kFollower), std::nullopt};
  CHECK(status_text(view).find("The leader, node 1, did not answer") != std::string::npos);
  view.node.leader.reset();
  CHECK(status_text(view).find("No leader is known to this node") != std::string::npos);
  CHECK(status_text(view).find("none known") != std::string::npos);
  CHECK(status_text(view).find("LOW") == std::string::npos);
  view.node.space_low = true;
  CHECK(status_text(view).find("LOW") != std::string::npos);
}

}  // namespace
}  // namespace ticketd::cli
