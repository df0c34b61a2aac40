#include "store/lmdb_disk.h"

#include <utility>

#include "base/check.h"
#include "store/directory_snapshots.h"
#include "store/durable.h"
#include "store/journaled_disk.h"
#include "store/lmdb_engine.h"
#include "store/log_table.h"
#include "store/open.h"
#include "store/worker.h"

namespace ticketd::store {
namespace {

/// Snapshot files leave so much of the map's size free on the disk.
constexpr std::uint64_t kSpareDivisor = 20;

/// A journaled disk on LMDB, files and threads, all of which it owns.
class Impl final : public LmdbDisk {
 public:
  Impl(DirectoryLock lock, DiskOptions options, Post post, const MakeWriter& make_writer,
       OpenStore store);
  ~Impl() override { close(); }

  /// Adopts and removes files that an earlier run left.
  Status start();

  void save(raft::Save save, Done done) override { disk_->save(std::move(save), std::move(done)); }
  ticket::State& state() override { return disk_->state(); }
  void warm(std::vector<std::string> keys, Done done) override {
    disk_->warm(std::move(keys), std::move(done));
  }
  void warm(ticket::ListRange range, Done done) override {
    disk_->warm(std::move(range), std::move(done));
  }
  void applied(const AppliedState& applied) override { disk_->applied(applied); }
  void fetch(const raft::FetchEntries& request, std::function<void(raft::Entries)> done) override {
    disk_->fetch(request, std::move(done));
  }
  void fetch(const raft::FetchChunk& request,
             std::function<void(std::optional<raft::SnapshotChunk>)> done) override {
    disk_->fetch(request, std::move(done));
  }
  void stage(raft::SnapshotChunk chunk, std::function<void(std::uint64_t)> done) override {
    disk_->stage(std::move(chunk), std::move(done));
  }
  void install(raft::SnapshotMark mark, std::function<void(Result<AppliedState>)> done) override {
    disk_->install(mark, std::move(done));
  }
  void on_compacted(std::function<void(raft::Index)> callback) override {
    disk_->on_compacted(std::move(callback));
  }
  void make_snapshot(std::function<void(Result<bool>)> done) override {
    disk_->make_snapshot(std::move(done));
  }
  raft::SnapshotMark newest_snapshot() const override { return disk_->newest_snapshot(); }
  SpaceReport space() const override { return disk_->space(); }
  DiskCounters counters() const override { return disk_->counters(); }
  void close() override;

  const Opened& opened() const override { return store_->opened; }
  Status set_identity(const Identity& identity) override;
  Status bootstrap(const Identity& identity, const raft::Configuration& configuration) override;
  Status set_readmission(const Identity& identity) override;
  Status begin_anew(const Identity& identity) override;
  Status append_recovery(const Identity& identity, const raft::HardState& hard_state,
                         const raft::Entries& entries) override;

 private:
  template <class Change>
  Status transact(const char* step, Change change);
  void note_clean_end();

  std::optional<DirectoryLock> lock_;
  const DiskOptions options_;
  std::optional<OpenStore> store_;
  std::optional<LmdbEngine> engine_;
  std::optional<DirectorySnapshots> snapshots_;
  std::optional<JournaledDisk> disk_;

  // Last: their threads use all of the above.
  std::unique_ptr<Executor> writer_;
  Worker checkpointer_;
  Worker reader_;
  Worker warmer_;
};

Impl::Impl(DirectoryLock lock, DiskOptions options, Post post, const MakeWriter& make_writer,
           OpenStore store)
    : lock_(std::move(lock)),
      options_(std::move(options)),
      store_(std::move(store)),
      writer_(make_writer ? make_writer() : std::make_unique<Worker>()) {
  const Environment& environment = *store_->environment;
  engine_.emplace(environment, store_->tables, *store_->checkpointer, options_.path);
  snapshots_.emplace(environment, store_->tables, options_.path, options_.map_bytes / kSpareDivisor,
                     random_id());
  JournaledDisk::Options disk_options;
  disk_options.checkpoint_bytes = options_.checkpoint_bytes;
  disk_options.checkpoint_interval_us = options_.checkpoint_interval_us;
  disk_options.durability = options_.durability;
  disk_.emplace(disk_options, std::move(post),
                JournaledDisk::Parts{*store_->journal, *engine_, *snapshots_, *writer_,
                                     checkpointer_, reader_, warmer_},
                store_->record, store_->space);
}

Status Impl::start() {
  if (Status tidied = snapshots_->tidy(); !tidied) {
    return tidied;
  }
  disk_->start();
  return {};
}

/// One transaction, and what opened() tells afterwards.
template <class Change>
Status Impl::transact(const char* step, Change change) {
  Status status;
  checkpointer_.run([&] {
    try {
      WriteTransaction transaction(*store_->environment);
      change(transaction);
      durable_step(step);
      transaction.commit();
      Result<Opened> opened = read_opened(*store_->environment, store_->tables);
      if (!opened) {
        fatal(opened.error().message);
      }
      opened->doubtful = store_->opened.doubtful;
      store_->opened = *std::move(opened);
    } catch (const DatabaseError& error) {
      if (!is_full(error, options_.path)) {
        fatal(error.what());
      }
      status = Error{"cannot write who the node is: " + std::string(error.what())};
    }
  });
  return status;
}

Status Impl::set_identity(const Identity& identity) {
  return transact("identity: commit", [&](WriteTransaction& transaction) {
    put_value(transaction, store_->tables.meta, kIdentityKey, encode_identity(identity));
  });
}

Status Impl::bootstrap(const Identity& identity, const raft::Configuration& configuration) {
  ENSURE_EQ(store_->opened.restored.last_index, raft::Index(0));
  Status written = transact("identity: commit", [&](WriteTransaction& transaction) {
    put_value(transaction, store_->tables.meta, kIdentityKey, encode_identity(identity));
    MetaRecord record = read_record(transaction, store_->tables);
    record.hard_state.current_term = raft::Term(1);
    append_entry(transaction, store_->tables, record,
                 {raft::Index(1), raft::Term(1), raft::EntryType::kConfiguration,
                  raft::Payload(configuration.encode())});
    ++record.journal.checkpoint;
    put_value(transaction, store_->tables.meta, kRecordKey, encode_record(record));
  });
  if (written.ok()) {
    disk_->stored_elsewhere(store_->opened.restored.last_index,
                            store_->record.journal.checkpoint + 1);
  }
  return written;
}

Status Impl::set_readmission(const Identity& identity) {
  ENSURE(store_->opened.doubtful);
  return transact("readmission: commit", [&](WriteTransaction& transaction) {
    put_value(transaction, store_->tables.meta, kReadmissionKey, encode_identity(identity));
  });
}

/// As a snapshot of nothing is put in force.
Status Impl::begin_anew(const Identity& identity) {
  ENSURE(store_->opened.doubtful);
  checkpointer_.run([&] {
    while (!store_->checkpointer->clear_other_generation()) {
    }
  });
  return transact("anew: commit", [&](WriteTransaction& transaction) {
    const Table meta = store_->tables.meta;
    const MetaRecord before = read_record(transaction, store_->tables);
    MetaRecord record;
    record.generation = before.generation + 1;
    record.journal_id = before.journal_id;
    record.journal = before.journal;
    ++record.journal.checkpoint;
    put_value(transaction, meta, kRecordKey, encode_record(record));
    const std::string nobody = encode_configuration({});
    put_value(transaction, meta, kConfigurationKey, nobody);
    put_value(transaction, meta, kLogConfigurationKey, nobody);
    put_value(transaction, meta, kIdentityKey, encode_identity(identity));
    transaction.remove(meta, kReadmissionKey);
    transaction.remove(meta, kUnflushedKey);
  });
}

Status Impl::append_recovery(const Identity& identity, const raft::HardState& hard_state,
                             const raft::Entries& entries) {
  return transact("recovery: commit", [&](WriteTransaction& transaction) {
    const Table meta = store_->tables.meta;
    MetaRecord record = read_record(transaction, store_->tables);
    ENSURE_EQ(entries.front().index, record.last_index + 1);
    ENSURE_GT(hard_state.current_term, record.hard_state.current_term);
    for (const raft::Entry& entry : entries) {
      append_entry(transaction, store_->tables, record, entry);
    }
    record.hard_state = hard_state;
    ++record.journal.checkpoint;
    put_value(transaction, meta, kRecordKey, encode_record(record));
    put_value(transaction, meta, kIdentityKey, encode_identity(identity));
    transaction.remove(meta, kReadmissionKey);
    transaction.remove(meta, kUnflushedKey);
  });
}

/// All that was acknowledged is durable.
void Impl::note_clean_end() {
  if (options_.durability == Durability::kHigh || store_->opened.doubtful) {
    return;
  }
  try {
    WriteTransaction transaction(*store_->environment);
    transaction.remove(store_->tables.meta, kUnflushedKey);
    durable_step("clean end: commit");
    transaction.commit();
  } catch (const DatabaseError& error) {
    if (!is_full(error, options_.path)) {
      fatal(error.what());
    }
    // It stays a mark of this boot: only a power cut before the next clean end makes it count.
  }
}

void Impl::close() {
  if (!store_) {
    return;
  }
  disk_->close();
  note_clean_end();
  snapshots_.reset();
  engine_.reset();
  store_.reset();
  lock_.reset();
}

}  // namespace

Result<std::unique_ptr<LmdbDisk>> LmdbDisk::open(DirectoryLock lock, DiskOptions options, Post post,
                                                 const MakeWriter& make_writer) {
  if (Status finished = finish_destroy(lock); !finished) {
    return finished.error();
  }
  ENSURE_EQ(lock.path(), options.path);
  Result<OpenStore> store = open_store(options);
  if (!store) {
    return store.error();
  }
  auto disk = std::make_unique<Impl>(std::move(lock), std::move(options), std::move(post),
                                     make_writer, *std::move(store));
  if (Status started = disk->start(); !started) {
    return started.error();
  }
  return std::unique_ptr<LmdbDisk>(std::move(disk));
}

}  // namespace ticketd::store
