// Snapshot files that are refused.
#include "store/snapshot_format.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/store/memory_file.h"
#include "ticket/records.h"

namespace ticketd::store::testing {

TEST_CASE("a snapshot of another version is refused by that name") {
  const auto error_of = [](std::uint8_t version) {
    MemoryFile file;
    SnapshotWriter writer(file, {});
    REQUIRE(writer.finish().ok());
    REQUIRE(SnapshotReader::open(file).ok());
    file.bytes()[8] = static_cast<char>(version);
    return SnapshotReader::open(file).error().message;
  };
  CHECK(error_of(2).find("format version 2, which only a pre-release") != std::string::npos);
  CHECK(error_of(4).find("format version 4, newer than this program") != std::string::npos);
  CHECK(error_of(0).find("no known beginning") != std::string::npos);
}

TEST_CASE("a snapshot of other records than its header says is refused") {
  const auto error_of = [](const ticket::Summary& summary) {
    MemoryFile file;
    SnapshotHeader header;
    header.state.summary = summary;
    SnapshotWriter writer(file, header);
    REQUIRE(writer.add(ticket::sequence_key("a"), ticket::encode_last(1)).ok());
    REQUIRE(writer.finish().ok());
    Result<SnapshotReader> reader = SnapshotReader::open(file);
    if (!reader) {
      return reader.error().message;
    }
    REQUIRE(reader->next().ok());
    const auto end = reader->next();
    return end ? "" : end.error().message;
  };
  ticket::Summary summary;
  summary.sequences = 1;
  summary.digest = ticket::record_hash(ticket::sequence_key("a"), ticket::encode_last(1));
  summary.oldest_key = 5;
  summary.next_key = 5;
  CHECK(error_of(summary) == "");
  summary.next_key = 6;
  CHECK(error_of(summary).find("1 records, and should hold 3") != std::string::npos);
  summary.next_key = 4;
  CHECK(error_of(summary).find("a header of no known form") != std::string::npos);
  summary.next_key = 5;
  summary.digest += 1;
  CHECK(error_of(summary).find("do not match their digest") != std::string::npos);
  summary.digest -= 1;
  summary.beginning = 1'000;
  CHECK(error_of(summary).find("do not match their digest") != std::string::npos);
  summary.digest += ticket::beginning_hash(1'000);
  CHECK(error_of(summary) == "");
}

TEST_CASE("a snapshot with a record that the machine never wrote is refused") {
  MemoryFile file;
  SnapshotWriter writer(file, {});
  REQUIRE(writer.add("x", "whatever").ok());
  REQUIRE(writer.finish().ok());
  const auto records = SnapshotReader::open(file)->next();
  REQUIRE_FALSE(records.ok());
  CHECK(records.error().message.find("a record of no known form") != std::string::npos);
}

}  // namespace ticketd::store::testing
