// The listening port.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/clock.h"
#include "net/warnings.h"

namespace ticketd::net {

/// Listens on every address of one host, at one port.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  using Accepted = std::function<void(asio::ip::tcp::socket)>;

  /// Port 0: any that is free on all of them.
  static Result<std::shared_ptr<Listener>> open(asio::io_context& loop, const std::string& host,
                                                std::uint16_t port);

  std::uint16_t port() const { return port_; }
  void start(Accepted accepted, std::shared_ptr<Warnings> warnings);
  void close();
  /// Goes on where want of descriptors or memory stopped it. To be called a few times a second.
  void sweep(Clock::time_point now);
  /// How often it was stopped.
  std::uint64_t failures() const { return failures_; }

 private:
  struct Door {
    asio::ip::tcp::acceptor acceptor;
    /// Not accepting: waits for pause_until_.
    bool paused = false;
  };

  Status bind(asio::io_context& loop, const std::vector<asio::ip::address>& addresses,
              std::uint16_t port);
  void accept(std::size_t door);

  std::vector<Door> doors_;
  std::uint16_t port_ = 0;
  Accepted accepted_;
  std::shared_ptr<Warnings> warnings_;
  Clock::time_point pause_until_;
  std::uint64_t failures_ = 0;
};

}  // namespace ticketd::net
