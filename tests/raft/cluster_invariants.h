// What must hold at every moment, whatever the faults. Told of everything that nodes show, say and
// make durable, it throws a Violation at the first breach. It knows no Node and no disk, only
// values, so that each check can be put on trial with a forged history.
//
// The leading idea is a golden log: the first commit at an index, anywhere, fixes what stands there
// for ever (state-machine safety); beside it a ledger of votes and of leaders, and for each member
// a mirror of what its disk has promised to keep.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "raft/node.h"
#include "tests/raft/cluster_entries.h"

namespace ticketd::raft::cluster {

/// What a member shows of itself after an event.
struct View {
  MemberId self;
  /// Counts the starts of this member; every crash ends one.
  std::uint64_t life = 0;
  Role role = Role::kFollower;
  Term term;
  Index commit;
  Index applied;
  Index last;
  ConfigurationAt configuration;
};

View view_of(const Node& node, std::uint64_t life);

/// A place of the golden log.
struct Golden {
  Term term;
  /// Of the leader that was the first to know it committed.
  Term committed_in;
  std::uint64_t chain = 0;
};

class Invariants {
 public:
  explicit Invariants(std::uint64_t seed) : seed_(seed) { golden_.push_back({}); }

  /// Where the next breach is said to have happened.
  void at(std::uint64_t step, Micros now);
  /// Restored state is compared with what was durable. Off: only the consequences are noticed.
  void trust_disks() { compare_restored_ = false; }
  /// Messages may leave some events after they were made, when more is appended already.
  void owners_are_lazy() { prompt_owners_ = false; }

  // --- Lives and views --------------------------------------------------------------------------
  /// The founders hold these entries, durably, and they are committed.
  void founded(const Entries& log, const std::vector<MemberId>& founders);
  void started(const View& view, const Restored& restored);
  void stopped(MemberId member);
  /// After every event, and before anything of its Ready is reported.
  void observed(const View& view);

  // --- What goes out ----------------------------------------------------------------------------
  void sent(const Envelope& envelope, const Options& options);
  void delivered(const Envelope& envelope);
  /// The leader was told so: what it had in flight to that member does not count any more.
  void unreachable(MemberId leader, MemberId follower);
  /// In Ready::committed.
  void handed_out(MemberId member, const Entries& entries);
  /// The state machine's digest when all up to `index` is in it: the golden log's, always.
  void state_is(MemberId member, Index index, std::uint64_t digest) const;

  // --- Disk -------------------------------------------------------------------------------------
  /// In Ready::save; durable, and confirmed, later.
  void save_due(MemberId member, const Save& save);
  void durable(MemberId member, const Save& save);
  void confirmed(MemberId member);
  /// In Ready::install; durably in force, or found bad, later; and told to the node at last.
  void install_due(MemberId member, SnapshotMark mark);
  void put_in_force(MemberId member, SnapshotMark mark);
  void install_answered(MemberId member);
  void compacted(MemberId member, Index index);

  // --- Clients ----------------------------------------------------------------------------------
  void proposed(MemberId member, Proposed proposed, std::string_view command, const Options& o);
  void read_started(MemberId member, ReadId id, const Options& options);
  void read_answered(MemberId member, const ReadAnswer& answer);

  // --- Facts ------------------------------------------------------------------------------------
  Index golden_last() const { return Index{golden_.size() - 1}; }
  const Golden& golden(Index index) const { return golden_[index.value]; }
  const ConfigurationAt& golden_configuration(Index index) const;
  const EntryTree& entries() const { return tree_; }
  std::size_t leaders_elected() const { return leaders_.size(); }
  std::size_t truncations() const { return truncations_; }
  std::size_t pending_reads(MemberId member) const;

 private:
  /// What a member's disk has promised to keep.
  struct Durable {
    HardState hard_state;
    SnapshotMark compacted;
    std::vector<Term> terms;  // from compacted.index + 1 on

    Index last() const { return compacted.index + terms.size(); }
    std::optional<Term> term_at(Index index) const;
    /// Holds that very entry, in the log or compacted away (then it was committed).
    bool holds(Index index, Term term) const;
  };
  /// AppendRequests a leader sent to a follower since it last heard from it.
  struct Window {
    Term term;
    Micros since = 0;
    std::size_t requests = 0;
    std::size_t bytes = 0;
    std::size_t largest = 0;  // of one request
  };
  struct Member {
    Durable durable;
    bool running = false;
    View view;
    Index handed_out;
    std::optional<SaveId> save_outstanding;
    bool save_has_entries = false;
    std::optional<SnapshotMark> install_outstanding;
    std::map<ReadId, Index> reads;  // golden at invocation
    std::map<MemberId, Window> windows;
    std::deque<std::pair<Index, std::size_t>> uncommitted;  // own proposals, with their bytes
    std::size_t uncommitted_bytes = 0;
  };
  struct Leader {
    MemberId member;
    std::uint64_t life = 0;
    Index last;          // only grows while it leads
    Index golden_below;  // the last entry committed in an earlier term when it was elected
  };

  template <class... Parts>
  [[noreturn]] void fail(MemberId member, const Parts&... parts) const;
  template <class... Parts>
  void require(bool holds, MemberId member, const Parts&... parts) const {
    if (!holds) {
      fail(member, parts...);
    }
  }

  void check_monotone(const View& before, const View& after) const;
  void check_restored(MemberId id, const Durable& durable, const Restored& restored) const;
  void check_leader(const View& view);
  void elected(const View& view);
  void first_commit(const View& before, const View& view);
  void check_durable_majority(const View& before, const View& view) const;
  bool majority_holds(const Configuration& configuration, Index index, Term term) const;
  void note_removals(Index index, const SeenEntry& entry);
  void check_committed_command(MemberId id, Index index, const SeenEntry& entry) const;

  void saw_entry(MemberId by, Term previous_term, const Entry& entry);
  void grow_tree(MemberId by, Term previous_term, const Entry& entry);
  void check_first_of_term(MemberId by, Index index, const SeenEntry& entry) const;
  void check_new_configuration(MemberId by, Index index, const SeenEntry& entry) const;

  void check_sent(const Member& from, const Envelope& envelope, const VoteRequest& m);
  void check_sent(const Member& from, const Envelope& envelope, const VoteResponse& m);
  void check_sent(const Member& from, const Envelope& envelope, const AppendRequest& m);
  void check_sent(const Member& from, const Envelope& envelope, const AppendResponse& m);
  void check_sent(const Member& from, const Envelope& envelope, const HeartbeatRequest& m);
  void check_sent(const Member& from, const Envelope& envelope, const HeartbeatResponse& m);
  void check_sent(const Member& from, const Envelope& envelope, const SnapshotRequest& m);
  void check_sent(const Member& from, const Envelope& envelope, const SnapshotResponse& m);
  void check_sent(const Member& from, const Envelope& envelope, const TimeoutNowRequest& m);
  void check_leads(MemberId id, Term term) const;
  void check_window(const Envelope& envelope, const Options& options);
  void check_sizes(const Envelope& envelope, const Options& options) const;
  void record_vote(MemberId id, const HardState& before, const HardState& after);

  std::uint64_t seed_;
  std::uint64_t step_ = 0;
  Micros now_ = 0;
  bool compare_restored_ = true;
  bool prompt_owners_ = true;

  EntryTree tree_;
  /// A leader's own entries that it showed before the one below them, by the place of that one.
  std::multimap<std::pair<Index, Term>, Entry> orphans_;
  std::vector<Golden> golden_;                              // by index; [0] is the beginning
  std::map<Index, ConfigurationAt> golden_configurations_;  // by index, the committed ones
  std::map<Term, Index> golden_terms_;                      // the first committed entry of each
  std::map<MemberId, Index> removed_;                       // by the committed entry at that index
  std::map<std::pair<MemberId, Term>, MemberId> votes_;     // durable ones, of every life
  std::map<Term, Leader> leaders_;
  std::map<std::pair<Index, Term>, std::uint64_t> proposals_;  // payload hashes
  std::map<MemberId, Member> members_;
  std::size_t truncations_ = 0;
};

template <class... Parts>
void Invariants::fail(MemberId member, const Parts&... parts) const {
  std::ostringstream out;
  out << "seed " << seed_ << ", step " << step_ << ", " << now_ << " us, member " << member << ": ";
  (out << ... << parts);
  throw Violation(out.str());
}

}  // namespace ticketd::raft::cluster
