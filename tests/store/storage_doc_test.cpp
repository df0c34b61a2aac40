// Keeps docs/storage.md true: its examples are what the program writes, byte for byte.
#include <doctest/doctest.h>

#include <map>
#include <sstream>

#include "store/journal_format.h"
#include "store/layout.h"
#include "store/log_table.h"
#include "store/schema.h"
#include "store/snapshot_format.h"
#include "tests/store/fixture.h"
#include "tests/store/memory_file.h"
#include "ticket/records.h"

namespace ticketd::store::testing {
namespace {

/// The page's examples: a block named "hex NAME" holds bytes in hexadecimal, a line each of some of
/// them, two spaces, and what they are.
std::map<std::string, std::string> read_examples(const std::string& page) {
  std::map<std::string, std::string> examples;
  std::istringstream lines(page);
  std::string line;
  std::string name;
  while (std::getline(lines, line)) {
    if (line.starts_with("```")) {
      name = line.starts_with("```hex ") ? line.substr(7) : "";
      continue;
    }
    if (!name.empty()) {
      std::istringstream bytes(line.substr(0, line.find("  ")));
      std::string byte;
      while (bytes >> byte) {
        examples[name].push_back(static_cast<char>(std::stoi(byte, nullptr, 16)));
      }
    }
  }
  return examples;
}

std::string to_hex(const std::string& bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(bytes[i]));
    text += digits;
    text += i % 8 == 7 ? '\n' : ' ';
  }
  return text;
}

raft::Entry example_entry() {
  return {raft::Index(42), raft::Term(5), raft::EntryType::kCommand, raft::Payload("hi")};
}

raft::HardState example_hard_state() {
  raft::HardState state;
  state.current_term = raft::Term(5);
  state.has_voted = true;
  state.voted_for = {raft::NodeId(2), raft::Incarnation(9)};
  state.commit_index = raft::Index(41);
  return state;
}

MetaRecord example_record() {
  MetaRecord record;
  record.generation = 1;
  record.hard_state = example_hard_state();
  record.summary = {raft::Index(41), raft::Term(5), 0x0102030405060708, 2, 1'000'000, 3, 4,
                    1'000'000};
  record.compacted = {raft::Index(30), raft::Term(4)};
  record.compacted_chain = 0x1111111111111111;
  record.last_index = raft::Index(42);
  record.last_chain = 0x2222222222222222;
  record.log_bytes = 408;
  record.journal_id = 0x8877665544332211;
  record.journal = {3, 17, 9};
  return record;
}

std::string journal_record() {
  raft::Save save;
  save.hard_state = example_hard_state();
  save.entries = {example_entry()};
  RecordHeader header;
  header.epoch = 3;
  header.sequence = 17;
  header.checkpoint = 9;
  std::string record = encode_record(header, save);
  seal_record(record, 0x8877665544332211);
  const std::optional<Record> found = find_record(record, 0x8877665544332211);
  return record.substr(0, kRecordHeaderBytes + found->payload.size());
}

/// Two sequences, and a key that was used for one of them.
RecordMap example_records() {
  const ticket::KeyRecord used = {.expires_us = 1'000'000,
                                  .kind = ticket::Kind::kTake,
                                  .sequence = "a",
                                  .value = 1,
                                  .key = "k1",
                                  .outcome = {.first = 0, .count = 1}};
  return {{ticket::idempotency_key("k1"), ticket::encode_ordinal(3)},
          {ticket::ordinal_key(3), ticket::encode_key_record(used)},
          {ticket::sequence_key(""), ticket::encode_last(7)},
          {ticket::sequence_key("a"), ticket::encode_last(0)}};
}

std::string snapshot() {
  SnapshotHeader header;
  header.file_id = 0x00000000deadbeef;
  header.chain = 0x2222222222222222;
  header.state.summary = {raft::Index(42), raft::Term(5), 0, 2, 1'000'000, 3, 4, 1'000'000};
  header.state.summary.digest = ticket::beginning_hash(header.state.summary.beginning);
  const RecordMap records = example_records();
  for (const auto& [key, value] : records) {
    header.state.summary.digest += ticket::record_hash(key, value);
  }
  MemoryFile file;
  SnapshotWriter writer(file, header);
  for (const auto& [key, value] : records) {
    REQUIRE(writer.add(key, value).ok());
  }
  REQUIRE(writer.finish().ok());
  Result<SnapshotReader> reader = SnapshotReader::open(file);
  REQUIRE(reader.ok());
  CHECK(reader->next()->size() == 4);
  CHECK(reader->next()->empty());
  return file.bytes();
}

/// What LMDB really holds.
struct Stored {
  std::string log_key;
  std::string log_value;
  std::string state_key;
  std::string state_value;
  std::string record_value;
};

Stored stored() {
  TemporaryDirectory directory;
  Environment environment({directory.path(), 1 << 20});
  WriteTransaction transaction(environment);
  const Tables tables = open_tables(transaction);
  MetaRecord record = example_record();
  record.last_index = raft::Index(41);
  record.last_chain = 0x1111111111111111;
  append_entry(transaction, tables, record, example_entry());
  transaction.put(tables.state(0), ticket::sequence_key("a"), ticket::encode_last(7));
  put_value(transaction, tables.meta, kRecordKey, encode_record(example_record()));
  Stored result;
  Cursor log(transaction, tables.log(record.generation));
  REQUIRE(log.first());
  result.log_key = log.key();
  result.log_value = log.value();
  Cursor state(transaction, tables.state(0));
  REQUIRE(state.first());
  result.state_key = state.key();
  result.state_value = state.value();
  result.record_value = *transaction.get(tables.meta, kRecordKey);
  return result;
}

}  // namespace

TEST_CASE("docs/storage.md shows the bytes that the program writes") {
  const std::string page = read_text(std::string(TICKETD_SOURCE_DIR) + "/docs/storage.md");
  REQUIRE_FALSE(page.empty());
  const Stored in_lmdb = stored();
  const std::map<std::string, std::string> expected = {
      {"JournalHeader", encode_journal_header({0x8877665544332211, 16 << 20}).substr(0, 40)},
      {"JournalRecord", journal_record()},
      {"RecordValue", in_lmdb.record_value},
      {"LogKey", in_lmdb.log_key},
      {"LogValue", in_lmdb.log_value},
      {"StateKey", in_lmdb.state_key},
      {"StateValue", in_lmdb.state_value},
      {"Snapshot", snapshot()},
  };
  const std::map<std::string, std::string> shown = read_examples(page);
  for (const auto& [name, bytes] : expected) {
    const auto found = shown.find(name);
    INFO(name << " is\n" << to_hex(bytes));
    CHECK((found != shown.end() && found->second == bytes));
  }
  CHECK(shown.size() == expected.size());
}

TEST_CASE("docs/storage.md names every file") {
  const std::string page = read_text(std::string(TICKETD_SOURCE_DIR) + "/docs/storage.md");
  for (std::string_view name :
       {kLockFile, kDatabaseFile, kReadersFile, kNewDatabaseFile, kDestroyedFile, kJournalFile,
        kNewJournalFile, kIncomingFile, kInstallingFile}) {
    CHECK(page.find("`" + std::string(name) + "`") != std::string::npos);
  }
}

}  // namespace ticketd::store::testing
