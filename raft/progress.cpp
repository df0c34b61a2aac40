#include "raft/progress.h"

#include <algorithm>

#include "base/check.h"

namespace ticketd::raft {

const char* to_string(ReplicationState state) {
  switch (state) {
    case ReplicationState::kProbe:
      return "probe";
    case ReplicationState::kReplicate:
      return "replicate";
    case ReplicationState::kSnapshot:
      return "snapshot";
  }
  UNREACHABLE("a replication state of no known number");
}

void Progress::become_probe(Index after, Time now) {
  state = ReplicationState::kProbe;
  next_index = std::max(after, match_index) + 1;
  paused = false;
  probe_empty = false;
  changed_at = now;
  window.clear();
  window_bytes = 0;
  snapshot = {};
}

void Progress::become_replicate(Time now) {
  become_probe(match_index, now);
  state = ReplicationState::kReplicate;
}

void Progress::become_snapshot() {
  state = ReplicationState::kSnapshot;
  window.clear();
  window_bytes = 0;
  snapshot = {};
}

void Progress::sent(Index last, std::size_t bytes, Time now) {
  ENSURE(state == ReplicationState::kReplicate);
  ENSURE_GE(last, next_index);
  if (window.empty()) {
    changed_at = now;
  }
  window.push_back({last, bytes});
  window_bytes += bytes;
  next_index = last + 1;
}

bool Progress::acknowledged(Index index, Time now) {
  if (index <= match_index) {
    return false;
  }
  match_index = index;
  next_index = std::max(next_index, index + 1);
  if (state == ReplicationState::kReplicate) {
    changed_at = now;
  }
  while (!window.empty() && window.front().last <= index) {
    window_bytes -= window.front().bytes;
    window.pop_front();
  }
  return true;
}

}  // namespace ticketd::raft
