#include "sim/golden.h"

#include <algorithm>
#include <limits>

#include "sim/violation.h"

namespace ticketd::sim {

using ticket::Kind;
using Result = ticket::Outcome::Result;

std::optional<std::string> Golden::State::find(std::string_view key) {
  const auto found = records_.find(key);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

void Golden::State::put(std::string_view key, std::string_view value) {
  const auto found = records_.find(key);
  if (found != records_.end()) {
    found->second = value;
  } else {
    records_.emplace(key, value);
  }
}

void Golden::State::remove(std::string_view key) {
  const auto found = records_.find(key);
  if (found != records_.end()) records_.erase(found);
}

Golden::Golden() : machine_(state_, {}) {
  places_.push_back({});
  configurations_.push_back({});
}

const raft::ConfigurationAt& Golden::configuration(raft::Index index) const {
  auto at = configurations_.rbegin();
  while (at->index > index) ++at;  // the first one is at 0
  return *at;
}

bool Golden::has_term(raft::Term term) const {
  const auto found =
      std::lower_bound(places_.begin() + 1, places_.end(), term,
                       [](const Place& place, raft::Term t) { return place.term < t; });
  return found != places_.end() && found->term == term;
}

raft::Index Golden::last_before(raft::Term term) const {
  const auto above =
      std::lower_bound(places_.begin() + 1, places_.end(), term,
                       [](const Place& place, raft::Term t) { return place.committed_in < t; });
  return raft::Index(static_cast<std::uint64_t>(above - places_.begin() - 1));
}

const std::vector<Executed>& Golden::append(const raft::Entry& entry, std::uint64_t chain,
                                            raft::Term committed_in) {
  executed_.clear();
  require(entry.index == last() + 1, "the golden log goes on at ", entry.index, " after ", last());
  require(entry.term >= places_.back().term, "entry ", entry.index, " is committed with term ",
          entry.term, " behind one of term ", places_.back().term);
  require(committed_in >= places_.back().committed_in, "entry ", entry.index,
          " is committed in term ", committed_in, " behind one committed in term ",
          places_.back().committed_in);
  if (entry.type == raft::EntryType::kCommand) {
    auto batch = ticket::decode_batch(entry.payload.view());
    require(batch.ok(), "entry ", entry.index, " is committed and cannot be decoded");
    batch_ = std::move(*batch);
    apply(entry, batch_);
  } else {
    machine_.apply(entry.index, entry.term, nullptr);
  }
  if (entry.type == raft::EntryType::kConfiguration) {
    raft::ConfigurationAt next{entry.index,
                               raft::Configuration::decode(entry.payload.view()).value()};
    check_configuration_step(next);
    configurations_.push_back(std::move(next));
  }
  places_.push_back({entry.term, committed_in, chain, machine_.summary().digest});
  return executed_;
}

/// One voter more or less at a time (thesis 4.1).
void Golden::check_configuration_step(const raft::ConfigurationAt& next) const {
  const raft::Configuration& before = configurations_.back().configuration;
  if (before.empty()) return;
  std::size_t changed = 0;
  for (const raft::Member& member : next.configuration.members()) {
    changed += member.voter && !before.is_voter(member.id);
  }
  for (const raft::Member& member : before.members()) {
    changed += member.voter && !next.configuration.is_voter(member.id);
  }
  require(changed <= 1, "the configuration at ", next.index, " changes ", changed,
          " voters at once");
}

void Golden::apply(const raft::Entry& entry, const ticket::Batch& batch) {
  const std::uint64_t before_us = machine_.summary().stamp_us;
  const auto outcomes = machine_.apply(entry.index, entry.term, &batch);
  const std::uint64_t stamp_us = std::max(before_us, batch.stamp_us);
  std::size_t next = 0;
  for (const ticket::Operation& operation : batch.operations) {
    const auto history = histories_.try_emplace(operation.sequence).first;
    for (const std::uint64_t value : operation.values) {
      require(next < outcomes.size(), "entry ", entry.index, " has too few outcomes");
      executed_.push_back({entry.index, operation.kind, history->first, value, operation.key,
                           outcomes[next++]});
      follow(executed_.back(), stamp_us, batch.limits);
    }
  }
  require(next == outcomes.size(), "entry ", entry.index, " has too many outcomes");
  const std::uint64_t keys = machine_.summary().keys();
  require(batch.limits.keys == 0 || keys <= batch.limits.keys, "after entry ", entry.index, ' ',
          keys, " keys are remembered, and no more than ", batch.limits.keys, " may be");
}

/// The rules read a second time, as simply as can be.
void Golden::follow(const Executed& executed, std::uint64_t stamp_us,
                    const ticket::KeyLimits& limits) {
  if (!executed.key.empty()) follow_key(executed, stamp_us, limits);
  const ticket::Outcome& outcome = executed.outcome;
  if (outcome.replayed || outcome.result == Result::kKeyReused ||
      outcome.result == Result::kKeysFull) {
    return;
  }
  History& history = histories_.find(executed.sequence)->second;
  const std::optional<std::uint64_t> last =
      history.empty() ? std::nullopt : history.back().second;
  switch (executed.kind) {
    case Kind::kTake:
      return follow_take(executed, history);
    case Kind::kAdvance: {
      const bool back = last && *last > executed.value;
      require(outcome.result == (back ? Result::kBehind : Result::kDone), "entry ", executed.index,
              " moves a sequence from ", last.value_or(0), " to ", executed.value, " with result ",
              static_cast<int>(outcome.result));
      const bool there = last == executed.value ||
                         (!last && executed.sequence.empty() && executed.value == 0);
      if (!back && !there) history.emplace_back(executed.index, executed.value);
      return;
    }
    case Kind::kRemove:
      if (last) history.emplace_back(executed.index, std::nullopt);
      return;
  }
}

void Golden::follow_take(const Executed& executed, History& history) {
  const ticket::Outcome& outcome = executed.outcome;
  const std::optional<std::uint64_t> last =
      history.empty() ? std::nullopt : history.back().second;
  if (outcome.result == Result::kOverflow) {
    require(last && *last > std::numeric_limits<std::uint64_t>::max() - executed.value, "entry ",
            executed.index, " says that a sequence at ", last.value_or(0), " has no room for ",
            executed.value);
    return;
  }
  const std::uint64_t first = last ? *last + 1 : (executed.sequence.empty() ? 1 : 0);
  require(outcome.result == Result::kDone && outcome.first == first &&
              outcome.count == executed.value,
          "entry ", executed.index, " gives ", outcome.count, " numbers from ", outcome.first,
          " on, to one who asked for ", executed.value, ", where ", first, " comes next");
  history.emplace_back(executed.index, first + (executed.value - 1));
}

void Golden::follow_key(const Executed& executed, std::uint64_t stamp_us,
                        const ticket::KeyLimits& limits) {
  const ticket::Outcome& outcome = executed.outcome;
  const auto use = keys_.find(std::string(executed.key));
  if (outcome.replayed) {
    ticket::Outcome first = outcome;
    first.replayed = false;
    require(use != keys_.end() && use->second.outcome == first, "entry ", executed.index,
            " replays for key ", executed.key, " what it was never answered");
    return;
  }
  if (outcome.result == Result::kKeyReused) {
    require(use != keys_.end(), "entry ", executed.index, " says that key ", executed.key,
            " came before");
    return;
  }
  if (outcome.result == Result::kKeysFull) return;
  require(use == keys_.end() || use->second.expires_us <= stamp_us, "entry ", executed.index,
          " executes the request of key ", executed.key, " a second time before its age");
  const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - stamp_us;
  keys_.insert_or_assign(std::string(executed.key),
                         KeyUse{stamp_us + std::min(limits.age_us, room), outcome});
}

std::optional<std::uint64_t> Golden::value(std::string_view sequence, raft::Index index) const {
  const auto found = histories_.find(sequence);
  if (found == histories_.end()) return std::nullopt;
  const History& history = found->second;
  const auto above = std::upper_bound(history.begin(), history.end(), index,
                                      [](raft::Index i, const auto& step) { return i < step.first; });
  return above == history.begin() ? std::nullopt : std::prev(above)->second;
}

std::optional<std::uint64_t> Golden::value(std::string_view sequence) const {
  const auto found = histories_.find(sequence);
  if (found == histories_.end() || found->second.empty()) return std::nullopt;
  return found->second.back().second;
}

std::vector<std::string_view> Golden::sequences() const {
  std::vector<std::string_view> names;
  for (const auto& [name, history] : histories_) names.push_back(name);
  return names;
}

}  // namespace ticketd::sim
