// Receiving snapshots (Raft 7). Two lanes lead to the owner: chunks to be staged, one at a time,
// and the installation of a whole file. Neither waits for saves of term and vote, so that a node
// that receives a large snapshot still votes.
#include <utility>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

namespace {

using Install = SnapshotReception::Install;

bool is_well_formed(const SnapshotChunk& chunk) {
  return chunk.mark.index > Index(0) && chunk.total_bytes > 0 &&
         chunk.offset <= chunk.total_bytes &&
         chunk.data.size() <= chunk.total_bytes - chunk.offset &&
         (chunk.data.size() > 0 || chunk.offset == chunk.total_bytes);
}

}  // namespace

void Node::State::handle(MemberId from, const SnapshotRequest& request) {
  const SnapshotChunk& chunk = request.chunk;
  if (!is_well_formed(chunk)) {
    return;
  }
  hear_leader(from);
  if (reception.install != Install::kNone) {
    if (!begins_other_file(chunk)) {
      answer_offset(from, *reception.file);
    }
    return;
  }
  if (holds_already(chunk.mark)) {
    answer_held(from, chunk.mark, chunk.file_id);
    return;
  }
  if (begins_other_file(chunk)) {
    if (reception.file && reception.file->term == request.term &&
        chunk.mark.index < reception.file->mark.index) {
      return;  // a late piece of what this leader has given up
    }
    drop_reception();
    reception.file = {chunk.mark, chunk.file_id, chunk.total_bytes, request.term, 0};
  }
  SnapshotReception::File& file = *reception.file;
  file.term = request.term;
  if (reception.next_chunk && reception.next_chunk->offset == chunk.offset) {
    return;  // a repetition
  }
  if (chunk.offset != file.staged_bytes) {
    answer_offset(from, file);
  } else {
    // While the lane is busy with this very file, this is what it is busy with.
    const bool repeats = reception.staging == SnapshotReception::Staging{chunk.mark, chunk.file_id};
    if (!repeats) {
      reception.next_chunk = chunk;
    }
  }
}

bool Node::State::begins_other_file(const SnapshotChunk& chunk) const {
  return !reception.file || reception.file->mark != chunk.mark ||
         reception.file->file_id != chunk.file_id ||
         reception.file->total_bytes != chunk.total_bytes;
}

bool Node::State::holds_already(const SnapshotMark& mark) const {
  return mark.index <= commit_index() || log.matches(mark.index, mark.term);
}

/// The leader may go on behind the mark, once what we hold of it is durable.
void Node::State::answer_held(MemberId to, SnapshotMark mark, std::uint64_t file_id) {
  commit_as_follower(mark.index);
  send(to,
       SnapshotResponse{.term = current_term(),
                        .mark = mark,
                        .file_id = file_id,
                        .next_offset = 0,
                        .installed = true},
       mark.index);
}

void Node::State::answer_offset(MemberId to, const SnapshotReception::File& file) {
  send(to, SnapshotResponse{.term = current_term(),
                            .mark = file.mark,
                            .file_id = file.file_id,
                            .next_offset = file.staged_bytes,
                            .installed = false});
}

void Node::State::staged(SnapshotMark mark, std::uint64_t file_id, std::uint64_t next_offset) {
  const SnapshotReception::Staging staging{mark, file_id};
  ENSURE(reception.staging == staging);
  reception.staging.reset();
  if (!reception.file || reception.file->mark != mark || reception.file->file_id != file_id) {
    return;  // given up meanwhile
  }
  SnapshotReception::File& file = *reception.file;
  ENSURE_LE(next_offset, file.total_bytes);
  file.staged_bytes = next_offset;
  if (next_offset == file.total_bytes) {
    if (holds_already(mark)) {  // it came by the log meanwhile
      drop_reception();
      if (leader) {
        answer_held(*leader, mark, file_id);
      }
      return;
    }
    reception.install = Install::kWanted;
    if (role != Role::kFollower) {  // no campaign with a log that is about to go
      become_follower(current_term(), std::nullopt);
    }
  }
  if (leader) {
    answer_offset(*leader, file);
  }
}

void Node::State::installed(SnapshotMark mark, ConfigurationAt at) {
  ENSURE(reception.install == Install::kRunning);
  ENSURE(reception.file->mark == mark);
  ENSURE_GT(mark.index, commit_index());
  const std::uint64_t file_id = reception.file->file_id;
  log.reset(mark, std::move(at));
  gate.reset(mark.index);
  // They would wait for a save of entries that are no more, or speak of entries behind the mark.
  outbox.drop_held_log_answers();
  hard.commit_index = mark.index;
  handed_out = mark.index;
  reception.install = Install::kNone;
  drop_reception();
  if (leader) {
    answer_held(*leader, mark, file_id);
  }
}

void Node::State::install_failed(SnapshotMark mark) {
  ENSURE(reception.install == Install::kRunning);
  ENSURE(reception.file->mark == mark);
  SnapshotReception::File failed = *reception.file;
  failed.staged_bytes = 0;
  reception.install = Install::kNone;
  drop_reception();
  if (leader) {
    answer_offset(*leader, failed);
  }
}

void Node::State::drop_reception() {
  ENSURE(reception.install != Install::kRunning);
  reception.file.reset();
  reception.next_chunk.reset();
  reception.install = Install::kNone;
}

}  // namespace ticketd::raft
