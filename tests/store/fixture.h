// What the store's tests share: a directory, a loop, a small replica, and its dumb twin.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/lmdb_disk.h"
#include "ticket/machine.h"

namespace ticketd::store::testing {

/// Removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Runs on the test's thread what other threads post.
class TestLoop {
 public:
  void post(std::function<void()> function);
  /// Runs what is posted until the condition holds. Throws when that takes a minute.
  void run_until(const std::function<bool()>& condition);

 private:
  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> functions_;
};

using RecordMap = std::map<std::string, std::string, std::less<>>;

/// RecordMap in a map.
class MapState : public ticket::State {
 public:
  std::optional<std::string> find(std::string_view key) override;
  void put(std::string_view key, std::string_view value) override;
  void remove(std::string_view key) override;
  std::vector<Record> list(const ticket::ListRange& range) override;
  bool is_warm(std::string_view) override { return true; }
  RecordMap records;
};

/// Stamped with its index in milliseconds.
raft::Entry command_entry(std::uint64_t index, std::uint64_t term,
                          std::vector<ticket::Operation> operations,
                          const ticket::KeyLimits& limits = {});
raft::Entry take_entry(std::uint64_t index, std::uint64_t term,
                       const std::vector<std::string>& sequences, std::uint64_t count = 1);
/// A command of about so many bytes.
raft::Entry large_entry(std::uint64_t index, std::uint64_t term, std::size_t bytes);
raft::Entry configuration_entry(std::uint64_t index, std::uint64_t term, std::uint64_t members);
raft::Configuration configuration_of(std::uint64_t members);
raft::Save save_of(raft::Entries entries);
raft::HardState hard_state_of(std::uint64_t term);

/// Everything up to an index, applied one by one from nothing.
struct StateAt {
  AppliedState applied;
  RecordMap records;
};
StateAt state_at(const raft::Entries& log, raft::Index index);

/// All, by as many lists as it takes.
RecordMap records_of(ticket::State& state);

DiskOptions small_options(const std::string& path);

/// A disk with a machine on it, driven as a replica drives them. Calls wait for their completion.
class TestReplica {
 public:
  /// Throws the error's text when the directory is refused.
  explicit TestReplica(const DiskOptions& options);

  LmdbDisk& disk() { return *disk_; }
  TestLoop& loop() { return loop_; }
  const Opened& opened() const { return disk_->opened(); }
  const AppliedState& applied() const { return applied_; }
  std::optional<std::uint64_t> last(std::string_view sequence) const {
    return machine_->last(sequence);
  }
  /// Through list(), a few at a time.
  RecordMap records() { return records_of(disk_->state()); }
  void warm(std::vector<std::string> keys);
  void warm(const ticket::ListRange& range);

  void save(raft::Save save);
  /// Applies these entries, which follow the ones applied before.
  void apply(const raft::Entries& entries);
  void append_and_apply(const raft::Entries& entries);
  /// Returns when a checkpoint has landed that was begun after this call.
  void checkpoint();
  raft::Entries fetch(std::uint64_t from, std::uint64_t to, std::size_t max_bytes = 1 << 20);
  /// By as many fetches as it takes.
  raft::Entries fetch_all(std::uint64_t from, std::uint64_t to);
  std::optional<raft::SnapshotChunk> fetch_chunk(const raft::FetchChunk& request);
  /// All of a new (or the newest) snapshot.
  std::vector<raft::SnapshotChunk> fetch_snapshot(std::size_t chunk_bytes = 32 << 10);
  /// What make_snapshot() answers.
  Result<bool> make_snapshot();
  std::uint64_t stage(raft::SnapshotChunk chunk);
  /// After saving the snapshot's term, as a node does before it takes one.
  Result<AppliedState> install(raft::SnapshotMark mark);
  raft::Index compacted() const { return compacted_; }
  /// Without a last checkpoint, as far as one can go in one process: nothing is called any more.
  void close() { disk_->close(); }

 private:
  TestLoop loop_;
  std::unique_ptr<LmdbDisk> disk_;
  std::optional<ticket::Machine> machine_;
  AppliedState applied_;
  raft::Index compacted_;
  raft::Term term_;
};

Result<std::unique_ptr<LmdbDisk>> open_disk(const DiskOptions& options, TestLoop& loop);

/// Checks everything that was opened, and every record, against the log from index 1 on. The log
/// may go on after `log`'s end (what was saved and not acknowledged). Empty: all is right.
std::string difference(LmdbDisk& disk, const raft::Entries& log);

std::string read_text(const std::string& path);
void flip_byte(const std::string& path, std::uint64_t offset);

}  // namespace ticketd::store::testing
