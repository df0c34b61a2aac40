#include "store/batch.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace ticketd::store {

void append_save(raft::Entries& entries, raft::Entries saved) {
  if (saved.empty()) {
    return;
  }
  const raft::Index first = saved.front().index;
  while (!entries.empty() && entries.back().index >= first) {
    entries.pop_back();
  }
  // Entries of two saves are consecutive unless a truncation reached below all of the earlier.
  ENSURE(entries.empty() || entries.back().index + 1 == first);
  std::move(saved.begin(), saved.end(), std::back_inserter(entries));
}

}  // namespace ticketd::store
