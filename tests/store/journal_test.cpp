// The journal alone, on a file that forgets.
#include "store/journal.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <stdexcept>

#include "base/random.h"
#include "store/durable.h"
#include "tests/store/fixture.h"
#include "tests/store/memory_file.h"

namespace ticketd::store::testing {
namespace {

const JournalShape kShape{0x1234, 64 << 10};

struct Fatal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// fatal() throws while it stands.
class FatalThrows {
 public:
  FatalThrows() {
    set_fatal_handler([](const std::string& message) { throw Fatal(message); });
  }
  ~FatalThrows() { set_fatal_handler(nullptr); }
};

raft::Save small_save(std::uint64_t index, std::size_t bytes = 100) {
  raft::Save save = save_of({{raft::Index(index), raft::Term(1), raft::EntryType::kCommand,
                              raft::Payload(std::string(bytes, static_cast<char>(index)))}});
  save.hard_state->commit_index = raft::Index(index - 1);
  return save;
}

bool same(const raft::Save& a, const raft::Save& b) {
  return a.hard_state == b.hard_state && a.entries == b.entries;
}

void write(Journal& journal, const raft::Save& save) {
  Journal::Placed placed = journal.place(save, 1);
  journal.write(placed);
  journal.flush();
  journal.flushed(journal.last_sequence());
  journal.reuse(std::move(placed.record));
}

Result<Replayed> replay(const MemoryFile& file, std::uint64_t epoch, std::uint64_t sequence,
                        Ending ending = Ending::kProcess) {
  const Result<JournalShape> shape = read_journal_shape(file);
  REQUIRE(shape.ok());
  return replay_journal(file, *shape, {epoch, sequence, 1}, ending);
}

struct Fixture {
  Fixture() {
    REQUIRE(create_journal(file, kShape).ok());
    journal.emplace(file, kShape, 1, 1);
  }
  MemoryFile file;
  std::optional<Journal> journal;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "journal: a save is one write and one flush, and never grows the file") {
  const std::uint64_t writes = file.writes();
  const std::uint64_t syncs = file.syncs();
  const std::uint64_t growths = file.growths();
  for (std::uint64_t i = 1; i <= 10; ++i) {
    write(*journal, small_save(i));
  }
  CHECK(file.writes() == writes + 10);
  CHECK(file.syncs() == syncs + 10);
  CHECK(file.growths() == growths);
  CHECK(journal->bytes_in_half() == 10 * kBlockBytes);
}

TEST_CASE_FIXTURE(Fixture, "journal: replay gives what was saved, after the mark, in order") {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    write(*journal, small_save(i, i * 2000));
  }
  const Result<Replayed> all = replay(file, 1, 0);
  REQUIRE(all.ok());
  REQUIRE(all->saves.size() == 5);
  CHECK(all->last_sequence == 5);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    CHECK(same(all->saves[i - 1], small_save(i, i * 2000)));
  }
  CHECK(replay(file, 1, 3)->saves.size() == 2);
  CHECK(replay(file, 1, 5)->saves.empty());
  CHECK(replay(file, 2, 5)->saves.empty());
}

TEST_CASE("journal: replay reads records of any size, to the last block of a half") {
  const JournalShape shape{0x1234, 1 << 20};
  MemoryFile file;
  REQUIRE(create_journal(file, shape).ok());
  Journal journal(file, shape, 1, 1);
  // From one block to more than replay reads at once, and what is left of the half.
  std::vector<raft::Save> saves;
  for (const std::size_t bytes : {100U, 250'000U, 9'000U, 300'000U, 20'000U}) {
    saves.push_back(small_save(saves.size() + 1, bytes));
    write(journal, saves.back());
  }
  std::size_t rest = shape.half_bytes - journal.bytes_in_half();
  while (!journal.fits(small_save(6, rest))) {
    --rest;
  }
  saves.push_back(small_save(6, rest));
  write(journal, saves.back());
  REQUIRE(journal.bytes_in_half() == shape.half_bytes);

  const Result<Replayed> all = replay(file, 1, 0);
  REQUIRE(all.ok());
  REQUIRE(all->saves.size() == saves.size());
  for (std::size_t i = 0; i < saves.size(); ++i) {
    CHECK(same(all->saves[i], saves[i]));
  }
  // Whatever length a damaged header claims, all behind it is found.
  for (const char claim : {'\x01', '\x7f', '\xff'}) {
    file.bytes().replace(shape.half_start(0) + kBlockBytes + 40, 8, 8, claim);
    CHECK_FALSE(replay(file, 1, 0).ok());
    CHECK(replay(file, 1, 2)->saves.size() == saves.size() - 2);
  }
}

TEST_CASE_FIXTURE(Fixture, "journal: halves take turns") {
  std::uint64_t index = 0;
  std::uint64_t stored = 0;
  for (int round = 0; round < 7; ++round) {
    while (journal->fits(small_save(index + 1))) {
      write(*journal, small_save(++index));
    }
    CHECK(replay(file, 1, stored)->last_sequence == index);
    REQUIRE(journal->can_turn());
    journal->turn();
    CHECK_FALSE(journal->can_turn());
    write(*journal, small_save(++index));
    write(*journal, small_save(++index));
    CHECK(replay(file, 1, stored)->saves.size() == index - stored);
    stored = index - 2;
    journal->give_back();
    CHECK(replay(file, 1, stored)->saves.size() == 2);
  }
}

TEST_CASE_FIXTURE(Fixture, "journal: a bad record at the end is a torn tail") {
  for (std::uint64_t i = 1; i <= 4; ++i) {
    write(*journal, small_save(i));
  }
  file.bytes()[kShape.half_start(0) + 3 * kBlockBytes + 70] ^= 1;
  const Result<Replayed> replayed = replay(file, 1, 0);
  REQUIRE(replayed.ok());
  CHECK(replayed->last_sequence == 3);
}

TEST_CASE_FIXTURE(Fixture, "journal: a bad record that another one follows is damage") {
  for (std::uint64_t i = 1; i <= 4; ++i) {
    write(*journal, small_save(i));
  }
  const std::uint64_t at = kShape.half_start(0) + kBlockBytes;
  SUBCASE("in its payload") { file.bytes()[at + 70] ^= 1; }
  SUBCASE("in its header") { file.bytes()[at + 1] ^= 1; }
  SUBCASE("in its length") { file.bytes()[at + 42] ^= 1; }
  const Result<Replayed> replayed = replay(file, 1, 0);
  REQUIRE_FALSE(replayed.ok());
  CHECK(replayed.error().message.find("memory/journal") != std::string::npos);
  CHECK(replayed.error().message.find("byte " + std::to_string(at)) != std::string::npos);
  // It was stored before: then it does not matter.
  CHECK(replay(file, 1, 2).ok());
}

TEST_CASE_FIXTURE(Fixture, "journal: damage at the end of one half shows by the other half") {
  std::uint64_t index = 0;
  while (journal->fits(small_save(index + 1))) {
    write(*journal, small_save(++index));
  }
  journal->turn();
  write(*journal, small_save(index + 1));
  const std::uint64_t at = kShape.half_start(0) + (index - 1) * kBlockBytes;
  file.bytes()[at + 70] ^= 1;
  const Result<Replayed> replayed = replay(file, 1, 0);
  REQUIRE_FALSE(replayed.ok());
  CHECK(replayed.error().message.find("byte " + std::to_string(at)) != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "journal: records of an earlier epoch are not taken for new ones") {
  for (std::uint64_t i = 1; i <= 8; ++i) {
    write(*journal, small_save(i));
  }
  // A restart that had stored 5 records and lost the rest as a torn tail would number on from 6.
  Journal second(file, kShape, 2, 6);
  write(second, small_save(6));
  const Result<Replayed> replayed = replay(file, 2, 5);
  REQUIRE(replayed.ok());
  CHECK(replayed->saves.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "journal: a database that lost checkpoints is damage") {
  Journal::Placed placed = journal->place(small_save(1), 5);
  journal->write(placed);
  const Result<Replayed> replayed = replay_journal(file, kShape, {1, 0, 4}, Ending::kProcess);
  REQUIRE_FALSE(replayed.ok());
  CHECK(replayed.error().message.find("lost checkpoints") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "journal: what a client sent cannot look like a record") {
  // A whole record, hashed with another id, on a block boundary within a payload that tears.
  RecordHeader header;
  header.epoch = 1;
  header.sequence = 3;
  std::string forged = encode_record(header, small_save(3));
  seal_record(forged, kShape.id + 1);
  write(*journal, small_save(1));
  raft::Save save = small_save(2);
  Journal::Placed placed = journal->place(save, 1);
  const std::size_t in_payload = kBlockBytes - 56 - 34 - 16 - 13;
  save.entries[0].payload = raft::Payload(std::string(in_payload, 'x') + forged);
  Journal again(file, kShape, 1, 2);
  again.place(small_save(2), 1);
  placed = Journal(file, kShape, 1, 2).place(save, 1);
  placed.offset = kShape.half_start(0) + kBlockBytes;
  seal_record(placed.record, kShape.id);
  REQUIRE(std::string_view(placed.record).substr(kBlockBytes, 8) ==
          std::string_view(forged).substr(0, 8));
  placed.record[0] = 0;  // torn
  REQUIRE(file.write(placed.offset, placed.record).ok());
  const Result<Replayed> replayed = replay(file, 1, 0);
  REQUIRE(replayed.ok());
  CHECK(replayed->last_sequence == 1);
}

TEST_CASE_FIXTURE(Fixture, "journal: a failed write or flush ends everything") {
  FatalThrows fatal_throws;
  SUBCASE("EIO at a write") { file.fail_next_write("EIO"); }
  SUBCASE("ENOSPC at a write") { file.fail_next_write("ENOSPC"); }
  SUBCASE("EIO at a flush") { file.fail_next_sync("EIO"); }
  CHECK_THROWS_AS(write(*journal, small_save(1)), Fatal);
}

TEST_CASE("journal: a file that cannot be made is an error, not the end") {
  MemoryFile file;
  SUBCASE("full") { file.fail_next_write("ENOSPC"); }
  SUBCASE("flush") { file.fail_next_sync("EIO"); }
  CHECK_FALSE(create_journal(file, kShape).ok());
}

TEST_CASE("journal: a header or size that is wrong is damage") {
  MemoryFile file;
  REQUIRE(create_journal(file, kShape).ok());
  SUBCASE("magic") { file.bytes()[0] ^= 1; }
  SUBCASE("half") { file.bytes()[25] ^= 1; }
  SUBCASE("size") { file.bytes().resize(file.bytes().size() - 4096); }
  const Result<JournalShape> shape = read_journal_shape(file);
  REQUIRE_FALSE(shape.ok());
  CHECK(shape.error().message.find("memory/journal is damaged") != std::string::npos);
}

TEST_CASE("journal: whatever a power cut leaves of the last record, the acknowledged are there") {
  const bool passed = rc::check("lost and torn sectors", [](std::uint64_t seed) {
    Random random(seed);
    MemoryFile file;
    RC_ASSERT(create_journal(file, kShape).ok());
    Journal journal(file, kShape, 1, 1);
    std::vector<raft::Save> acknowledged;
    std::uint64_t stored = 0;
    std::uint64_t turned_at = 0;
    const std::uint64_t count = random.below(60);
    for (std::uint64_t i = 1; i <= count; ++i) {
      const raft::Save save = small_save(i, random.below(12'000));
      if (!journal.fits(save)) {
        if (!journal.can_turn()) {
          journal.give_back();
          stored = turned_at;
        }
        journal.turn();
        turned_at = i - 1;
      }
      write(journal, save);
      acknowledged.push_back(save);
    }
    // One more is under way.
    const raft::Save last = small_save(count + 1, random.below(12'000));
    if (journal.fits(last)) {
      Journal::Placed placed = journal.place(last, 1);
      seal_record(placed.record, kShape.id);
      RC_ASSERT(file.write(placed.offset, placed.record).ok());
    }
    file.crash(random);
    const Result<Replayed> replayed =
        replay_journal(file, kShape, {1, stored, 1}, Ending::kProcess);
    RC_ASSERT(replayed.ok());
    RC_ASSERT(replayed->last_sequence >= count);
    RC_ASSERT(replayed->last_sequence <= count + 1);
    for (std::size_t i = 0; i < replayed->saves.size(); ++i) {
      const std::size_t number = static_cast<std::size_t>(stored) + i;
      RC_ASSERT(
          same(replayed->saves[i], number < acknowledged.size() ? acknowledged[number] : last));
    }
  });
  CHECK(passed);
}

TEST_CASE_FIXTURE(Fixture, "journal: only a power cut takes what was not flushed, and only that") {
  write(*journal, small_save(1));
  std::uint64_t third = 0;
  for (std::uint64_t i = 2; i <= 4; ++i) {
    Journal::Placed placed = journal->place(small_save(i), 1);
    third = i == 3 ? placed.offset : third;
    journal->write(placed);
  }
  SUBCASE("not flushed") {
    REQUIRE(file.write(third, std::string(kBlockBytes, '\0')).ok());
    CHECK_FALSE(replay(file, 1, 0, Ending::kProcess).ok());
    const Result<Replayed> replayed = replay(file, 1, 0, Ending::kPower);
    REQUIRE(replayed.ok());
    CHECK(replayed->last_sequence == 2);
  }
  SUBCASE("flushed, as the next record tells") {
    write(*journal, small_save(5));
    write(*journal, small_save(6));
    REQUIRE(file.write(third, std::string(kBlockBytes, '\0')).ok());
    CHECK_FALSE(replay(file, 1, 0, Ending::kProcess).ok());
    CHECK_FALSE(replay(file, 1, 0, Ending::kPower).ok());
  }
}

TEST_CASE("journal: whatever a power cut leaves of what was not flushed, all before is there") {
  const bool passed = rc::check("lost and torn sectors of many records", [](std::uint64_t seed) {
    Random random(seed);
    MemoryFile file;
    RC_ASSERT(create_journal(file, kShape).ok());
    Journal journal(file, kShape, 1, 1);
    std::vector<raft::Save> saves;
    std::uint64_t flushed = 0;
    for (std::uint64_t i = 1; i <= 60; ++i) {
      const raft::Save save = small_save(i, random.below(6'000));
      if (!journal.fits(save)) break;
      if (random.chance(1, 4)) {
        write(journal, save);
        flushed = i;
      } else {
        Journal::Placed placed = journal.place(save, 1);
        journal.write(placed);
      }
      saves.push_back(save);
    }
    file.crash(random);
    const Result<Replayed> replayed = replay_journal(file, kShape, {1, 0, 1}, Ending::kPower);
    RC_ASSERT(replayed.ok());
    RC_ASSERT(replayed->last_sequence >= flushed);
    RC_ASSERT(replayed->last_sequence <= saves.size());
    for (std::size_t i = 0; i < replayed->saves.size(); ++i) {
      RC_ASSERT(same(replayed->saves[i], saves[i]));
    }
  });
  CHECK(passed);
}

}  // namespace ticketd::store::testing
