// The fields of raft messages, in the order of the wire (see net/fields.h).
#pragma once

#include <cstddef>

#include "net/field_parts.h"

namespace ticketd::net {

template <class A, Like<raft::VoteRequest> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("last_log_index", m.last_log_index);
  wire("last_log_term", m.last_log_term);
  wire("pre_vote", m.pre_vote);
  wire("leadership_transfer", m.leadership_transfer);
  wire.require(m.term.value > 0, "term is 0");
  wire.require(is_place(m.last_log_index, m.last_log_term), "one of last_log_* is 0");
  wire.require(m.last_log_term <= m.term, "last_log_term is above term");
}

template <class A, Like<raft::VoteResponse> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("pre_vote", m.pre_vote);
  wire("granted", m.granted);
}

/// Neither index nor term of an entry is sent: the index follows from its place, and the term as a
/// step up from the one before, so that what the log requires cannot be said otherwise.
template <class A, Like<raft::AppendRequest> M>
void entry_fields(A& wire, M& m) {
  std::size_t count = m.entries.size();
  wire.count("entry_count", count, kEntriesMax);
  wire.require(m.prev_log_index.value + count < number_end(A::kReads), "an index is too large");
  if constexpr (A::kReads) {
    m.entries.reserve(count);
  }
  raft::Term before = m.prev_log_term;
  for (std::size_t i = 0; i < count && wire.ok(); ++i) {
    if constexpr (A::kReads) {
      m.entries.push_back({m.prev_log_index + i + 1, {}, {}, {}});
    }
    auto& entry = m.entries[i];
    wire.require(entry.index == m.prev_log_index + i + 1, "entries are not consecutive");
    std::uint64_t step = entry.term.value - before.value;
    wire("term_step", step);
    wire.require(step <= m.term.value - before.value, "the term of an entry is above term");
    if constexpr (A::kReads) {
      entry.term = before + step;
    }
    wire.require(entry.term.value > 0, "the term of an entry is 0");
    wire("type", entry.type);
    wire.bytes("payload", entry.payload);
    if (entry.type == raft::EntryType::kConfiguration) {
      wire.check_configuration("payload", entry.payload);
    }
    before = entry.term;
  }
}

template <class A, Like<raft::AppendRequest> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("prev_log_index", m.prev_log_index);
  wire("prev_log_term", m.prev_log_term);
  wire("commit_index", m.commit_index);
  wire.require(m.term.value > 0, "term is 0");
  wire.require(is_place(m.prev_log_index, m.prev_log_term), "one of prev_log_* is 0");
  wire.require(m.prev_log_term <= m.term, "prev_log_term is above term");
  entry_fields(wire, m);
}

template <class A, Like<raft::AppendResponse> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("success", m.success);
  wire("index", m.index);
  wire("conflict_index", m.conflict_index);
  wire("conflict_term", m.conflict_term);
  wire.require(m.conflict_term <= m.term, "conflict_term is above term");
}

template <class A, Like<raft::HeartbeatRequest> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("commit_index", m.commit_index);
  wire("round", m.round);
  wire.require(m.term.value > 0, "term is 0");
}

template <class A, Like<raft::HeartbeatResponse> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("round", m.round);
}

template <class A, Like<raft::SnapshotRequest> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("mark", m.chunk.mark);
  wire.fixed("file_id", m.chunk.file_id);
  wire("total_bytes", m.chunk.total_bytes);
  wire("offset", m.chunk.offset);
  wire.bytes("data", m.chunk.data);
  wire.require(m.chunk.mark.index.value > 0 && m.chunk.mark.term.value > 0, "mark holds a 0");
  wire.require(m.chunk.mark.term <= m.term, "the mark's term is above term");
  wire.require(m.chunk.offset <= m.chunk.total_bytes &&
                   m.chunk.data.size() <= m.chunk.total_bytes - m.chunk.offset,
               "the chunk ends beyond total_bytes");
}

template <class A, Like<raft::SnapshotResponse> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("mark", m.mark);
  wire.fixed("file_id", m.file_id);
  wire("next_offset", m.next_offset);
  wire("installed", m.installed);
}

template <class A, Like<raft::TimeoutNowRequest> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire.require(m.term.value > 0, "term is 0");
}

}  // namespace ticketd::net
