// A history of a cluster of three, told to the Invariants by hand: correct as far as its functions
// go, so that a test changes one thing in it and sees whether that is noticed.
#pragma once

#include <string>
#include <vector>

#include "tests/raft/cluster_invariants.h"

namespace ticketd::raft::cluster {

class Forgery {
 public:
  /// Members 0, 1 and 2 are founders, run, and hold entry 1.
  Forgery();

  static MemberId id(unsigned member) { return {NodeId{member}, Incarnation{1}}; }
  View& view(unsigned member) { return views_[member]; }
  void show(unsigned member) { invariants.observed(views_[member]); }

  /// One save from asked to confirmed.
  void save(unsigned member, std::optional<HardState> hard_state, const Entries& entries);
  void vote(unsigned member, Term term, unsigned candidate);
  /// All three vote, durably, and it leads: with a no-op that nobody has yet.
  void elect(unsigned member, Term term);
  /// As elect, and the no-op is durable everywhere and committed by the leader.
  void reign(unsigned member, Term term);
  /// At the leader alone, in memory.
  Entry append(unsigned leader, EntryType type, const std::string& payload);
  /// A proposal that all three hold durably and that the leader has committed.
  Entry commit_command(unsigned leader, const std::string& command);
  void commit(unsigned member, Index index);
  void restart(unsigned member, const Restored& restored);
  /// What a disk that keeps its promises holds of that member.
  Restored restored(unsigned member) const;
  void send(unsigned from, unsigned to, const Message& message) {
    invariants.sent({id(from), id(to), message}, options);
  }
  AppendRequest append_request(unsigned leader, const Entries& entries) const;

  Invariants invariants{7};
  Options options;

 private:
  void note(unsigned member, const Entries& entries);

  std::vector<View> views_;
  std::vector<HardState> hard_states_;
  std::vector<Entries> logs_;  // durable, from 1 on
  std::uint64_t saves_ = 0;
};

}  // namespace ticketd::raft::cluster
