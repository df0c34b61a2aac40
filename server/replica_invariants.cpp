#include "base/check.h"
#include "server/replica.h"

namespace ticketd::server {

void Replica::check_invariants() const {
  node_.check_invariants();
  ENSURE_LE(queue_.size(), RequestQueue::kMaxWaiting);
  ENSURE_LE(in_flight_.waiting(), InFlight::kMaxHeld - in_flight_.room());
  ENSURE_LE(waits_.size(), kMaxWaits + (stopping_ ? 1 : 0));  // the end of the node is no change
  ENSURE_LE(leader_waits_.size(), kMaxLeaderWaits);
  ENSURE_LE(queries_.size(), kMaxQueries);
  ENSURE_LE(query_bytes_, kMaxQueryBytes);
  ENSURE_LE(unread_->size() + cold_queries_.size(), queries_.size());
  ENSURE_LE(reads_.size() + confirmed_reads_.size(), kMaxReads);
  std::size_t bytes = 0;
  for (const auto& [deadline, pending] : queries_) {
    ENSURE(pending->done != nullptr && pending->place->first == deadline);
    bytes += pending->bytes;
  }
  ENSURE_EQ(bytes, query_bytes_);

  bytes = 0;
  raft::Index before = machine_.summary().applied_index;
  for (const raft::Entry& entry : unapplied_) {
    ENSURE_EQ(entry.index, before + 1);
    before = entry.index;
    bytes += entry.charge();
  }
  ENSURE_EQ(bytes, unapplied_bytes_);
  // Nothing waits without somebody who will go on.
  ENSURE(unapplied_.empty() || warming_ || installing_ || ended_);
  ENSURE(next_decoded_ || !next_batch_);
}

}  // namespace ticketd::server
