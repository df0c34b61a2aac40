// The node of a data directory, whether it runs or not, and whom a command may ask.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/membership.h"
#include "cli/options.h"
#include "store/directory.h"
#include "store/disk.h"

namespace ticketd::cli {

/// Who runs in that directory. Waits up to `patience` for a node that is just starting to say where
/// it is reached; its address is empty when it did not.
std::optional<store::Holder> running_node(const std::string& path,
                                          std::chrono::milliseconds patience);

/// What the directory of a stopped node tells.
struct StoredNode {
  std::optional<store::Identity> identity;
  /// Peer addresses of the other members, those of the newest configuration first.
  Addresses others;
  /// Its own, empty when it was never a member.
  std::string own;
};

/// Opens the directory, which verifies it. None: a running process holds it.
Result<std::optional<StoredNode>> read_stored_node(const Directory& directory);

/// What `opened` tells, as above.
StoredNode stored_node(const store::Opened& opened);

/// Whom a client command asks: --peer, else the running node, else the members that the data knows,
/// else this machine at --raft_port.
Result<Addresses> contacts_of(const Target& target);

}  // namespace ticketd::cli
