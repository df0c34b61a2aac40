#include "base/check.h"
#include "server/replica.h"

namespace ticketd::server {

void Replica::check_invariants() const {
  node_.check_invariants();
  ENSURE_LE(queue_.size(), RequestQueue::kMaxWaiting);
  ENSURE_LE(waits_.size(), kMaxWaits);
  ENSURE_LE(leader_waits_.size(), kMaxLeaderWaits);
  ENSURE_LE(queries_.size(), kMaxQueries);
  ENSURE_LE(cold_queries_.size(), kMaxQueries);
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
