#include "serve/listener.h"

#include <spdlog/spdlog.h>

#include <asio/error.hpp>
#include <utility>

#include "base/address.h"
#include "base/check.h"

namespace ticketd::serve {

namespace {

using asio::ip::tcp;

/// A port that is free on the first address may be taken on the second.
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

Result<std::shared_ptr<Listener>> Listener::open(asio::io_context& loop, const Endpoint& endpoint) {
  asio::error_code error;
  const auto resolved =
      tcp::resolver(loop).resolve(endpoint.host, std::to_string(endpoint.port),
                                  tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) {
    return Error{"cannot resolve " + endpoint.name + " address " +
                 to_string(Address{endpoint.host, endpoint.port}) + ": " + error.message()};
  }
  std::set<asio::ip::address> addresses;
  for (const auto& entry : resolved) {
    addresses.insert(entry.endpoint().address());
  }
  auto listener = std::make_shared<Listener>(loop, endpoint.name);
  Result<void> status;
  for (int attempt = 0; attempt < (endpoint.port == 0 ? kPortAttempts : 1); ++attempt) {
    status = listener->bind(endpoint.host, addresses, endpoint.port);
    if (status) {
      return listener;
    }
  }
  return status.error();
}

Result<void> Listener::bind(const std::string& host, const std::set<asio::ip::address>& addresses,
                            std::uint16_t port) {
  doors_.clear();
  port_ = port;
  const std::string what =
      "cannot listen on " + name_ + " address " + to_string(Address{host, port_});
  Error failure{what + ": it has no address"};
  for (const asio::ip::address& address : addresses) {
    tcp::acceptor acceptor(loop_);
    if (const asio::error_code error = open_door(acceptor, {address, port_})) {
      const std::string where = to_string(Address{address.to_string(), port_});
      failure = Error{what + ", address " + where + ": " + error.message()};
      if (error == asio::error::address_in_use) {
        return failure;
      }
      continue;
    }
    asio::error_code ignored;
    port_ = acceptor.local_endpoint(ignored).port();
    doors_.push_back({std::move(acceptor), asio::steady_timer(loop_)});
  }
  if (doors_.empty()) {
    return failure;
  }
  return {};
}

void Listener::start(OnAccept on_accept) {
  ENSURE(!on_accept_);
  on_accept_ = std::move(on_accept);
  for (std::size_t door = 0; door < doors_.size() && !stopped_; ++door) {
    accept(door);
  }
}

void Listener::stop() {
  stopped_ = true;
  for (Door& door : doors_) {
    asio::error_code ignored;
    door.acceptor.close(ignored);
    door.pause.cancel();
  }
}

void Listener::accept(std::size_t door) {
  doors_[door].acceptor.async_accept(
      [self = shared_from_this(), door](const asio::error_code& error, tcp::socket socket) {
        if (!self->stopped_) {
          self->on_accepted(door, error, std::move(socket));
        }
      });
}

void Listener::on_accepted(std::size_t door, const asio::error_code& error, tcp::socket socket) {
  if (error && error != asio::error::connection_aborted) {
    pause(door, error);
    return;
  }
  asio::error_code refused = error;
  if (!refused) {
    socket.non_blocking(true, refused);
  }
  if (!refused) {
    socket.set_option(tcp::no_delay(true), refused);
  }
  // Refused: the client is gone already.
  if (!refused) {
    on_accept_(std::move(socket));
  }
  if (!stopped_) {
    accept(door);
  }
}

/// Out of descriptors or memory, the client stays in the backlog and accepting fails again at once:
/// without a pause this would spin. Any other error gets the same, as none is expected.
void Listener::pause(std::size_t door, const asio::error_code& error) {
  ++failures_;
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_warning_) {
    next_warning_ = now + kBetweenWarnings;
    spdlog::warn("accepting {} connections pauses: {}", name_, error.message());
  }
  asio::steady_timer& timer = doors_[door].pause;
  timer.expires_after(kAcceptPause);
  timer.async_wait([self = shared_from_this(), door](const asio::error_code& cancelled) {
    if (!cancelled && !self->stopped_) {
      self->accept(door);
    }
  });
}

}  // namespace ticketd::serve
