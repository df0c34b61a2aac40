#include "store/log_table.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "store/durable.h"

namespace ticketd::store {
namespace {

constexpr std::size_t kKeyBytes = 10;
/// Term, type, chain, payload length: before the payload in part 0.
constexpr std::size_t kHeaderBytes = 8 + 1 + 8 + 4;
/// Two records of a key and so many bytes fill a page of 4096; more would go to pages of their own.
constexpr std::size_t kPartBytes = 2016;
constexpr std::size_t kPartsMax = 1 << 16;

/// Big-endian, so that LMDB's order of bytes is the order of the log.
std::string log_key(raft::Index index, std::size_t part) {
  std::string key(kKeyBytes, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    key[i] = static_cast<char>(index.value >> (56 - 8 * i));
  }
  key[8] = static_cast<char>(part >> 8);
  key[9] = static_cast<char>(part & 0xff);
  return key;
}

std::optional<raft::Index> key_index(std::string_view key) {
  if (key.size() != kKeyBytes) {
    return std::nullopt;
  }
  std::uint64_t index = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    index = index << 8 | static_cast<unsigned char>(key[i]);
  }
  return raft::Index(index);
}

Error damaged(std::optional<raft::Index> index, const char* what) {
  return Error{"the log entry " + (index ? std::to_string(index->value) : std::string("?")) + " " +
               what};
}

[[noreturn]] void fatal_entry(raft::Index index, const std::string& why) {
  fatal("the database is damaged at log entry " + std::to_string(index.value) + ": " + why);
}

StoredEntry require_entry(const Transaction& transaction, const Tables& tables,
                          const MetaRecord& record, raft::Index index) {
  LogReader reader(transaction, tables.log(record.generation));
  reader.seek(index);
  Result<std::optional<StoredEntry>> found = reader.next();
  if (!found) {
    fatal_entry(index, found.error().message);
  }
  if (!*found || (*found)->entry.index != index) {
    fatal_entry(index, "it is missing");
  }
  return **std::move(found);
}

/// Removes the entry at which the cursor stands: all of its parts. `more` says whether the cursor
/// stands on another one afterwards. A configuration comes with its payload, others without.
StoredEntry remove_entry(Cursor& cursor, raft::Index expected, std::uint64_t& charge, bool& more) {
  const std::optional<raft::Index> index = key_index(cursor.key());
  if (index != expected) {
    fatal_entry(expected, "it is missing");
  }
  ByteReader in(cursor.value());
  StoredEntry removed;
  removed.entry.index = expected;
  removed.entry.term = raft::Term(in.u64());
  removed.entry.type = static_cast<raft::EntryType>(in.u8());
  removed.chain = in.u64();
  in.u32();
  const bool keep = removed.entry.type == raft::EntryType::kConfiguration;
  charge = in.remaining() + raft::Entry::kFlatCharge;
  std::string payload(keep ? in.bytes(in.remaining()) : std::string_view());
  cursor.remove();
  more = cursor.next();
  while (more && key_index(cursor.key()) == expected) {
    charge += cursor.value().size();
    if (keep) {
      payload.append(cursor.value());
    }
    cursor.remove();
    more = cursor.next();
  }
  removed.entry.payload = raft::Payload(std::move(payload));
  return removed;
}

}  // namespace

std::uint64_t chain_hash(std::uint64_t previous, const raft::Entry& entry) {
  ByteWriter header;
  header.u64(entry.index.value);
  header.u64(entry.term.value);
  header.u8(static_cast<std::uint8_t>(entry.type));
  header.u64(entry.payload.size());
  return hash64(entry.payload.view(), hash64(header.view(), previous));
}

void LogReader::seek(raft::Index from) { more_ = cursor_.seek(log_key(from, 0)); }

Result<std::optional<StoredEntry>> LogReader::next() {
  if (!more_) {
    return std::optional<StoredEntry>();
  }
  const std::optional<raft::Index> index = key_index(cursor_.key());
  if (!index || cursor_.key() != log_key(*index, 0)) {
    return damaged(index, "has no first part");
  }
  StoredEntry stored;
  stored.entry.index = *index;
  ByteReader in(cursor_.value());
  stored.entry.term = raft::Term(in.u64());
  const std::uint8_t type = in.u8();
  stored.entry.type = static_cast<raft::EntryType>(type);
  stored.chain = in.u64();
  const std::size_t length = in.u32();
  if (!in.ok() || type > static_cast<std::uint8_t>(raft::EntryType::kConfiguration)) {
    return damaged(index, "has no known form");
  }
  std::string payload(in.bytes(in.remaining()));
  more_ = cursor_.next();
  for (std::size_t part = 1; payload.size() < length; ++part) {
    if (!more_ || cursor_.key() != log_key(*index, part)) {
      return damaged(index, "lacks a part");
    }
    payload.append(cursor_.value());
    more_ = cursor_.next();
  }
  if (payload.size() != length) {
    return damaged(index, "has another length than it says");
  }
  stored.entry.payload = raft::Payload(std::move(payload));
  return std::optional<StoredEntry>(std::move(stored));
}

std::uint64_t chain_at(const Transaction& transaction, const Tables& tables,
                       const MetaRecord& record, raft::Index index) {
  if (index == record.compacted.index) {
    return record.compacted_chain;
  }
  return require_entry(transaction, tables, record, index).chain;
}

raft::Term term_at(const Transaction& transaction, const Tables& tables, const MetaRecord& record,
                   raft::Index index) {
  if (index == record.compacted.index) {
    return record.compacted.term;
  }
  return require_entry(transaction, tables, record, index).entry.term;
}

raft::Entries read_entries(const Transaction& transaction, const Tables& tables,
                           const MetaRecord& record, raft::Index from, raft::Index to,
                           std::size_t max_bytes) {
  raft::Entries entries;
  to = std::min(to, record.last_index);
  if (from <= record.compacted.index || from > to) {
    return entries;
  }
  std::uint64_t chain = chain_at(transaction, tables, record, from - 1);
  LogReader reader(transaction, tables.log(record.generation));
  reader.seek(from);
  std::size_t bytes = 0;
  for (raft::Index index = from; index <= to; ++index) {
    Result<std::optional<StoredEntry>> stored = reader.next();
    if (!stored) {
      fatal_entry(index, stored.error().message);
    }
    if (!*stored || (*stored)->entry.index != index) {
      fatal_entry(index, "it is missing");
    }
    chain = chain_hash(chain, (*stored)->entry);
    if (chain != (*stored)->chain) {
      fatal_entry(index, "its chained hash does not match");
    }
    bytes += (*stored)->entry.charge();
    if (!entries.empty() && bytes > max_bytes) {
      break;
    }
    entries.push_back(std::move((*stored)->entry));
  }
  return entries;
}

void append_entry(WriteTransaction& transaction, const Tables& tables, MetaRecord& record,
                  const raft::Entry& entry) {
  ENSURE_EQ(entry.index, record.last_index + 1);
  const Table log = tables.log(record.generation);
  record.last_index = entry.index;
  record.last_chain = chain_hash(record.last_chain, entry);
  record.log_bytes += entry.charge();

  std::string_view rest = entry.payload.view();
  ByteWriter first;
  first.u64(entry.term.value);
  first.u8(static_cast<std::uint8_t>(entry.type));
  first.u64(record.last_chain);
  first.u32(static_cast<std::uint32_t>(rest.size()));
  first.bytes(rest.substr(0, kPartBytes - kHeaderBytes));
  transaction.append(log, log_key(entry.index, 0), first.view());
  rest.remove_prefix(std::min(rest.size(), kPartBytes - kHeaderBytes));
  for (std::size_t part = 1; !rest.empty(); ++part) {
    ENSURE_LT(part, kPartsMax);
    transaction.append(log, log_key(entry.index, part), rest.substr(0, kPartBytes));
    rest.remove_prefix(std::min(rest.size(), kPartBytes));
  }
}

void truncate_log(WriteTransaction& transaction, const Tables& tables, MetaRecord& record,
                  raft::Index first) {
  ENSURE_GT(first, record.compacted.index);
  ENSURE_GT(first, record.summary.applied_index);
  record.last_chain = chain_at(transaction, tables, record, first - 1);
  record.last_index = first - 1;
  Cursor cursor(transaction, tables.log(record.generation));
  bool more = cursor.seek(log_key(first, 0));
  while (more) {
    // The flat charge goes with part 0, the payload with every part.
    const bool part_0 = cursor.key().substr(8) == std::string_view("\0\0", 2);
    record.log_bytes -= part_0 ? cursor.value().size() - kHeaderBytes + raft::Entry::kFlatCharge
                               : cursor.value().size();
    cursor.remove();
    more = cursor.next();
  }
}

void compact_log(WriteTransaction& transaction, const Tables& tables, MetaRecord& record,
                 raft::Index limit, std::uint64_t bytes) {
  ENSURE_LE(limit, record.summary.applied_index);
  std::optional<raft::ConfigurationAt> configuration;
  Cursor cursor(transaction, tables.log(record.generation));
  std::uint64_t removed_bytes = 0;
  bool more = cursor.first();
  while (more && removed_bytes < bytes && record.compacted.index < limit) {
    std::uint64_t charge = 0;
    const StoredEntry removed = remove_entry(cursor, record.compacted.index + 1, charge, more);
    if (removed.entry.type == raft::EntryType::kConfiguration) {
      Result<raft::Configuration> members =
          raft::Configuration::decode(removed.entry.payload.view());
      if (!members) {
        fatal_entry(removed.entry.index, members.error().message);
      }
      configuration = raft::ConfigurationAt{removed.entry.index, *std::move(members)};
    }
    record.compacted = {removed.entry.index, removed.entry.term};
    record.compacted_chain = removed.chain;
    record.log_bytes -= charge;
    removed_bytes += charge;
  }
  if (configuration) {
    put_value(transaction, tables.meta, kLogConfigurationKey, encode_configuration(*configuration));
  }
}

}  // namespace ticketd::store
