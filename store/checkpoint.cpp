#include "store/checkpoint.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "store/durable.h"
#include "store/file.h"
#include "store/layout.h"
#include "store/log_table.h"

namespace ticketd::store {
namespace {

/// Compaction removes so many times what a checkpoint adds, if there is so much above the tail:
/// more than twice, so that a backlog goes away; bounded, so that a checkpoint's size is.
constexpr std::uint64_t kCompactFactor = 4;
constexpr std::uint64_t kCompactBytesMin = 1 << 20;
constexpr std::uint64_t kRelieveBytes = 8 << 20;
constexpr std::size_t kClearRecords = 10'000;
constexpr std::uint64_t kClearBytes = 4 << 20;
/// A disk with less left than this is full in effect.
constexpr std::uint64_t kFullDiskBytes = 1 << 20;
constexpr std::uint64_t kReserveDivisor = 10;

/// What this thread passed to write calls so far; 0 where the kernel does not tell. LMDB writes its
/// pages with them (not through the map), so that the difference is a transaction's size.
std::uint64_t written_by_this_thread() {
  const Result<File> file = File::open("/proc/thread-self/io", File::Mode::kRead);
  if (!file) {
    return 0;
  }
  std::string text(256, '\0');
  (void)file->read(0, text);  // the file is shorter; what there is has been read
  const std::size_t at = text.find("wchar: ");
  std::uint64_t bytes = 0;
  if (at != std::string::npos) {
    std::from_chars(text.data() + at + 7, text.data() + text.size(), bytes);
  }
  return bytes;
}

std::uint64_t put_entries(WriteTransaction& transaction, const Tables& tables, MetaRecord& record,
                          const raft::Entries& entries) {
  if (entries.empty()) {
    return 0;
  }
  const std::uint64_t before = record.log_bytes;
  ENSURE_LE(entries.front().index, record.last_index + 1);
  if (entries.front().index <= record.last_index) {
    truncate_log(transaction, tables, record, entries.front().index);
  }
  for (const raft::Entry& entry : entries) {
    append_entry(transaction, tables, record, entry);
  }
  return record.log_bytes > before ? record.log_bytes - before : 0;
}

void put_changes(WriteTransaction& transaction, Table state, const Changes& changes) {
  for (const auto& [key, value] : changes) {
    if (value) {
      transaction.put(state, key, *value);
    } else {
      transaction.remove(state, key);
    }
  }
}

void put_applied(WriteTransaction& transaction, const Tables& tables, MetaRecord& record,
                 const AppliedState& applied) {
  ENSURE_GE(applied.summary.applied_index, record.summary.applied_index);
  ENSURE_LE(applied.summary.applied_index, record.last_index);
  record.summary = applied.summary;
  put_value(transaction, tables.meta, kConfigurationKey,
            encode_configuration(applied.configuration));
}

void put_switch(WriteTransaction& transaction, const Tables& tables, MetaRecord& record,
                const Switch& to) {
  ++record.generation;
  record.summary = to.state.summary;
  record.compacted = {to.state.summary.applied_index, to.state.summary.applied_term};
  record.compacted_chain = to.chain;
  record.last_index = record.compacted.index;
  record.last_chain = to.chain;
  record.log_bytes = 0;
  ENSURE_GE(record.hard_state.current_term, record.compacted.term);
  ENSURE_EQ(transaction.stat(tables.log(record.generation)).ms_entries, 0);
  ENSURE_EQ(transaction.stat(tables.state(record.generation)).ms_entries,
            to.state.summary.records());
  const std::string configuration = encode_configuration(to.state.configuration);
  put_value(transaction, tables.meta, kConfigurationKey, configuration);
  put_value(transaction, tables.meta, kLogConfigurationKey, configuration);
}

}  // namespace

bool is_full(const DatabaseError& error, const std::string& path) {
  if (error.code() != EIO) {
    return error.is_full();
  }
  const std::optional<DiskSpace> space = disk_space(path);
  return space && space->available_bytes < kFullDiskBytes;
}

Checkpointer::Checkpointer(const Environment& environment, const Tables& tables, Options options)
    : environment_(environment),
      tables_(tables),
      options_(std::move(options)),
      reader_(environment) {
  reader_.reset();
}

Landed Checkpointer::store(const Batch& batch) {
  const std::uint64_t written_before = written_by_this_thread();
  WriteTransaction transaction(environment_);
  MetaRecord record = read_record(transaction, tables_);
  const raft::Index compacted_before = record.compacted.index;
  // Not what this transaction stores: were it lost, the entries would be needed.
  const raft::Index limit = record.summary.applied_index;
  if (batch.hard_state) {
    ENSURE_GE(batch.hard_state->current_term, record.hard_state.current_term);
    record.hard_state = *batch.hard_state;
  }
  if (batch.switch_to) {
    put_switch(transaction, tables_, record, *batch.switch_to);
  } else {
    const std::uint64_t added = put_entries(transaction, tables_, record, batch.entries);
    if (batch.changes != nullptr) {
      put_changes(transaction, tables_.state(record.generation), *batch.changes);
    }
    if (batch.applied) {
      put_applied(transaction, tables_, record, *batch.applied);
    }
    compact(transaction, record, limit, options_.log_tail_bytes, added);
  }
  ENSURE_GE(batch.journal_sequence, record.journal.sequence);
  record.journal.sequence = batch.journal_sequence;
  record.journal.epoch = batch.journal_epoch.value_or(record.journal.epoch);
  Landed landed = commit(transaction, record, compacted_before);
  landed.bytes_written = written_by_this_thread() - written_before;
  return landed;
}

Landed Checkpointer::relieve() {
  WriteTransaction transaction(environment_);
  MetaRecord record = read_record(transaction, tables_);
  const raft::Index compacted_before = record.compacted.index;
  compact_log(transaction, tables_, record, record.summary.applied_index, kRelieveBytes);
  return commit(transaction, record, compacted_before);
}

Landed Checkpointer::compact_backlog() {
  WriteTransaction transaction(environment_);
  MetaRecord record = read_record(transaction, tables_);
  const raft::Index compacted_before = record.compacted.index;
  compact(transaction, record, record.summary.applied_index, options_.log_tail_bytes, 0);
  if (record.compacted.index > compacted_before) {
    return commit(transaction, record, compacted_before);
  }
  Landed unchanged;
  unchanged.record = record;
  unchanged.space = space();
  return unchanged;
}

void Checkpointer::compact(WriteTransaction& transaction, MetaRecord& record, raft::Index limit,
                           std::uint64_t tail_bytes, std::uint64_t added_bytes) {
  if (record.log_bytes <= tail_bytes) {
    return;
  }
  const std::uint64_t bytes = std::min(record.log_bytes - tail_bytes,
                                       std::max(kCompactFactor * added_bytes, kCompactBytesMin));
  compact_log(transaction, tables_, record, limit, bytes);
}

Landed Checkpointer::commit(WriteTransaction& transaction, MetaRecord record,
                            raft::Index compacted_before) {
  ++record.journal.checkpoint;
  put_value(transaction, tables_.meta, kRecordKey, encode_record(record));
  durable_step("checkpoint: commit");
  transaction.commit();
  durable_step("checkpoint: landed");
  Landed landed;
  landed.record = record;
  landed.compacted = record.compacted.index > compacted_before;
  landed.space = space();
  return landed;
}

bool Checkpointer::clear_other_generation() {
  WriteTransaction transaction(environment_);
  const MetaRecord record = read_record(transaction, tables_);
  std::size_t records = 0;
  std::uint64_t bytes = 0;
  bool empty = true;
  for (Table table : {tables_.log(record.generation + 1), tables_.state(record.generation + 1)}) {
    Cursor cursor(transaction, table);
    bool more = cursor.first();
    while (more && records < kClearRecords && bytes < kClearBytes) {
      ++records;
      bytes += cursor.key().size() + cursor.value().size();
      cursor.remove();
      more = cursor.next();
    }
    empty = empty && !more;
  }
  if (records > 0) {
    durable_step("clear: commit");
    transaction.commit();
  }
  return empty;
}

void Checkpointer::load(const Records& records) {
  WriteTransaction transaction(environment_);
  const MetaRecord record = read_record(transaction, tables_);
  const Table state = tables_.state(record.generation + 1);
  for (const ticket::State::Record& each : records) {
    transaction.append(state, each.key, each.value);
  }
  durable_step("install: commit");
  transaction.commit();
}

SpaceReport Checkpointer::space() {
  reader_.renew();
  const MapUse use = environment_.map_use(reader_);
  reader_.reset();
  SpaceReport report;
  report.map_bytes = options_.map_bytes;
  report.used_bytes = use.used_bytes();
  const std::uint64_t map_free =
      report.map_bytes > report.used_bytes ? report.map_bytes - report.used_bytes : 0;
  report.free_bytes = map_free;
  if (const std::optional<DiskSpace> disk = disk_space(options_.path)) {
    available_bytes_ = disk->available_bytes;
  }
  if (available_bytes_) {
    // What the file has and does not use needs no more of the disk.
    report.free_bytes = std::min(map_free, *available_bytes_ + use.free_pages * use.page_bytes);
  }
  report.low = report.free_bytes < report.map_bytes / kReserveDivisor;
  return report;
}

}  // namespace ticketd::store
