// Damaged, foreign and newer files are refused, by name.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "base/random.h"
#include "store/journal_format.h"
#include "store/layout.h"
#include "store/schema.h"
#include "store/worker.h"
#include "tests/store/fixture.h"
#include "ticket/records.h"

namespace ticketd::store::testing {
namespace {

constexpr const char* kAdvice = "ticketd join --replace";

raft::Entries filled_log() {
  raft::Entries log = {configuration_entry(1, 1, 3)};
  for (std::uint64_t i = 2; i <= 60; ++i) {
    std::vector<std::string> names = {""};
    for (std::uint64_t j = 0; j < 20; ++j) {
      names.push_back("a-sequence-of-some-length/" + std::to_string(i * 20 + j));
    }
    log.push_back(take_entry(i, 1, names));
  }
  return log;
}

/// A directory with something in every table, closed.
struct Filled {
  Filled() : options(small_options(directory.path())), log(filled_log()) {
    TestReplica replica(options);
    Identity identity;
    identity.node = raft::NodeId(1);
    REQUIRE(replica.disk().set_identity(identity).ok());
    for (std::size_t i = 0; i < log.size(); i += 6) {
      const auto begin = log.begin() + static_cast<long>(i);
      replica.append_and_apply(raft::Entries(begin, begin + 6));
    }
  }
  std::string file(std::string_view name) const { return in_directory(options.path, name); }
  std::string error() const {
    TestLoop loop;
    const auto disk = open_disk(options, loop);
    return disk ? "" : disk.error().message;
  }

  TemporaryDirectory directory;
  DiskOptions options;
  raft::Entries log;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// Works on the database of a closed directory, as a careful vandal would.
void edit(const Filled& filled,
          const std::function<void(WriteTransaction&, const Tables&)>& change) {
  Environment environment({filled.options.path, filled.options.map_bytes});
  WriteTransaction transaction(environment);
  change(transaction, open_tables(transaction));
  transaction.commit();
}

}  // namespace

TEST_CASE_FIXTURE(Filled, "damage: nothing is damaged") {
  CHECK(error() == "");
  TestReplica replica(options);
  CHECK(difference(replica.disk(), log) == "");
}

TEST_CASE_FIXTURE(Filled, "damage: it is looked for before the writer has a thread") {
  int writers = 0;
  const auto open = [&] {
    return LmdbDisk::open(
        **DirectoryLock::acquire(options.path, false), options, [](const auto&) {},
        [&]() -> std::unique_ptr<Executor> {
          ++writers;
          return std::make_unique<Worker>();
        });
  };
  CHECK(open().ok());
  CHECK(writers == 1);
  std::filesystem::resize_file(file(kDatabaseFile), 8192);
  CHECK_FALSE(open().ok());
  CHECK(writers == 1);
}

TEST_CASE_FIXTURE(Filled, "damage: a newer schema is refused, and says what to start") {
  edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
    put_value(transaction, tables.meta, kSchemaKey, std::string("\x09\0\0\0", 4));
  });
  CHECK(contains(error(), "schema version 9"));
  CHECK(contains(error(), "newer ticketd"));
  CHECK_FALSE(contains(error(), kAdvice));
}

TEST_CASE_FIXTURE(Filled, "damage: a pre-release's schema is refused, and says what to do") {
  edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
    put_value(transaction, tables.meta, kSchemaKey, std::string("\x02\0\0\0", 4));
  });
  CHECK(contains(error(), options.path));
  CHECK(contains(error(), "schema version 2"));
  CHECK(contains(error(), "pre-release"));
  CHECK(contains(error(), "begun anew"));
  CHECK_FALSE(contains(error(), "damaged"));
}

TEST_CASE_FIXTURE(Filled, "damage: missing or changed values are named") {
  std::string expected;
  SUBCASE("hard state is never taken for term 0") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      MDB_val key{kRecordKey.size(), const_cast<char*>(kRecordKey.data())};
      REQUIRE(mdb_del(transaction.handle(), tables.meta, &key, nullptr) == 0);
    });
    expected = "\"record\" is missing";
  }
  SUBCASE("a value without its hash") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      transaction.put(tables.meta, kIdentityKey, "whatever this is");
    });
    expected = "\"identity\" does not match its hash";
  }
  SUBCASE("one ticket less") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      transaction.put(tables.state(0), ticket::sequence_key(""), ticket::encode_last(58));
    });
    expected = "records do not match their digest";
  }
  SUBCASE("a sequence less") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      Cursor cursor(transaction, tables.state(0));
      REQUIRE(cursor.first());
      cursor.remove();
    });
    expected = "1180 sequences, and should hold 1181";
  }
  SUBCASE("a record that is none") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      transaction.put(tables.state(0), "x", ticket::encode_last(1));
    });
    expected = "number 1181 in the order of keys";
  }
  SUBCASE("a value longer than any") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      transaction.put(tables.state(0), ticket::sequence_key(""), std::string(600, 'x'));
    });
    expected = "number 0 in the order of keys";
  }
  SUBCASE("an idempotency key more") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      transaction.put(tables.state(0), ticket::idempotency_key("k"), ticket::encode_ordinal(0));
    });
    expected = "1182 records, and should hold 1181";
  }
  SUBCASE("a number of idempotency keys that nobody can have") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      MetaRecord record = read_record(transaction, tables);
      record.summary.next_key = std::uint64_t{1} << 63;
      put_value(transaction, tables.meta, kRecordKey, encode_record(record));
    });
    expected = "1181 records, and should hold 1181";
  }
  SUBCASE("idempotency keys that end before they begin") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      MetaRecord record = read_record(transaction, tables);
      record.summary.oldest_key = 1;
      put_value(transaction, tables.meta, kRecordKey, encode_record(record));
    });
    expected = "\"record\" has no known form";
  }
  SUBCASE("an entry less") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      Cursor cursor(transaction, tables.log(0));
      REQUIRE(cursor.seek(std::string("\0\0\0\0\0\0\0\x07\0\0", 10)));
      cursor.remove();
    });
    expected = "log entry 7 is missing";
  }
  SUBCASE("the last entry less") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      Cursor cursor(transaction, tables.log(0));
      REQUIRE(cursor.last());
      cursor.remove();
    });
    expected = "log entry 60 is missing";
  }
  SUBCASE("an entry changed") {
    edit(*this, [](WriteTransaction& transaction, const Tables& tables) {
      Cursor cursor(transaction, tables.log(0));
      const std::string key("\0\0\0\0\0\0\0\x07\0\0", 10);
      REQUIRE(cursor.seek(key));
      std::string value(cursor.value());
      value[30] = static_cast<char>(value[30] ^ 1);
      transaction.put(tables.log(0), key, value);
    });
    expected = "log entry 7 does not match its hash";
  }
  CAPTURE(error());
  CHECK(contains(error(), file(kDatabaseFile) + " is damaged"));
  CHECK(contains(error(), expected));
  CHECK(contains(error(), kAdvice));
}

TEST_CASE_FIXTURE(Filled, "damage: a file that is cut short or missing") {
  std::string named;
  SUBCASE("data.mdb at any page") {
    named = kDatabaseFile;
    const std::uint64_t pages = std::filesystem::file_size(file(named)) / 4096;
    const std::string whole = read_text(file(named));
    for (std::uint64_t page = 0; page < pages; ++page) {
      std::filesystem::resize_file(file(named), page * 4096 + 100);
      const std::string found = error();
      CAPTURE(page);
      // Its last pages may be free ones, that need not be there.
      if (page < pages / 2) {
        CHECK(contains(found, file(named)));
        CHECK(contains(found, kAdvice));
      }
      if (found.empty()) {
        TestReplica replica(options);
        CHECK(difference(replica.disk(), log) == "");
      }
      File::open(file(named), File::Mode::kCreate).value().write(0, whole).ok();
    }
    std::filesystem::resize_file(file(named), 5000);
  }
  SUBCASE("data.mdb empty") {
    named = kDatabaseFile;
    std::filesystem::resize_file(file(named), 0);
  }
  SUBCASE("data.mdb missing") {
    named = kDatabaseFile;
    std::filesystem::remove(file(named));
    CHECK(holds_data(options.path));
  }
  SUBCASE("journal short") {
    named = kJournalFile;
    std::filesystem::resize_file(file(named), 100'000);
  }
  SUBCASE("journal missing") {
    named = kJournalFile;
    std::filesystem::remove(file(named));
  }
  CAPTURE(error());
  CHECK(contains(error(), file(named)));
  CHECK(contains(error(), kAdvice));
}

TEST_CASE_FIXTURE(Filled, "each opening begins a new epoch of the journal") {
  const auto epoch = [this] {
    Environment environment({options.path, options.map_bytes});
    WriteTransaction transaction(environment);
    return read_record(transaction, open_tables(transaction)).journal.epoch;
  };
  const std::uint64_t before = epoch();
  CHECK(error() == "");
  CHECK(epoch() == before + 1);
}

TEST_CASE_FIXTURE(Filled, "damage: another directory's journal") {
  Filled other;
  std::filesystem::copy_file(other.file(kJournalFile), file(kJournalFile),
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(contains(error(), "belongs to another directory"));
}

TEST_CASE_FIXTURE(Filled, "damage: an older copy of data.mdb under a newer journal") {
  const std::string old = read_text(file(kDatabaseFile));
  {
    TestReplica replica(options);
    replica.append_and_apply({take_entry(61, 1, {"x"})});
  }
  REQUIRE(File::open(file(kDatabaseFile), File::Mode::kCreate).value().write(0, old).ok());
  CHECK(contains(error(), "lost checkpoints"));
  CHECK(contains(error(), kAdvice));
}

TEST_CASE_FIXTURE(Filled, "damage: a map smaller than the file is refused with the size it needs") {
  options.map_bytes = 1 << 20;
  {
    Filled large;
    large.options.map_bytes = 16 << 20;
    TestReplica replica(large.options);
    for (std::uint64_t i = 61; i < 90; ++i) {
      replica.append_and_apply({large_entry(i, 1, 60'000)});
    }
    replica.close();
    large.options.map_bytes = 1 << 20;
    CHECK(contains(large.error(), "--db_size"));
    large.options.map_bytes = 16 << 20;
    CHECK(large.error() == "");
  }
}

TEST_CASE_FIXTURE(Filled, "damage: any changed byte of data.mdb is found, or harmless") {
  const std::string name = file(kDatabaseFile);
  const std::string whole = read_text(name);
  Random random(7);
  int found = 0;
  int harmless = 0;
  std::set<std::string> messages;
  for (int i = 0; i < 400; ++i) {
    const std::uint64_t at = random.below(whole.size());
    flip_byte(name, at);
    const std::string message = error();
    CAPTURE(at);
    CAPTURE(message);
    if (message.empty()) {
      ++harmless;
      TestReplica replica(options);
      CHECK(difference(replica.disk(), log) == "");
    } else {
      ++found;
      CHECK(contains(message, options.path));
    }
    REQUIRE(File::open(name, File::Mode::kCreate).value().write(0, whole).ok());
    // The open that succeeded has begun a new journal epoch.
    if (message.empty()) {
      std::filesystem::remove(name);
      REQUIRE(File::open(name, File::Mode::kCreate).value().write(0, whole).ok());
    }
  }
  MESSAGE("found " << found << ", harmless " << harmless);
  CHECK(found > 50);
}

}  // namespace ticketd::store::testing
