#include "cli/values.h"

#include <charconv>

#include "base/address.h"

namespace ticketd::cli {

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, number);
  if (text.empty() || fault != std::errc() || stopped != end || number < least || number > most) {
    return Error{"must be a whole number from " + std::to_string(least) + " to " +
                 std::to_string(most) + ", and is '" + std::string(text) + "'"};
  }
  return number;
}

bool is_any_address(std::string_view host) {
  // Every spelling of zero: 0.0.0.0, ::, 0:0:0:0:0:0:0:0, ::0.0.0.0.
  return !host.empty() && host.find_first_not_of("0:.") == std::string_view::npos;
}

Result<std::string> parse_peer(std::string_view text) {
  const Result<Address> address = parse_address(text);
  if (!address) {
    return address.error();
  }
  return to_string(*address);
}

Result<std::vector<std::string>> parse_peers(std::string_view text) {
  std::vector<std::string> peers;
  while (true) {
    const std::size_t comma = text.find(',');
    Result<std::string> peer = parse_peer(text.substr(0, comma));
    if (!peer) {
      return peer.error();
    }
    peers.push_back(*std::move(peer));
    if (comma == std::string_view::npos) {
      return peers;
    }
    text.remove_prefix(comma + 1);
  }
}

Result<http::RedirectMode> parse_redirect(std::string_view text) {
  if (text == "301") return http::RedirectMode::k301;
  if (text == "307") return http::RedirectMode::k307;
  if (text == "308") return http::RedirectMode::k308;
  if (text == "proxy") return http::RedirectMode::kProxy;
  return Error{"must be 301, 307, 308 or proxy, and is '" + std::string(text) + "'"};
}

}  // namespace ticketd::cli
