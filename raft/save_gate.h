// Which promises rest on which save.
#pragma once

#include <optional>

#include "raft/log.h"
#include "raft/ready.h"

namespace ticketd::raft {

/// Follows term, vote and log on their way to the disk. At most one Save is out; what changes
/// meanwhile gathers into the next. The log in memory runs ahead:
///
///   durable_index() <= handed_index() <= log.last_index()
///
/// Since saves go out one by one and in the order of the log, everything handed out is durable
/// when the outstanding one is confirmed.
class SaveGate {
 public:
  SaveGate(const HardState& durable, Index last)
      : durable_(durable), handed_(durable), durable_index_(last), handed_index_(last) {}

  /// Up to here our log is on the disk.
  Index durable_index() const { return durable_index_; }
  /// Up to here it is at least handed to the disk.
  Index handed_index() const { return handed_index_; }
  Term durable_term() const { return durable_.current_term; }
  /// Are this term and vote on the disk?
  bool is_durable(const HardState& hard) const { return same_promise(durable_, hard); }

  /// The save that must be confirmed before a message may leave which rests on the term and vote of
  /// `hard` and on the log up to `index`. None: it may leave at once.
  std::optional<SaveId> needed(const HardState& hard, Index index) const;

  /// The log was cut from `first` on.
  void truncated(Index first);
  /// The log is now exactly a snapshot up to `index`, durably.
  void reset(Index index);

  /// What is to be saved, when something is and nothing is out. A commit index alone is not worth
  /// a save: it goes along with term, vote or entries. Without `entries_allowed` the log is left
  /// alone, and the commit index saved does not point beyond what the disk has of it.
  std::optional<Save> take(const HardState& hard, const Log& log, bool entries_allowed, Time now);
  /// Requires that `id` is out.
  void saved(SaveId id);

  bool saving_entries() const { return outstanding_ && outstanding_->has_entries; }
  /// When the save that is out was handed over.
  std::optional<Time> outstanding_since() const;

  void check_invariants(const HardState& hard, Index last) const;

 private:
  struct Outstanding {
    SaveId id;
    Time since;
    bool has_entries = false;
  };

  static bool same_promise(const HardState& a, const HardState& b) {
    return a.current_term == b.current_term && a.has_voted == b.has_voted &&
           a.voted_for == b.voted_for;
  }

  HardState durable_;
  HardState handed_;  // differs from durable_ only while a save is out
  Index durable_index_;
  Index handed_index_;  // above durable_index_ only while a save with entries is out
  std::optional<Outstanding> outstanding_;
  SaveId next_id_{1};
};

}  // namespace ticketd::raft
