// Networks and sockets for tests of what runs in them.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "jepsen/network.h"

namespace ticketd::jepsen {

/// None where the machine forbids it; then the reason is told, and the test has nothing to do.
inline std::unique_ptr<Network> network_or_skip(std::size_t hosts) {
  static const Status allowed = allow_host_spaces();
  auto network = allowed.ok() ? Network::create(hosts, 1) : allowed.error();
  if (network.ok()) return std::move(*network);
  MESSAGE("SKIPPED, no network namespaces here: ", network.error().message);
  return nullptr;
}

/// Long enough that only a lost packet takes longer.
inline constexpr int kPatienceSeconds = 20;

inline sockaddr_in endpoint(const std::string& address, std::uint16_t port) {
  sockaddr_in result = {};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  REQUIRE(::inet_pton(AF_INET, address.c_str(), &result.sin_addr) == 1);
  return result;
}

/// A socket of that host, whose calls give up after kPatienceSeconds.
inline Descriptor socket_at(const Network& network, std::size_t host, int type) {
  Descriptor made;
  std::thread([&] {
    if (!network.enter(host).ok()) return;
    made = Descriptor(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  }).join();
  REQUIRE(made);
  const timeval patience = {kPatienceSeconds, 0};
  const int yes = 1;
  REQUIRE(::setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
  REQUIRE(::setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
  REQUIRE(::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
  return made;
}

/// Bound to a port of that host that is the test's own: nobody else is there.
inline Descriptor bound_socket(const Network& network, std::size_t host, int type,
                               std::uint16_t port) {
  Descriptor made = socket_at(network, host, type);
  const sockaddr_in here = endpoint(network.address(host), port);
  REQUIRE(::bind(made.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0);
  return made;
}

/// The two ends of a TCP connection, `first` the host that connected.
struct Connected {
  Descriptor first, second;
};

inline Connected connect_hosts(const Network& network, std::size_t from, std::size_t to) {
  constexpr std::uint16_t kPort = 9000;
  const Descriptor listener = bound_socket(network, to, SOCK_STREAM, kPort);
  REQUIRE(::listen(listener.get(), 1) == 0);
  Connected ends;
  ends.first = socket_at(network, from, SOCK_STREAM);
  const sockaddr_in there = endpoint(network.address(to), kPort);
  REQUIRE(::connect(ends.first.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) ==
          0);
  ends.second = Descriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(ends.second);
  const timeval patience = {kPatienceSeconds, 0};
  REQUIRE(::setsockopt(ends.second.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ==
          0);
  return ends;
}

inline bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// So many bytes, or fewer when the other end closed or nothing came in time.
inline std::string receive_all(int socket, std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t got = 0;
  while (got < count) {
    const ssize_t more = ::recv(socket, bytes.data() + got, count - got, 0);
    if (more <= 0) break;
    got += static_cast<std::size_t>(more);
  }
  bytes.resize(got);
  return bytes;
}

}  // namespace ticketd::jepsen
