// A listening socket that stays calm when the process runs out of descriptors.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace ticketd::http {

/// How long accepting rests after it failed. Clients wait in the backlog meanwhile.
inline constexpr std::chrono::milliseconds kAcceptPause{100};

/// At a process's last descriptor, clients come one by one and every one is followed by a failure.
inline constexpr std::chrono::seconds kBetweenWarnings{10};

/// On the loop's thread.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  using OnAccept = std::function<void(asio::ip::tcp::socket)>;

  /// Binds and listens. `host` is an address or a name; port 0 is any.
  static Result<std::shared_ptr<Listener>> open(asio::io_context& loop, const std::string& host,
                                                std::uint16_t port);
  /// Use open().
  explicit Listener(asio::io_context& loop) : acceptor_(loop), pause_(loop) {}

  /// Hands every client to `on_accept`, as a socket that does not block and sends without delay.
  void start(OnAccept on_accept);
  /// Closes the socket. No call to `on_accept` comes after this.
  void stop();

  std::uint16_t port() const { return port_; }

 private:
  asio::error_code bind(const asio::ip::tcp::endpoint& endpoint);
  void accept();
  void on_accepted(const asio::error_code& error, asio::ip::tcp::socket socket);
  void pause(const asio::error_code& error);

  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  OnAccept on_accept_;
  std::uint16_t port_ = 0;
  /// Not before this moment another failure is logged.
  std::chrono::steady_clock::time_point next_warning_{};
  bool stopped_ = false;
};

}  // namespace ticketd::http
