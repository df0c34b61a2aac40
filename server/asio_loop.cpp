#include "server/asio_loop.h"

#include <asio/post.hpp>
#include <chrono>

namespace ticketd::server {

raft::Time AsioLoop::now() {
  const auto since_boot = std::chrono::steady_clock::now().time_since_epoch();
  return raft::Time(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since_boot).count()));
}

void AsioLoop::defer(std::function<void()> turn) { asio::post(context_, std::move(turn)); }

void AsioLoop::defer_turn() {
  asio::post(context_, [this] { turn_handler_(); });
}

void AsioLoop::set_alarm(raft::Time when) {
  wanted_ = when;
  if (!armed_ || when < *armed_) arm();
}

void AsioLoop::arm() {
  armed_ = *wanted_;
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::microseconds(armed_->value)));
  timer_.async_wait([this](asio::error_code error) {
    if (error) return;  // replaced by an earlier one, or the loop ends
    armed_.reset();
    if (!wanted_) return;
    if (now() < *wanted_) return arm();
    wanted_.reset();
    handler_();
  });
}

}  // namespace ticketd::server
