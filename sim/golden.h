// The golden log: the first commit at an index, anywhere, fixes what stands there for ever; and the
// state that a machine of its own makes of it, which every replica's state must equal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raft/configuration.h"
#include "raft/entry.h"
#include "sim/records.h"
#include "sim/rules.h"
#include "ticket/machine.h"

namespace ticketd::sim {

/// How one request of a golden entry ended.
struct Executed {
  raft::Index index;
  ticket::Kind kind = ticket::Kind::kTake;
  std::string_view sequence;  // lives as long as the golden log
  std::uint64_t value = 0;
  std::string_view key;  // empty: none; lives until the entry's executions were looked at
  ticket::Outcome outcome;
};

class Golden {
 public:
  Golden();

  raft::Index last() const { return raft::Index(places_.size() - 1); }
  raft::Term term(raft::Index index) const { return places_[index.value].term; }
  std::uint64_t chain(raft::Index index) const { return places_[index.value].chain; }
  /// In which term it was first known to be committed; at that time, or before it was.
  raft::Term committed_in(raft::Index index) const { return places_[index.value].committed_in; }
  /// Of the state when all up to that index is applied.
  std::uint64_t digest(raft::Index index) const { return places_[index.value].digest; }
  const ticket::Summary& summary() const { return machine_.summary(); }
  /// The newest committed one at that index.
  const raft::ConfigurationAt& configuration(raft::Index index) const;

  /// Is an entry of that term committed?
  bool has_term(raft::Term term) const;
  /// The last index that was committed by a leader of a term below this one.
  raft::Index last_before(raft::Term term) const;

  /// The next entry, first committed by the leader of that term, and what it did; valid until the
  /// next call.
  const std::vector<Executed>& append(const raft::Entry& entry, std::uint64_t chain,
                                      raft::Term committed_in);

  /// What the newest entry that has a stamp says.
  std::uint64_t written_stamp_us() const { return batch_.stamp_us; }
  /// What every sequence has been, by a second reading of the rules.
  const Rules& rules() const { return rules_; }

 private:
  struct Place {
    raft::Term term;
    raft::Term committed_in;  // never falls
    std::uint64_t chain = 0;
    std::uint64_t digest = 0;
  };
  /// A state that only this machine sees.
  class State : public ticket::State {
   public:
    std::optional<std::string> find(std::string_view key) override;
    void put(std::string_view key, std::string_view value) override;
    void remove(std::string_view key) override;
    std::vector<Record> list(const ticket::ListRange&) override { return {}; }
    bool is_warm(std::string_view) override { return true; }

   private:
    KeyMap<std::string> records_;
  };

  void apply(const raft::Entry& entry, const ticket::Batch& batch);
  void check_configuration_step(const raft::ConfigurationAt& next) const;

  State state_;
  ticket::Machine machine_;
  std::vector<Place> places_;  // by index; [0] is the beginning
  std::vector<raft::ConfigurationAt> configurations_;
  Rules rules_;
  ticket::Batch batch_;
  std::vector<Executed> executed_;
};

}  // namespace ticketd::sim
