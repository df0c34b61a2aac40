#include "ticket/machine.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/ticket/map_state.h"

namespace ticketd::ticket {
namespace {

using Result = Outcome::Result;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
constexpr KeyLimits kLimits{.age_us = 100, .keys = 3};

Operation take(std::string sequence, std::vector<std::uint64_t> counts, std::string key = {}) {
  return {Kind::kTake, std::move(sequence), std::move(counts), std::move(key)};
}
Operation advance(std::string sequence, std::uint64_t last, std::string key = {}) {
  return {Kind::kAdvance, std::move(sequence), {last}, std::move(key)};
}
Operation removal(std::string sequence) { return {Kind::kRemove, std::move(sequence), {0}, {}}; }
Operation raise_to(std::uint64_t beginning) { return {Kind::kRaiseBeginning, "", {beginning}, {}}; }

struct Fixture {
  MapState state;
  Machine machine{state, {}};

  std::vector<Outcome> apply_all(std::vector<Operation> operations, std::uint64_t stamp_us = 0,
                                 KeyLimits limits = kLimits) {
    const Batch batch{stamp_us, limits, std::move(operations)};
    std::vector<Outcome> outcomes =
        machine.apply(machine.summary().applied_index + 1, raft::Term(1), &batch);
    CHECK(machine.summary().digest == digest_of(state, machine.summary().beginning));
    CHECK(machine.summary().records() == state.records.size());
    return outcomes;
  }
  Outcome apply(Operation operation, std::uint64_t stamp_us = 0, KeyLimits limits = kLimits) {
    const std::vector<Outcome> outcomes = apply_all({std::move(operation)}, stamp_us, limits);
    REQUIRE(outcomes.size() == 1);
    return outcomes.front();
  }
};

Outcome numbers(std::uint64_t first, std::uint64_t count) { return {Result::kDone, first, count}; }
Outcome again(Outcome outcome) {
  outcome.replayed = true;
  return outcome;
}
constexpr Outcome kOverflow{.result = Result::kOverflow};
constexpr Outcome kKeyReused{.result = Result::kKeyReused};
constexpr Outcome kKeysFull{.result = Result::kKeysFull};

// --- Taking --------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "the unnamed sequence starts at 1") {
  CHECK(apply_all({take("", {1, 1})}) == std::vector{numbers(1, 1), numbers(2, 1)});
}

TEST_CASE_FIXTURE(Fixture, "a named sequence starts at 0") {
  CHECK(apply_all({take("orders", {1, 3, 1})}) ==
        std::vector{numbers(0, 1), numbers(1, 3), numbers(4, 1)});
}

TEST_CASE_FIXTURE(Fixture, "a sequence that comes twice in a batch goes on where it was") {
  CHECK(apply_all({take("a", {2}), take("b", {1}), take("a", {5})}) ==
        std::vector{numbers(0, 2), numbers(0, 1), numbers(2, 5)});
  CHECK(machine.summary().sequences == 2);
  CHECK(machine.last("a") == 6);
  CHECK(machine.last("b") == 0);
  CHECK(machine.last("c") == std::nullopt);
}

TEST_CASE_FIXTURE(Fixture, "the last number is given, and then no more") {
  apply(advance("", kMax - 3));
  CHECK(apply_all({take("", {2, 2, 1, 1})}) ==
        std::vector{numbers(kMax - 2, 2), kOverflow, numbers(kMax, 1), kOverflow});
  CHECK(apply(take("", {1})) == kOverflow);
  CHECK(machine.last("") == kMax);
}

TEST_CASE_FIXTURE(Fixture, "a batch of nothing but overflows changes no record") {
  apply(advance("a", kMax));
  const Summary before = machine.summary();
  CHECK(apply_all({take("a", {1, 1'000'000})}) == std::vector{kOverflow, kOverflow});
  CHECK(machine.summary().digest == before.digest);
}

// --- Moving and removing -------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "a sequence moves forward and never back") {
  CHECK(apply(advance("a", 41)) == numbers(41, 0));
  CHECK(apply(advance("a", 41)) == numbers(41, 0));
  CHECK(apply(take("a", {1})) == numbers(42, 1));
  CHECK(apply(advance("a", 41)) == Outcome{Result::kBehind, 42, 0});
  CHECK(apply(take("a", {1})) == numbers(43, 1));
}

TEST_CASE_FIXTURE(Fixture, "moving a sequence to its very beginning") {
  CHECK(apply(advance("a", 0)) == numbers(0, 0));
  CHECK(apply(take("a", {1})) == numbers(1, 1));
  CHECK(apply(advance("", 0)) == numbers(0, 0));
  CHECK(state.records.size() == 1);  // nothing was given of the unnamed sequence before either
  CHECK(apply(take("", {1})) == numbers(1, 1));
  CHECK(apply(advance("", 0)) == Outcome{Result::kBehind, 1, 0});
}

TEST_CASE_FIXTURE(Fixture, "a removed sequence begins anew") {
  apply(advance("a", 7));
  CHECK(apply(removal("a")) == numbers(7, 1));
  CHECK(apply(removal("a")) == numbers(0, 0));
  CHECK(machine.summary().sequences == 0);
  CHECK(apply(take("a", {1})) == numbers(0, 1));
}

// --- Where unknown sequences begin ---------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "a raised beginning is that of named sequences that are not known") {
  apply_all({take("known", {3}), raise_to(1'000)});
  CHECK(machine.summary().beginning == 1'000);
  CHECK(apply(take("known", {1})) == numbers(3, 1));
  CHECK(apply(take("", {1})) == numbers(1, 1));
  CHECK(machine.last("new") == std::nullopt);
  CHECK(apply_all({take("new", {1, 2})}) == std::vector{numbers(1'000, 1), numbers(1'001, 2)});
  CHECK(machine.summary().sequences == 3);
}

TEST_CASE_FIXTURE(Fixture, "a beginning is never lowered") {
  CHECK(apply_all({raise_to(1'000), raise_to(999), raise_to(1'000), raise_to(1'001)}) ==
        std::vector{numbers(1'000, 0), numbers(1'000, 0), numbers(1'000, 0), numbers(1'001, 0)});
  CHECK(apply(take("a", {1})) == numbers(1'001, 1));
}

TEST_CASE_FIXTURE(Fixture, "a removed sequence begins where unknown ones do") {
  apply_all({take("a", {1}), raise_to(1'000)});
  CHECK(apply(removal("a")) == numbers(0, 1));
  CHECK(apply(take("a", {1})) == numbers(1'000, 1));
}

TEST_CASE_FIXTURE(Fixture, "an unknown sequence does not move to below its beginning") {
  apply(raise_to(1'000));
  CHECK(apply(advance("a", 0)) == Outcome{Result::kBehind, 999, 0});
  CHECK(apply(advance("a", 998, "k")) == Outcome{Result::kBehind, 999, 0});
  CHECK(apply(advance("a", 998, "k")) == again({Result::kBehind, 999, 0}));
  CHECK(machine.last("a") == std::nullopt);
  CHECK(apply(advance("a", 999)) == numbers(999, 0));
  CHECK(apply(take("a", {1})) == numbers(1'000, 1));
  CHECK(apply(advance("b", 5'000)) == numbers(5'000, 0));
  CHECK(apply(advance("", 0)) == numbers(0, 0));
  CHECK(apply(advance("", 5)) == numbers(5, 0));
}

TEST_CASE_FIXTURE(Fixture, "a beginning at the end leaves one number") {
  apply(raise_to(kMax));
  CHECK(apply_all({take("a", {2, 1, 1})}) == std::vector{kOverflow, numbers(kMax, 1), kOverflow});
  CHECK(apply(advance("b", kMax - 2)) == Outcome{Result::kBehind, kMax - 1, 0});
  CHECK(apply(advance("b", kMax)) == numbers(kMax, 0));
}

TEST_CASE_FIXTURE(Fixture, "replicas whose beginnings differ have another digest") {
  apply(take("a", {1}));
  const std::uint64_t before = machine.summary().digest;
  apply(raise_to(0));
  CHECK(machine.summary().digest == before);
  apply(raise_to(1'000));
  const std::uint64_t raised = machine.summary().digest;
  CHECK(raised != before);
  apply(raise_to(2'000));
  CHECK(machine.summary().digest != before);
  CHECK(machine.summary().digest != raised);
}

// --- Idempotency keys ----------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "a retry gets the first answer and takes nothing") {
  CHECK(apply(take("a", {5}, "k")) == numbers(0, 5));
  CHECK(apply(take("a", {5}, "k")) == again(numbers(0, 5)));
  CHECK(apply(take("a", {1})) == numbers(5, 1));
  CHECK(apply(take("a", {5}, "k")) == again(numbers(0, 5)));
}

TEST_CASE_FIXTURE(Fixture, "two retries in one batch count once") {
  CHECK(apply_all({take("", {1}, "k"), take("", {1}, "k")}) ==
        std::vector{numbers(1, 1), again(numbers(1, 1))});
}

TEST_CASE_FIXTURE(Fixture, "a key belongs to one kind, sequence and value") {
  apply(take("a", {5}, "k"));
  CHECK(apply(take("a", {6}, "k")) == kKeyReused);
  CHECK(apply(take("b", {5}, "k")) == kKeyReused);
  CHECK(apply(advance("a", 5, "k")) == kKeyReused);
  CHECK(machine.last("a") == 4);
  CHECK(machine.last("b") == std::nullopt);
}

TEST_CASE_FIXTURE(Fixture, "a refusal is an answer, too") {
  apply(advance("a", kMax));
  CHECK(apply(take("a", {1}, "over")) == kOverflow);
  CHECK(apply(advance("a", 3, "back")) == Outcome{Result::kBehind, kMax, 0});
  apply(removal("a"));
  CHECK(apply(take("a", {1}, "over")) == again(kOverflow));
  CHECK(apply(advance("a", 3, "back")) == again(Outcome{Result::kBehind, kMax, 0}));
}

TEST_CASE_FIXTURE(Fixture, "a full table refuses new keys, and still knows the old ones") {
  for (const char* key : {"1", "2", "3"}) {
    apply(take("a", {1}, key), 10);
  }
  CHECK(apply(take("a", {1}, "4"), 109) == kKeysFull);
  CHECK(machine.last("a") == 2);
  CHECK(apply(take("a", {1}, "2"), 109) == again(numbers(1, 1)));
}

TEST_CASE_FIXTURE(Fixture, "the oldest keys make room when they have reached their age") {
  apply(take("a", {1}, "1"), 10);
  apply(take("a", {1}, "2"), 20);
  apply(take("a", {1}, "3"), 30);
  CHECK(apply(take("a", {1}, "4"), 110) == numbers(3, 1));
  CHECK(machine.summary().keys() == 3);
  CHECK(apply(take("a", {1}, "2"), 110) == again(numbers(1, 1)));
  CHECK(apply(take("a", {1}, "1"), 115) == kKeysFull);
  CHECK(apply(take("a", {1}, "1"), 120) == numbers(4, 1));
}

TEST_CASE_FIXTURE(Fixture,
                  "the age promised when a key came is kept when a later leader promises less") {
  apply(take("a", {1}, "1"), 0, {.age_us = 1000, .keys = 1});
  CHECK(apply(take("a", {1}, "2"), 999, {.age_us = 1, .keys = 1}) == kKeysFull);
  CHECK(apply(take("a", {1}, "2"), 1000, {.age_us = 1, .keys = 1}) == numbers(1, 1));
}

TEST_CASE_FIXTURE(Fixture, "a table without room for any key takes none") {
  CHECK(apply(take("a", {1}, "1"), 0, {.age_us = 1, .keys = 0}) == kKeysFull);
}

TEST_CASE_FIXTURE(Fixture, "an age beyond the end of time is for ever") {
  apply(take("a", {1}, "1"), 5, {.age_us = kMax, .keys = 2});
  CHECK(apply(take("a", {1}, "2"), kMax - 1, {.age_us = 1, .keys = 2}) == numbers(1, 1));
  CHECK(machine.summary().keys() == 2);
}

// --- Entries, time -------------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "an entry without a batch moves only the index and the term") {
  apply(take("a", {1}), 500);
  Summary expected = machine.summary();
  expected.applied_index = raft::Index(2);
  expected.applied_term = raft::Term(7);
  CHECK(machine.apply(raft::Index(2), raft::Term(7), nullptr).empty());
  CHECK(machine.summary() == expected);
}

TEST_CASE_FIXTURE(Fixture, "replicated time never goes back") {
  apply(take("a", {1}), 500);
  apply(take("a", {1}), 400);
  CHECK(machine.summary().stamp_us == 500);
  apply(take("a", {1}), 600);
  CHECK(machine.summary().stamp_us == 600);
}

// --- Cold records --------------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "what a batch will read is named, step by step") {
  apply_all({take("a", {1}, "1"), take("a", {1}, "2"), take("a", {1}, "3")}, 10);
  const Batch batch{500, kLimits, {take("b", {1}), take("a", {1}, "3")}};
  const auto cold_keys = [&] {
    std::vector<std::string> keys;
    machine.cold_keys(batch, keys);
    return keys;
  };
  CHECK(cold_keys().empty());
  for (const auto& [key, value] : state.records) {
    state.cold.insert(key);
  }
  state.cold.insert(sequence_key("b"));
  CHECK(cold_keys() == std::vector{sequence_key("b"), sequence_key("a"), idempotency_key("3"),
                                   ordinal_key(0), ordinal_key(1)});
  for (const std::string& key : cold_keys()) {
    state.cold.erase(key);
  }
  CHECK(cold_keys() == std::vector{ordinal_key(2)});
}

TEST_CASE_FIXTURE(Fixture, "raising the beginning reads no record") {
  state.cold.insert(sequence_key(""));
  std::vector<std::string> keys;
  machine.cold_keys({0, {}, {raise_to(1'000)}}, keys);
  CHECK(keys.empty());
}

}  // namespace
}  // namespace ticketd::ticket
