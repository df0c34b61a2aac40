// Who is in the cluster, and what each member is on its way to become.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "raft/types.h"

namespace ticketd::raft {

/// Where a member is reached. `peer` is always set; the others are empty when the member does not
/// offer that front end. Each is HOST:PORT, an IPv6 host in brackets.
struct Addresses {
  std::string peer;
  std::string http;
  std::string redis;

  bool operator==(const Addresses&) const = default;
};

struct Member {
  MemberId id;
  /// A learner receives the log but is not counted and does not vote (thesis 4.2.1).
  bool voter = false;
  /// A learner that any leader promotes as soon as it has caught up. The intent is replicated, so
  /// it outlives the leader that admitted the learner.
  bool promote = false;
  /// The earlier incarnation that is removed once this member votes (`join --replace`).
  std::optional<MemberId> replaces;
  /// Chosen by the joiner and saved by it before it asks: a joiner that was killed before it heard
  /// the answer asks again with the same token and is given the same incarnation. 0: has not
  /// joined, but was there when the cluster was founded.
  std::uint64_t join_token = 0;
  Addresses addresses;

  bool operator==(const Member&) const = default;
};

/// A set of members, ordered by id. At least one voter unless empty; empty is "not yet known".
/// Copies share the members, which never change.
class Configuration {
 public:
  static constexpr std::size_t kMaxMembers = 32;
  static constexpr std::size_t kMaxAddressBytes = 300;

  Configuration() = default;
  /// Requires distinct ids.
  explicit Configuration(std::vector<Member> members);

  const std::vector<Member>& members() const;
  bool empty() const { return members_ == nullptr; }
  /// The member, or nullptr. The pointer lives as long as this object, or a copy, is unchanged.
  const Member* find(MemberId id) const;
  /// Any incarnation of that node; the newest one when there are two.
  const Member* find_node(NodeId node) const;
  bool is_voter(MemberId id) const;
  std::size_t voter_count() const { return voter_count_; }
  /// How many voters make a majority.
  std::size_t quorum_size() const { return voter_count() / 2 + 1; }

  Configuration with(Member member) const;
  Configuration without(MemberId id) const;

  /// Requires addresses of at most kMaxAddressBytes, and at most kMaxMembers members.
  std::string encode() const;
  /// Refuses what encode() would not have written, and members without a voter among them.
  static Result<Configuration> decode(std::string_view bytes);

  bool operator==(const Configuration& other) const {
    return members_ == other.members_ || members() == other.members();
  }

 private:
  /// Null: none.
  std::shared_ptr<const std::vector<Member>> members_;
  std::size_t voter_count_ = 0;
};

/// A configuration and the log index at which it stands (0 with an empty one).
struct ConfigurationAt {
  Index index;
  Configuration configuration;

  bool operator==(const ConfigurationAt&) const = default;
};

}  // namespace ticketd::raft
