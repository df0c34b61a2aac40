// The leader's side of AppendEntries (Raft 5.3) and the commit rule (Raft 5.4.2).
//
// Followers are sent to from take_ready, so that all that was proposed since the last Ready goes
// out in one request each.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

Index Node::State::append_entry(EntryType type, Payload payload) {
  const Entry entry{log.last_index() + 1, current_term(), type, std::move(payload)};
  log.append({&entry, 1});
  leading->uncommitted_bytes += entry.charge();
  return entry.index;
}

Answer<Proposed> Node::State::propose(std::string command) {
  if (!leading) {
    return Refusal::kNotLeader;
  }
  if (leading->transfer) {
    return Refusal::kTransferring;
  }
  // One entry always fits, however large.
  const std::size_t charge = command.size() + Entry::kFlatCharge;
  if (leading->uncommitted_bytes > 0 &&
      leading->uncommitted_bytes + charge > options.max_uncommitted_bytes) {
    return Refusal::kBusy;
  }
  return Proposed{append_entry(EntryType::kCommand, Payload(std::move(command))), current_term()};
}

void Node::State::replicate() {
  for (Progress& follower : leading->followers) {
    if (follower.state == ReplicationState::kProbe && !follower.paused) {
      send_probe(follower);
    }
    while (follower.state == ReplicationState::kReplicate &&
           follower.next_index <= log.last_index() &&
           !follower.window_full(options.max_inflight_appends, options.max_inflight_bytes) &&
           send_entries(follower)) {
    }
  }
}

void Node::State::send_probe(Progress& follower) {
  if (follower.next_index <= log.compacted().index) {
    begin_snapshot(follower);
    return;
  }
  Entries entries;
  if (!follower.probe_empty && follower.next_index <= log.last_index() &&
      follower.next_index >= log.cached_first()) {
    entries = log.slice(follower.next_index, log.last_index(), options.max_append_bytes);
  }
  follower.paused = true;
  follower.probe_empty = true;
  follower.changed_at = now;
  send_append(follower, std::move(entries));
}

/// Sends the next entries of the pipeline. Says whether there may be more to send.
bool Node::State::send_entries(Progress& follower) {
  if (follower.next_index <= log.compacted().index) {
    begin_snapshot(follower);
    return false;
  }
  if (follower.next_index < log.cached_first()) {
    if (!std::exchange(follower.fetching, true)) {
      fetch_entries.push_back(
          {follower.id, follower.next_index, log.cached_first() - 1, options.max_append_bytes});
    }
    return false;
  }
  send_append(follower, log.slice(follower.next_index, log.last_index(), options.max_append_bytes));
  return true;
}

/// Sends `entries`, which begin at next_index, and in the pipeline counts on their arrival.
void Node::State::send_append(Progress& follower, Entries entries) {
  const Index before = follower.next_index - 1;
  if (!entries.empty() && follower.state == ReplicationState::kReplicate) {
    std::size_t bytes = 0;
    for (const Entry& entry : entries) {
      bytes += entry.charge();
    }
    follower.sent(entries.back().index, bytes, now);
  }
  send(follower.id, AppendRequest{.term = current_term(),
                                  .prev_log_index = before,
                                  .prev_log_term = log.term_at(before).value(),
                                  .commit_index = commit_index(),
                                  .entries = std::move(entries)});
}

void Node::State::handle(MemberId from, const AppendResponse& response) {
  Progress* follower = hear_follower(from);
  if (follower == nullptr || response.index > log.last_index()) {
    return;
  }
  if (!response.success) {
    append_refused(*follower, response);
    return;
  }
  const bool news = follower->acknowledged(response.index, now);
  const bool probe_answered =
      follower->state == ReplicationState::kProbe && response.index == follower->match_index;
  const bool snapshot_needless = follower->state == ReplicationState::kSnapshot &&
                                 follower->match_index >= log.compacted().index;
  if (probe_answered || snapshot_needless) {
    follower->become_replicate(now);
  }
  if (news) {
    advance_commit_index();  // may end this reign, or change who follows
    push_transfer();
  }
}

void Node::State::append_refused(Progress& follower, const AppendResponse& response) {
  const bool probe_refused = follower.state == ReplicationState::kProbe &&
                             response.index == follower.next_index - 1 &&
                             response.index > follower.match_index;
  const bool pipeline_broken = follower.state == ReplicationState::kReplicate &&
                               response.index > follower.match_index &&
                               response.index < follower.next_index;
  if (!probe_refused && !pipeline_broken) {
    return;  // answers something older
  }
  const Index hint = std::min(response.conflict_index, response.index - 1);
  // Below our log there is nothing to compare: the next probe finds that a snapshot is needed.
  const Index agreed =
      hint < log.compacted().index ? hint : log.last_index_not_above(response.conflict_term, hint);
  follower.become_probe(agreed, now);
}

void Node::State::fetched(const FetchEntries& request, Entries entries) {
  Progress* follower = leading ? find_follower(request.follower) : nullptr;
  if (follower == nullptr || !std::exchange(follower->fetching, false) ||
      follower->state != ReplicationState::kReplicate || follower->next_index != request.from) {
    return;  // asked in another reign, or no longer wanted
  }
  if (entries.empty()) {
    begin_snapshot(*follower);
    return;
  }
  if (request.from <= log.compacted().index) {
    return;  // compacted while it was read; the next round of replication sees to it
  }
  Index index = request.from;
  for (const Entry& entry : entries) {
    ENSURE_EQ(entry.index, index);
    ENSURE_LE(entry.index, request.to);
    ENSURE(log.matches(entry.index, entry.term));
    ++index;
  }
  send_append(*follower, std::move(entries));
}

void Node::State::unreachable(MemberId member) {
  Progress* follower = leading ? find_follower(member) : nullptr;
  if (follower == nullptr) {
    return;
  }
  follower->lost_contact = true;
  if (follower->state != ReplicationState::kSnapshot) {
    // Nothing more until an answer to a heartbeat shows that it is back.
    follower->become_probe(follower->match_index, now);
    follower->paused = true;
    follower->probe_empty = true;
  }
}

void Node::State::advance_commit_index() {
  const Index stored = reached_by_majority(
      gate.durable_index(), [](const Progress& follower) { return follower.match_index; });
  // An entry of an earlier term may be on a majority and still be overwritten (Raft figure 8).
  if (stored <= commit_index() || !log.matches(stored, current_term())) {
    return;
  }
  const bool commits_configuration =
      log.configuration().index > commit_index() && log.configuration().index <= stored;
  leading->uncommitted_bytes -= log.bytes_between(commit_index(), stored);
  hard.commit_index = stored;
  if (commits_configuration) {
    configuration_committed();
  }
}

Progress* Node::State::find_follower(MemberId member) {
  return const_cast<Progress*>(std::as_const(*this).find_follower(member));
}

const Progress* Node::State::find_follower(MemberId member) const {
  const auto found =
      std::lower_bound(leading->followers.begin(), leading->followers.end(), member,
                       [](const Progress& follower, MemberId id) { return follower.id < id; });
  return found != leading->followers.end() && found->id == member ? &*found : nullptr;
}

}  // namespace ticketd::raft
