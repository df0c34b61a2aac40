// What `ticketd status` prints, from what members said. Pure text, no calls.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/message.h"

namespace ticketd::cli {

/// A node's word about itself and its cluster, and the leader's word about the members' progress,
/// which only a leader knows.
struct StatusView {
  net::StatusReply node;
  /// The leader's own answer; `node` again when it leads; none when no leader could be asked.
  std::optional<net::StatusReply> leader;
};

/// One member as both see it.
struct MemberRow {
  raft::Member member;
  std::optional<raft::Index> match_index;
  /// Entries of the leader's log that the member is not known to hold.
  std::optional<std::uint64_t> lag;
  std::optional<std::uint64_t> last_heard_us;
  std::optional<raft::Index> applied_index;
  std::optional<std::uint64_t> digest;
  std::optional<Durability> durability;
};

/// The members that `view.node` sees. What the leader knows of one goes before what the node knows.
std::vector<MemberRow> merged_members(const StatusView& view);

/// "leader", "follower", "candidate" or "learner".
std::string role_name(const net::StatusReply& node);

/// A header and a table, for people.
std::string status_text(const StatusView& view);
/// One JSON object, documented in docs/cli.md.
std::string status_json(const StatusView& view);

}  // namespace ticketd::cli
