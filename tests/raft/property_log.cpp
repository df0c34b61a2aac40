// raft::Log against a twin that is a plain vector of entries.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

#include "raft/log.h"

namespace ticketd::raft {
namespace {

/// Keeps every entry ever appended and not cut off; compaction is a number.
struct TwinLog {
  SnapshotMark compacted;
  ConfigurationAt first_configuration;
  Entries entries;  // all after `base`
  Index base;

  Index last() const { return base + entries.size(); }
  const Entry& at(Index index) const { return entries[index - base - 1]; }
  std::optional<Term> term_at(Index index) const {
    if (index < compacted.index || index > last()) {
      return std::nullopt;
    }
    return index == compacted.index ? compacted.term : at(index).term;
  }
  Index last_index_not_above(Term term, Index limit) const {
    Index found = compacted.index;
    for (Index index = compacted.index; index <= std::min(limit, last()); ++index) {
      found = *term_at(index) <= term ? index : found;
    }
    return found;
  }
  ConfigurationAt configuration_at(Index limit) const {
    ConfigurationAt found = first_configuration;
    for (const Entry& entry : entries) {
      if (entry.index <= limit && entry.type == EntryType::kConfiguration) {
        found = {entry.index, Configuration::decode(entry.payload.view()).value()};
      }
    }
    return found;
  }
};

Configuration some_configuration() {
  Member member;
  member.id = {NodeId{*rc::gen::arbitrary<std::uint64_t>()}, Incarnation{1}};
  member.voter = true;
  member.addresses.peer = "peer";
  return Configuration({member});
}

std::uint64_t between(std::uint64_t low, std::uint64_t high) {
  return *rc::gen::inRange<std::uint64_t>(low, high + 1);
}

Entries some_entries(Index after, Term term) {
  Entries entries;
  const std::uint64_t count = between(1, 6);
  for (std::uint64_t i = 1; i <= count; ++i) {
    term = term + (between(0, 3) == 0 ? between(1, 3) : 0);
    Entry entry{after + i, std::max(term, Term{1}), EntryType::kCommand,
                Payload(std::string(between(0, 40), 'x'))};
    if (between(0, 5) == 0) {
      entry.type = EntryType::kConfiguration;
      entry.payload = Payload(some_configuration().encode());
    }
    entries.push_back(entry);
  }
  return entries;
}

/// Answers to all questions, at every index there is and at some there are not.
void compare(const Log& log, const TwinLog& twin) {
  RC_ASSERT(log.last_index() == twin.last());
  RC_ASSERT(log.last_term() == *twin.term_at(twin.last()));
  RC_ASSERT(log.compacted() == twin.compacted);
  const Term highest = log.last_term() + 2;
  for (Index index; index <= twin.last() + 2; ++index) {
    RC_ASSERT(log.term_at(index) == twin.term_at(index));
    for (Term term; term <= highest; ++term) {
      RC_ASSERT(log.matches(index, term) == (twin.term_at(index) == term));
      const bool newer =
          term > log.last_term() || (term == log.last_term() && index >= log.last_index());
      RC_ASSERT(log.is_up_to_date(index, term) == newer);
      RC_ASSERT(index < twin.compacted.index ||
                log.last_index_not_above(term, index) == twin.last_index_not_above(term, index));
    }
    if (index >= twin.compacted.index && index <= twin.last()) {
      RC_ASSERT(log.configuration_at(index) == twin.configuration_at(index));
    }
  }
  RC_ASSERT(log.configuration() == twin.configuration_at(twin.last()));
}

void compare_slices(const Log& log, const TwinLog& twin) {
  if (log.cached_first() > twin.last()) {
    return;
  }
  const Index from{between(log.cached_first().value, twin.last().value)};
  const Index to{between(from.value, twin.last().value)};
  const std::size_t limit = between(0, 120);
  Entries expected;
  std::size_t bytes = 0;
  std::size_t charge = 0;
  for (Index index = from; index <= to; ++index) {
    charge += twin.at(index).charge();
  }
  for (Index index = from; index <= to; ++index) {
    bytes += twin.at(index).payload.size();
    if (!expected.empty() && bytes > limit) {
      break;
    }
    expected.push_back(twin.at(index));
  }
  RC_ASSERT(log.slice(from, to, limit) == expected);
  RC_ASSERT(log.bytes_between(from - 1, to) == charge);
}

void change(Log& log, TwinLog& twin) {
  const bool any = twin.last() > twin.compacted.index;
  switch (between(0, any ? 5 : 1)) {
    case 0: {
      twin = {{twin.last() + between(0, 5), log.last_term() + between(0, 2)}, {}, {}, {}};
      twin.compacted.term = std::max(twin.compacted.term, Term{1});
      twin.base = twin.compacted.index;
      twin.first_configuration = {twin.base, some_configuration()};
      log.reset(twin.compacted, twin.first_configuration);
      return;
    }
    case 2: {
      const Index first{between(twin.compacted.index.value + 1, twin.last().value)};
      twin.entries.resize(first - twin.base - 1);
      log.truncate_from(first);
      return;
    }
    case 3: {
      const Index index{between(twin.compacted.index.value, twin.last().value)};
      twin.compacted = {index, *twin.term_at(index)};
      log.compact_to(index);
      return;
    }
    case 4: {
      const Index limit{between(twin.compacted.index.value, twin.last().value)};
      const Index cached = log.cached_first();
      log.evict(limit, between(0, 200));
      RC_ASSERT(log.cached_first() <= std::max(cached, limit + 1));
      return;
    }
    default: {
      const Entries more = some_entries(twin.last(), log.last_term());
      twin.entries.insert(twin.entries.end(), more.begin(), more.end());
      log.append(more);
      return;
    }
  }
}

TEST_CASE("the log answers like a plain vector of entries, whatever was done to it") {
  CHECK(rc::check("log against its twin", [] {
    TwinLog twin;
    Log log({}, {}, {}, Index{0}, {});
    const std::uint64_t steps = between(1, 25);
    for (std::uint64_t i = 0; i < steps; ++i) {
      change(log, twin);
      compare(log, twin);
      compare_slices(log, twin);
    }
  }));
}

TEST_CASE("eviction keeps as much as it is told to, and all that is above its limit") {
  CHECK(rc::check("eviction", [] {
    Log log({}, {}, {}, Index{0}, {});
    const Entries entries = some_entries(Index{0}, Term{1});
    log.append(entries);
    const Index limit{between(0, entries.size())};
    const std::size_t keep = between(0, 300);
    log.evict(limit, keep);
    std::size_t held = 0;
    for (const Entry& entry : entries) {
      held += entry.index >= log.cached_first() ? entry.charge() : 0;
    }
    RC_ASSERT(held <= keep || log.cached_first() == limit + 1);
    if (log.cached_first() > Index{1}) {
      // One more would have been too much.
      RC_ASSERT(held + entries[log.cached_first().value - 2].charge() > keep);
    }
  }));
}

}  // namespace
}  // namespace ticketd::raft
