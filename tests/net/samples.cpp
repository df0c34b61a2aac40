#include "tests/net/samples.h"

#include <stdexcept>

namespace ticketd::net {

using raft::Index;
using raft::MemberId;
using raft::Term;

namespace {

MemberId member(std::uint64_t node, std::uint64_t incarnation) {
  return {raft::NodeId(node), raft::Incarnation(incarnation)};
}

constexpr std::uint64_t kCluster = 0x1122334455667788;
const raft::Addresses kAddresses{"a:9000", "a:8000", ""};

raft::AppendRequest append_request() {
  raft::AppendRequest m;
  m.term = Term(7);
  m.prev_log_index = Index(300);
  m.prev_log_term = Term(5);
  m.commit_index = Index(299);
  m.entries = {
      {Index(301), Term(5), raft::EntryType::kCommand, raft::Payload("take")},
      {Index(302), Term(7), raft::EntryType::kNoop, {}},
      {Index(303), Term(7), raft::EntryType::kConfiguration,
       raft::Payload(
           raft::Configuration({{member(1, 1), true, false, {}, 0, {"a:1", "", ""}}}).encode())}};
  return m;
}

MemberStatus member_status() {
  return {Index(300), 0xd1, 4, 1 << 20, true, 1, Durability::kMedium, kAddresses};
}

StatusReply status_reply() {
  StatusReply m;
  m.cluster_id = kCluster;
  m.self = member(1, 1);
  m.role = raft::Role::kLeader;
  m.term = Term(7);
  m.leader = member(1, 1);
  m.commit_index = Index(300);
  m.applied_index = Index(299);
  m.last_index = Index(301);
  m.compacted_index = Index(200);
  m.configuration_index = Index(150);
  m.digest = 0xd1;
  m.sequences = 4;
  m.keys = 5;
  m.beginning = 6;
  m.map_bytes = 1000;
  m.used_bytes = 100;
  m.free_bytes = 900;
  m.space_low = true;
  m.journal_flushes = 11;
  m.checkpoints = 12;
  m.checkpoint_bytes = 130;
  m.last_checkpoint_bytes = 14;
  m.snapshots_made = 15;
  m.snapshots_installed = 16;
  m.version = "0.1.0";
  const raft::Member self{member(1, 1), true, false, {}, 0xaa, kAddresses};
  const raft::Member joiner{member(2, 90), false, true, member(2, 40), 0xbb, kAddresses};
  m.members = {{self, Index(301), {}, member_status()}, {joiner, {}, 1500, {}}};
  return m;
}

void add_handshake(std::vector<Sample>& all) {
  all.push_back({"Hello", Hello{kCluster, member(1, 1), member(2, 90), Lane::kBulk, kAddresses, 1,
                                Index(150)}});
  all.push_back({"ClientHello", ClientHello{}});
  all.push_back({"Welcome", Welcome{kCluster, member(2, 90), 1, Index(150)}});
  all.push_back({"Refused", Refused{Refused::Reason::kRemoved, kCluster, Index(150), "removed"}});
}

void add_raft(std::vector<Sample>& all) {
  const auto add = [&all](const std::string& name, raft::Message message) {
    all.push_back({name, Frame(std::move(message))});
  };
  add("VoteRequest", raft::VoteRequest{Term(7), Index(300), Term(5), true, true});
  add("VoteResponse", raft::VoteResponse{Term(7), true, true});
  add("AppendRequest", append_request());
  add("AppendResponse", raft::AppendResponse{Term(7), false, Index(300), Index(250), Term(4)});
  add("HeartbeatRequest", raft::HeartbeatRequest{Term(7), Index(299), 9});
  add("HeartbeatResponse", raft::HeartbeatResponse{Term(7), 9});
  add("SnapshotRequest",
      raft::SnapshotRequest{Term(7),
                            {{Index(200), Term(5)}, 0xf1, 1000, 992, raft::Payload("the rest")}});
  add("SnapshotResponse", raft::SnapshotResponse{Term(7), {Index(200), Term(5)}, 0xf1, 1000, true});
  add("TimeoutNowRequest", raft::TimeoutNowRequest{Term(7)});
}

void add_calls(std::vector<Sample>& all) {
  const auto add = [&all](const std::string& name, Call call) {
    all.push_back({"Request " + name, Request{5, std::move(call)}});
  };
  add("Change", ChangeCall{ticket::Kind::kTake, "orders", 17, "retry-1", 5'000'000});
  add("Lookup", QueryCall{ticket::Lookup{{"orders", ""}}, true, 5'000'000});
  add("Listing", QueryCall{ticket::Listing{"or", "orders", 100}, false, 5'000'000});
  add("Status", StatusCall{});
  add("Members", MembersCall{});
  add("Join", JoinCall{raft::NodeId(2), 0xbb, true, kAddresses, 1});
  add("Remove", RemoveCall{raft::NodeId(2), raft::Incarnation(40)});
  add("Transfer", TransferCall{raft::NodeId(2)});
  add("Leave", LeaveCall{});
}

void add_replies(std::vector<Sample>& all) {
  const auto add = [&all](const std::string& name, Reply reply) {
    all.push_back({"Response " + name, Response{5, std::move(reply)}});
  };
  add("Change", ChangeReply{1000, 17, true});
  add("Query", QueryReply{Index(300), {{"orders", 1016}, {"returns", {}}}, true});
  add("Status", status_reply());
  add("Members", MembersReply{{Index(150), sample_configuration()}});
  add("Join", JoinReply{kCluster, member(2, 90), {Index(150), sample_configuration()}});
  add("Done", DoneReply{"removed member 2.40"});
  add("Error", ErrorReply{ErrorReply::Code::kNotLeader, "not the leader", "a:9000", false});
}

}  // namespace

raft::Configuration sample_configuration() {
  return raft::Configuration({{member(1, 1), true, false, {}, 0xaa, kAddresses},
                              {member(2, 40), true, false, {}, 0xbb, kAddresses},
                              {member(2, 90), false, true, member(2, 40), 0xcc, kAddresses}});
}

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all = [] {
    std::vector<Sample> built;
    add_handshake(built);
    add_raft(built);
    built.push_back({"MemberStatus", member_status()});
    add_calls(built);
    add_replies(built);
    return built;
  }();
  return all;
}

const Frame& sample(const std::string& name) {
  for (const Sample& each : samples()) {
    if (each.name == name) {
      return each.frame;
    }
  }
  throw std::out_of_range(name);
}

}  // namespace ticketd::net
