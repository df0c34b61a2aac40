// What members tell each other beside the log: who and where they are, and how they are.
#include <spdlog/spdlog.h>

#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "server/replica.h"

namespace ticketd::server {

namespace {

/// Heartbeats between two reports of a member's state to the others.
constexpr std::uint64_t kReportHeartbeats = 5;
/// Election time-outs without a leader, after which it may be that there is one, elsewhere.
constexpr std::uint64_t kElectionsAlone = 2;

}  // namespace

// --- Who and where ------------------------------------------------------------------------------

void Replica::introduce() {
  net::Hello hello;
  hello.cluster_id = options_.cluster_id;
  hello.from = options_.raft.self;
  hello.addresses = options_.addresses;
  hello.command_version = ticket::kCommandVersion;
  hello.configuration_index = node_.committed_configuration().index;
  transport_.set_self(std::move(hello));
}

std::vector<net::Peer> Replica::peers() const {
  return members_.peers(node_.configuration().configuration,
                        node_.committed_configuration().configuration);
}

void Replica::set_peers() { transport_.set_peers(peers()); }

std::optional<net::Refused> Replica::judge(const net::Hello& hello) {
  const raft::MemberId self = options_.raft.self;
  const raft::ConfigurationAt& configuration = node_.configuration();
  auto refused = judge_hello(hello, options_.cluster_id, self, configuration,
                             node_.committed_configuration());
  // The first incarnation of all founded the cluster; one that recovered an older cluster's data
  // is a later one, and knows that the others may still go about under the old name.
  const bool founder = configuration.configuration.members().size() == 1 &&
                       self.incarnation == raft::Incarnation(1);
  if (refused && refused->reason == net::Refused::Reason::kWrongCluster && founder &&
      hello.to.node == self.node) {
    end(End::kForeignCluster,
        "cluster " + std::to_string(hello.cluster_id) + " counts node " +
            std::to_string(self.node.value) +
            " at this address among its members, but this data directory began a cluster of its "
            "own: was its volume lost? Stop here, or tickets are handed out twice; `ticketd drop` "
            "this directory, then `ticketd join " +
            hello.addresses.peer + " --replace --id " + std::to_string(self.node.value) + "`");
  }
  // Its one control connection is the newest that it made, or else it makes another; a bulk
  // connection of an earlier life may come late, and nobody notices.
  if (!refused && hello.lane == net::Lane::kControl &&
      members_.announced(hello.from, hello.addresses, hello.configuration_index)) {
    set_peers();
  }
  return refused;
}

void Replica::on_refused(raft::MemberId peer, const net::Refused& refused) {
  if (closed_ || ended_) return;
  const bool newer = refused.configuration_index.value > options_.raft.self.incarnation.value;
  if (refused.reason == net::Refused::Reason::kRemoved && newer &&
      refused.cluster_id == options_.cluster_id) {
    end(End::kRemoved, "this node was removed from the cluster");
    return;
  }
  if (members_.refusal_is_news(peer, refused.reason)) {
    spdlog::warn("member {} refuses this node: {}", peer.node.value, refused.message);
  }
}

void Replica::mend_addresses() {
  if (!node_.ready_to_serve()) return;
  const raft::Configuration& configuration = node_.configuration().configuration;
  const auto moved = members_.moved(configuration);
  if (!moved) return;
  const raft::Member* member = configuration.find(*moved);
  const raft::Addresses addresses = members_.addresses(*member);
  if (node_.change_addresses(loop_.now(), *moved, addresses)) {
    spdlog::info("node {} is now at {}", moved->node.value, addresses.peer);
  }
}

/// Who was away while others came or moved may know only such members as do not lead, and the leader
/// may know only where it was. Those that it reaches can say who else there is.
void Replica::ask_for_members() {
  const raft::Micros patience = kElectionsAlone * options_.raft.election_timeout_max;
  if (loop_.now() < node_.leader_heard_at() + patience) {
    if (members_.forget_told()) set_peers();
    return;
  }
  for (const net::Peer& peer : peers()) {
    transport_.call(peer.id, net::StatusCall{}, options_.raft.election_timeout_max,
                    [this, alive = alive_](const net::CallResult& result) {
                      const auto* reply = std::get_if<net::Reply>(&result);
                      if (reply == nullptr || !*alive || closed_ || ended_) return;
                      if (const auto* status = std::get_if<net::StatusReply>(reply)) hear(*status);
                    });
  }
}

/// At an equal index, too: a member may have moved, and have told only the one that answers. But not
/// against what stands in this node's own log since, committed or not.
void Replica::hear(const net::StatusReply& status) {
  const raft::Index newest = node_.configuration().index;
  if (status.cluster_id != options_.cluster_id || status.configuration_index < newest) return;
  std::vector<net::Peer> told;
  for (const net::MemberView& view : status.members) {
    const std::string& address = view.member.addresses.peer;
    const raft::Member* known = node_.configuration().configuration.find(view.member.id);
    const bool news = known == nullptr || known->addresses.peer != address;
    if (news && parse_address(address)) told.push_back({view.member.id, address});
  }
  if (members_.told_of(status.configuration_index, told)) set_peers();
}

// --- Reports -------------------------------------------------------------------------------------

net::MemberStatus Replica::own_status() const {
  const store::SpaceReport space = disk_.space();
  const ticket::Summary& summary = machine_.summary();
  return {summary.applied_index,   summary.digest,          summary.sequences,   space.free_bytes,
          space.low || space.full, ticket::kCommandVersion, options_.durability, options_.addresses};
}

void Replica::report_to_members() {
  const raft::Time now = loop_.now();
  next_report_ = now + kReportHeartbeats * options_.raft.heartbeat_interval;
  introduce();
  const net::MemberStatus status = own_status();
  for (const raft::Member& member : node_.configuration().configuration.members()) {
    if (member.id != options_.raft.self) transport_.send(member.id, status);
  }
  mend_addresses();
  ask_for_members();
}

void Replica::on_status(raft::MemberId from, const net::MemberStatus& status) {
  if (closed_ || ended_) return;
  warn_of_another_level(from, status);
  if (members_.reported(from, status, loop_.now())) set_peers();
  const auto agrees = digests_.agrees(status.applied_index, status.digest);
  if (!agrees || *agrees) return;
  spdlog::critical("the state of member {} at index {} differs from this node's", from.node.value,
                   status.applied_index.value);
  if (node_.leader() == from && node_.role() != raft::Role::kLeader) {
    end(End::kDamaged,
        "this node's state differs from the leader's at one log index, so one of them is damaged; "
        "stop this node, run `ticketd drop` on it and bring it back by `ticketd join --replace`");
  }
}

/// Once, and again when it changes: the cluster is as durable as its least durable majority.
void Replica::warn_of_another_level(raft::MemberId member, const net::MemberStatus& status) const {
  if (status.durability == options_.durability) return;
  const net::MemberStatus* before = members_.status(member);
  if (before != nullptr && before->durability == status.durability) return;
  spdlog::warn("member {} runs at durability {}, this node at {}: give every node the same",
               member.node.value, to_string(status.durability), to_string(options_.durability));
}

}  // namespace ticketd::server
