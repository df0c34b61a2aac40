#include "raft/save_gate.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace ticketd::raft {

std::optional<SaveId> SaveGate::needed(const HardState& hard, Index index) const {
  if (!same_promise(handed_, hard) || index > handed_index_) {
    return next_id_;
  }
  if (!same_promise(durable_, hard) || index > durable_index_) {
    ENSURE(outstanding_.has_value());
    return outstanding_->id;
  }
  return std::nullopt;
}

void SaveGate::truncated(Index first) {
  // A save that is out may still bring cut entries to the disk. The next one replaces them; until
  // then no promise is made on them, since handed_index_ is below them.
  durable_index_ = std::min(durable_index_, first - 1);
  handed_index_ = std::min(handed_index_, first - 1);
}

void SaveGate::reset(Index index) {
  ENSURE(!saving_entries());
  durable_index_ = index;
  handed_index_ = index;
}

std::optional<Save> SaveGate::take(const HardState& hard, const Log& log, bool entries_allowed,
                                   Time now) {
  const bool has_entries = entries_allowed && log.last_index() > handed_index_;
  if (outstanding_ || (!has_entries && same_promise(handed_, hard))) {
    return std::nullopt;
  }
  Save save;
  save.id = next_id_;
  ++next_id_;
  if (has_entries) {
    save.entries =
        log.slice(handed_index_ + 1, log.last_index(), std::numeric_limits<std::size_t>::max());
    handed_index_ = log.last_index();
  }
  HardState to_save = hard;
  to_save.commit_index = std::min(hard.commit_index, handed_index_);
  if (to_save != handed_) {
    save.hard_state = to_save;
    handed_ = to_save;
  }
  outstanding_ = Outstanding{save.id, now, has_entries};
  return save;
}

void SaveGate::saved(SaveId id) {
  ENSURE(outstanding_.has_value());
  ENSURE_EQ(outstanding_->id, id);
  outstanding_.reset();
  durable_ = handed_;
  durable_index_ = handed_index_;
}

std::optional<Time> SaveGate::outstanding_since() const {
  return outstanding_ ? std::optional<Time>(outstanding_->since) : std::nullopt;
}

void SaveGate::check_invariants(const HardState& hard, Index last) const {
  ENSURE_LE(durable_index_, handed_index_);
  ENSURE_LE(handed_index_, last);
  ENSURE_LE(durable_.current_term, handed_.current_term);
  ENSURE_LE(handed_.current_term, hard.current_term);
  ENSURE_LE(handed_.commit_index, hard.commit_index);
  ENSURE(saving_entries() || durable_index_ == handed_index_);
  ENSURE(outstanding_.has_value() || durable_ == handed_);
}

}  // namespace ticketd::raft
