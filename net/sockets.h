// What Asio has no words for: Linux socket options, and names resolved without blocking anybody.
#pragma once

#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "net/clock.h"

namespace ticketd::net {

using Endpoints = std::vector<asio::ip::tcp::endpoint>;
using Resolve = std::function<void(const Address&, std::function<void(Result<Endpoints>)>)>;

/// Small messages leave at once (TCP_NODELAY).
void send_at_once(asio::ip::tcp::socket& socket);

/// The kernel breaks the connection when sent bytes stay unacknowledged that long
/// (TCP_USER_TIMEOUT), instead of after the quarter of an hour that is its default.
void break_when_unacknowledged(asio::ip::tcp::socket& socket, Clock::duration limit);

/// Bytes in the kernel that the peer has not acknowledged (SIOCOUTQ); none if the socket is broken.
std::optional<std::size_t> unacknowledged_bytes(asio::ip::tcp::socket& socket);

/// HOST:PORT of the other end, for people.
std::string remote_name(const asio::ip::tcp::socket& socket);

/// The endpoint of an address that needs no resolving.
std::optional<asio::ip::tcp::endpoint> literal_endpoint(const Address& address);

/// Resolves a name on a thread of its own and calls `done` there: getaddrinfo cannot be
/// interrupted, and may hang for tens of seconds without holding up other names or the end of the
/// process. Literal addresses take the same way.
void resolve_on_thread(const Address& address, std::function<void(Result<Endpoints>)> done);

}  // namespace ticketd::net
