// The log against a dumb twin: a plain list of entries that forgets nothing.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <limits>
#include <string>

#include "base/random.h"
#include "raft/log.h"
#include "tests/raft/fixture.h"

namespace ticketd::raft {
namespace {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

struct Twin {
  SnapshotMark compacted;
  Entries entries;  // from compacted.index + 1 on
  ConfigurationAt at_compacted;
  Index cached_first{1};

  Index last() const { return compacted.index + entries.size(); }
  const Entry& at(Index index) const { return entries[index - compacted.index - 1]; }

  std::optional<Term> term_at(Index index) const {
    if (index < compacted.index || index > last()) {
      return std::nullopt;
    }
    return index == compacted.index ? compacted.term : at(index).term;
  }

  Index last_index_not_above(Term term, Index limit) const {
    Index index = std::min(limit, last());
    while (index > compacted.index && *term_at(index) > term) {
      index = index - 1;
    }
    return std::max(index, compacted.index);
  }

  ConfigurationAt configuration_at(Index index) const {
    ConfigurationAt found = at_compacted;
    for (const Entry& entry : entries) {
      if (entry.index <= index && entry.type == EntryType::kConfiguration) {
        found = {entry.index, Configuration::decode(entry.payload.view()).value()};
      }
    }
    return found;
  }
};

Entry random_entry(Random& random, Index index, Term term) {
  if (random.chance(1, 6)) {
    return testing::configuration_entry(index.value, term.value,
                                        testing::voters({1, 2 + random.below(5)}));
  }
  return {index, term, EntryType::kCommand, Payload(std::string(random.below(50), 'x'))};
}

class Pair {
 public:
  explicit Pair(Random& random) : random_(random) {
    if (random_.chance(1, 2)) {
      twin_.compacted = {Index(random_.between(1, 20)), Term(random_.between(1, 3))};
      twin_.at_compacted = {Index(1), testing::voters({1})};
    }
    twin_.cached_first = twin_.compacted.index + 1;
    log_.emplace(twin_.compacted, std::vector<TermStart>{},
                 std::vector<ConfigurationAt>{twin_.at_compacted}, twin_.last(), Entries{});
  }

  void change() {
    switch (random_.below(6)) {
      case 0:
        return truncate();
      case 1:
        return compact();
      case 2:
        return evict();
      case 3:
        return reopen();
      default:
        return append();
    }
  }

  void compare() const {
    RC_ASSERT(log_->last_index() == twin_.last());
    RC_ASSERT(log_->last_term() == *twin_.term_at(twin_.last()));
    RC_ASSERT(log_->compacted() == twin_.compacted);
    RC_ASSERT(log_->cached_first() == std::min(twin_.cached_first, twin_.last() + 1));
    RC_ASSERT(log_->configuration() == twin_.configuration_at(twin_.last()));
    for (Index i(0); i <= twin_.last() + 2; ++i) {
      RC_ASSERT(log_->term_at(i) == twin_.term_at(i));
      if (i >= twin_.compacted.index) {
        RC_ASSERT(log_->configuration_at(i) == twin_.configuration_at(i));
      }
      for (Term term(0); term < Term(9); ++term) {
        RC_ASSERT(log_->last_index_not_above(term, i) == twin_.last_index_not_above(term, i));
      }
    }
    compare_slices();
  }

 private:
  void compare_slices() const {
    for (Index from = log_->cached_first(); from <= twin_.last(); ++from) {
      const Index to = from + random_.below(twin_.last() - from + 1);
      const std::size_t max_bytes = random_.chance(1, 3) ? kUnlimited : random_.below(200);
      const Entries slice = log_->slice(from, to, max_bytes);
      RC_ASSERT(!slice.empty());
      std::size_t bytes = 0;
      std::size_t charge = 0;
      for (std::size_t i = 0; i < slice.size(); ++i) {
        RC_ASSERT(slice[i] == twin_.at(from + i));
        bytes += slice[i].payload.size();
        charge += slice[i].charge();
      }
      RC_ASSERT((slice.size() == 1 || bytes <= max_bytes));
      const Index end = slice.back().index;
      RC_ASSERT(end <= to);
      RC_ASSERT((end == to || bytes + twin_.at(end + 1).payload.size() > max_bytes));
      RC_ASSERT(log_->bytes_between(from - 1, end) == charge);
    }
  }

  void append() {
    Entries added;
    Term term = log_->last_term();
    for (std::uint64_t count = random_.below(5); count > 0; --count) {
      term = term + (random_.chance(1, 4) ? random_.below(3) : 0);
      added.push_back(random_entry(random_, twin_.last() + 1, term));
      twin_.entries.push_back(added.back());
    }
    log_->append(added);
  }

  void truncate() {
    const Index first = twin_.compacted.index + 1 + random_.below(twin_.entries.size() + 2);
    log_->truncate_from(first);
    if (first <= twin_.last()) {
      twin_.entries.resize(first - twin_.compacted.index - 1);
      twin_.cached_first = std::min(twin_.cached_first, first);
    }
  }

  void compact() {
    const Index index = twin_.compacted.index + random_.below(twin_.entries.size() + 1);
    log_->compact_to(index);
    twin_.at_compacted = twin_.configuration_at(index);
    const Term term = *twin_.term_at(index);
    twin_.entries.erase(
        twin_.entries.begin(),
        twin_.entries.begin() + static_cast<std::ptrdiff_t>(index - twin_.compacted.index));
    twin_.compacted = {index, term};
    twin_.cached_first = std::max(twin_.cached_first, index + 1);
  }

  void evict() {
    const Index limit(random_.below(twin_.last().value + 2));
    const std::size_t max_bytes = random_.below(300);
    log_->evict(limit, max_bytes);
    while (twin_.cached_first <= std::min(limit, twin_.last()) && cached_bytes() > max_bytes) {
      ++twin_.cached_first;
    }
  }

  std::size_t cached_bytes() const {
    std::size_t bytes = 0;
    for (Index i = twin_.cached_first; i <= twin_.last(); ++i) {
      bytes += twin_.at(i).charge();
    }
    return bytes;
  }

  /// As a restart does: from where terms begin, and the newest entries.
  void reopen() {
    std::vector<TermStart> starts;
    std::vector<ConfigurationAt> configurations{twin_.at_compacted};
    Term term;
    for (const Entry& entry : twin_.entries) {
      if (starts.empty() || entry.term != term) {
        starts.push_back({entry.index, entry.term});
        term = entry.term;
      }
      if (entry.type == EntryType::kConfiguration) {
        configurations.push_back(twin_.configuration_at(entry.index));
      }
    }
    const std::size_t skipped = random_.below(twin_.entries.size() + 1);
    twin_.cached_first = twin_.compacted.index + 1 + skipped;
    log_.emplace(
        twin_.compacted, starts, configurations, twin_.last(),
        Entries(twin_.entries.begin() + static_cast<std::ptrdiff_t>(skipped), twin_.entries.end()));
  }

  Random& random_;
  Twin twin_;
  std::optional<Log> log_;
};

TEST_CASE("a log answers as a plain list of entries does, whatever happened to it") {
  CHECK(rc::check([](std::uint64_t seed) {
    Random random(seed);
    Pair pair(random);
    for (int i = 0; i < 30; ++i) {
      pair.change();
      pair.compare();
    }
  }));
}

TEST_CASE("up to date is a later last term, or as long in the same one") {
  Log log({}, {{Index(1), Term(2)}}, {}, Index(3), {});
  CHECK(log.is_up_to_date(Index(3), Term(2)));
  CHECK(log.is_up_to_date(Index(4), Term(2)));
  CHECK(log.is_up_to_date(Index(1), Term(3)));
  CHECK(!log.is_up_to_date(Index(2), Term(2)));
  CHECK(!log.is_up_to_date(Index(9), Term(1)));
  CHECK(Log({}, {}, {}, Index(0), {}).is_up_to_date(Index(0), Term(0)));
}

TEST_CASE("no term matches an index below the compacted one") {
  Log log({Index(5), Term(2)}, {}, {{Index(1), {}}}, Index(5), {});
  CHECK(!log.term_at(Index(4)));
  CHECK(!log.matches(Index(4), Term(0)));
  CHECK(!log.matches(Index(5), Term(0)));
  CHECK(log.matches(Index(5), Term(2)));
}

TEST_CASE("a snapshot replaces all of it") {
  Log log({}, {{Index(1), Term(1)}}, {}, Index(3), testing::entries(1, {1, 1, 1}));
  log.reset({Index(9), Term(4)}, {Index(2), testing::voters({7})});
  CHECK(log.last_index() == Index(9));
  CHECK(log.last_term() == Term(4));
  CHECK(log.cached_first() == Index(10));
  CHECK(!log.term_at(Index(3)));
  CHECK(log.configuration().configuration == testing::voters({7}));
}

TEST_CASE("restored pieces that contradict each other are refused") {
  using testing::stops_the_process;
  const auto opens = [](SnapshotMark compacted, std::vector<TermStart> starts, std::uint64_t last,
                        Entries cached) {
    return !stops_the_process([&] { Log(compacted, starts, {}, Index(last), cached); });
  };
  CHECK(opens({}, {{Index(1), Term(1)}}, 2, testing::entries(2, {1})));
  CHECK(!opens({}, {}, 2, {}));
  CHECK(!opens({}, {{Index(2), Term(1)}}, 2, {}));
  CHECK(!opens({}, {{Index(1), Term(1)}, {Index(3), Term(2)}}, 2, {}));
  CHECK(!opens({}, {{Index(1), Term(2)}, {Index(2), Term(1)}}, 2, {}));
  CHECK(!opens({Index(5), Term(3)}, {{Index(6), Term(2)}}, 6, {}));
  CHECK(!opens({}, {{Index(1), Term(1)}}, 2, testing::entries(1, {1})));
  CHECK(!opens({}, {{Index(1), Term(1)}}, 2, testing::entries(2, {2})));
}

}  // namespace
}  // namespace ticketd::raft
