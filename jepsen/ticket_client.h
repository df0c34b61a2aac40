// What the workloads speak to, whatever the protocol behind it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "jepsen/event.h"

namespace ticketd::jepsen {

/// What a client asks for.
struct Question {
  Function function = Function::kTake;
  /// Empty for the unnamed sequence, which can only be taken from.
  std::string sequence;
  std::uint32_t count = 1;
  /// Empty for none.
  std::string key;
};

/// What it is told, as a history wants it.
struct Reply {
  /// kOk, kFail (it was certainly not done) or kInfo (nobody knows).
  EventType type = EventType::kInfo;
  /// As in Event.
  std::uint64_t begin = 0, end = 0;
  /// Who answered; 0 when nobody did.
  std::uint32_t node = 0;
  /// Why it is not kOk.
  std::string error;
  /// The answer is none that ticketd ever gives: its outcome is not to be believed, and this alone
  /// is a failure of the server.
  bool malformed = false;
};

/// All of it happens in one loop's thread.
class TicketClient {
 public:
  using Clock = std::chrono::steady_clock;
  using Questions = std::vector<Question>;
  /// Which of the questions, from 0.
  using Callback = std::function<void(std::size_t, const Reply&)>;

  virtual ~TicketClient() = default;

  /// Asks that node (from 1), which may lead it to others. Several questions go over one connection
  /// without waiting for answers. `told` is called once for each of them, in any order, at the
  /// deadline at the latest; never after the client went. Requires a question, and that nothing
  /// else is asked.
  virtual void ask(std::uint32_t node, Questions questions, Clock::time_point deadline,
                   Callback told) = 0;

  /// Questions that are asked together take effect in their order.
  virtual bool keeps_order() const = 0;

  /// Breaks its connections now, whatever is under way: its outcome is unknown.
  virtual void cut() = 0;
};

}  // namespace ticketd::jepsen
