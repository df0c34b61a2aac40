#pragma once

#include <spdlog/spdlog.h>

#include <string>

#include "net/clock.h"

namespace ticketd::net {

/// Warnings whose causes lie outside this process, and may come thousands of times a second.
class Warnings {
 public:
  static constexpr int kBurst = 10;
  static constexpr std::chrono::seconds kWindow{10};

  void warn(const std::string& text) {
    const Clock::time_point now = Clock::now();
    if (now - window_began_ >= kWindow) {
      if (left_out_ > 0) {
        spdlog::warn("{} more warnings about connections were left out", left_out_);
      }
      window_began_ = now;
      written_ = 0;
      left_out_ = 0;
    }
    if (written_ < kBurst) {
      ++written_;
      spdlog::warn("{}", text);
    } else {
      ++left_out_;
    }
  }

 private:
  Clock::time_point window_began_;
  int written_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace ticketd::net
