// The listening sockets, which stay calm when the process runs out of descriptors.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ticketd::serve {

/// How long accepting rests after it failed. Clients wait in the backlog meanwhile.
inline constexpr std::chrono::milliseconds kAcceptPause{100};

/// At a process's last descriptor, clients come one by one and every one is followed by a failure.
inline constexpr std::chrono::seconds kBetweenWarnings{10};

/// Where to listen.
struct Endpoint {
  /// What it is for, in messages: "HTTP".
  std::string name;
  /// An address, or a name that resolves to some.
  std::string host;
  /// 0: any that is free on all addresses.
  std::uint16_t port = 0;
};

/// Listens on every address of one host, at one port. On the loop's thread.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  using OnAccept = std::function<void(asio::ip::tcp::socket)>;

  /// Binds and listens. An address that this machine does not have is left out as long as one
  /// remains.
  static Result<std::shared_ptr<Listener>> open(asio::io_context& loop, const Endpoint& endpoint);
  /// Use open().
  Listener(asio::io_context& loop, std::string name) : loop_(loop), name_(std::move(name)) {}

  /// Hands every client to `on_accept`, as a socket that does not block and sends without delay.
  void start(OnAccept on_accept);
  /// Closes the sockets. No call to `on_accept` comes after this.
  void stop();

  std::uint16_t port() const { return port_; }
  /// Addresses that are listened on.
  std::size_t addresses() const { return doors_.size(); }
  /// How often accepting failed.
  std::uint64_t failures() const { return failures_; }

 private:
  struct Door {
    asio::ip::tcp::acceptor acceptor;
    asio::steady_timer pause;
  };

  Result<void> bind(const std::string& host, const std::set<asio::ip::address>& addresses,
                    std::uint16_t port);
  void accept(std::size_t door);
  void on_accepted(std::size_t door, const asio::error_code& error, asio::ip::tcp::socket socket);
  void pause(std::size_t door, const asio::error_code& error);

  asio::io_context& loop_;
  const std::string name_;
  std::vector<Door> doors_;
  OnAccept on_accept_;
  std::uint16_t port_ = 0;
  std::uint64_t failures_ = 0;
  /// Not before this moment another failure is logged.
  std::chrono::steady_clock::time_point next_warning_{};
  bool stopped_ = false;
};

}  // namespace ticketd::serve
