// The loop of a real node.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <optional>
#include <utility>

#include "server/loop.h"

namespace ticketd::server {

/// One io_context, run by one thread. Destroy it only when the io_context no longer runs.
class AsioLoop : public Loop {
 public:
  explicit AsioLoop(asio::io_context& context) : context_(context), timer_(context) {}

  raft::Time now() override;
  void defer(std::function<void()> turn) override;
  void defer_turn() override;
  void on_turn(std::function<void()> handler) override { turn_handler_ = std::move(handler); }
  void set_alarm(raft::Time when) override;
  void on_alarm(std::function<void()> handler) override { handler_ = std::move(handler); }

 private:
  void arm();

  asio::io_context& context_;
  asio::steady_timer timer_;
  std::function<void()> turn_handler_;
  std::function<void()> handler_;
  /// When the timer is set to go off. An alarm that moves later leaves it alone: it goes off early,
  /// sees that it is too soon, and is set again. Most alarms move later with every heartbeat.
  std::optional<raft::Time> armed_;
  std::optional<raft::Time> wanted_;
};

}  // namespace ticketd::server
