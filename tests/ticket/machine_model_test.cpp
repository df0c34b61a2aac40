// The machine against a dumb twin that takes one number at a time, over random batches.
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

/// Hands numbers out one by one and keeps what is left, which needs 65 bits, as two fields.
class Twin {
 public:
  explicit Twin(const std::map<std::string, std::uint64_t>& records) {
    for (const auto& [name, last] : records) {
      cursors_[name] = {last == kMax ? 0 : last + 1, last == kMax};
    }
  }

  Taken take(const std::string& sequence, std::uint64_t count) {
    const auto found = cursors_.find(sequence);
    Cursor cursor = found != cursors_.end() ? found->second : Cursor{sequence.empty() ? 1U : 0U};
    const std::uint64_t first = cursor.next;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (cursor.used_up) {
        return {0, 0, true};
      }
      cursor.used_up = cursor.next == kMax;
      ++cursor.next;
    }
    cursors_[sequence] = cursor;
    return {first, count, false};
  }

  std::map<std::string, std::uint64_t> records() const {
    std::map<std::string, std::uint64_t> result;
    for (const auto& [name, cursor] : cursors_) {
      result[name] = cursor.next - 1;
    }
    return result;
  }

 private:
  struct Cursor {
    std::uint64_t next = 0;
    bool used_up = false;
  };
  std::map<std::string, Cursor> cursors_;
};

template <class T>
std::vector<T> some(int least, int most, const rc::Gen<T>& gen) {
  const auto size = static_cast<std::size_t>(*rc::gen::inRange(least, most + 1));
  return *rc::gen::container<std::vector<T>>(size, gen);
}

/// Mostly small: the twin counts every number.
rc::Gen<std::uint64_t> any_count() {
  return rc::gen::weightedOneOf<std::uint64_t>(
      {{200, rc::gen::inRange<std::uint64_t>(1, 60)},
       {1, rc::gen::element<std::uint64_t>(999, 5000, kMaxCount)}});
}

/// Few names, so that one comes often, also twice in a batch.
rc::Gen<Step> any_step() {
  return rc::gen::exec([] {
    return Step{*rc::gen::element<std::string>("", "a", "b"), some(1, 6, any_count())};
  });
}

/// Each sequence absent, at its start, or within 100 of the end.
std::map<std::string, std::uint64_t> any_start() {
  std::map<std::string, std::uint64_t> records;
  for (const char* name : {"", "a", "b"}) {
    const auto place = *rc::gen::inRange(0, 6);
    if (place >= 2) {
      records[name] = kMax - *rc::gen::inRange<std::uint64_t>(0, 100);
    } else if (place == 1) {
      records[name] = *rc::gen::inRange<std::uint64_t>(1, 9);
    }
  }
  return records;
}

Summary recomputed(const std::map<std::string, std::uint64_t>& records) {
  Summary summary{.sequences = records.size()};
  for (const auto& [name, last] : records) {
    summary.digest += record_hash(name, last);
  }
  return summary;
}

TEST_CASE("batches answer as if every number had been taken one by one") {
  CHECK(rc::check([] {
    MapState state;
    state.records = any_start();
    Twin twin(state.records);
    Machine machine(state, recomputed(state.records));
    for (int batch = *rc::gen::inRange(1, 20); batch > 0; --batch) {
      const std::vector<Step> steps = some(1, 5, any_step());
      std::vector<Taken> expected;
      for (const Step& step : steps) {
        for (const std::uint64_t count : step.counts) {
          expected.push_back(twin.take(step.sequence, count));
        }
      }
      const auto taken = machine.apply(machine.summary().applied_index + 1, raft::Term(1),
                                       encode(TakeBatch{1, steps}));
      RC_ASSERT(taken.ok());
      RC_ASSERT(*taken == expected);
      RC_ASSERT(state.records == twin.records());
      RC_ASSERT(machine.summary().digest == recomputed(state.records).digest);
      RC_ASSERT(machine.summary().sequences == state.records.size());
    }
  }));
}

}  // namespace
}  // namespace ticketd::ticket
