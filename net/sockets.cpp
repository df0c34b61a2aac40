#include "net/sockets.h"

#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <thread>

namespace ticketd::net {

using asio::ip::tcp;

void send_at_once(tcp::socket& socket) {
  asio::error_code ignored;  // a socket that is already broken says so on its next use
  socket.set_option(tcp::no_delay(true), ignored);
}

void break_when_unacknowledged(tcp::socket& socket, Clock::duration limit) {
  const auto limit_ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  const asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT> option(
      static_cast<int>(std::clamp<std::int64_t>(limit_ms, 1, 3'600'000)));
  asio::error_code ignored;
  socket.set_option(option, ignored);
}

std::optional<std::size_t> unacknowledged_bytes(tcp::socket& socket) {
  int bytes = 0;
  if (!socket.is_open() || ::ioctl(socket.native_handle(), SIOCOUTQ, &bytes) != 0 || bytes < 0) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(bytes);
}

std::string remote_name(const tcp::socket& socket) {
  asio::error_code error;
  const tcp::endpoint endpoint = socket.remote_endpoint(error);
  if (error) {
    return "a peer that is gone";
  }
  return to_string(Address{endpoint.address().to_string(), endpoint.port()});
}

std::optional<tcp::endpoint> literal_endpoint(const Address& address) {
  asio::error_code error;
  const asio::ip::address literal = asio::ip::make_address(address.host, error);
  if (error) {
    return std::nullopt;
  }
  return tcp::endpoint(literal, address.port);
}

namespace {

/// By the C library alone: the thread may still be here while the process exits and destroys static
/// objects, Asio's among them.
Result<Endpoints> resolve(const Address& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (error != 0) {
    return Error{"cannot resolve the host name '" + address.host + "': " + ::gai_strerror(error)};
  }
  Endpoints endpoints;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    tcp::endpoint endpoint;
    if (each->ai_addrlen <= endpoint.capacity()) {
      std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
      endpoint.resize(each->ai_addrlen);
      endpoints.push_back(endpoint);
    }
  }
  ::freeaddrinfo(found);
  return endpoints;
}

}  // namespace

void resolve_on_thread(const Address& address, std::function<void(Result<Endpoints>)> done) {
  try {
    std::thread([address, done] { done(resolve(address)); }).detach();
  } catch (const std::system_error& error) {
    done(Error{std::string("no thread to resolve a host name: ") + error.what()});
  }
}

}  // namespace ticketd::net
