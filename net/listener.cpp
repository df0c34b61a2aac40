#include "net/listener.h"

#include <set>

#include "base/address.h"

namespace ticketd::net {

using asio::ip::tcp;

namespace {

/// Long enough not to spin, short enough not to be noticed.
constexpr std::chrono::milliseconds kPause{100};
constexpr int kPortAttempts = 20;

asio::error_code open_door(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  asio::error_code error;
  const auto attempt = [&error](auto&& step) {
    if (!error) {
      step();
    }
  };
  attempt([&] { acceptor.open(endpoint.protocol(), error); });
  // A restarted node takes its port again although old connections on it still time out.
  attempt([&] { acceptor.set_option(tcp::acceptor::reuse_address(true), error); });
  attempt([&] { acceptor.bind(endpoint, error); });
  attempt([&] { acceptor.listen(tcp::acceptor::max_listen_connections, error); });
  return error;
}

}  // namespace

Result<std::shared_ptr<Listener>> Listener::open(asio::io_context& loop, const std::string& host,
                                                 std::uint16_t port) {
  asio::error_code error;
  tcp::resolver resolver(loop);
  const auto found = resolver.resolve(
      host, std::to_string(port), tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) {
    return Error{"cannot listen at '" + host + "': " + error.message()};
  }
  std::set<asio::ip::address> addresses;
  for (const auto& each : found) {
    addresses.insert(each.endpoint().address());
  }
  const auto listener = std::make_shared<Listener>();
  Status status;
  // A port that is free on the first address may be taken on the second.
  for (int attempt = 0; attempt < (port == 0 ? kPortAttempts : 1); ++attempt) {
    status = listener->bind(loop, {addresses.begin(), addresses.end()}, port);
    if (status) {
      return listener;
    }
  }
  return status.error();
}

/// An address that this machine does not have (a name for IPv4 and IPv6, and no IPv6) is left out
/// as long as one remains.
Status Listener::bind(asio::io_context& loop, const std::vector<asio::ip::address>& addresses,
                      std::uint16_t port) {
  doors_.clear();
  port_ = port;
  std::optional<Error> missing;
  for (const asio::ip::address& address : addresses) {
    tcp::acceptor acceptor(loop);
    if (const asio::error_code error = open_door(acceptor, {address, port_})) {
      missing = Error{"cannot listen at " + to_string(Address{address.to_string(), port_}) + ": " +
                      error.message()};
      if (error == asio::error::address_in_use) {
        return *missing;
      }
      continue;
    }
    asio::error_code ignored;
    port_ = acceptor.local_endpoint(ignored).port();
    doors_.push_back({std::move(acceptor)});
  }
  if (doors_.empty()) {
    return missing.value_or(Error{"no address to listen at"});
  }
  return {};
}

void Listener::start(Accepted accepted, std::shared_ptr<Warnings> warnings) {
  accepted_ = std::move(accepted);
  warnings_ = std::move(warnings);
  for (std::size_t door = 0; door < doors_.size(); ++door) {
    accept(door);
  }
}

void Listener::close() {
  accepted_ = nullptr;
  for (Door& door : doors_) {
    asio::error_code ignored;
    door.acceptor.close(ignored);
  }
}

void Listener::accept(std::size_t door) {
  doors_[door].acceptor.async_accept(
      [self = shared_from_this(), door](const asio::error_code& error, tcp::socket socket) {
        if (!self->accepted_) {
          return;
        }
        if (!error) {
          self->accepted_(std::move(socket));
        } else if (error != asio::error::connection_aborted) {
          // Out of descriptors or memory: the connection still waits, and accepting at once would
          // fail at once, for ever.
          self->warnings_->warn("cannot accept",
                                "cannot accept connections for now: " + error.message());
          ++self->failures_;
          self->doors_[door].paused = true;
          self->pause_until_ = Clock::now() + kPause;
          return;
        }
        if (self->accepted_) {
          self->accept(door);
        }
      });
}

void Listener::sweep(Clock::time_point now) {
  for (std::size_t door = 0; door < doors_.size() && now >= pause_until_; ++door) {
    if (doors_[door].paused) {
      doors_[door].paused = false;
      accept(door);
    }
  }
}

}  // namespace ticketd::net
