#include "ticket/machine.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/ticket/map_state.h"

namespace ticketd::ticket {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

struct Fixture {
  MapState state;
  Machine machine{state, {}};

  std::vector<Taken> apply(std::vector<Step> steps, std::uint64_t stamp_us = 0) {
    Result<std::vector<Taken>> taken =
        machine.apply(machine.summary().applied_index + 1, raft::Term(1),
                      encode(TakeBatch{stamp_us, std::move(steps)}));
    REQUIRE(taken.ok());
    return std::move(*taken);
  }
  void start_at(const std::string& sequence, std::uint64_t last) {
    state.put(sequence, last);
    machine.reset({.digest = record_hash(sequence, last), .sequences = 1});
  }
};

Taken numbers(std::uint64_t first, std::uint64_t count) { return {first, count, false}; }
constexpr Taken kOverflow{0, 0, true};

TEST_CASE_FIXTURE(Fixture, "the unnamed sequence starts at 1") {
  CHECK(apply({{"", {1, 1}}}) == std::vector{numbers(1, 1), numbers(2, 1)});
}

TEST_CASE_FIXTURE(Fixture, "a named sequence starts at 0") {
  CHECK(apply({{"orders", {1, 3, 1}}}) == std::vector{numbers(0, 1), numbers(1, 3), numbers(4, 1)});
}

TEST_CASE_FIXTURE(Fixture, "a sequence that comes twice in a batch goes on where it was") {
  CHECK(apply({{"a", {2}}, {"b", {1}}, {"a", {5}}}) ==
        std::vector{numbers(0, 2), numbers(0, 1), numbers(2, 5)});
  CHECK(machine.summary().sequences == 2);
  CHECK(machine.summary().digest == record_hash("a", 6) + record_hash("b", 0));
}

TEST_CASE_FIXTURE(Fixture, "the last number is given, and then no more") {
  start_at("", kMax - 3);
  CHECK(apply({{"", {2, 2, 1, 1}}}) ==
        std::vector{numbers(kMax - 2, 2), kOverflow, numbers(kMax, 1), kOverflow});
  CHECK(apply({{"", {1}}}) == std::vector{kOverflow});
  CHECK(state.records[""] == kMax);
}

TEST_CASE_FIXTURE(Fixture, "a batch of nothing but overflows changes no record") {
  start_at("a", kMax);
  const Summary before = machine.summary();
  CHECK(apply({{"a", {1, 1'000'000}}}) == std::vector{kOverflow, kOverflow});
  CHECK(machine.summary().digest == before.digest);
  CHECK(machine.summary().sequences == 1);
}

TEST_CASE_FIXTURE(Fixture, "an empty payload moves only the index and the term") {
  apply({{"a", {1}}}, 500);
  Summary expected = machine.summary();
  expected.applied_index = raft::Index(2);
  expected.applied_term = raft::Term(7);
  const auto taken = machine.apply(raft::Index(2), raft::Term(7), "");
  REQUIRE(taken.ok());
  CHECK(taken->empty());
  CHECK(machine.summary() == expected);
}

TEST_CASE_FIXTURE(Fixture, "an undecodable command changes nothing") {
  apply({{"a", {1}}});
  const Summary before = machine.summary();
  CHECK_FALSE(machine.apply(raft::Index(2), raft::Term(1), "\x02\x01").ok());
  CHECK(machine.summary() == before);
  CHECK(state.records.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "replicated time never goes back") {
  apply({{"a", {1}}}, 500);
  apply({{"a", {1}}}, 400);
  CHECK(machine.summary().stamp_us == 500);
  apply({{"a", {1}}}, 600);
  CHECK(machine.summary().stamp_us == 600);
}

TEST_CASE("the hash of a record never changes: it is part of the disk format") {
  CHECK(record_hash("", 1) == 0x9f29cb17a2a49995);
  CHECK(record_hash("orders", 1'000'000) == 0x4b4e1b7cd3b9c403);
  CHECK(record_hash("a", 1) != record_hash("a", 2));
  CHECK(record_hash("a", 1) != record_hash("b", 1));
}

}  // namespace
}  // namespace ticketd::ticket
