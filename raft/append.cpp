// AppendEntries on a follower (Raft 5.3, figure 2).
#include <algorithm>
#include <span>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

namespace {

bool is_valid_configuration(const Entry& entry) {
  const Result<Configuration> decoded = Configuration::decode(entry.payload.view());
  return decoded && !decoded->empty();
}

/// What any leader sends: consecutive entries whose terms do not fall and are not of the future.
bool is_well_formed(const AppendRequest& request) {
  Index index = request.prev_log_index;
  Term term = request.prev_log_term;
  if (term > request.term || (index == Index(0) && term != Term(0))) {
    return false;
  }
  for (const Entry& entry : request.entries) {
    ++index;
    if (entry.index != index || entry.term < term || entry.term > request.term ||
        (entry.type == EntryType::kConfiguration && !is_valid_configuration(entry))) {
      return false;
    }
    term = entry.term;
  }
  return true;
}

/// The first of the request's entries that the log does not hold, or holds with another term.
std::span<const Entry> not_held(const Log& log, const Entries& entries) {
  const auto first = std::find_if(entries.begin(), entries.end(), [&log](const Entry& entry) {
    return entry.index > log.compacted().index && !log.matches(entry.index, entry.term);
  });
  return {first, entries.end()};
}

}  // namespace

void Node::State::handle(MemberId from, const AppendRequest& request) {
  if (!is_well_formed(request)) {
    return;
  }
  hear_leader(from);
  if (reception.install != SnapshotReception::Install::kNone) {
    return;  // the log is about to be replaced
  }
  const std::span<const Entry> news = not_held(log, request.entries);
  const Index proved = request.prev_log_index + request.entries.size();
  if (request.prev_log_index < commit_index()) {
    // Committed entries are the leader's too: it may go on behind them.
    const bool conflicts = !news.empty() && news.front().index <= commit_index();
    ENSURE_MSG(!conflicts, "a leader contradicts a committed entry");
    acknowledge_append(from, commit_index());
    return;
  }
  if (!log.matches(request.prev_log_index, request.prev_log_term)) {
    ENSURE_GT(request.prev_log_index, commit_index());
    refuse_append(from, request);
    return;
  }
  if (!news.empty()) {
    store(news);
  }
  // Not beyond what this request has shown to be equal: what we hold behind it may be of another
  // leader.
  commit_as_follower(std::min(request.commit_index, proved));
  acknowledge_append(from, proved);
}

void Node::State::acknowledge_append(MemberId leader_of_term, Index index) {
  send(leader_of_term,
       AppendResponse{.term = current_term(),
                      .success = true,
                      .index = index,
                      .conflict_index = {},
                      .conflict_term = {}},
       index);
}

void Node::State::refuse_append(MemberId from, const AppendRequest& request) {
  const Index conflict = log.last_index_not_above(
      request.prev_log_term, std::min(request.prev_log_index - 1, log.last_index()));
  send(from, AppendResponse{.term = current_term(),
                            .success = false,
                            .index = request.prev_log_index,
                            .conflict_index = conflict,
                            .conflict_term = log.term_at(conflict).value()});
}

/// Requires that the log agrees with the leader's up to the place before `news`.
void Node::State::store(std::span<const Entry> news) {
  const Index first = news.front().index;
  if (first <= log.last_index()) {
    ENSURE_GT(first, commit_index());
    log.truncate_from(first);
    gate.truncated(first);
  }
  log.append(news);
}

void Node::State::commit_as_follower(Index index) {
  ENSURE_LE(index, log.last_index());
  if (index <= commit_index()) {
    return;
  }
  hard.commit_index = index;
  if (reception.file && reception.file->mark.index <= index) {
    drop_reception();  // overtaken
  }
}

}  // namespace ticketd::raft
