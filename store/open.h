// Opening a data directory: create, verify, replay.
#pragma once

#include <memory>

#include "base/result.h"
#include "store/checkpoint.h"
#include "store/database.h"
#include "store/disk.h"
#include "store/file.h"
#include "store/journal.h"
#include "store/lmdb_disk.h"
#include "store/schema.h"

namespace ticketd::store {

/// A directory ready for use. Members are destroyed from the last to the first.
struct OpenStore {
  std::unique_ptr<Environment> environment;
  Tables tables;
  std::unique_ptr<BlockFile> journal_file;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Checkpointer> checkpointer;
  MetaRecord record;
  SpaceReport space;
  Opened opened;
};

/// Requires the directory's lock. Blocks. The journal is empty afterwards: all that it held is in
/// LMDB, and its epoch is a new one.
Result<OpenStore> open_store(const DiskOptions& options);

/// What a node starts from, out of a database whose journal is empty.
Result<Opened> read_opened(const Environment& environment, const Tables& tables);

/// Random; for the journal's and snapshot files' ids.
std::uint64_t random_id();

}  // namespace ticketd::store
