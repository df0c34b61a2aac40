// Messages on their way out, those that promise something held until it is durable.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "raft/ready.h"

namespace ticketd::raft {

class Outbox {
 public:
  /// Past it further messages are dropped, as a network may: a hung disk must not fill the memory.
  static constexpr std::size_t kMaxHeld = 4096;
  /// So many leave at once as a rule.
  static constexpr std::size_t kUsual = 4;

  /// `rests_on`: the save to wait for, none to send at once.
  void post(Envelope envelope, std::optional<SaveId> rests_on);
  /// Lets go what rests on `saved` or an earlier save, in the order in which it was posted. What
  /// was said in a term that is over is dropped: nobody acts on it.
  void release(SaveId saved, Term current_term);
  /// Drops what is held and speaks of the log, because the log was replaced.
  void drop_held_log_answers();

  /// Swaps what may leave now for `room`, which is empty.
  void take(std::vector<Envelope>& room) { free_.swap(room); }

  std::size_t held_count() const { return held_.size(); }

 private:
  struct Held {
    SaveId rests_on;
    Envelope envelope;
  };

  bool widens_newest(const Envelope& envelope, SaveId rests_on);

  std::vector<Envelope> free_;
  std::vector<Held> held_;  // at most kMaxHeld
};

}  // namespace ticketd::raft
