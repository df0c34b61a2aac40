// The entries in LMDB.
//
// An entry is cut into parts that fit two to a page, so that the log never needs runs of adjacent
// pages: LMDB finds those ever harder in a file where pages come and go, and would let it grow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "raft/entry.h"
#include "raft/message.h"
#include "store/schema.h"

namespace ticketd::store {

/// Ties an entry to all before it: a changed or missing entry changes every later hash.
std::uint64_t chain_hash(std::uint64_t previous, const raft::Entry& entry);

struct StoredEntry {
  raft::Entry entry;
  std::uint64_t chain = 0;
};

/// Reads entries in order, each checked for form (not for its chain).
class LogReader {
 public:
  LogReader(const Transaction& transaction, Table log) : cursor_(transaction, log) {}

  /// Stands before the first entry whose index is not below `from`.
  void seek(raft::Index from);
  /// None at the end of the log. Error: damaged, named by its index.
  Result<std::optional<StoredEntry>> next();

 private:
  Cursor cursor_;
  bool more_ = false;
};

/// The hash at `index`: compacted, or of an entry. Damage is fatal().
std::uint64_t chain_at(const Transaction& transaction, const Tables& tables,
                       const MetaRecord& record, raft::Index index);
raft::Term term_at(const Transaction& transaction, const Tables& tables, const MetaRecord& record,
                   raft::Index index);

/// [from, to], at least one, cut at max_bytes of Entry::charge; empty when `from` is compacted away
/// or after the end. An entry whose chain does not match is fatal().
raft::Entries read_entries(const Transaction& transaction, const Tables& tables,
                           const MetaRecord& record, raft::Index from, raft::Index to,
                           std::size_t max_bytes);

/// Appends to the log and to `record`. Requires entry.index == record.last_index + 1.
void append_entry(WriteTransaction& transaction, const Tables& tables, MetaRecord& record,
                  const raft::Entry& entry);

/// Removes everything from `first` on. Requires compacted < first, applied < first.
void truncate_log(WriteTransaction& transaction, const Tables& tables, MetaRecord& record,
                  raft::Index first);

/// Removes the oldest entries, not above `limit`, at least `bytes` of them if there are so many.
/// The newest configuration among them is put under kLogConfigurationKey.
void compact_log(WriteTransaction& transaction, const Tables& tables, MetaRecord& record,
                 raft::Index limit, std::uint64_t bytes);

}  // namespace ticketd::store
