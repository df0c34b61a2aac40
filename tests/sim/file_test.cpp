#include "sim/file.h"

#include <doctest/doctest.h>

#include <set>

namespace ticketd::sim {
namespace {

constexpr std::uint64_t kSector = SimulatedFile::kSectorBytes;

std::string content(const SimulatedFile& file) {
  std::string bytes(file.size(), '?');
  REQUIRE(file.read(0, bytes).ok());
  return bytes;
}

/// Two sectors of each of these, durable.
SimulatedFile file_of(const std::string& letters) {
  SimulatedFile file("file");
  for (const char letter : letters) {
    REQUIRE(file.write(file.size(), std::string(2 * kSector, letter)).ok());
  }
  REQUIRE(file.sync().ok());
  return file;
}

TEST_CASE("a simulated file reads what was written, synced or not") {
  SimulatedFile file = file_of("ab");
  REQUIRE(file.write(kSector / 2, "xyz").ok());
  REQUIRE(file.write(kSector / 2 + 2, "Zend").ok());
  REQUIRE(file.write(5 * kSector, "!").ok());
  CHECK(file.size() == 5 * kSector + 1);
  const std::string seen = content(file);
  CHECK(seen.substr(kSector / 2 - 1, 8) == "axyZenda");
  CHECK(seen.substr(4 * kSector - 1, 3) == std::string("b\0\0", 3));
  CHECK(seen.back() == '!');
  std::string beyond(2, '?');
  CHECK_FALSE(file.read(5 * kSector, beyond).ok());
  REQUIRE(file.sync().ok());
  CHECK(content(file) == seen);
}

TEST_CASE("what was synced is never lost") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    SimulatedFile file = file_of("abcd");
    const std::string before = content(file);
    const SimulatedFile::Crash crash = file.crash(random);
    CHECK(content(file) == before);
    CHECK(crash.kept + crash.lost + crash.torn == 0);
  }
}

TEST_CASE("what was not synced is there, lost or torn, a sector at a time and a write at a time") {
  std::set<std::string> outcomes;
  std::set<std::uint64_t> kept, lost, torn;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed);
    SimulatedFile file = file_of("abc");
    REQUIRE(file.write(0, std::string(2 * kSector, 'A')).ok());
    REQUIRE(file.write(4 * kSector, std::string(2 * kSector, 'C')).ok());
    const SimulatedFile::Crash crash = file.crash(random);
    CHECK(crash.kept + crash.lost + crash.torn == 2);
    kept.insert(crash.kept);
    lost.insert(crash.lost);
    torn.insert(crash.torn);
    std::string outcome;
    const std::string after = content(file);
    for (std::uint64_t sector = 0; sector < 6; ++sector) {
      const std::string bytes = after.substr(sector * kSector, kSector);
      CHECK(bytes == std::string(kSector, bytes[0]));
      outcome += bytes[0];
    }
    outcomes.insert(outcome);
  }
  CHECK(outcomes.size() == 16);  // each of the four sectors
  CHECK(kept.size() == 3);
  CHECK(lost.size() == 3);
  CHECK(torn.size() == 3);
}

TEST_CASE("a write is torn before the last sector that it changes, if it changes several") {
  Random random(1);
  SimulatedFile file = file_of("ab");
  REQUIRE(file.write(kSector - 1, "X" + std::string(kSector, 'Y') + "Z").ok());
  REQUIRE(file.write(3 * kSector, "W" + std::string(kSector - 1, 'b')).ok());
  const SimulatedFile::Crash crash = file.crash(random, Fate::kTorn);
  CHECK(crash.torn == 1);
  CHECK(crash.lost == 1);
  const std::string after = content(file);
  CHECK(after[kSector - 1] == 'X');
  CHECK(after.substr(kSector, kSector) == std::string(kSector, 'Y'));
  CHECK(after.substr(2 * kSector) == std::string(2 * kSector, 'b'));
}

TEST_CASE("a write or a flush that is to fail does, once, and changes nothing") {
  SimulatedFile file = file_of("a");
  file.fail(SimulatedFile::Failing::kWrite);
  CHECK_FALSE(file.write(0, "X").ok());
  CHECK_FALSE(file.is_to_fail());
  REQUIRE(file.write(0, "Y").ok());
  file.fail(SimulatedFile::Failing::kSync);
  CHECK_FALSE(file.sync().ok());
  Random random(1);
  (void)file.crash(random, Fate::kLost);
  CHECK(content(file) == std::string(2 * kSector, 'a'));
}

TEST_CASE("a write that begins and ends inside sectors is torn at their borders") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    SimulatedFile file = file_of("ab");
    const std::uint64_t offset = kSector - 10;
    REQUIRE(file.write(offset, std::string(kSector + 20, 'X')).ok());
    (void)file.crash(random);
    const std::string after = content(file);
    CHECK(after.substr(0, offset) == std::string(offset, 'a'));
    for (const auto& [begin, end] : {std::pair(offset, kSector), std::pair(kSector, 2 * kSector),
                                     std::pair(2 * kSector, 2 * kSector + 10)}) {
      const std::string piece = after.substr(begin, end - begin);
      CHECK(piece == std::string(piece.size(), piece[0]));
    }
    CHECK(after.substr(2 * kSector + 10) == std::string(2 * kSector - 10, 'b'));
  }
}

TEST_CASE("without power a sync makes nothing durable, and after the crash it does again") {
  std::set<char> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    SimulatedFile file = file_of("a");
    file.lose_power();
    REQUIRE(file.write(0, "x").ok());
    REQUIRE(file.sync().ok());
    (void)file.crash(random);
    seen.insert(content(file)[0]);
    REQUIRE(file.write(0, "y").ok());
    REQUIRE(file.sync().ok());
    (void)file.crash(random);
    CHECK(content(file)[0] == 'y');
  }
  CHECK(seen == std::set<char>{'a', 'x'});
}

TEST_CASE("a rotten bit is one bit") {
  SimulatedFile file = file_of("a");
  const std::string before = content(file);
  file.flip_bit(7, 3);
  std::string after = content(file);
  CHECK(after[7] == ('a' ^ 8));
  after[7] = 'a';
  CHECK(after == before);
}

}  // namespace
}  // namespace ticketd::sim
