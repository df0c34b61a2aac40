#include "store/open.h"

#include <algorithm>
#include <random>
#include <utility>

#include "store/durable.h"
#include "store/layout.h"
#include "store/log_table.h"
#include "store/recovery.h"
#include "store/verify.h"

namespace ticketd::store {
namespace {

constexpr std::uint64_t kMapBytesMin = 1 << 20;
constexpr std::uint64_t kHalfBytesMin = 256 << 10;
constexpr std::uint64_t kLogTailDivisor = 8;

/// A half takes a few checkpoints' worth, so that one that is slow does not hold up saves; but not
/// more than a small map can take at once beside what it holds.
std::uint64_t half_bytes(const DiskOptions& options) {
  const std::uint64_t wanted = std::min(4 * options.checkpoint_bytes, options.map_bytes / 32);
  return round_up_to_block(std::max(wanted, kHalfBytesMin));
}

/// The journal below durability high, where a flush that fails may take what was acknowledged before
/// it. It leaves a mark, since the process that comes back finds the same boot. The mark need not be
/// durable: after another boot there is doubt anyway.
class LooseJournalFile final : public BlockFile {
 public:
  LooseJournalFile(File file, std::string mark) : file_(std::move(file)), mark_(std::move(mark)) {}

  const std::string& name() const override { return file_.name(); }
  std::uint64_t size() const override { return file_.size(); }
  Status read(std::uint64_t offset, std::span<char> out) const override {
    return file_.read(offset, out);
  }
  Status write(std::uint64_t offset, std::string_view bytes) override {
    return file_.write(offset, bytes);
  }
  Status sync() override {
    Status synced = file_.sync();
    // When that fails, too, nothing can be done: the disk takes nothing any more.
    if (!synced) (void)File::open(mark_, File::Mode::kCreate);
    return synced;
  }

 private:
  File file_;
  const std::string mark_;
};

/// Under another name until it is complete: a data.mdb is always one that can be opened.
Status create_database(const DiskOptions& options, const std::string& path) {
  const std::string unfinished = in_directory(options.path, kNewDatabaseFile);
  if (Status removed = remove_file(unfinished); !removed) {
    return removed;
  }
  durable_step("create: data.mdb.new");
  {
    Environment environment({unfinished, options.map_bytes, false, true});
    WriteTransaction transaction(environment);
    const Tables tables = open_tables(transaction);
    MetaRecord record;
    record.journal_id = random_id();
    const std::string nobody = encode_configuration({});
    put_value(transaction, tables.meta, kSchemaKey, encode_schema());
    put_value(transaction, tables.meta, kRecordKey, encode_record(record));
    put_value(transaction, tables.meta, kConfigurationKey, nobody);
    put_value(transaction, tables.meta, kLogConfigurationKey, nobody);
    transaction.commit();
  }
  durable_step("create: data.mdb");
  if (Status renamed = rename_file(unfinished, path); !renamed) {
    return renamed;
  }
  return sync_directory(options.path);
}

/// Makes a journal in place of the one that is there, if any.
Status replace_journal(const DiskOptions& options, std::uint64_t id) {
  const std::string unfinished = in_directory(options.path, kNewJournalFile);
  {
    Result<File> file = File::open(unfinished, File::Mode::kCreate);
    if (!file) {
      return file.error();
    }
    if (Status created = create_journal(*file, {id, half_bytes(options)}); !created) {
      return created;
    }
  }
  durable_step("journal: rename");
  if (Status renamed = rename_file(unfinished, in_directory(options.path, kJournalFile));
      !renamed) {
    return renamed;
  }
  return sync_directory(options.path);
}

Status prepare_database(const DiskOptions& options) {
  const std::string path = in_directory(options.path, kDatabaseFile);
  if (exists(path)) {
    return verify_database(path);
  }
  if (exists(in_directory(options.path, kJournalFile))) {
    return damage_error("the database " + path +
                        " is missing, though the journal beside it is there");
  }
  return create_database(options, path);
}

Status check_map(const OpenStore& store, const DiskOptions& options) {
  ReadTransaction view(*store.environment);
  const MapUse use = store.environment->map_use(view);
  const std::uint64_t needed = use.pages * use.page_bytes;
  if (needed > options.map_bytes) {
    return Error{"the database in " + options.path + " takes " + std::to_string(needed) +
                 " bytes, more than --db_size allows (" + std::to_string(options.map_bytes) +
                 "): give it at least so many"};
  }
  return {};
}

Result<File> open_journal(const DiskOptions& options, const MetaRecord& record) {
  const std::string path = in_directory(options.path, kJournalFile);
  if (!exists(path)) {
    if (record.journal.epoch > 0) {
      return damage_error("the journal " + path + " is missing");
    }
    if (Status created = replace_journal(options, record.journal_id); !created) {
      return created.error();
    }
  }
  return File::open(path, File::Mode::kReadWrite);
}

/// In a full map, after making room in it below the log's tail.
Landed store_replayed(Checkpointer& checkpointer, const Batch& batch, const std::string& path) {
  bool moved = true;
  while (true) {
    try {
      return checkpointer.store(batch);
    } catch (const DatabaseError& error) {
      // LMDB uses what a transaction freed from the second one after it on, so that one that frees
      // nothing may still help.
      if (!is_full(error, path)) {
        throw;
      }
      const bool moved_before = std::exchange(moved, checkpointer.relieve().compacted);
      if (!moved && !moved_before) {
        throw;
      }
    }
  }
}

/// Moves what the journal holds into the database and begins a new epoch, so that nothing of it can
/// be taken for a record to come.
Status replay(OpenStore& store, const DiskOptions& options, Ending ending) {
  Result<File> file = open_journal(options, store.record);
  if (!file) {
    return file.error();
  }
  Result<Recovered> recovered = recover(*file, store.record, ending);
  if (!recovered) {
    return damage_error(recovered.error().message);
  }
  const Batch& batch = recovered->batch;
  JournalShape& shape = recovered->shape;
  const Landed landed = store_replayed(*store.checkpointer, batch, options.path);
  store.record = landed.record;
  store.space = landed.space;
  if (shape.half_bytes != half_bytes(options)) {
    if (Status replaced = replace_journal(options, shape.id); !replaced) {
      return replaced;
    }
    shape.half_bytes = half_bytes(options);
    file = File::open(file->name(), File::Mode::kReadWrite);
    if (!file) {
      return file.error();
    }
  }
  if (options.durability == Durability::kHigh) {
    store.journal_file = std::make_unique<File>(*std::move(file));
  } else {
    store.journal_file = std::make_unique<LooseJournalFile>(
        *std::move(file), in_directory(options.path, kFlushFailedFile));
  }
  store.journal = std::make_unique<Journal>(*store.journal_file, shape, batch.journal_epoch.value(),
                                            batch.journal_sequence + 1);
  return {};
}

/// All that the journal held is in the database now, flushed: what was acknowledged before needs no
/// mark any more, and what will be gets it here.
void mark_unflushed(const OpenStore& store, const DiskOptions& options) {
  WriteTransaction transaction(*store.environment);
  if (options.durability == Durability::kHigh) {
    transaction.remove(store.tables.meta, kUnflushedKey);
  } else {
    put_value(transaction, store.tables.meta, kUnflushedKey, options.boot_id);
  }
  durable_step("unflushed: commit");
  transaction.commit();
}

Result<OpenStore> open_prepared(const DiskOptions& options) {
  OpenStore store;
  store.environment =
      std::make_unique<Environment>(Environment::Options{options.path, options.map_bytes});
  std::optional<std::string> unflushed;
  {
    WriteTransaction transaction(*store.environment);
    store.tables = open_tables(transaction);
    store.record = read_record(transaction, store.tables);
    Result<std::optional<std::string>> mark =
        get_value(transaction, store.tables.meta, kUnflushedKey);
    if (!mark) {
      return damage_error("the database is damaged: " + mark.error().message);
    }
    unflushed = *std::move(mark);
    transaction.commit();
  }
  const std::string failed = in_directory(options.path, kFlushFailedFile);
  const bool same_boot = unflushed && *unflushed == options.boot_id && !options.boot_id.empty() &&
                         !exists(failed);
  const Ending ending = !unflushed || same_boot ? Ending::kProcess : Ending::kPower;
  if (Status enough = check_map(store, options); !enough) {
    return enough.error();
  }
  const std::uint64_t tail =
      options.log_tail_bytes > 0 ? options.log_tail_bytes : options.map_bytes / kLogTailDivisor;
  store.checkpointer =
      std::make_unique<Checkpointer>(*store.environment, store.tables,
                                     Checkpointer::Options{options.path, options.map_bytes, tail});
  if (Status replayed = replay(store, options, ending); !replayed) {
    return replayed.error();
  }
  Result<Opened> opened = read_opened(*store.environment, store.tables);
  if (!opened) {
    return opened.error();
  }
  store.opened = *std::move(opened);
  // Who was never admitted has promised nothing.
  const bool promised = store.opened.identity && store.opened.identity->incarnation.value != 0;
  store.opened.doubtful = ending == Ending::kPower && promised;
  if (!store.opened.doubtful) {
    if (Status removed = remove_file(failed); !removed) {
      return removed.error();
    }
    mark_unflushed(store, options);
  }
  return store;
}

/// Term starts, configurations, and the entries that are not applied.
Status read_log(const Transaction& view, const Tables& tables, const MetaRecord& record,
                raft::Restored& restored) {
  LogReader reader(view, tables.log(record.generation));
  reader.seek(record.compacted.index + 1);
  while (true) {
    Result<std::optional<StoredEntry>> stored = reader.next();
    if (!stored) {
      return damage_error("the database is damaged: " + stored.error().message);
    }
    if (!*stored) {
      return {};
    }
    raft::Entry& entry = (*stored)->entry;
    if (restored.term_starts.empty() || restored.term_starts.back().term != entry.term) {
      restored.term_starts.push_back({entry.index, entry.term});
    }
    if (entry.type == raft::EntryType::kConfiguration) {
      Result<raft::Configuration> members = raft::Configuration::decode(entry.payload.view());
      if (!members) {
        return members.error();
      }
      restored.configurations.push_back({entry.index, *std::move(members)});
    }
    if (entry.index > restored.applied_index) {
      restored.entries.push_back(std::move(entry));
    }
  }
}

Status read_readmission(const Transaction& view, const Tables& tables, Opened& opened) {
  Result<std::optional<std::string>> value = get_value(view, tables.meta, kReadmissionKey);
  if (!value) {
    return damage_error("the database is damaged: " + value.error().message);
  }
  if (*value) {
    Result<Identity> decoded = decode_identity(**value);
    if (!decoded) {
      return decoded.error();
    }
    opened.readmission = *std::move(decoded);
  }
  return {};
}

}  // namespace

std::uint64_t random_id() {
  std::random_device source;
  return static_cast<std::uint64_t>(source()) << 32 | source();
}

Result<OpenStore> open_store(const DiskOptions& options) {
  if (options.map_bytes < kMapBytesMin) {
    return Error{"--db_size is " + std::to_string(options.map_bytes) +
                 " bytes: too small, at least " + std::to_string(kMapBytesMin) + " are needed"};
  }
  try {
    if (Status prepared = prepare_database(options); !prepared) {
      return prepared.error();
    }
    return open_prepared(options);
  } catch (const DatabaseError& error) {
    if (is_full(error, options.path)) {
      return Error{"there is no room to open " + options.path + " (" + error.what() +
                   "): free some of the disk, or give more --db_size"};
    }
    return Error{"cannot open the database in " + options.path + ": " + error.what()};
  }
}

Result<Opened> read_opened(const Environment& environment, const Tables& tables) {
  ReadTransaction view(environment);
  const MetaRecord record = read_record(view, tables);
  Opened opened;
  Result<std::optional<std::string>> identity = get_value(view, tables.meta, kIdentityKey);
  if (!identity) {
    return damage_error("the database is damaged: " + identity.error().message);
  }
  if (*identity) {
    Result<Identity> decoded = decode_identity(**identity);
    if (!decoded) {
      return decoded.error();
    }
    opened.identity = *std::move(decoded);
  }
  if (Status read = read_readmission(view, tables, opened); !read) {
    return read.error();
  }
  opened.applied = {record.summary, read_configuration(view, tables, kConfigurationKey)};
  raft::Restored& restored = opened.restored;
  restored.hard_state = record.hard_state;
  restored.compacted = record.compacted;
  restored.last_index = record.last_index;
  restored.applied_index = record.summary.applied_index;
  restored.configurations.push_back(read_configuration(view, tables, kLogConfigurationKey));
  if (Status log = read_log(view, tables, record, restored); !log) {
    return log.error();
  }
  return opened;
}

}  // namespace ticketd::store
