// What must hold at every moment, whatever the faults: told of everything that nodes show, say and
// make durable, it throws a Violation at the first breach. It knows values and disks, no replica.
//
// Each check costs constant time at its event; scan() compares everything there is.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "raft/node.h"
#include "sim/audit.h"
#include "sim/golden.h"
#include "sim/platter.h"
#include "sim/violation.h"
#include "sim/witness.h"
#include "store/disk.h"

namespace ticketd::sim {

/// What a process shows of itself after an event.
struct View {
  raft::Role role = raft::Role::kFollower;
  raft::Term term;
  raft::Index commit;
  raft::Index handed_out;
  raft::Index last;
  /// A log is known by its last entry.
  raft::Term last_term;

  bool operator==(const View&) const = default;
};

View view_of(const raft::Node& node);

class Oracle {
 public:
  /// How far a process's clock has gone on, in all its lives together.
  using Counted = std::function<raft::Micros(std::uint32_t process)>;

  /// `limits`: those that every node is given. The witness, if any, is told of saves and snapshots.
  Oracle(raft::Options limits, Counted counted, Witness* witness = nullptr)
      : audit(golden),
        limits_(std::move(limits)),
        counted_(std::move(counted)),
        witness_(witness) {}

  // --- Processes and their disks ----------------------------------------------------------------
  /// `platter` is the process's from now on; it stays readable as long as this lives.
  void has_disk(std::uint32_t process, const Platter& platter);
  /// A founder's log, committed from the beginning.
  void founded(const Platter& platter);
  void started(std::uint32_t process, std::uint32_t life, const raft::Node& node);
  void stopped(std::uint32_t process);
  /// After every event of that process.
  void observed(std::uint32_t process, const raft::Node& node) {
    const View view = view_of(node);
    Shown& shown = shown_[process];
    if (view == shown.view && !shown.unchecked && !shown.log_goes) return;
    changed(process, shown, view, node);
  }

  // --- What goes out ----------------------------------------------------------------------------
  void sent(std::uint32_t process, const raft::Envelope& envelope) const;
  /// The digest at that index is what a member says it is.
  void state_is(std::uint32_t process, raft::Index index, std::uint64_t digest) const;

  // --- Disk -------------------------------------------------------------------------------------
  /// About to become durable.
  void durable(std::uint32_t process, const raft::Save& save);
  /// The chain of an entry that is about to become durable behind `previous`.
  std::uint64_t durable_entry(std::uint32_t process, std::uint64_t previous,
                              const raft::Entry& entry);
  void applied(std::uint32_t process, const store::AppliedState& applied);
  /// A snapshot is about to be put in force; its chain.
  std::uint64_t installing(std::uint32_t process, raft::SnapshotMark mark,
                           const SnapshotContent& content);

  /// A snapshot that was received is to be put in force in place of the log; or that is over.
  void replaces_log(std::uint32_t process, bool begins) { shown_[process].log_goes = begins; }
  bool log_is_replaced(std::uint32_t process) const { return shown_[process].log_goes; }

  /// Everything that takes longer: logs against the golden log.
  void scan() const;

  Golden golden;
  Audit audit;
  std::uint64_t elections = 0;
  std::uint64_t truncations = 0;
  /// Snapshots put in force over a log that has another entry at their place.
  std::uint64_t branches_replaced = 0;

 private:
  struct Shown {
    bool running = false;
    std::uint32_t life = 0;
    View view;
    /// What it counts by, as it says.
    raft::ConfigurationAt configuration;
    raft::Index applied;
    /// Applied in this event: an index and its digest.
    std::optional<std::pair<raft::Index, std::uint64_t>> unchecked;
    /// A snapshot is being put in force.
    bool log_goes = false;
  };
  struct Leader {
    raft::MemberId member;
    std::uint32_t process = 0, life = 0;
    raft::Index last;  // only grows while it leads
    raft::Micros counted = 0;  // by its clock, when it was elected
    /// Up to where its log went when, by its clock; what is committed is dropped.
    std::deque<std::pair<raft::Index, raft::Micros>> appended;
  };
  /// Where replicated time stood before the first entry of a term, and the term's leader.
  struct Office {
    raft::Term term;
    std::uint64_t began_us = 0;
    Leader* leader = nullptr;
    std::uint64_t last_us = 0;  // its newest stamp; they never fall
    /// How far stamps are ahead of what its clock has counted; the same for all of them.
    std::optional<std::uint64_t> ahead_us;
  };
  struct Seen {
    raft::Term term;
    std::uint64_t chain = 0;
  };

  void changed(std::uint32_t process, Shown& shown, const View& view, const raft::Node& node);
  void check_configuration(std::uint32_t process, const Shown& shown, const View& view) const;
  void leads(std::uint32_t process, const Shown& shown, const View& view);
  void elected(std::uint32_t process, const Shown& shown, const View& view);
  void catch_up(raft::Index commit, raft::Term term, std::uint32_t process);
  void check_stamp(raft::Term term, std::uint64_t before_us);
  void check_pace(std::uint64_t stamp_us);
  void check_new_configuration(const Platter& platter, const raft::Entry& entry) const;
  void check_durable_majority(std::uint32_t process, const Shown& shown, const View& view,
                              const std::optional<raft::ConfigurationAt>& before) const;
  bool majority_holds(const raft::Configuration& configuration, raft::Index index,
                      raft::Term term) const;
  const Platter* platter_of(raft::MemberId member) const;
  raft::MemberId member(std::uint32_t process) const { return platters_[process]->member(); }

  void check_sizes(const raft::Envelope& envelope) const;
  void check_acknowledged(const Platter& platter, const raft::AppendResponse& response) const;
  void check_held(const Platter& platter, raft::SnapshotMark mark) const;
  /// What was compacted away was compared when it was applied.
  bool holds_committed(const Platter& platter, raft::Index index) const {
    return index < platter.compacted.index || platter.chain_at(index) == golden.chain(index);
  }

  const raft::Options limits_;
  const Counted counted_;
  Witness* const witness_;
  std::vector<const Platter*> platters_;  // by process
  std::vector<const Platter*> lost_;      // what a lost member had promised counts all the same
  std::vector<Shown> shown_;              // by process
  /// By process: those of the log on its disk, oldest first; the first is that of the part which
  /// was compacted away.
  std::vector<std::vector<raft::ConfigurationAt>> on_disk_;
  std::map<raft::Term, Leader> leaders_;
  Office office_;  // of the last entry that is committed and has a stamp
  std::map<std::pair<raft::MemberId, raft::Term>, raft::MemberId> votes_;  // durable ones
  /// By index: the entry of the newest term that anybody ever held, and all the others.
  std::vector<Seen> newest_;
  std::map<std::pair<raft::Index, raft::Term>, std::uint64_t> others_;
};

}  // namespace ticketd::sim
