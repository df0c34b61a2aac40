#include "cli/caller.h"

#include <thread>

namespace ticketd::cli {

Result<net::Reply> PeerCaller::call(const std::string& address, const net::Call& call) {
  return client_.call(address, call);
}

Result<net::Reply> PeerCaller::call_leader(const std::vector<std::string>& addresses,
                                           const net::Call& call) {
  return client_.call_leader(addresses, call);
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
    case Code::kRefused:
    case Code::kNoSpace:
    case Code::kOverflow:
      break;
  }
  return said;
}

}  // namespace ticketd::cli
