// What becomes durable, and what is there.
#include <utility>

#include "sim/oracle.h"

namespace ticketd::sim {

using raft::Index;
using raft::Term;

void Oracle::durable(std::uint32_t process, const raft::Save& save) {
  if (witness_ != nullptr) witness_->saves(process, save);
  const Platter& platter = *platters_[process];
  require(save.hard_state || !save.entries.empty(), platter.member(), " saves nothing");
  if (save.hard_state) {
    const raft::HardState& before = platter.hard_state;
    const raft::HardState& after = *save.hard_state;
    require(before.current_term <= after.current_term, platter.member(),
            ": the durable term falls from ", before.current_term, " to ", after.current_term);
    require(after.commit_index <= golden.last(), platter.member(), " saves commit index ",
            after.commit_index, " where nothing above ", golden.last(), " was committed");
    if (after.has_voted) {
      const auto vote =
          votes_.emplace(std::pair(platter.member(), after.current_term), after.voted_for).first;
      require(vote->second == after.voted_for, platter.member(), " votes in term ",
              after.current_term, " for ", vote->second, " and for ", after.voted_for);
    } else {
      require(!votes_.contains({platter.member(), after.current_term}), platter.member(),
              " forgets its vote in term ", after.current_term);
    }
  }
  if (save.entries.empty()) return;
  const Index first = save.entries.front().index;
  require(first > platter.compacted.index && first <= platter.last_index() + 1, platter.member(),
          " saves entries from ", first, " on over a log of (", platter.compacted.index, ", ",
          platter.last_index(), "]");
  require(first > platter.applied.summary.applied_index, platter.member(), " overwrites from ",
          first, " on what its disk has applied");
  if (first <= platter.last_index()) {
    ++truncations;
    // Who held more than anybody had committed, was away, and hears a leader now that came before
    // the one who committed it, may cut that: nobody counted on it. Later leaders hold it.
    const bool committed = first <= golden.last() && platter.chain_at(first) == golden.chain(first);
    require(!committed || save.entries.front().term < golden.committed_in(first),
            platter.member(), " cuts its log from ", first, " on, which is committed");
    std::vector<raft::ConfigurationAt>& on_disk = on_disk_[process];
    while (on_disk.back().index >= first) on_disk.pop_back();  // the first one stands before it
  }
  const Term term = save.hard_state ? save.hard_state->current_term
                                    : platter.hard_state.current_term;
  require(save.entries.back().term <= term, platter.member(), " holds entries of term ",
          save.entries.back().term, " durably, above its durable term ", term);
}

std::uint64_t Oracle::durable_entry(std::uint32_t process, std::uint64_t previous,
                                    const raft::Entry& entry) {
  const std::uint64_t chain = chain_of(previous, entry);
  const auto conflict = [&] {
    fail(member(process), " holds entry ", entry.index, " of term ", entry.term,
         " behind or with another content than others do");
  };
  if (entry.type == raft::EntryType::kConfiguration) {
    check_new_configuration(*platters_[process], entry);
    on_disk_[process].push_back(
        {entry.index, raft::Configuration::decode(entry.payload.view()).value()});
  }
  if (entry.index.value >= newest_.size()) newest_.resize(entry.index.value + 1);
  Seen& newest = newest_[entry.index.value];
  if (newest.term == entry.term) {
    if (newest.chain != chain) conflict();
  } else if (newest.term < entry.term) {
    if (newest.term.value > 0) others_.emplace(std::pair(entry.index, newest.term), newest.chain);
    newest = {entry.term, chain};
  } else if (others_.emplace(std::pair(entry.index, entry.term), chain).first->second != chain) {
    conflict();
  }
  return chain;
}

/// A leader changes the configuration only when an entry of its own term is committed, and the
/// configuration before (thesis 4.1, and its correction). What was committed then is so now.
void Oracle::check_new_configuration(const Platter& platter, const raft::Entry& entry) const {
  if (entry.index <= golden.last()) return;
  require(golden.has_term(entry.term), platter.member(), " holds a configuration at ", entry.index,
          " of term ", entry.term, ", in which nothing is committed yet");
  for (auto stored = platter.log.rbegin();
       stored != platter.log.rend() && stored->entry.index > golden.last(); ++stored) {
    require(stored->entry.type != raft::EntryType::kConfiguration ||
                stored->entry.index >= entry.index,
            platter.member(), " holds a configuration at ", entry.index, " behind another one at ",
            stored->entry.index, " that is not committed");
  }
}

void Oracle::applied(std::uint32_t process, const store::AppliedState& applied) {
  Shown& shown = shown_[process];
  const Platter& platter = *platters_[process];
  const Index index = applied.summary.applied_index;
  require(index >= shown.applied, platter.member(), " applies up to ", index, " after ",
          shown.applied);
  require(index <= platter.last_index(), platter.member(), " applies ", index,
          " with a durable log up to ", platter.last_index());
  shown.applied = index;
  // What the replica committed in this event becomes golden when the event is over.
  shown.unchecked = {index, applied.summary.digest};
}

std::uint64_t Oracle::installing(std::uint32_t process, raft::SnapshotMark mark,
                                 const SnapshotContent& content) {
  const Platter& platter = *platters_[process];
  const Index index = content.state.summary.applied_index;
  require(index == mark.index && content.state.summary.applied_term == mark.term, platter.member(),
          " installs as ", mark.index, " a snapshot of ", index);
  require(mark.index <= golden.last() && golden.term(mark.index) == mark.term, platter.member(),
          " installs a snapshot of ", mark.index, " that was never committed");
  require(mark.index > platter.applied.summary.applied_index, platter.member(),
          " installs a snapshot of ", mark.index, " over a state of ",
          platter.applied.summary.applied_index);
  // What follows an entry that agrees may have been acknowledged (Raft 7, "retain").
  require(platter.last_index() <= mark.index || platter.term_at(mark.index) != mark.term,
          platter.member(), " installs a snapshot of ", mark.index,
          " over a log that agrees and goes on to ", platter.last_index());
  branches_replaced +=
      platter.last_index() >= mark.index && platter.term_at(mark.index) != mark.term;
  require(content.state.configuration == golden.configuration(mark.index), platter.member(),
          " installs a snapshot with another configuration than was in force at ",
          mark.index);
  state_is(process, index, content.state.summary.digest);
  if (witness_ != nullptr) witness_->installs(process, mark);
  shown_[process].applied = index;
  on_disk_[process] = {content.state.configuration};
  return golden.chain(mark.index);
}

// --- Now and then ---------------------------------------------------------------------------------

void Oracle::scan() const {
  for (const Platter* platter : platters_) {
    if (platter == nullptr) continue;
    std::uint64_t digest = ticket::beginning_hash(platter->applied.summary.beginning);
    platter->records.for_each([&](std::string_view key, std::string_view value) {
      digest += ticket::record_hash(key, value);
    });
    require(digest == platter->applied.summary.digest, platter->member(),
            ": the records on its disk are not those of its digest at ",
            platter->applied.summary.applied_index);
    const Index applied = platter->applied.summary.applied_index;
    require(applied <= golden.last(), platter->member(), " has stored ", applied,
            ", which is not committed");
    require(platter->chain_at(applied) == golden.chain(applied), platter->member(),
            " has applied another log up to ", applied, " than was committed");
  }
}

}  // namespace ticketd::sim
