// What is durable, and what is handed to and taken from clients and the state machine.
#include <algorithm>
#include <sstream>

#include "tests/raft/cluster_invariants.h"

namespace ticketd::raft::cluster {

std::optional<Term> Invariants::Durable::term_at(Index index) const {
  if (index == compacted.index) {
    return compacted.term;
  }
  if (index < compacted.index || index > last()) {
    return std::nullopt;
  }
  return terms[index - compacted.index - 1];
}

bool Invariants::Durable::holds(Index index, Term term) const {
  return index < compacted.index || term_at(index) == term;
}

void Invariants::save_due(MemberId id, const Save& save) {
  Member& member = members_[id];
  require(!member.save_outstanding, id, "asks for save ", save.id, " while another is outstanding");
  require(save.hard_state || !save.entries.empty(), id, "asks to save nothing");
  member.save_outstanding = save.id;
  member.save_has_entries = !save.entries.empty();
  if (save.hard_state) {
    require(save.hard_state->commit_index <= golden_last(), id, "saves commit index ",
            save.hard_state->commit_index, " where nothing above ", golden_last(),
            " was committed");
  }
  if (save.entries.empty()) {
    return;
  }
  const Index first = save.entries.front().index;
  require(!member.install_outstanding, id,
          "saves entries while a snapshot is put in place of the log");
  require(first > member.durable.compacted.index && first <= member.durable.last() + 1, id,
          "saves entries from ", first, " on over a log of (", member.durable.compacted.index, ", ",
          member.durable.last(), "]");
  require(first > member.handed_out, id, "overwrites from ", first, " on what was applied up to ",
          member.handed_out);
}

void Invariants::durable(MemberId id, const Save& save) {
  Member& member = members_[id];
  if (save.hard_state) {
    record_vote(id, member.durable.hard_state, *save.hard_state);
    member.durable.hard_state = *save.hard_state;
  }
  if (save.entries.empty()) {
    return;
  }
  const Index first = save.entries.front().index;
  const std::optional<Term> before = member.durable.term_at(first - 1);
  require(before.has_value(), id, "the log on disk gets a gap before ", first);
  truncations_ += first <= member.durable.last();
  member.durable.terms.resize(first - member.durable.compacted.index - 1);
  Term previous = *before;
  for (const Entry& entry : save.entries) {
    require(entry.index == member.durable.last() + 1, id, "saves entries that are not consecutive");
    require(entry.term <= member.durable.hard_state.current_term, id, "holds entry ", entry.index,
            " of term ", entry.term, " durably, above its durable term ",
            member.durable.hard_state.current_term);
    saw_entry(id, previous, entry);
    previous = entry.term;
    member.durable.terms.push_back(entry.term);
  }
}

void Invariants::record_vote(MemberId id, const HardState& before, const HardState& after) {
  require(before.current_term <= after.current_term, id, "the durable term falls from ",
          before.current_term, " to ", after.current_term);
  if (!after.has_voted) {
    require(!votes_.contains({id, after.current_term}), id, "forgets its vote in term ",
            after.current_term);
    return;
  }
  const auto vote = votes_.emplace(std::pair(id, after.current_term), after.voted_for).first;
  require(vote->second == after.voted_for, id, "votes in term ", after.current_term, " for ",
          vote->second, " and for ", after.voted_for);
}

void Invariants::confirmed(MemberId id) { members_[id].save_outstanding.reset(); }

void Invariants::install_due(MemberId id, SnapshotMark mark) {
  Member& member = members_[id];
  require(!member.install_outstanding, id, "installs two snapshots at once");
  require(!member.save_outstanding || !member.save_has_entries, id,
          "puts a snapshot in place of the log while entries are being saved");
  require(mark.index <= golden_last() && golden(mark.index).term == mark.term, id,
          "installs a snapshot of (", mark.index, ", ", mark.term, ") that was never committed");
  require(mark.index > member.handed_out, id, "installs a snapshot of ", mark.index,
          " over a state of ", member.handed_out);
  // What follows an entry that agrees may have been acknowledged (Raft 7, "retain").
  require(member.durable.last() <= mark.index || !member.durable.holds(mark.index, mark.term), id,
          "installs a snapshot of ", mark.index, " over a log that agrees and goes on to ",
          member.durable.last());
  member.install_outstanding = mark;
}

void Invariants::install_answered(MemberId id) { members_[id].install_outstanding.reset(); }

void Invariants::put_in_force(MemberId id, SnapshotMark mark) {
  Member& member = members_[id];
  member.durable.compacted = mark;
  member.durable.terms.clear();
  member.handed_out = mark.index;
}

void Invariants::compacted(MemberId id, Index index) {
  Durable& durable = members_[id].durable;
  require(index <= durable.last() && index >= durable.compacted.index, id,
          "the owner compacts what is not there");
  const Term term = *durable.term_at(index);
  const std::uint64_t dropped = index - durable.compacted.index;
  durable.terms.erase(durable.terms.begin(),
                      durable.terms.begin() + static_cast<std::ptrdiff_t>(dropped));
  durable.compacted = {index, term};
}

void Invariants::handed_out(MemberId id, const Entries& entries) {
  Member& member = members_[id];
  require(entries.empty() || !member.install_outstanding, id,
          "is given entries to apply while a snapshot is put in place of its state");
  for (const Entry& entry : entries) {
    require(entry.index == member.handed_out + 1, id, "is given entry ", entry.index,
            " to apply after ", member.handed_out);
    require(entry.index <= golden_last(), id, "applies ", entry.index, ", which nobody committed");
    const SeenEntry* golden_entry = tree_.find(entry.index, golden(entry.index).term);
    require(golden_entry->term == entry.term && golden_entry->type == entry.type &&
                golden_entry->payload == payload_hash(entry.payload.view()),
            id, "applies entry ", entry.index, " of term ", entry.term,
            " where another one was committed, of term ", golden_entry->term);
    require(member.durable.holds(entry.index, entry.term), id, "applies entry ", entry.index,
            " before it is durable here");
    member.handed_out = entry.index;
  }
}

void Invariants::state_is(MemberId id, Index index, std::uint64_t digest) const {
  require(index <= golden_last() && golden(index).chain == digest, id, "has at ", index,
          " another state than the golden log makes");
}

void Invariants::proposed(MemberId id, Proposed proposed, std::string_view command,
                          const Options& options) {
  Member& member = members_[id];
  check_leads(id, proposed.term);
  const std::pair place(proposed.index, proposed.term);
  require(proposals_.emplace(place, payload_hash(command)).second, id, "gives two proposals place ",
          proposed.index, " in term ", proposed.term);
  require(member.uncommitted_bytes <= options.max_uncommitted_bytes, id, "takes a proposal with ",
          member.uncommitted_bytes, " uncommitted bytes");
  member.uncommitted.emplace_back(proposed.index, command.size());
  member.uncommitted_bytes += command.size();
}

void Invariants::read_started(MemberId id, ReadId read, const Options& options) {
  Member& member = members_[id];
  // As many again may be answered already, in the Ready that its owner has not taken yet.
  require(member.reads.size() < 2 * options.max_pending_reads, id, "takes a read while ",
          member.reads.size(), " wait");
  require(member.reads.emplace(read, golden_last()).second, id, "gives two reads one number");
}

void Invariants::read_answered(MemberId id, const ReadAnswer& answer) {
  Member& member = members_[id];
  const auto read = member.reads.find(answer.id);
  require(read != member.reads.end(), id, "answers a read that is not waiting");
  if (answer.index) {
    require(*answer.index >= read->second, id, "answers a read at ", *answer.index, " although ",
            read->second, " had been committed when it began");
    require(*answer.index <= golden_last(), id, "answers a read at ", *answer.index,
            ", which is not committed");
  }
  member.reads.erase(read);
}

std::size_t Invariants::pending_reads(MemberId id) const {
  const auto member = members_.find(id);
  return member == members_.end() ? 0 : member->second.reads.size();
}

void Invariants::saw_entry(MemberId by, Term previous_term, const Entry& entry) {
  // While a save is outstanding a leader's newest entries are known to it alone, and a probe may
  // show a later one first. All of them are of its own term, so they are in its log in that order.
  if (entry.term == previous_term && tree_.find(entry.index - 1, previous_term) == nullptr) {
    const auto leader = leaders_.find(entry.term);
    require(leader != leaders_.end() && entry.index <= leader->second.last, by, "shows entry ",
            entry.index, " of term ", entry.term, ", which follows none that anybody has");
    orphans_.emplace(std::pair(entry.index - 1, previous_term), entry);
    return;
  }
  grow_tree(by, previous_term, entry);
  const std::pair place(entry.index, entry.term);
  for (auto orphan = orphans_.find(place); orphan != orphans_.end();
       orphan = orphans_.find(place)) {
    const Entry child = orphan->second;
    orphans_.erase(orphan);
    saw_entry(by, entry.term, child);
  }
}

void Invariants::grow_tree(MemberId by, Term previous_term, const Entry& entry) {
  try {
    if (tree_.add(previous_term, entry) == EntryTree::Added::kKnown) {
      return;
    }
  } catch (const Violation& violation) {
    fail(by, violation.what());
  }
  const SeenEntry seen = *tree_.find(entry.index, entry.term);
  require(leaders_.contains(entry.term), by, "shows entry ", entry.index, " of term ", entry.term,
          ", which has no leader");
  if (entry.term != previous_term) {
    check_first_of_term(by, entry.index, seen);
  }
  if (entry.type == EntryType::kConfiguration) {
    check_new_configuration(by, entry.index, seen);
  }
}

// Leader completeness, at the moment the new leader's own first entry is seen: what it follows is
// the log with which that leader was elected.
void Invariants::check_first_of_term(MemberId by, Index index, const SeenEntry& entry) const {
  const Index below = leaders_.at(entry.term).golden_below;
  const SeenEntry* held = tree_.ancestor(index - 1, entry.previous_term, below);
  require(held != nullptr && held->term == golden(below).term, by, "leads in term ", entry.term,
          " with a log that does not hold the committed entry ", below);
  require(entry.type == EntryType::kNoop, by, "begins term ", entry.term, " without a no-op");
}

void Invariants::check_new_configuration(MemberId by, Index index, const SeenEntry& entry) const {
  const auto own = golden_terms_.find(entry.term);
  const bool leads = by == leaders_.at(entry.term).member;
  require(own != golden_terms_.end() && (!leads || members_.at(by).view.commit >= own->second), by,
          "changes the configuration at ", index, " before an entry of its term ", entry.term,
          " was committed");
  const SeenEntry* parent = tree_.find(index - 1, entry.previous_term);
  const Index previous = tree_.configuration(*parent).index;
  require(previous <= golden_last(), by, "changes the configuration at ", index,
          " before the one at ", previous, " was committed");
}

}  // namespace ticketd::raft::cluster
