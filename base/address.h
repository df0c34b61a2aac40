// HOST:PORT as users write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ticketd {

/// A host (name, IPv4, or IPv6 without brackets) and a port.
struct Address {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const Address&) const = default;
};

/// Takes HOST:PORT and [IPV6]:PORT. Errors say what is wrong.
Result<Address> parse_address(std::string_view text);
/// A host as given to an option: a name, an IPv4 address, an IPv6 address with or without brackets.
Result<std::string> parse_host(std::string_view text);
/// HOST:PORT, an IPv6 host in brackets.
std::string to_string(const Address& address);

}  // namespace ticketd
