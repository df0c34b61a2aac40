#include "store/schema.h"

#include "base/hash.h"
#include "store/durable.h"

namespace ticketd::store {
namespace {

constexpr std::size_t kHashBytes = 8;
constexpr std::size_t kContactsBytesMax = 64 << 10;

std::uint64_t value_hash(std::string_view key, std::string_view value) {
  return hash64(value, hash64(key));
}

void write_hard_state(ByteWriter& out, const raft::HardState& state) {
  out.u64(state.current_term.value);
  out.u8(state.has_voted ? 1 : 0);
  out.u64(state.voted_for.node.value);
  out.u64(state.voted_for.incarnation.value);
  out.u64(state.commit_index.value);
}

void read_hard_state(ByteReader& in, raft::HardState& state) {
  state.current_term = raft::Term(in.u64());
  state.has_voted = in.u8() != 0;
  state.voted_for.node = raft::NodeId(in.u64());
  state.voted_for.incarnation = raft::Incarnation(in.u64());
  state.commit_index = raft::Index(in.u64());
}

template <class T>
T required(Result<T> result) {
  if (!result) {
    fatal(result.error().message);
  }
  return *std::move(result);
}

std::string required_value(const Transaction& transaction, Table meta, std::string_view key) {
  std::optional<std::string> value = required(get_value(transaction, meta, key));
  if (!value) {
    fatal("the database has lost its value \"" + std::string(key) + "\"");
  }
  return *std::move(value);
}

}  // namespace

Tables open_tables(WriteTransaction& transaction) {
  Tables tables;
  tables.meta = transaction.open_table("meta");
  tables.logs[0] = transaction.open_table("log.0");
  tables.logs[1] = transaction.open_table("log.1");
  tables.states[0] = transaction.open_table("state.0");
  tables.states[1] = transaction.open_table("state.1");
  return tables;
}

void put_value(WriteTransaction& transaction, Table meta, std::string_view key,
               std::string_view value) {
  ByteWriter out;
  out.bytes(value);
  out.u64(value_hash(key, value));
  transaction.put(meta, key, out.view());
}

Result<std::optional<std::string>> get_value(const Transaction& transaction, Table meta,
                                             std::string_view key) {
  const std::optional<std::string_view> stored = transaction.get(meta, key);
  if (!stored) {
    return std::optional<std::string>();
  }
  const std::size_t length = stored->size() < kHashBytes ? 0 : stored->size() - kHashBytes;
  ByteReader in(*stored);
  const std::string_view value = in.bytes(length);
  if (in.u64() != value_hash(key, value) || !in.at_end()) {
    return Error{"its value \"" + std::string(key) + "\" does not match its hash"};
  }
  return std::optional<std::string>(value);
}

std::string encode_schema() {
  ByteWriter out;
  out.u32(kSchemaVersion);
  return out.take();
}

Status check_schema(std::string_view value) {
  ByteReader in(value);
  const std::uint32_t version = in.u32();
  if (!in.ok() || version == 0) {
    return Error{"its schema version has no known form"};
  }
  if (version < kSchemaVersion) {
    return Error{"it has schema version " + std::to_string(version) +
                 ", which only a pre-release of ticketd wrote: nothing reads it any more, and the "
                 "directory must be begun anew"};
  }
  if (version > kSchemaVersion) {
    return Error{"it has schema version " + std::to_string(version) +
                 ", and this ticketd knows version " + std::to_string(kSchemaVersion) +
                 ": start the newer ticketd that wrote it"};
  }
  return {};
}

std::string encode_identity(const Identity& identity) {
  ByteWriter out;
  out.u64(identity.node.value);
  out.u64(identity.incarnation.value);
  out.u64(identity.cluster_id);
  out.u64(identity.join_token);
  out.u8(identity.replace ? 1 : 0);
  out.string(identity.contacts);
  return out.take();
}

Result<Identity> decode_identity(std::string_view value) {
  ByteReader in(value);
  Identity identity;
  identity.node = raft::NodeId(in.u64());
  identity.incarnation = raft::Incarnation(in.u64());
  identity.cluster_id = in.u64();
  identity.join_token = in.u64();
  const std::uint8_t replace = in.u8();
  identity.replace = replace == 1;
  identity.contacts = std::string(in.string(kContactsBytesMax));
  if (!in.at_end() || replace > 1) {
    return Error{"its value \"identity\" has no known form"};
  }
  return identity;
}

std::string encode_record(const MetaRecord& record) {
  ByteWriter out;
  out.u64(record.generation);
  write_hard_state(out, record.hard_state);
  write_summary(out, record.summary);
  out.u64(record.compacted.index.value);
  out.u64(record.compacted.term.value);
  out.u64(record.compacted_chain);
  out.u64(record.last_index.value);
  out.u64(record.last_chain);
  out.u64(record.log_bytes);
  out.u64(record.journal_id);
  out.u64(record.journal.epoch);
  out.u64(record.journal.sequence);
  out.u64(record.journal.checkpoint);
  return out.take();
}

Result<MetaRecord> decode_meta_record(std::string_view value) {
  ByteReader in(value);
  MetaRecord record;
  record.generation = in.u64();
  read_hard_state(in, record.hard_state);
  read_summary(in, record.summary);
  record.compacted.index = raft::Index(in.u64());
  record.compacted.term = raft::Term(in.u64());
  record.compacted_chain = in.u64();
  record.last_index = raft::Index(in.u64());
  record.last_chain = in.u64();
  record.log_bytes = in.u64();
  record.journal_id = in.u64();
  record.journal.epoch = in.u64();
  record.journal.sequence = in.u64();
  record.journal.checkpoint = in.u64();
  if (!in.at_end()) {
    return Error{"its value \"record\" has no known form"};
  }
  if (record.last_index < record.compacted.index ||
      record.last_index < record.summary.applied_index ||
      record.summary.applied_index < record.compacted.index) {
    return Error{"its value \"record\" contradicts itself"};
  }
  return record;
}

void write_summary(ByteWriter& out, const ticket::Summary& summary) {
  out.u64(summary.applied_index.value);
  out.u64(summary.applied_term.value);
  out.u64(summary.digest);
  out.u64(summary.sequences);
  out.u64(summary.stamp_us);
  out.u64(summary.oldest_key);
  out.u64(summary.next_key);
  out.u64(summary.beginning);
}

void read_summary(ByteReader& in, ticket::Summary& summary) {
  summary.applied_index = raft::Index(in.u64());
  summary.applied_term = raft::Term(in.u64());
  summary.digest = in.u64();
  summary.sequences = in.u64();
  summary.stamp_us = in.u64();
  summary.oldest_key = in.u64();
  summary.next_key = in.u64();
  summary.beginning = in.u64();
  if (summary.oldest_key > summary.next_key) {
    in.fail();
  }
}

std::string encode_configuration(const raft::ConfigurationAt& configuration) {
  ByteWriter out;
  out.u64(configuration.index.value);
  // Empty (not yet known) is said by no bytes: an encoded configuration has voters.
  if (!configuration.configuration.empty()) {
    out.bytes(configuration.configuration.encode());
  }
  return out.take();
}

Result<raft::ConfigurationAt> decode_configuration(std::string_view value) {
  ByteReader in(value);
  raft::ConfigurationAt configuration;
  configuration.index = raft::Index(in.u64());
  if (!in.ok()) {
    return Error{"a configuration has no known form"};
  }
  if (in.remaining() > 0) {
    Result<raft::Configuration> members = raft::Configuration::decode(in.bytes(in.remaining()));
    if (!members) {
      return members.error();
    }
    configuration.configuration = *std::move(members);
  }
  return configuration;
}

MetaRecord read_record(const Transaction& transaction, const Tables& tables) {
  return required(decode_meta_record(required_value(transaction, tables.meta, kRecordKey)));
}

raft::ConfigurationAt read_configuration(const Transaction& transaction, const Tables& tables,
                                         std::string_view key) {
  return required(decode_configuration(required_value(transaction, tables.meta, key)));
}

}  // namespace ticketd::store
