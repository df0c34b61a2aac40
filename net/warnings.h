#pragma once

#include <spdlog/spdlog.h>

#include <set>
#include <string>

#include "net/clock.h"

namespace ticketd::net {

/// Warnings whose causes lie outside this process, and may come thousands of times a second. What
/// comes often never hides what is new: the first of a kind in a window is always written.
class Warnings {
 public:
  /// Of any kind, in a window.
  static constexpr std::size_t kBurst = 10;
  /// Kinds told apart in a window: strangers may have some of them made up.
  static constexpr std::size_t kKindsMax = 50;
  static constexpr std::chrono::seconds kWindow{10};

  /// `kind` is what the text says, less what differs from one time to the next.
  void warn(const std::string& kind, const std::string& text,
            Clock::time_point now = Clock::now()) {
    if (now - window_began_ >= kWindow) {
      if (left_out_ > 0) {
        spdlog::warn("{} more warnings about connections were left out", left_out_);
      }
      window_began_ = now;
      written_ = left_out_ = 0;
      kinds_.clear();
    }
    const bool is_new = kinds_.size() < kKindsMax && kinds_.insert(kind).second;
    if (is_new || written_ < kBurst) {
      ++written_;
      spdlog::warn("{}", text);
    } else {
      ++left_out_;
    }
  }

 private:
  Clock::time_point window_began_;
  std::set<std::string> kinds_;
  std::size_t written_ = 0;
  std::size_t left_out_ = 0;
};

}  // namespace ticketd::net
