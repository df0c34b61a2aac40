// The cluster's members as commands read and change them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/caller.h"

namespace ticketd::cli {

using Addresses = std::vector<std::string>;

/// Between two looks whether a change is done. Past the caller's time it is not confirmed.
inline constexpr std::chrono::milliseconds kBetweenLooks{250};

/// The committed configuration, by a linearizable read at the leader that `contacts` lead to.
Result<raft::Configuration> read_members(Caller& caller, const Addresses& contacts);

/// Removes exactly this incarnation. Done means that a linearizable read showed it gone, whatever
/// the answer to the request itself was. The error says why it is not, or not known to be.
Status remove_member(Caller& caller, const Addresses& contacts, raft::MemberId member);

/// Has `target` lead, and returns the words for it.
Result<std::string> transfer_leadership(Caller& caller, const Addresses& contacts,
                                        const raft::Member& target);

/// "1 (127.0.0.1:9000), 2 (127.0.0.1:9001, learner)".
std::string list_members(const raft::Configuration& configuration);

std::string node_name(raft::NodeId node);

}  // namespace ticketd::cli
