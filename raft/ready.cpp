// The way out, and what the owner says of its disk.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

using Install = SnapshotReception::Install;

void Node::State::take_ready(Ready& ready) {
  ENSURE(ready.empty());
  if (leading) {
    replicate();
    begin_read_round();
  }
  ready.save = gate.take(hard, log, reception.install == Install::kNone, now);
  // The owner may take these up at once and in any order, so that an installation, which replaces
  // log and state, never stands beside entries to be saved or applied.
  if (reception.install == Install::kWanted && !gate.saving_entries()) {
    reception.install = Install::kRunning;
    ready.install = reception.file->mark;
  }
  if (reception.install != Install::kRunning) {
    ready.committed = take_committed();
  }
  if (reception.next_chunk && !reception.staging) {
    ready.stage = std::exchange(reception.next_chunk, std::nullopt);
    reception.staging = {ready.stage->mark, ready.stage->file_id};
  }
  outbox.take(ready.messages);
  ready.reads.swap(read_answers);
  ready.fetch_entries.swap(fetch_entries);
  ready.fetch_chunks.swap(fetch_chunks);
}

Entries Node::State::take_committed() {
  const Index to = std::min(commit_index(), gate.durable_index());
  if (to <= handed_out) {
    return {};
  }
  Entries committed = log.slice(handed_out + 1, to, std::numeric_limits<std::size_t>::max());
  handed_out = to;
  log.evict(handed_out, options.cache_bytes);
  return committed;
}

void Node::State::saved(SaveId id) {
  gate.saved(id);
  outbox.release(id, current_term());
  if (leading) {
    advance_commit_index();
    push_transfer();
  } else {
    count_votes();
  }
}

void Node::State::compacted(Index index) {
  ENSURE_LE(index, handed_out);
  log.compact_to(index);
}

}  // namespace ticketd::raft
