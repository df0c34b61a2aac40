// The machine against a dumb twin that gives one number after the other and remembers every key in
// a list, over random batches; and replay and restore against the machine itself.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/ticket/map_state.h"
#include "ticket/machine.h"

namespace ticketd::ticket {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
using Result = Outcome::Result;

/// Keeps, for each sequence, the numbers not yet given as "next" and "none is left", which together
/// need 65 bits, and counts one by one.
class Twin {
 public:
  std::vector<Outcome> apply(const Batch& batch) {
    now_ = std::max(now_, batch.stamp_us);
    std::vector<Outcome> outcomes;
    for (const Operation& operation : batch.operations) {
      for (const std::uint64_t value : operation.values) {
        outcomes.push_back(operation.key.empty() ? once(operation, value)
                                                 : keyed(operation, value, batch.limits));
      }
    }
    return outcomes;
  }

  std::map<std::string, std::uint64_t> last_numbers() const {
    std::map<std::string, std::uint64_t> result;
    for (const auto& [name, cursor] : cursors_) {
      result[name] = cursor.next - 1;
    }
    return result;
  }
  std::size_t keys() const { return keys_.size(); }
  std::uint64_t beginning() const { return beginning_; }

 private:
  struct Cursor {
    std::uint64_t next = 0;
    bool used_up = false;
  };
  struct Remembered {
    Operation operation;
    std::uint64_t expires = 0;
    Outcome outcome;
  };

  Outcome keyed(const Operation& operation, std::uint64_t value, const KeyLimits& limits) {
    for (const Remembered& each : keys_) {
      if (each.operation.key == operation.key) {
        if (!(each.operation == operation)) return {.result = Result::kKeyReused};
        Outcome outcome = each.outcome;
        outcome.replayed = true;
        return outcome;
      }
    }
    for (int i = 0; i < 2 && !keys_.empty() && keys_.front().expires <= now_; ++i) {
      keys_.erase(keys_.begin());
    }
    if (keys_.size() >= limits.keys) return {.result = Result::kKeysFull};
    const std::uint64_t expires = limits.age_us > kMax - now_ ? kMax : now_ + limits.age_us;
    keys_.push_back({operation, expires, once(operation, value)});
    return keys_.back().outcome;
  }

  Outcome once(const Operation& operation, std::uint64_t value) {
    const std::string& name = operation.sequence;
    const auto found = cursors_.find(name);
    const bool known = found != cursors_.end();
    Cursor cursor = known ? found->second : Cursor{name.empty() ? 1U : beginning_};
    const std::uint64_t first = cursor.next;
    switch (operation.kind) {
      case Kind::kTake:
        for (std::uint64_t i = 0; i < value; ++i) {
          if (cursor.used_up) return {.result = Result::kOverflow};
          cursor.used_up = cursor.next == kMax;
          ++cursor.next;
        }
        cursors_[name] = cursor;
        return {Result::kDone, first, value};
      case Kind::kAdvance:
        if (known && first - 1 > value) return {Result::kBehind, first - 1, 0};
        if (!known && !name.empty() && first > 0 && first - 1 > value) {
          return {Result::kBehind, first - 1, 0};
        }
        if (!known && name.empty() && value == 0) return {Result::kDone, 0, 0};
        cursors_[name] = {value + 1, value == kMax};
        return {Result::kDone, value, 0};
      case Kind::kRemove:
        cursors_.erase(name);
        return known ? Outcome{Result::kDone, first - 1, 1} : Outcome{};
      case Kind::kRaiseBeginning:
        beginning_ = std::max(beginning_, value);
        return {Result::kDone, beginning_, 0};
    }
    return {};
  }

  std::map<std::string, Cursor> cursors_;
  std::uint64_t beginning_ = 0;
  std::vector<Remembered> keys_;
  std::uint64_t now_ = 0;
};

template <class T>
std::vector<T> some(int least, int most, const rc::Gen<T>& gen) {
  const auto size = static_cast<std::size_t>(*rc::gen::inRange(least, most + 1));
  return *rc::gen::container<std::vector<T>>(size, gen);
}

/// Mostly small: the twin counts every number.
rc::Gen<std::uint64_t> any_count() {
  return rc::gen::weightedOneOf<std::uint64_t>(
      {{400, rc::gen::inRange<std::uint64_t>(1, 60)},
       {1, rc::gen::element<std::uint64_t>(999, 5000, kMaxCount)}});
}

/// The beginning, the middle, and within 100 of the end.
rc::Gen<std::uint64_t> any_number() {
  return rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 300),
                        rc::gen::map(rc::gen::inRange<std::uint64_t>(0, 100),
                                     [](std::uint64_t below) { return kMax - below; }));
}

/// Few names and few keys, so that each comes often, also twice in a batch.
rc::Gen<Operation> any_operation() {
  return rc::gen::exec([] {
    Operation operation;
    operation.kind = *rc::gen::weightedElement<Kind>(
        {{24, Kind::kTake}, {6, Kind::kAdvance}, {3, Kind::kRemove}, {1, Kind::kRaiseBeginning}});
    const bool raises = operation.kind == Kind::kRaiseBeginning;
    operation.sequence = raises ? ""
                         : operation.kind == Kind::kRemove
                             ? *rc::gen::element<std::string>("a", "b")
                             : *rc::gen::element<std::string>("", "a", "b");
    if (!raises && operation.kind != Kind::kRemove && *rc::gen::inRange(0, 3) == 0) {
      operation.key = *rc::gen::element<std::string>("1", "2", "3", "4", "5", "6", "7", "8");
    }
    switch (operation.kind) {
      case Kind::kTake:
        // Under a key few counts, so that retries are met.
        operation.values = operation.key.empty()
                               ? some(1, 6, any_count())
                               : std::vector{*rc::gen::element<std::uint64_t>(1, 7)};
        break;
      case Kind::kAdvance:
      case Kind::kRaiseBeginning:
        operation.values = {*any_number()};
        break;
      case Kind::kRemove:
        operation.values = {0};
        break;
    }
    return operation;
  });
}

std::vector<Batch> any_batches() {
  std::vector<Batch> batches;
  std::uint64_t now = 0;
  for (int count = *rc::gen::inRange(1, 30); count > 0; --count) {
    now += *rc::gen::inRange<std::uint64_t>(0, 40);
    batches.push_back({.stamp_us = now, .limits = {}, .operations = some(1, 6, any_operation())});
    for (const Operation& operation : batches.back().operations) {
      if (!operation.key.empty()) {
        batches.back().limits = {.age_us = *rc::gen::element<std::uint64_t>(0, 50, 200),
                                 .keys = *rc::gen::element<std::uint64_t>(0, 2, 5)};
        break;
      }
    }
  }
  return batches;
}

std::vector<Outcome> apply(Machine& machine, const Batch& batch) {
  return machine.apply(machine.summary().applied_index + 1, raft::Term(1), &batch);
}

std::map<std::string, std::uint64_t> last_numbers(MapState& state) {
  std::map<std::string, std::uint64_t> numbers;
  for (const auto& [key, value] : state.records) {
    if (const auto name = sequence_name(key)) {
      numbers[std::string(*name)] = decode_last(value).value();
    }
  }
  return numbers;
}

TEST_CASE("batches answer as if every number had been taken one by one") {
  CHECK(rc::check([] {
    MapState state;
    Machine machine(state, {});
    Twin twin;
    for (const Batch& batch : any_batches()) {
      RC_ASSERT(apply(machine, batch) == twin.apply(batch));
      RC_ASSERT(last_numbers(state) == twin.last_numbers());
      RC_ASSERT(machine.summary().keys() == twin.keys());
      RC_ASSERT(machine.summary().beginning == twin.beginning());
      RC_ASSERT(machine.summary().digest == digest_of(state, twin.beginning()));
      RC_ASSERT(machine.summary().records() == state.records.size());
      for (const auto& [key, value] : state.records) {
        RC_ASSERT(is_record(key, value));
      }
    }
  }));
}

TEST_CASE("replaying the log, and going on from a copy of the state, end in the same state") {
  CHECK(rc::check([] {
    const std::vector<Batch> batches = any_batches();
    MapState state;
    Machine machine(state, {});
    const auto copied_at = *rc::gen::inRange<std::size_t>(0, batches.size() + 1);
    MapState restored;
    Machine from_copy(restored, {});
    for (std::size_t i = 0; i < batches.size(); ++i) {
      if (i == copied_at) {
        restored.records = state.records;
        from_copy.reset(machine.summary());
      }
      const auto outcomes = apply(machine, batches[i]);
      if (i >= copied_at) {
        RC_ASSERT(apply(from_copy, batches[i]) == outcomes);
      }
    }
    MapState replayed;
    Machine replay(replayed, {});
    for (const Batch& batch : batches) {
      const auto decoded = decode_batch(encode(batch));
      RC_ASSERT(decoded.ok());
      apply(replay, *decoded);
    }
    RC_ASSERT(replayed.records == state.records);
    RC_ASSERT(replay.summary() == machine.summary());
    if (copied_at < batches.size()) {
      RC_ASSERT(restored.records == state.records);
      RC_ASSERT(from_copy.summary() == machine.summary());
    }
  }));
}

}  // namespace
}  // namespace ticketd::ticket
