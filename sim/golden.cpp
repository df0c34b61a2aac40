#include "sim/golden.h"

#include <algorithm>

#include "sim/violation.h"

namespace ticketd::sim {

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

/// What the machine makes of it is what the rules say.
void Golden::apply(const raft::Entry& entry, const ticket::Batch& batch) {
  const auto outcomes = machine_.apply(entry.index, entry.term, &batch);
  rules_.begin(entry.index, batch.stamp_us, batch.limits);
  std::size_t next = 0;
  for (const ticket::Operation& operation : batch.operations) {
    for (const std::uint64_t value : operation.values) {
      const ticket::Outcome expected =
          rules_.carry_out(operation.kind, operation.sequence, value, operation.key);
      require(next < outcomes.size(), "entry ", entry.index, " has too few outcomes");
      const ticket::Outcome& outcome = outcomes[next++];
      require(outcome == expected, "entry ", entry.index, " gives ", text_of(outcome), " and not ",
              text_of(expected), " (kind ", static_cast<int>(operation.kind), " of ", value,
              " on \"", operation.sequence, "\" key \"", operation.key, "\")");
      executed_.push_back({entry.index, operation.kind, rules_.kept(operation.sequence), value,
                           operation.key, outcome});
    }
  }
  require(next == outcomes.size(), "entry ", entry.index, " has too many outcomes");
  const ticket::Summary& summary = machine_.summary();
  require(summary.stamp_us == rules_.stamp_us(), "after entry ", entry.index,
          " replicated time is ", summary.stamp_us, " and not ", rules_.stamp_us());
  require(summary.keys() == rules_.keys(), "after entry ", entry.index, ' ', summary.keys(),
          " keys are remembered, and not ", rules_.keys());
}

}  // namespace ticketd::sim
