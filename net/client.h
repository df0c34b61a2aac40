// The calling side for processes that are not (yet) members: the command line, and a joiner.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/message.h"

namespace ticketd::net {

/// Blocking calls over the peer port, one connection at a time. Any thread, one at a time.
class Client {
 public:
  explicit Client(std::chrono::milliseconds timeout);

  /// From now on nodes of other clusters are not asked: an address may have changed hands.
  void expect_cluster(std::uint64_t cluster_id) { cluster_id_ = cluster_id; }

  /// One call to that address (HOST:PORT, host names and [IPv6] too). The error says what failed
  /// and whether the request may have been carried out.
  Result<Reply> call(const std::string& address, const Call& call);

  /// Finds the leader by asking the given members in turn, follows kNotLeader, waits out elections
  /// (kNoLeader, kBusy are asked again) until the time-out. A change whose outcome
  /// is unknown is sent again only when it has an idempotency key; when none of these times was
  /// answered for certain, the reply is kUnknown. So it is when no
  /// reply comes.
  Result<Reply> call_leader(const std::vector<std::string>& addresses, const Call& call);

 private:
  std::chrono::milliseconds timeout_;
  std::optional<std::uint64_t> cluster_id_;
};

}  // namespace ticketd::net
