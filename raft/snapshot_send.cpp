// Sending snapshots (Raft 7), to followers whose next entry is compacted away. The owner makes and
// reads the files; one chunk for each follower is on its way at a time.
#include <utility>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

void Node::State::begin_snapshot(Progress& follower) {
  follower.become_snapshot();
  ask_chunk(follower);
}

void Node::State::ask_chunk(Progress& follower) {
  SnapshotSending& sending = follower.snapshot;
  ENSURE(!sending.fetching);
  sending.fetching = true;
  sending.due.reset();
  fetch_chunks.push_back(
      {follower.id, sending.mark, sending.file_id, sending.offset, options.snapshot_chunk_bytes});
}

void Node::State::send_chunk(Progress& follower, SnapshotChunk chunk) {
  follower.snapshot.due = now + options.snapshot_chunk_timeout;
  send(follower.id, SnapshotRequest{current_term(), std::move(chunk)});
}

/// What is out may be lost, or the owner had nothing to read when it was asked last.
void Node::State::resend_chunk(Progress& follower) {
  const SnapshotSending& sending = follower.snapshot;
  if (sending.fetching) {
    return;
  }
  if (sending.whole()) {  // asks whether it is in force by now
    send_chunk(follower, {.mark = *sending.mark,
                          .file_id = sending.file_id,
                          .total_bytes = sending.total_bytes,
                          .offset = sending.total_bytes,
                          .data = {}});
  } else {
    ask_chunk(follower);
  }
}

void Node::State::fetched(const FetchChunk& request, std::optional<SnapshotChunk> chunk) {
  Progress* follower = leading ? find_follower(request.follower) : nullptr;
  if (follower == nullptr || !follower->snapshot.fetching) {
    return;  // asked in another reign, or no longer wanted
  }
  SnapshotSending& sending = follower->snapshot;
  if (request.mark != sending.mark || request.file_id != sending.file_id ||
      request.offset != sending.offset) {
    return;  // answers an earlier question
  }
  sending = {};
  if (!chunk) {
    // From the start, with whatever file there is then.
    sending.due = now + options.election_timeout_max;
    return;
  }
  ENSURE_EQ(chunk->offset, request.offset);
  ENSURE(!request.mark || (chunk->mark == *request.mark && chunk->file_id == request.file_id));
  ENSURE_LE(chunk->mark.index, commit_index());
  ENSURE_GT(chunk->data.size(), 0);
  ENSURE_LE(chunk->offset + chunk->data.size(), chunk->total_bytes);
  sending.mark = chunk->mark;
  sending.file_id = chunk->file_id;
  sending.total_bytes = chunk->total_bytes;
  sending.offset = chunk->offset;
  send_chunk(*follower, *std::move(chunk));
}

void Node::State::handle(MemberId from, const SnapshotResponse& response) {
  Progress* follower = hear_follower(from);
  if (follower == nullptr || response.mark.index > log.last_index()) {
    return;
  }
  if (response.installed) {
    const bool news = follower->acknowledged(response.mark.index, now);
    if (follower->state == ReplicationState::kSnapshot) {
      follower->become_probe(follower->match_index, now);
    }
    if (news) {
      advance_commit_index();
      push_transfer();
    }
    return;
  }
  SnapshotSending& sending = follower->snapshot;
  if (follower->state != ReplicationState::kSnapshot || sending.fetching ||
      sending.mark != response.mark || sending.file_id != response.file_id ||
      response.next_offset == sending.offset || response.next_offset > sending.total_bytes) {
    return;
  }
  if (sending.whole()) {  // it had every byte and begins anew, so the file was bad: ask for another
    sending = {};
  }
  sending.offset = sending.mark ? response.next_offset : 0;
  if (sending.whole()) {
    sending.due = now + options.snapshot_chunk_timeout;
  } else {
    ask_chunk(*follower);
  }
}

}  // namespace ticketd::raft
