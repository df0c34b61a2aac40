// The snapshot files of this node: made from LMDB at disk speed, then read by any number of
// receivers at theirs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "raft/ready.h"
#include "store/database.h"
#include "store/file.h"
#include "store/schema.h"
#include "store/snapshot_format.h"

namespace ticketd::store {

/// On the reader thread.
class Snapshots {
 public:
  using Answer = std::function<void(std::optional<raft::SnapshotChunk>)>;
  using Made = std::function<void(Status)>;
  /// The newest, and one that a slow receiver may still be reading.
  static constexpr std::size_t kFilesMax = 2;

  struct Options {
    std::string path;
    /// A file is not made when the disk would have less left than this.
    std::uint64_t spare_bytes = 0;
    std::uint64_t seed = 0;
  };

  Snapshots(const Environment& environment, const Tables& tables, Options options);
  ~Snapshots();

  /// Takes over the files that an earlier run left, and removes unfinished and surplus ones.
  Status adopt();

  /// Answers now, or when the file that is being made is done: then step() is due.
  void fetch(const raft::FetchChunk& request, Answer answer);
  /// The same for a file that holds the state at an index or after it, which the database does.
  void make(raft::Index at_least, Made made);
  bool is_making() const { return making_ != nullptr; }
  /// Writes a bounded part of the file that is being made. Requires is_making().
  void step();

  std::uint64_t made() const { return made_; }
  /// The newest file's; (0, 0) without any.
  raft::SnapshotMark newest_mark() const;

 private:
  struct Held {
    raft::SnapshotMark mark;
    std::uint64_t file_id = 0;
    std::uint64_t total_bytes = 0;
    File file;
    std::uint64_t last_used = 0;
  };
  struct Making;
  struct Waiting {
    std::size_t max_bytes = 0;
    Answer answer;
  };
  struct Ordered {
    raft::Index at_least;
    Made made;
  };

  Held* find(const raft::FetchChunk& request);
  Held* newest();
  void answer_ordered(bool done);
  /// Does this node still have the entry after it?
  bool log_follows(const Held& held) const;
  std::optional<raft::SnapshotChunk> read(Held& held, std::uint64_t offset, std::size_t max_bytes);
  bool begin();
  /// Writes on; true when all is written.
  Result<bool> write_some();
  Status finish();
  void give_up();
  void drop_surplus();

  const Environment& environment_;
  const Tables tables_;
  const Options options_;
  std::vector<Held> held_;
  std::unique_ptr<Making> making_;
  std::vector<Waiting> waiting_;
  std::vector<Ordered> ordered_;
  std::uint64_t uses_ = 0;
  std::uint64_t made_ = 0;
  std::uint64_t next_file_id_;
};

}  // namespace ticketd::store
