// What stands in LMDB, and in which bytes. docs/storage.md describes it for readers.
//
//   meta      names of single values: schema, identity, record, configuration, configuration.log;
//             readmission and unflushed at times
//   log.0/1   the entries: (index, part) -> header and payload
//   state.0/1 the records of the machine, as they are: see ticket/records.h
//
// Log and state are of a generation: installing a snapshot fills the tables of the next one and one
// transaction makes it current. Generations take turns in two pairs of tables, since LMDB's table
// handles must not be closed while others read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "raft/entry.h"
#include "raft/node.h"
#include "store/database.h"
#include "store/disk.h"
#include "store/meta_record.h"
#include "ticket/machine.h"

namespace ticketd::store {

inline constexpr std::uint32_t kSchemaVersion = 3;

struct Tables {
  Table meta = 0;
  Table logs[2] = {};
  Table states[2] = {};

  Table log(std::uint64_t generation) const { return logs[generation % 2]; }
  Table state(std::uint64_t generation) const { return states[generation % 2]; }
};

/// Opens the tables, made where missing.
Tables open_tables(WriteTransaction& transaction);

// --- Single values: each is followed by a hash that also covers its name -------------------------

inline constexpr std::string_view kSchemaKey = "schema";
inline constexpr std::string_view kIdentityKey = "identity";
/// Who the node asks to become after its data came into doubt; see Opened::readmission.
inline constexpr std::string_view kReadmissionKey = "readmission";
/// The boot during which saves may be acknowledged that are not flushed; none: there are none.
inline constexpr std::string_view kUnflushedKey = "unflushed";
inline constexpr std::string_view kRecordKey = "record";
/// In force at the applied index, and at the compacted one.
inline constexpr std::string_view kConfigurationKey = "configuration";
inline constexpr std::string_view kLogConfigurationKey = "configuration.log";

void put_value(WriteTransaction& transaction, Table meta, std::string_view key,
               std::string_view value);
/// None: not there. Error: damaged.
Result<std::optional<std::string>> get_value(const Transaction& transaction, Table meta,
                                             std::string_view key);

std::string encode_schema();
/// Error: of another version than this program's, with what to do.
Status check_schema(std::string_view value);

std::string encode_identity(const Identity& identity);
Result<Identity> decode_identity(std::string_view value);
std::string encode_record(const MetaRecord& record);
Result<MetaRecord> decode_meta_record(std::string_view value);
/// In the record and in the header of a snapshot: u64 each, in the order of the fields.
void write_summary(ByteWriter& out, const ticket::Summary& summary);
/// Fails the reader when it contradicts itself.
void read_summary(ByteReader& in, ticket::Summary& summary);
std::string encode_configuration(const raft::ConfigurationAt& configuration);
Result<raft::ConfigurationAt> decode_configuration(std::string_view value);

/// The value, required to be there: for what open() has verified. Damage found later is fatal().
MetaRecord read_record(const Transaction& transaction, const Tables& tables);
raft::ConfigurationAt read_configuration(const Transaction& transaction, const Tables& tables,
                                         std::string_view key);

}  // namespace ticketd::store
