#include "sim/oracle.h"

#include <algorithm>

namespace ticketd::sim {

using raft::Index;
using raft::MemberId;
using raft::Role;
using raft::Term;

View view_of(const raft::Node& node) {
  return {node.role(), node.current_term(), node.commit_index(), node.applied_index(),
          node.last_index(), node.last_term()};
}

// --- Processes and their disks --------------------------------------------------------------------

void Oracle::has_disk(std::uint32_t process, const Platter& platter) {
  if (process >= platters_.size()) {
    platters_.resize(process + 1, nullptr);
    shown_.resize(process + 1);
    on_disk_.resize(process + 1);
  }
  if (platters_[process] != nullptr) lost_.push_back(platters_[process]);
  platters_[process] = &platter;
  on_disk_[process] = {{}};
}

const Platter* Oracle::platter_of(MemberId member) const {
  for (const auto* platters : {&platters_, &lost_}) {
    for (const Platter* platter : *platters) {
      if (platter != nullptr && platter->member() == member) return platter;
    }
  }
  return nullptr;
}

void Oracle::founded(const Platter& platter) {
  if (newest_.empty()) newest_.push_back({});
  for (const StoredEntry& stored : platter.log) {
    if (stored.entry.index <= golden.last()) continue;
    newest_.push_back({stored.entry.term, stored.chain});
    audit.committed(golden.append(stored.entry, stored.chain, stored.entry.term));
  }
}

namespace {

std::vector<raft::ConfigurationAt> configurations_on(const Platter& platter) {
  std::vector<raft::ConfigurationAt> found{platter.compacted_configuration};
  for (const StoredEntry& stored : platter.log) {
    if (stored.entry.type != raft::EntryType::kConfiguration) continue;
    found.push_back({stored.entry.index,
                     raft::Configuration::decode(stored.entry.payload.view()).value()});
  }
  return found;
}

}  // namespace

void Oracle::started(std::uint32_t process, std::uint32_t life, const raft::Node& node) {
  Shown& shown = shown_[process];
  const Platter& platter = *platters_[process];
  require(!shown.running, platter.member(), " is started twice");
  const View view = view_of(node);
  require(view.term == platter.hard_state.current_term, platter.member(), " starts in term ",
          view.term, " and not in its durable term ", platter.hard_state.current_term);
  require(view.last == platter.last_index(), platter.member(), " starts with a log up to ",
          view.last, " and not ", platter.last_index());
  require(view.role != Role::kLeader, platter.member(), " leads from the start");
  require(view.commit <= golden.last(), platter.member(), " starts with a commit index of ",
          view.commit, " where nothing above ", golden.last(), " was committed");
  shown = {true, life, view, node.configuration(), platter.applied.summary.applied_index,
           std::nullopt};
  on_disk_[process] = configurations_on(platter);
  check_configuration(process, shown, view);
}

void Oracle::stopped(std::uint32_t process) { shown_[process].running = false; }

// --- Views ----------------------------------------------------------------------------------------

void Oracle::changed(std::uint32_t process, Shown& shown, const View& view,
                     const raft::Node& node) {
  const View before = std::exchange(shown.view, view);
  const MemberId self = member(process);
  require(shown.running, self, " shows itself though it does not run");
  require(before.term <= view.term, self, ": its term fell from ", before.term, " to ", view.term);
  require(before.commit <= view.commit, self, ": its commit index fell from ", before.commit,
          " to ", view.commit);
  require(before.handed_out <= view.handed_out, self, ": its applied index fell from ",
          before.handed_out, " to ", view.handed_out);
  require(view.handed_out <= view.commit && view.commit <= view.last, self, ": applied ",
          view.handed_out, " <= commit ", view.commit, " <= last ", view.last, " does not hold");
  std::optional<raft::ConfigurationAt> configuration_before;  // only if this event changed it
  if (node.configuration() != shown.configuration) {
    configuration_before = std::exchange(shown.configuration, node.configuration());
  }
  check_configuration(process, shown, view);
  // It would speak of a log that is not there any more when it is answered.
  require(!shown.log_goes || view.role == Role::kFollower, self, " is a ", to_string(view.role),
          " while a snapshot takes the place of its log");
  if (view.role == Role::kLeader) leads(process, shown, view);
  if (view.commit > golden.last()) {
    check_durable_majority(process, shown, view, configuration_before);
    catch_up(view.commit, view.term, process);
  }
  if (const auto applied = std::exchange(shown.unchecked, std::nullopt)) {
    state_is(process, applied->first, applied->second);
  }
}

/// A server uses the newest configuration in its log, committed or not (thesis 4.1). The log is that
/// on its disk when both end with one entry; and a leader's, which only grows, begins with that.
void Oracle::check_configuration(std::uint32_t process, const Shown& shown,
                                 const View& view) const {
  const Platter& platter = *platters_[process];
  const bool leads = view.role == Role::kLeader;
  const bool all_saved =
      view.last == platter.last_index() && view.last_term == platter.term_at(view.last);
  const bool unsaved = leads && shown.configuration.index > platter.last_index();
  if (unsaved || !(leads || all_saved)) return;
  const raft::ConfigurationAt& newest = on_disk_[process].back();
  require(shown.configuration == newest, member(process), " (", to_string(view.role),
          ") counts by the configuration at ", shown.configuration.index,
          " where the newest in its log is that at ", newest.index);
}

void Oracle::leads(std::uint32_t process, const Shown& shown, const View& view) {
  auto found = leaders_.find(view.term);
  if (found == leaders_.end()) {
    elected(process, shown, view);
    found = leaders_.find(view.term);
  }
  Leader& leader = found->second;
  require(leader.member == member(process), member(process), " leads in term ", view.term,
          " and so does ", leader.member);
  require(leader.life == shown.life && leader.process == process, member(process),
          " leads in term ", view.term, " again after a restart");
  require(leader.last <= view.last, member(process), ": a leader's log shrank from ", leader.last,
          " to ", view.last);
  if (leader.last < view.last) leader.appended.emplace_back(view.last, counted_(process));
  leader.last = view.last;
}

void Oracle::elected(std::uint32_t process, const Shown& shown, const View& view) {
  const MemberId self = member(process);
  const raft::Configuration& configuration = shown.configuration.configuration;
  require(shown.configuration.index <= platters_[process]->last_index(), self, " leads in term ",
          view.term, " by the configuration at ", shown.configuration.index,
          ", which is not on its disk");
  std::size_t votes = 0;
  for (const raft::Member& voter : configuration.members()) {
    const auto vote = votes_.find({voter.id, view.term});
    votes += voter.voter && vote != votes_.end() && vote->second == self;
  }
  require(votes >= configuration.quorum_size(), self, " leads in term ", view.term, " with ", votes,
          " durable votes of ", configuration.voter_count(), " voters");
  // Elected late, it may lack what a leader of a later term has committed.
  const Index below = golden.last_before(view.term);
  require(view.last > below, self, " leads in term ", view.term, " with a log up to ", view.last,
          " where ", below, " is committed");
  // Of a log that is still being written only the part on the disk can be looked at.
  const auto chain = platters_[process]->chain_at(below);
  require(!chain || *chain == golden.chain(below), self, " leads in term ", view.term,
          " without the committed entry ", below);
  leaders_.emplace(view.term,
                   Leader{self, process, shown.life, view.last, counted_(process), {}});
  ++elections;
}

// --- Commits --------------------------------------------------------------------------------------

bool Oracle::majority_holds(const raft::Configuration& configuration, Index index,
                            Term term) const {
  std::size_t holders = 0;
  for (const raft::Member& voter : configuration.members()) {
    if (!voter.voter) continue;
    const Platter* platter = platter_of(voter.id);
    holders += platter != nullptr &&
               (index < platter->compacted.index || platter->term_at(index) == term);
  }
  return holders >= configuration.quorum_size();
}

/// By the newest configuration in the log. One behind what is committed may have been appended in
/// this very event, after the count: for that once, the one before it will do.
void Oracle::check_durable_majority(std::uint32_t process, const Shown& shown, const View& view,
                                    const std::optional<raft::ConfigurationAt>& before) const {
  const bool held =
      majority_holds(shown.configuration.configuration, view.commit, view.term) ||
      (before && shown.configuration.index > view.commit &&
       majority_holds(before->configuration, view.commit, view.term));
  require(held, member(process), " (", to_string(view.role), ") commits ", view.commit, " in term ",
          view.term, ", which no majority of the voters holds durably with that term");
}

/// Takes what is newly committed from a disk that holds it.
void Oracle::catch_up(Index commit, Term term, std::uint32_t process) {
  const auto held = [&](const Platter* platter) {
    return platter != nullptr && platter->term_at(commit) == term &&
           platter->compacted.index <= golden.last();
  };
  auto holder = std::find_if(platters_.begin(), platters_.end(), held);
  if (holder == platters_.end()) holder = std::find_if(lost_.begin(), lost_.end(), held);
  if (holder != lost_.end()) {
    const Platter* platter = *holder;
    const auto chain = platter->chain_at(golden.last());
    require(chain == golden.chain(golden.last()), member(process), " commits ", commit,
            " on a branch that does not hold the committed entry ", golden.last());
    while (golden.last() < commit) {
      const Index next = golden.last() + 1;
      const StoredEntry& stored = platter->log[next - (platter->compacted.index + 1)];
      const std::uint64_t before_us = golden.rules().stamp_us();
      audit.committed(golden.append(stored.entry, stored.chain, term));
      if (stored.entry.type == raft::EntryType::kCommand) {
        check_stamp(stored.entry.term, before_us);
      }
    }
    return;
  }
  fail(member(process), " commits ", commit, " of term ", term, ", which no disk holds");
}

/// Replicated time is that of what the leader had applied when it took office, at most that of all
/// before it, and what has gone by on its clock since. (It lags when the leader had not yet applied
/// everything. What the machine makes of that is the rules' business.)
void Oracle::check_stamp(Term term, std::uint64_t before_us) {
  const std::uint64_t stamp_us = golden.written_stamp_us();
  if (office_.term != term) {
    const auto leader = leaders_.find(term);
    require(leader != leaders_.end(), "entry ", golden.last(), " is of term ", term,
            ", which nobody led");
    office_ = {term, before_us, &leader->second, 0, std::nullopt};
  }
  const Leader& leader = *office_.leader;
  const raft::Micros gone_by = counted_(leader.process) - leader.counted;
  require(stamp_us <= office_.began_us + gone_by, "entry ", golden.last(), " of ", leader.member,
          " says ", stamp_us, " us, where its office began at ", office_.began_us, " us, ", gone_by,
          " us ago by its clock");
  require(stamp_us >= office_.last_us, "entry ", golden.last(), " of ", leader.member, " says ",
          stamp_us, " us behind one that said ", office_.last_us, " us");
  office_.last_us = stamp_us;
  check_pace(stamp_us);
}

/// In office, replicated time goes on as the leader's clock does.
void Oracle::check_pace(std::uint64_t stamp_us) {
  const Leader& leader = *office_.leader;
  auto& appended = office_.leader->appended;
  while (!appended.empty() && appended.front().first < golden.last()) appended.pop_front();
  if (appended.empty()) return;  // it died before it showed that entry
  const std::uint64_t ahead_us = stamp_us - appended.front().second;  // any number, it may wrap
  if (!office_.ahead_us) office_.ahead_us = ahead_us;
  require(ahead_us == *office_.ahead_us, "entry ", golden.last(), " of ", leader.member, " says ",
          stamp_us, " us, which is ", ahead_us - *office_.ahead_us,
          " us more than its clock has gone on since its first one (modulo 2^64)");
}

// --- What goes out --------------------------------------------------------------------------------

namespace {

/// A rehearsal speaks of a term that nobody is in yet.
bool rehearses(const raft::Message& message) {
  const auto* request = std::get_if<raft::VoteRequest>(&message);
  const auto* response = std::get_if<raft::VoteResponse>(&message);
  return (request != nullptr && request->pre_vote) || (response != nullptr && response->pre_vote);
}

}  // namespace

void Oracle::check_sizes(const raft::Envelope& envelope) const {
  if (const auto* append = std::get_if<raft::AppendRequest>(&envelope.message)) {
    std::size_t bytes = 0;
    for (const raft::Entry& entry : append->entries) bytes += entry.payload.size();
    require(append->entries.size() <= 1 || bytes <= limits_.max_append_bytes, envelope.from,
            " sends ", bytes, " bytes of entries at once");
  } else if (const auto* snapshot = std::get_if<raft::SnapshotRequest>(&envelope.message)) {
    require(snapshot->chunk.data.size() <= limits_.snapshot_chunk_bytes, envelope.from, " sends ",
            snapshot->chunk.data.size(), " bytes of a snapshot at once");
  }
}

/// The leader of a term has all that was committed up to then, so that a log which agrees with its
/// own up to there has the same.
void Oracle::check_acknowledged(const Platter& platter,
                                const raft::AppendResponse& response) const {
  const Index index = response.index;
  require(index <= platter.last_index(), platter.member(), " acknowledges ", index,
          " with a durable log up to ", platter.last_index());
  if (index > golden.last() || golden.committed_in(index) > response.term) return;
  require(holds_committed(platter, index), platter.member(), " acknowledges ", index,
          " with another entry there than was committed");
}

void Oracle::check_held(const Platter& platter, raft::SnapshotMark mark) const {
  require(platter.last_index() >= mark.index, platter.member(), " says that it holds a snapshot of ",
          mark.index, " with a durable log up to ", platter.last_index());
  require(mark.index <= golden.last() && holds_committed(platter, mark.index), platter.member(),
          " says that it holds a snapshot of ", mark.index, " with another log up to there");
}

/// Nothing that promises leaves before what it rests on is durable.
void Oracle::sent(std::uint32_t process, const raft::Envelope& envelope) const {
  const Platter& platter = *platters_[process];
  const raft::HardState& hard = platter.hard_state;
  const raft::Message& message = envelope.message;
  require(envelope.from == platter.member(), platter.member(), " speaks as ", envelope.from);
  check_sizes(envelope);
  if (rehearses(message)) return;
  const Term term = raft::term_of(message);
  require(hard.current_term >= term, platter.member(), " speaks in term ", term,
          " before that is durable");
  if (const auto* append = std::get_if<raft::AppendResponse>(&message)) {
    if (append->success && hard.current_term == term) check_acknowledged(platter, *append);
  } else if (const auto* vote = std::get_if<raft::VoteResponse>(&message)) {
    const bool voted = hard.current_term > term || (hard.has_voted && hard.voted_for == envelope.to);
    require(!vote->granted || voted, platter.member(), " says that it voted for ", envelope.to,
            " in term ", term, " before that is durable");
  } else if (std::holds_alternative<raft::VoteRequest>(message)) {
    const bool voted =
        hard.current_term > term || (hard.has_voted && hard.voted_for == platter.member());
    require(voted, platter.member(), " campaigns in term ", term,
            " before its own vote is durable");
  } else if (const auto* snapshot = std::get_if<raft::SnapshotResponse>(&message)) {
    if (snapshot->installed) check_held(platter, snapshot->mark);
  } else if (std::holds_alternative<raft::AppendRequest>(message) ||
             std::holds_alternative<raft::HeartbeatRequest>(message)) {
    const auto leader = leaders_.find(term);
    require(leader == leaders_.end() || leader->second.member == platter.member(),
            platter.member(), " speaks as the leader of term ", term, ", who is ",
            leader->second.member);
  }
}

void Oracle::state_is(std::uint32_t process, Index index, std::uint64_t digest) const {
  require(index <= golden.last(), member(process), " has applied ", index, " where only ",
          golden.last(), " is committed");
  require(golden.digest(index) == digest, member(process), " has at ", index,
          " another state than the golden log makes");
}

}  // namespace ticketd::sim
