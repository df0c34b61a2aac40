#include "cli/caller.h"

#include <algorithm>
#include <thread>

namespace ticketd::cli {

std::chrono::milliseconds PeerCaller::left() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - net::Clock::now());
}

net::Client PeerCaller::client(std::chrono::milliseconds time) const {
  net::Client client(time);
  if (cluster_id_) {
    client.expect_cluster(*cluster_id_);
  }
  return client;
}

Error PeerCaller::over() const {
  return Error{"no time is left of the " + std::to_string(time_.count()) +
               " ms that the command may take; --request-timeout gives it more"};
}

Result<net::Reply> PeerCaller::call(const std::string& address, const net::Call& call,
                                    std::size_t parts) {
  if (is_over()) {
    return over();
  }
  const auto divisor = static_cast<std::chrono::milliseconds::rep>(parts);
  return client(std::max(left() / divisor, std::chrono::milliseconds(1))).call(address, call);
}

Result<net::Reply> PeerCaller::call_leader(const std::vector<std::string>& addresses,
                                           const net::Call& call) {
  if (is_over()) {
    return over();
  }
  return client(left()).call_leader(addresses, call);
}

void PeerCaller::pause(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

std::string words(const net::ErrorReply& error) {
  using Code = net::ErrorReply::Code;
  const std::string said = error.message.empty() ? "the member gave no reason" : error.message;
  switch (error.code) {
    case Code::kNotLeader:
    case Code::kNoLeader:
      return said +
             "; nothing was done. Does a majority of the members run? `ticketd status` tells what "
             "one of them sees";
    case Code::kBusy:
      return said + "; nothing was done, try again";
    case Code::kUnknown:
      return "outcome unknown: " + said;
    case Code::kKeysFull:
      return said + "; nothing was done, try again when older keys are forgotten";
    case Code::kRefused:
    case Code::kNoSpace:
    case Code::kOverflow:
    case Code::kBehind:
    case Code::kKeyReused:
    case Code::kForbidden:
      break;
  }
  return said;
}

}  // namespace ticketd::cli
