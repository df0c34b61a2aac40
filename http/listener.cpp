#include "http/listener.h"

#include <spdlog/spdlog.h>

#include <asio/error.hpp>
#include <utility>

#include "base/address.h"
#include "base/check.h"

namespace ticketd::http {

namespace {

using asio::ip::tcp;

}  // namespace

Result<std::shared_ptr<Listener>> Listener::open(asio::io_context& loop, const std::string& host,
                                                 std::uint16_t port) {
  const std::string name = "HTTP address " + to_string(Address{host, port});
  asio::error_code error;
  const auto resolved = tcp::resolver(loop).resolve(
      host, std::to_string(port), tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) {
    return Error{"cannot resolve " + name + ": " + error.message()};
  }
  auto listener = std::make_shared<Listener>(loop);
  for (const auto& entry : resolved) {
    error = listener->bind(entry.endpoint());
    if (!error) {
      return listener;
    }
  }
  return Error{"cannot listen on " + name + ": " + error.message()};
}

asio::error_code Listener::bind(const tcp::endpoint& endpoint) {
  asio::error_code error;
  acceptor_ = tcp::acceptor(acceptor_.get_executor());
  acceptor_.open(endpoint.protocol(), error);
  if (!error) {
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor_.bind(endpoint, error);
  }
  if (!error) {
    acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  }
  if (!error) {
    port_ = acceptor_.local_endpoint(error).port();
  }
  return error;
}

void Listener::start(OnAccept on_accept) {
  ENSURE(!on_accept_);
  on_accept_ = std::move(on_accept);
  if (!stopped_) {
    accept();
  }
}

void Listener::stop() {
  stopped_ = true;
  asio::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

void Listener::accept() {
  acceptor_.async_accept(
      [self = shared_from_this()](const asio::error_code& error, tcp::socket socket) {
        if (!self->stopped_) {
          self->on_accepted(error, std::move(socket));
        }
      });
}

void Listener::on_accepted(const asio::error_code& error, tcp::socket socket) {
  if (error) {
    pause(error);
    return;
  }
  asio::error_code refused;
  socket.non_blocking(true, refused);
  if (!refused) {
    socket.set_option(tcp::no_delay(true), refused);
  }
  // Refused: the client is gone already.
  if (!refused) {
    on_accept_(std::move(socket));
  }
  if (!stopped_) {
    accept();
  }
}

/// Out of descriptors or memory, the client stays in the backlog and accepting fails again at once:
/// without a pause this would spin. Any other error gets the same, as none is expected.
void Listener::pause(const asio::error_code& error) {
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_warning_) {
    next_warning_ = now + kBetweenWarnings;
    spdlog::warn("accepting HTTP connections pauses: {}", error.message());
  }
  pause_.expires_after(kAcceptPause);
  pause_.async_wait([self = shared_from_this()](const asio::error_code& cancelled) {
    if (!cancelled && !self->stopped_) {
      self->accept();
    }
  });
}

}  // namespace ticketd::http
