#include "server/member_book.h"

#include <string>
#include <utility>

#include "base/address.h"

namespace ticketd::server {

namespace {

bool are_addresses(const raft::Addresses& told) {
  const auto is_front_end = [](const std::string& text) {
    return text.empty() || parse_address(text).ok();
  };
  return parse_address(told.peer).ok() && is_front_end(told.http) && is_front_end(told.redis);
}

}  // namespace

bool MemberBook::announced(raft::MemberId member, const raft::Addresses& addresses,
                           raft::Index known) {
  const auto found = announcements_.find(member);
  if (found == announcements_.end()) {
    if (announcements_.size() >= kMaxAnnounced) return false;
    announcements_[member] = {addresses, known};
    return true;
  }
  found->second.known = known;
  return std::exchange(found->second.addresses, addresses) != addresses;
}

bool MemberBook::reported(raft::MemberId member, const net::MemberStatus& status, raft::Time now) {
  if (committed_.find(member) == nullptr && !announcements_.contains(member)) return false;
  reports_[member] = {status, now};
  refusals_.erase(member);
  // Who has applied so much knows the newest configuration up to there.
  return are_addresses(status.addresses) &&
         announced(member, status.addresses, status.applied_index);
}

bool MemberBook::refusal_is_news(raft::MemberId member, net::Refused::Reason reason) {
  const auto [place, fresh] = refusals_.try_emplace(member, reason);
  return fresh || std::exchange(place->second, reason) != reason;
}

void MemberBook::committed(const raft::ConfigurationAt& at) {
  for (const raft::Member& member : at.configuration.members()) {
    const raft::Member* before = committed_.find(member.id);
    if (before == nullptr || before->addresses == member.addresses) continue;
    const auto announced = announcements_.find(member.id);
    if (announced != announcements_.end() && announced->second.known < at.index) {
      announcements_.erase(announced);
    }
  }
  committed_ = at.configuration;
  const auto gone = [&](const auto& noted) {
    return at.configuration.find(noted.first) == nullptr &&
           noted.first.incarnation.value <= at.index.value;
  };
  std::erase_if(announcements_, gone);
  std::erase_if(reports_, gone);
  std::erase_if(refusals_, gone);
}

bool MemberBook::told_of(raft::Index committed, const std::vector<net::Peer>& peers) {
  if (committed < told_at_) return false;
  bool news = committed > told_at_ && forget_told();
  told_at_ = committed;
  for (const net::Peer& peer : peers) {
    if (told_.size() >= kMaxAnnounced && !told_.contains(peer.id)) continue;
    news |= std::exchange(told_[peer.id], peer.address) != peer.address;
  }
  return news;
}

bool MemberBook::forget_told() {
  told_at_ = raft::Index(0);
  return !std::exchange(told_, {}).empty();
}

const raft::Addresses& MemberBook::addresses(const raft::Member& member) const {
  if (member.id == self_) return own_addresses_;
  const auto found = announcements_.find(member.id);
  return found == announcements_.end() ? member.addresses : found->second.addresses;
}

std::vector<net::Peer> MemberBook::peers(const raft::Configuration& newest,
                                         const raft::Configuration& committed) const {
  std::map<raft::MemberId, std::string> peers;
  for (const auto& [member, announcement] : announcements_) {
    peers.try_emplace(member, announcement.addresses.peer);
  }
  peers.insert(told_.begin(), told_.end());
  for (const raft::Configuration* configuration : {&newest, &committed}) {
    for (const raft::Member& member : configuration->members()) {
      peers.try_emplace(member.id, member.addresses.peer);
    }
  }
  peers.erase(self_);
  std::vector<net::Peer> listed;
  for (auto& [member, address] : peers) listed.push_back({member, std::move(address)});
  return listed;
}

std::optional<raft::MemberId> MemberBook::moved(const raft::Configuration& configuration) const {
  for (const raft::Member& member : configuration.members()) {
    if (addresses(member) != member.addresses) return member.id;
  }
  return std::nullopt;
}

const net::MemberStatus* MemberBook::status(raft::MemberId member) const {
  const auto found = reports_.find(member);
  return found == reports_.end() ? nullptr : &found->second.status;
}

std::optional<raft::MemberId> MemberBook::voter_low_on_space(
    const raft::Configuration& configuration, raft::Time now, raft::Micros freshness) const {
  for (const auto& [member, report] : reports_) {
    const bool fresh = now <= report.heard + freshness;
    if (fresh && report.status.space_low && configuration.is_voter(member)) return member;
  }
  return std::nullopt;
}

std::optional<net::Refused> judge_hello(const net::Hello& hello, std::uint64_t cluster_id,
                                        raft::MemberId self,
                                        const raft::ConfigurationAt& configuration,
                                        const raft::ConfigurationAt& committed) {
  using Reason = net::Refused::Reason;
  const auto refuse = [&](Reason reason, std::string message) {
    return net::Refused{reason, cluster_id, committed.index, std::move(message)};
  };
  if (hello.cluster_id != cluster_id) {
    return refuse(Reason::kWrongCluster, "this node belongs to another cluster");
  }
  if (hello.to != self) {
    return refuse(Reason::kWrongMember, "another member listens at this address");
  }
  if (!are_addresses(hello.addresses)) {
    return refuse(Reason::kUnknownMember, "what the member announces are no addresses");
  }
  if (configuration.configuration.find(hello.from) != nullptr ||
      committed.configuration.find(hello.from) != nullptr) {
    return std::nullopt;
  }
  // An incarnation is the index of the configuration that admitted it, and none comes back: absent
  // from a committed configuration that is not older, it was removed.
  if (!committed.configuration.empty() && committed.index.value >= hello.from.incarnation.value) {
    return refuse(Reason::kRemoved, "the cluster has removed that member");
  }
  return std::nullopt;  // admitted by a configuration that has not reached this node yet
}

void DigestHistory::applied(raft::Index index, std::uint64_t digest) {
  if (!digests_.empty() && index != digests_.back().first + 1) digests_.clear();
  digests_.emplace_back(index, digest);
  if (digests_.size() > kRemembered) digests_.pop_front();
}

std::optional<bool> DigestHistory::agrees(raft::Index index, std::uint64_t digest) const {
  if (digests_.empty() || index < digests_.front().first || index > digests_.back().first) {
    return std::nullopt;
  }
  return digests_[index - digests_.front().first].second == digest;
}

}  // namespace ticketd::server
