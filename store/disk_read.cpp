// Entries and snapshot chunks for followers.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "store/journaled_disk.h"

namespace ticketd::store {

std::optional<raft::Index> JournaledDisk::memory_first() const {
  std::optional<raft::Index> first;
  if (in_flight_ && !in_flight_->batch.entries.empty()) {
    first = in_flight_->batch.entries.front().index;
  }
  if (!pending_.entries.empty()) {
    const raft::Index pending = pending_.entries.front().index;
    first = first ? std::min(*first, pending) : pending;
  }
  return first;
}

const raft::Entry* JournaledDisk::in_memory(raft::Index index) const {
  const auto find = [index](const raft::Entries& entries) -> const raft::Entry* {
    if (entries.empty() || index < entries.front().index || index > entries.back().index) {
      return nullptr;
    }
    return &entries[index - entries.front().index];
  };
  if (!pending_.entries.empty() && index >= pending_.entries.front().index) {
    return find(pending_.entries);
  }
  return in_flight_ ? find(in_flight_->batch.entries) : nullptr;
}

void JournaledDisk::append_from_memory(const raft::FetchEntries& request,
                                       raft::Entries& entries) const {
  std::size_t bytes = 0;
  for (const raft::Entry& entry : entries) {
    bytes += entry.charge();
  }
  for (raft::Index index = request.from + entries.size(); index <= request.to; ++index) {
    const raft::Entry* entry = in_memory(index);
    if (entry == nullptr || (!entries.empty() && bytes + entry->charge() > request.max_bytes)) {
      return;
    }
    bytes += entry->charge();
    entries.push_back(*entry);
  }
}

void JournaledDisk::fetch(const raft::FetchEntries& request,
                          std::function<void(raft::Entries)> done) {
  const std::optional<raft::Index> memory = memory_first();
  if (memory && request.from >= *memory) {
    raft::Entries entries;
    append_from_memory(request, entries);
    post_to_loop([entries = std::move(entries), done = std::move(done)]() mutable {
      done(std::move(entries));
    });
    return;
  }
  // Entries from `memory` on may stand in the database with what was taken out of the log since.
  const raft::Index to = memory ? std::min(request.to, *memory - 1) : request.to;
  reader_.post([this, request, to, version = log_version_, done = std::move(done)] {
    LogRead read = engine_.read_log(request.from, to, request.max_bytes);
    post_to_loop([this, request, version, read = std::move(read), done] {
      finish_fetch(request, version, read, done);
    });
  });
}

void JournaledDisk::finish_fetch(const raft::FetchEntries& request, std::uint64_t version,
                                 LogRead read, const std::function<void(raft::Entries)>& done) {
  if (version != log_version_) {
    // The log's end was replaced meanwhile: what was read may be of both ends.
    if (request.from > last_index_) {
      done({});
    } else {
      fetch(request, done);
    }
    return;
  }
  append_from_memory(request, read.entries);
  const bool gone = request.from <= read.compacted || request.from <= compacted_;
  if (!read.entries.empty() || gone || request.from > last_index_) {
    done(std::move(read.entries));
    return;
  }
  // It went from memory into the database after that was read.
  fetch(request, done);
}

void JournaledDisk::fetch(const raft::FetchChunk& request,
                          std::function<void(std::optional<raft::SnapshotChunk>)> done) {
  reader_.post([this, request, done = std::move(done)] {
    snapshots_.fetch(request, [this, done](std::optional<raft::SnapshotChunk> chunk) {
      post_to_loop([this, done, made = snapshots_.made(), newest = snapshots_.newest(),
                    chunk = std::move(chunk)] {
        counters_.snapshots_made = std::max(counters_.snapshots_made, made);
        newest_snapshot_ = std::max(newest_snapshot_, newest);
        done(chunk);
      });
    });
    post_snapshot_step();
  });
}

void JournaledDisk::make_snapshot(std::function<void(Result<bool>)> done) {
  if (newest_snapshot_.index >= applied_index_) {
    post_to_loop([done = std::move(done)] { done(false); });
    return;
  }
  snapshot_orders_.push_back({applied_index_, std::move(done)});
  order_snapshots();
  if (!snapshot_orders_.empty()) {
    checkpoint_due_ = true;
    begin_if_due();
  }
}

/// A snapshot is of what the database holds: those whose state has landed there are made.
void JournaledDisk::order_snapshots() {
  const auto waits = [this](const SnapshotOrder& order) { return order.at_least > stored_index_; };
  const auto due = std::stable_partition(snapshot_orders_.begin(), snapshot_orders_.end(), waits);
  for (auto order = due; order != snapshot_orders_.end(); ++order) {
    reader_.post([this, at_least = order->at_least, done = std::move(order->done)] {
      snapshots_.make(at_least, [this, done](const Status& status) {
        post_to_loop([this, done, status, made = snapshots_.made(), newest = snapshots_.newest()] {
          counters_.snapshots_made = std::max(counters_.snapshots_made, made);
          newest_snapshot_ = std::max(newest_snapshot_, newest);
          done(status ? Result<bool>(true) : Result<bool>(status.error()));
        });
      });
      post_snapshot_step();
    });
  }
  snapshot_orders_.erase(due, snapshot_orders_.end());
}

/// On the reader.
void JournaledDisk::post_snapshot_step() {
  if (snapshots_.is_making() && !snapshot_step_posted_) {
    snapshot_step_posted_ = true;
    reader_.post([this] { step_snapshot(); });
  }
}

void JournaledDisk::step_snapshot() {
  snapshot_step_posted_ = false;
  snapshots_.step();
  // Behind the requests that came meanwhile.
  post_snapshot_step();
}

}  // namespace ticketd::store
