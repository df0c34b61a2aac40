#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace ticketd {

namespace {

constexpr std::size_t kNameBytesMax = 253;
/// The name of a network interface.
constexpr std::size_t kZoneBytesMax = 15;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_name_character);
}

bool is_ipv4(const std::string& text) {
  in_addr parsed;
  return inet_pton(AF_INET, text.c_str(), &parsed) == 1;
}

/// Takes a zone too (fe80::1%eth0): link-local addresses mean nothing without one.
bool is_ipv6(const std::string& text) {
  const std::string address = text.substr(0, text.find('%'));
  in6_addr parsed;
  return address.find('\0') == std::string::npos &&
         inet_pton(AF_INET6, address.c_str(), &parsed) == 1 &&
         (address.size() == text.size() ||
          (is_name(text.substr(address.size() + 1)) &&
           text.size() - address.size() - 1 <= kZoneBytesMax));
}

Error wrong(std::string_view text, const std::string& what) {
  return Error{"'" + std::string(text) + "' is not an address: " + what};
}

/// What is wrong with a host without brackets that holds no colon; nothing if it is fine.
std::optional<std::string> name_fault(const std::string& host) {
  if (host.empty()) {
    return "the host is missing";
  }
  if (host.size() > kNameBytesMax) {
    return "the host name is longer than " + std::to_string(kNameBytesMax) + " bytes";
  }
  if (!is_name(host)) {
    return "a host name has only letters, digits, '-', '_' and '.'";
  }
  const bool numeric = host.find_first_not_of("0123456789.") == std::string::npos;
  if (numeric && !is_ipv4(host)) {
    return "'" + host + "' is not an IPv4 address";
  }
  return std::nullopt;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(port);
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const bool bracketed = !text.empty() && text.front() == '[';
  if (colon == std::string_view::npos || (bracketed && text.back() == ']')) {
    return wrong(text, "the port is missing, write HOST:PORT");
  }
  std::string host(text.substr(0, colon));
  if (bracketed) {
    if (host.back() != ']' || !is_ipv6(host.substr(1, host.size() - 2))) {
      return wrong(text, "brackets must hold an IPv6 address, as in [::1]:9000");
    }
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return wrong(text, "write an IPv6 address in brackets, as in [::1]:9000");
  } else if (const auto fault = name_fault(host)) {
    return wrong(text, *fault);
  }
  const std::optional<std::uint16_t> port = parse_port(text.substr(colon + 1));
  if (!port) {
    return wrong(text, "the port must be a number from 1 to 65535");
  }
  return Address{std::move(host), *port};
}

Result<std::string> parse_host(std::string_view text) {
  std::string host(text);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host)) {
      return wrong(text, "brackets must hold an IPv6 address");
    }
    return host;
  }
  if (host.find(':') != std::string::npos) {
    if (!is_ipv6(host)) {
      return wrong(text, "expected a host without a port: a name, an IPv4 or an IPv6 address");
    }
    return host;
  }
  if (const auto fault = name_fault(host)) {
    return wrong(text, *fault);
  }
  return host;
}

std::string to_string(const Address& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace ticketd
