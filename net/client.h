// The calling side for processes that are not (yet) members: the command line, and a joiner.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/message.h"

namespace ticketd::net {

/// Blocking calls over the peer port, one connection at a time. Any thread, one at a time.
class Client {
 public:
  explicit Client(std::chrono::milliseconds timeout);

  /// One call to that address (HOST:PORT, host names and [IPv6] too). The error says what failed
  /// and whether the request may have been carried out.
  Result<Reply> call(const std::string& address, const Call& call);

  /// Finds the leader by asking the given members in turn, follows kNotLeader, waits out elections
  /// (kNoLeader, kBusy are asked again) until the time-out. A take whose outcome is unknown is
  /// never sent twice.
  Result<Reply> call_leader(const std::vector<std::string>& addresses, const Call& call);

 private:
  std::chrono::milliseconds timeout_;
};

}  // namespace ticketd::net
