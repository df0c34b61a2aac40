// What a message promises must be durable when it leaves, and windows have their bounds.
#include <algorithm>
#include <sstream>

#include "tests/raft/cluster_invariants.h"

namespace ticketd::raft::cluster {
namespace {

/// A rehearsal speaks of a term that nobody is in yet.
bool rehearses(const Message& message) {
  const auto* request = std::get_if<VoteRequest>(&message);
  const auto* response = std::get_if<VoteResponse>(&message);
  return (request != nullptr && request->pre_vote) || (response != nullptr && response->pre_vote);
}

std::size_t payload_bytes(const Entries& entries) {
  std::size_t bytes = 0;
  for (const Entry& entry : entries) {
    bytes += entry.payload.size();
  }
  return bytes;
}

}  // namespace

void Invariants::sent(const Envelope& envelope, const Options& options) {
  const Member& from = members_[envelope.from];
  require(from.running && from.view.self == envelope.from, envelope.from,
          "a message leaves under this name though it does not run");
  require(envelope.to != envelope.from, envelope.from, "sends a message to itself");
  require(rehearses(envelope.message) || term_of(envelope.message) <= from.view.term, envelope.from,
          "speaks of term ", term_of(envelope.message), " in term ", from.view.term);
  std::visit([&](const auto& message) { check_sent(from, envelope, message); }, envelope.message);
  check_sizes(envelope, options);
  check_window(envelope, options);
}

void Invariants::check_leads(MemberId id, Term term) const {
  const auto leader = leaders_.find(term);
  require(leader != leaders_.end() && leader->second.member == id, id, "acts as leader of term ",
          term, " and was not seen to become it");
}

void Invariants::check_sent(const Member&, const Envelope& envelope, const VoteRequest& m) {
  if (m.pre_vote) {
    return;
  }
  // Were its vote for itself lost in a crash, it could campaign again in this term with a shorter
  // log, and be elected by the answers to this request.
  const auto vote = votes_.find({envelope.from, m.term});
  require(vote != votes_.end() && vote->second == envelope.from, envelope.from,
          "campaigns in term ", m.term, " before its own vote is durable");
}

void Invariants::check_sent(const Member&, const Envelope& envelope, const VoteResponse& m) {
  if (m.pre_vote || !m.granted) {
    return;
  }
  const auto vote = votes_.find({envelope.from, m.term});
  require(vote != votes_.end() && vote->second == envelope.to, envelope.from, "grants ",
          envelope.to, " a vote in term ", m.term, " that is not durable");
}

void Invariants::check_sent(const Member& from, const Envelope& envelope, const AppendRequest& m) {
  check_leads(envelope.from, m.term);
  const bool own = m.prev_log_term == m.term && m.prev_log_index <= from.view.last;
  require(own || tree_.find(m.prev_log_index, m.prev_log_term) != nullptr, envelope.from,
          "probes for an entry (", m.prev_log_index, ", ", m.prev_log_term, ") that never was");
  require(m.commit_index <= from.view.commit, envelope.from, "announces commit index ",
          m.commit_index, " and knows only ", from.view.commit);
  Index next = m.prev_log_index + 1;
  Term previous = m.prev_log_term;
  for (const Entry& entry : m.entries) {
    require(entry.index == next && entry.term <= m.term, envelope.from, "sends entry ", entry.index,
            " of term ", entry.term, " where ", next, " of term ", m.term, " or below must follow");
    saw_entry(envelope.from, previous, entry);
    previous = entry.term;
    ++next;
  }
}

void Invariants::check_sent(const Member& from, const Envelope& envelope, const AppendResponse& m) {
  if (!m.success) {
    return;
  }
  require(from.durable.hard_state.current_term >= m.term, envelope.from, "acknowledges in term ",
          m.term, " that is not durable");
  require(from.durable.last() >= m.index, envelope.from, "acknowledges ", m.index,
          " and holds durably only up to ", from.durable.last());
}

void Invariants::check_sent(const Member& from, const Envelope& envelope,
                            const HeartbeatRequest& m) {
  check_leads(envelope.from, m.term);
  require(m.commit_index <= from.view.commit, envelope.from, "announces commit index ",
          m.commit_index, " and knows only ", from.view.commit);
  require(m.commit_index <= members_[envelope.to].durable.last(), envelope.from, "tells ",
          envelope.to, " that ", m.commit_index, " is committed, which it does not hold");
}

void Invariants::check_sent(const Member&, const Envelope&, const HeartbeatResponse&) {}

void Invariants::check_sent(const Member&, const Envelope& envelope, const SnapshotRequest& m) {
  check_leads(envelope.from, m.term);
  const SnapshotMark mark = m.chunk.mark;
  require(mark.index <= golden_last() && golden(mark.index).term == mark.term, envelope.from,
          "sends a snapshot of (", mark.index, ", ", mark.term, ") that was never committed");
}

void Invariants::check_sent(const Member& from, const Envelope& envelope,
                            const SnapshotResponse& m) {
  require(!m.installed || from.durable.holds(m.mark.index, m.mark.term), envelope.from,
          "says that the snapshot of ", m.mark.index, " is in force, which it does not hold");
}

void Invariants::check_sent(const Member& from, const Envelope& envelope,
                            const TimeoutNowRequest& m) {
  check_leads(envelope.from, m.term);
  const Durable& target = members_[envelope.to].durable;
  // One that has gone on to a higher term may have cut its log since it acknowledged all of it.
  require(
      !prompt_owners_ || target.hard_state.current_term > m.term || target.last() >= from.view.last,
      envelope.from, "hands over to ", envelope.to, ", which holds only up to ", target.last());
}

void Invariants::check_sizes(const Envelope& envelope, const Options& options) const {
  if (const auto* append = std::get_if<AppendRequest>(&envelope.message)) {
    const std::size_t bytes = payload_bytes(append->entries);
    require(append->entries.size() <= 1 || bytes <= options.max_append_bytes, envelope.from,
            "sends ", bytes, " payload bytes in one request");
  }
  if (const auto* snapshot = std::get_if<SnapshotRequest>(&envelope.message)) {
    require(snapshot->chunk.data.size() <= options.snapshot_chunk_bytes, envelope.from,
            "sends a chunk of ", snapshot->chunk.data.size(), " bytes");
  }
}

// While a follower is silent its leader cannot know more than what it sent: the window, and one
// probe for each heartbeat that went by.
void Invariants::check_window(const Envelope& envelope, const Options& options) {
  const auto* append = std::get_if<AppendRequest>(&envelope.message);
  if (append == nullptr) {
    return;
  }
  Window& window = members_[envelope.from].windows[envelope.to];
  if (window.term != append->term) {
    window = {append->term, now_, 0, 0, options.max_append_bytes};
  }
  ++window.requests;
  const std::size_t bytes = payload_bytes(append->entries);
  window.largest = std::max(window.largest, bytes);
  const std::size_t probes = 3 + (now_ - window.since) * 11 / 10 / options.heartbeat_interval;
  require(window.requests <= options.max_inflight_appends + probes, envelope.from, "sends ",
          window.requests, " requests to the silent ", envelope.to);
  // The window is open as long as its limit is not reached: one request may go beyond it.
  require(window.bytes <= options.max_inflight_bytes + probes * window.largest, envelope.from,
          "sends after ", window.bytes, " payload bytes still more to the silent ", envelope.to);
  window.bytes += bytes;
}

void Invariants::delivered(const Envelope& envelope) {
  const auto to = members_.find(envelope.to);
  if (to != members_.end()) {
    to->second.windows.erase(envelope.from);
  }
}

void Invariants::unreachable(MemberId leader, MemberId follower) {
  members_[leader].windows.erase(follower);
}

}  // namespace ticketd::raft::cluster
