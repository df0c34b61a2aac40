// What a node has heard of the other members, besides the log.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/message.h"
#include "net/transport.h"
#include "raft/node.h"

namespace ticketd::server {

/// Addresses that members announced in their handshakes, and the states they report.
class MemberBook {
 public:
  explicit MemberBook(raft::MemberId self, raft::Addresses own_addresses)
      : self_(self), own_addresses_(std::move(own_addresses)) {}

  /// The handshake named these; they win over the configuration's, which the leader then mends. A
  /// member that this node's log does not know yet (it is behind, or joins) is so reached, too.
  /// `known`: the newest committed configuration that it knew then. False: nothing new.
  bool announced(raft::MemberId member, const raft::Addresses& addresses,
                 raft::Index known = raft::Index(0));
  /// True: where that member is, is news.
  bool reported(raft::MemberId member, const net::MemberStatus& status, raft::Time now);
  /// Was the last refusal by that member, since it last reported to us, for another reason (or none)?
  bool refusal_is_news(raft::MemberId member, net::Refused::Reason reason);
  /// That configuration is committed. Forgets who is not in it and is not newer than it, and what a
  /// member announced before the addresses that it now names: a book kept by a node that was cut off
  /// must not win over what the cluster learned meanwhile. A configuration that was old when the
  /// member announced itself, and that this node only now catches up with, says nothing newer.
  void committed(const raft::ConfigurationAt& configuration);
  /// Another member, whose newest committed configuration is the one at that index, reaches these
  /// there, and not where this node's configuration says. That counts until forget_told(), unless a
  /// member itself says something else. False: nothing new.
  bool told_of(raft::Index committed, const std::vector<net::Peer>& peers);
  /// False: there was nothing.
  bool forget_told();

  /// Valid until something changes here, or `member` goes.
  const raft::Addresses& addresses(const raft::Member& member) const;
  /// Everybody but this node, by their newest addresses: the members of both configurations (who is
  /// being removed has still to hear so), who announced itself, and who was told of.
  std::vector<net::Peer> peers(const raft::Configuration& newest,
                               const raft::Configuration& committed) const;
  /// A member whose newest addresses are not the configuration's.
  std::optional<raft::MemberId> moved(const raft::Configuration& configuration) const;

  const net::MemberStatus* status(raft::MemberId member) const;
  /// Did one of the voters report, not longer ago than `freshness`, that its space is low?
  std::optional<raft::MemberId> voter_low_on_space(const raft::Configuration& configuration,
                                                   raft::Time now, raft::Micros freshness) const;

 private:
  static constexpr std::size_t kMaxAnnounced = 2 * raft::Configuration::kMaxMembers;

  struct Report {
    net::MemberStatus status;
    raft::Time heard;
  };
  raft::MemberId self_;
  raft::Addresses own_addresses_;
  raft::Configuration committed_;
  struct Announcement {
    raft::Addresses addresses;
    raft::Index known;
  };
  std::map<raft::MemberId, Announcement> announcements_;
  /// By those that had committed the configuration at told_at_.
  std::map<raft::MemberId, std::string> told_;
  raft::Index told_at_;
  std::map<raft::MemberId, Report> reports_;
  std::map<raft::MemberId, net::Refused::Reason> refusals_;
};

/// Who may connect: the listener's decision on a handshake. `configuration` is the newest in this
/// node's log, `committed` the newest committed.
std::optional<net::Refused> judge_hello(const net::Hello& hello, std::uint64_t cluster_id,
                                        raft::MemberId self,
                                        const raft::ConfigurationAt& configuration,
                                        const raft::ConfigurationAt& committed);

/// The digests at the newest applied indexes, to compare with what other members report (equal
/// index means equal state).
class DigestHistory {
 public:
  void applied(raft::Index index, std::uint64_t digest);
  /// None: that index is not remembered.
  std::optional<bool> agrees(raft::Index index, std::uint64_t digest) const;

 private:
  static constexpr std::size_t kRemembered = 4'096;
  std::deque<std::pair<raft::Index, std::uint64_t>> digests_;
};

}  // namespace ticketd::server
