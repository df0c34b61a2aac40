// Lives, roles, elections and commits.
#include "tests/raft/cluster_invariants.h"

#include <algorithm>
#include <sstream>

namespace ticketd::raft::cluster {

View view_of(const Node& node, std::uint64_t life) {
  return {node.self(),         life,
          node.role(),         node.current_term(),
          node.commit_index(), node.applied_index(),
          node.last_index(),   node.configuration()};
}

void Invariants::at(std::uint64_t step, Micros now) {
  step_ = step;
  now_ = now;
}

void Invariants::founded(const Entries& log, const std::vector<MemberId>& founders) {
  Term previous;
  for (const Entry& entry : log) {
    tree_.add(previous, entry);
    previous = entry.term;
    const SeenEntry& seen = *tree_.find(entry.index, entry.term);
    golden_.push_back({seen.term, seen.term, seen.chain});
    golden_configurations_[entry.index] = tree_.configuration(seen);
    for (MemberId id : founders) {
      Durable& durable = members_[id].durable;
      durable.terms.push_back(entry.term);
      durable.hard_state.current_term = entry.term;
    }
  }
}

void Invariants::started(const View& view, const Restored& restored) {
  Member& member = members_[view.self];
  require(!member.running, view.self, "started twice");
  if (compare_restored_) {
    check_restored(view.self, member.durable, restored);
  }
  require(view.term >= member.durable.hard_state.current_term || !compare_restored_, view.self,
          "the term fell over a restart, to ", view.term);
  require(view.role != Role::kLeader, view.self, "leads from the start");
  member.running = true;
  member.view = view;
  member.handed_out = restored.applied_index;
  member.save_outstanding.reset();
  member.install_outstanding.reset();
  member.uncommitted.clear();
  member.uncommitted_bytes = 0;
  require(view.commit <= golden_last(), view.self, "starts with a commit index of ", view.commit,
          " where nothing above ", golden_last(), " was committed");
}

void Invariants::check_restored(MemberId id, const Durable& durable,
                                const Restored& restored) const {
  require(restored.hard_state == durable.hard_state, id, "the disk came back with term ",
          restored.hard_state.current_term, " voted ", restored.hard_state.has_voted,
          " and not with the durable term ", durable.hard_state.current_term, " voted ",
          durable.hard_state.has_voted);
  require(restored.compacted == durable.compacted, id, "the disk came back compacted up to ",
          restored.compacted.index, " and not ", durable.compacted.index);
  require(restored.last_index == durable.last(), id, "the disk came back with a log up to ",
          restored.last_index, " and not ", durable.last());
  for (std::size_t i = 0; i < restored.term_starts.size(); ++i) {
    const TermStart& start = restored.term_starts[i];
    const Index end = i + 1 < restored.term_starts.size() ? restored.term_starts[i + 1].first - 1
                                                          : restored.last_index;
    require(durable.term_at(start.first) == start.term && durable.term_at(end) == start.term, id,
            "the disk came back with other terms from ", start.first, " on");
  }
}

void Invariants::stopped(MemberId id) {
  Member& member = members_[id];
  member.running = false;
  member.reads.clear();
  member.windows.clear();
}

void Invariants::observed(const View& view) {
  Member& member = members_[view.self];
  require(member.running, view.self, "shows itself though it does not run");
  const View before = std::exchange(member.view, view);
  check_monotone(before, view);
  if (view.role == Role::kLeader) {
    check_leader(view);
  }
  if (view.commit > golden_last()) {
    first_commit(before, view);
  }
  while (!member.uncommitted.empty() &&
         (member.uncommitted.front().first <= view.commit || before.term != view.term)) {
    member.uncommitted_bytes -= member.uncommitted.front().second;
    member.uncommitted.pop_front();
  }
}

void Invariants::check_monotone(const View& before, const View& after) const {
  require(before.life == after.life, after.self, "changed its life without a restart");
  require(before.term <= after.term, after.self, "its term fell from ", before.term, " to ",
          after.term);
  require(before.commit <= after.commit, after.self, "its commit index fell from ", before.commit,
          " to ", after.commit);
  require(before.applied <= after.applied, after.self, "its applied index fell from ",
          before.applied, " to ", after.applied);
  require(after.applied <= after.commit && after.commit <= after.last, after.self, "applied ",
          after.applied, " <= commit ", after.commit, " <= last ", after.last, " does not hold");
}

void Invariants::check_leader(const View& view) {
  if (!leaders_.contains(view.term)) {
    elected(view);
  }
  Leader& leader = leaders_.at(view.term);
  require(leader.member == view.self, view.self, "leads in term ", view.term, " and so does ",
          leader.member);
  require(leader.life == view.life, view.self, "leads in term ", view.term,
          " again after a restart");
  require(leader.last <= view.last, view.self, "a leader's log shrank from ", leader.last, " to ",
          view.last);
  leader.last = view.last;
}

void Invariants::elected(const View& view) {
  const Configuration& configuration = view.configuration.configuration;
  std::size_t votes = 0;
  for (const raft::Member& voter : configuration.members()) {
    const auto vote = votes_.find({voter.id, view.term});
    votes += voter.voter && vote != votes_.end() && vote->second == view.self;
  }
  require(votes >= configuration.quorum_size(), view.self, "leads in term ", view.term, " with ",
          votes, " durable votes of ", configuration.voter_count(), " voters");
  // A leader elected late, by votes that were long under way, need not know what leaders of higher
  // terms have committed meanwhile: only what was committed in terms below its own.
  Index below = golden_last();
  while (golden(below).committed_in >= view.term) {
    below = below - 1;
  }
  require(view.last >= below, view.self, "leads in term ", view.term, " with a log up to ",
          view.last, " although ", below, " was committed before");
  const auto removed = removed_.find(view.self);
  // Until it knows of the commit it may have to lead, since its vote may be needed (thesis 4.2.2).
  require(removed == removed_.end() || removed->second > view.commit, view.self,
          "leads although it knows that its removal is committed");
  leaders_[view.term] = {view.self, view.life, view.last, below};
}

void Invariants::first_commit(const View& before, const View& view) {
  const Index from = golden_last();
  check_leads(view.self, view.term);
  const SeenEntry* newest = tree_.find(view.commit, view.term);
  require(newest != nullptr, view.self, "commits ", view.commit, " in term ", view.term,
          " where no entry of that term is known (Raft 5.4.2)");
  check_durable_majority(before, view);
  const auto removed = removed_.find(view.self);
  require(removed == removed_.end() || removed->second > before.commit, view.self,
          "leads on though it knows that its removal is committed");
  std::vector<const SeenEntry*> branch;
  Index index = view.commit;
  for (const SeenEntry* entry = newest; index > from; index = index - 1) {
    branch.push_back(entry);
    entry = tree_.find(index - 1, entry->previous_term);
  }
  require(branch.back()->previous_term == golden(from).term, view.self, "commits ", view.commit,
          " on a branch that does not hold the committed entry ", from);
  for (; !branch.empty(); branch.pop_back()) {
    const SeenEntry& entry = *branch.back();
    golden_.push_back({entry.term, view.term, entry.chain});
    golden_terms_.emplace(entry.term, golden_last());
    check_committed_command(view.self, golden_last(), entry);
    note_removals(golden_last(), entry);
  }
}

void Invariants::check_durable_majority(const View& before, const View& view) const {
  // The event that committed may have appended a configuration right after it.
  require(majority_holds(view.configuration.configuration, view.commit, view.term) ||
              majority_holds(before.configuration.configuration, view.commit, view.term),
          view.self, "commits ", view.commit, " of term ", view.term,
          " that no majority of the voters holds durably");
}

bool Invariants::majority_holds(const Configuration& configuration, Index index, Term term) const {
  std::size_t holders = 0;
  for (const raft::Member& voter : configuration.members()) {
    const auto member = members_.find(voter.id);
    holders += voter.voter && member != members_.end() && member->second.durable.holds(index, term);
  }
  return holders >= configuration.quorum_size();
}

void Invariants::note_removals(Index index, const SeenEntry& entry) {
  if (entry.type != EntryType::kConfiguration) {
    return;
  }
  const Configuration& after = tree_.configuration(entry).configuration;
  const Configuration before = golden_configuration(index - 1).configuration;
  for (const raft::Member& member : before.members()) {
    if (after.find(member.id) == nullptr) {
      removed_.emplace(member.id, index);
    }
  }
  golden_configurations_[index] = tree_.configuration(entry);
}

void Invariants::check_committed_command(MemberId id, Index index, const SeenEntry& entry) const {
  if (entry.type != EntryType::kCommand) {
    return;
  }
  const auto proposal = proposals_.find({index, entry.term});
  require(proposal != proposals_.end() && proposal->second == entry.payload, id, "commits ", index,
          " of term ", entry.term, " with a command that nobody proposed there");
}

const ConfigurationAt& Invariants::golden_configuration(Index index) const {
  static const ConfigurationAt none;
  const auto above = golden_configurations_.upper_bound(index);
  return above == golden_configurations_.begin() ? none : std::prev(above)->second;
}

}  // namespace ticketd::raft::cluster
