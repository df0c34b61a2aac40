// Time and turns, as a replica sees them: the seam behind which Asio stands in the server, and
// virtual time in the simulator.
#pragma once

#include <functional>

#include "raft/types.h"

namespace ticketd::server {

class Loop {
 public:
  virtual ~Loop() = default;
  /// Monotonic; never goes back.
  virtual raft::Time now() = 0;
  /// Runs `turn` once, after the events that are already waiting have been handled.
  virtual void defer(std::function<void()> turn) = 0;
  /// The same for the handler of turns, of which there are more than of anything else.
  virtual void defer_turn() = 0;
  /// Set once, before the first defer_turn.
  virtual void on_turn(std::function<void()> handler) = 0;
  /// Calls the alarm's handler at `when` or a little later. A new call replaces the earlier one.
  virtual void set_alarm(raft::Time when) = 0;
  /// Set once, before the first set_alarm.
  virtual void on_alarm(std::function<void()> handler) = 0;
};

}  // namespace ticketd::server
