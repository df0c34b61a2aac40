#include "server/recovery.h"

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <utility>

#include "base/check.h"
#include "ticket/machine.h"
#include "ticket/records.h"

namespace ticketd::server {

namespace {

/// Entries stay small enough to be sent like any other.
constexpr std::size_t kOperationsPerEntry = 1'000;
constexpr std::size_t kRecordsPerPage = 1'000;

constexpr std::uint64_t kLastNumber = std::numeric_limits<std::uint64_t>::max();

std::uint64_t random_id() {
  std::random_device device;
  std::uniform_int_distribution<std::uint64_t> any(1);
  return any(device);
}

/// As if all of them were committed: any of them may have been acknowledged.
Status apply_rest(const store::Opened& opened, ticket::Machine& machine) {
  for (const raft::Entry& entry : opened.restored.entries) {
    if (entry.index <= machine.summary().applied_index) continue;
    if (entry.type != raft::EntryType::kCommand) {
      machine.apply(entry.index, entry.term, nullptr);
      continue;
    }
    const Result<ticket::Batch> batch = ticket::decode_batch(entry.payload.view());
    if (!batch) return batch.error();
    machine.apply(entry.index, entry.term, &*batch);
  }
  return {};
}

/// The unnamed sequence is one of them even before its first number: everybody knows of it, so that
/// those that were lost may have been its first.
std::vector<ticket::Found> all_sequences(ticket::State& state) {
  std::vector<ticket::Found> sequences;
  // The empty name's key is the prefix of all.
  ticket::ListRange range{ticket::sequence_key(""), "", kRecordsPerPage};
  while (true) {
    const std::vector<ticket::State::Record> page = state.list(range);
    for (const ticket::State::Record& record : page) {
      sequences.push_back({std::string(*ticket::sequence_name(record.key)),
                           ticket::decode_last(record.value)});
    }
    if (page.size() < range.limit) break;
    range.after = page.back().key;
  }
  if (sequences.empty() || !sequences.front().sequence.empty()) {
    sequences.insert(sequences.begin(), ticket::Found{"", 0});
  }
  return sequences;
}

raft::Term last_term(const raft::Restored& restored) {
  return restored.term_starts.empty() ? restored.compacted.term : restored.term_starts.back().term;
}

raft::Entries entries_of(const RecoveryPlan& plan, const raft::Configuration& alone,
                         raft::Term term) {
  raft::Entries entries;
  const auto append = [&](raft::EntryType type, std::string payload) {
    entries.push_back({plan.last_index + 1 + entries.size(), term, type,
                       raft::Payload(std::move(payload))});
  };
  append(raft::EntryType::kConfiguration, alone.encode());
  ticket::Batch batch;
  batch.stamp_us = plan.stamp_us;
  batch.operations.push_back({ticket::Kind::kRaiseBeginning, "", {plan.beginning}, {}});
  for (const ticket::Found& found : plan.sequences) {
    batch.operations.push_back(
        {ticket::Kind::kAdvance, found.sequence, {plan.moved(*found.last)}, {}});
    if (batch.operations.size() == kOperationsPerEntry) {
      append(raft::EntryType::kCommand, ticket::encode(batch));
      batch.operations.clear();
    }
  }
  if (!batch.operations.empty()) append(raft::EntryType::kCommand, ticket::encode(batch));
  return entries;
}

}  // namespace

std::uint64_t RecoveryPlan::moved(std::uint64_t last) const {
  return last > kLastNumber - forward ? kLastNumber : last + forward;
}

Result<RecoveryPlan> plan_recovery(store::LmdbDisk& disk, std::uint64_t forward) {
  const store::Opened& opened = disk.opened();
  if (!opened.identity || opened.identity->incarnation.value == 0) {
    return Error{"no cluster has admitted the node in this directory yet: there is nothing to "
                 "recover"};
  }
  RecoveryPlan plan;
  plan.before = *opened.identity;
  plan.last_term = last_term(opened.restored);
  plan.last_index = opened.restored.last_index;
  plan.commit_index = opened.restored.hard_state.commit_index;
  plan.doubtful = opened.doubtful;
  plan.forward = forward;
  if (!opened.restored.configurations.empty()) {
    plan.members = opened.restored.configurations.back().configuration;
  }
  if (plan.members.find({plan.before.node, plan.before.incarnation}) == nullptr) {
    return Error{"the log in this directory does not hold the node itself: recover another one"};
  }
  ticket::Machine machine(disk.state(), opened.applied.summary);
  if (auto applied = apply_rest(opened, machine); !applied) return applied.error();
  plan.stamp_us = machine.summary().stamp_us;
  plan.sequences = all_sequences(disk.state());
  const std::uint64_t beginning = machine.summary().beginning;
  if (beginning > kLastNumber - forward) {
    return Error{"a named sequence that is not known begins at " + std::to_string(beginning) +
                 " and would pass 2^64 - 1: give a smaller --forward"};
  }
  plan.beginning = beginning + forward;
  return plan;
}

Status recover(store::LmdbDisk& disk, const RecoveryPlan& plan) {
  const raft::Member* before = plan.members.find({plan.before.node, plan.before.incarnation});
  ENSURE(before != nullptr);
  raft::Member self;
  self.id = {plan.before.node, raft::Incarnation((plan.last_index + 1).value)};
  self.voter = true;
  self.addresses = before->addresses;
  store::Identity identity;
  identity.node = self.id.node;
  identity.incarnation = self.id.incarnation;
  identity.cluster_id = random_id();
  raft::HardState hard_state;
  hard_state.current_term = disk.opened().restored.hard_state.current_term + 1;
  const raft::Entries entries =
      entries_of(plan, raft::Configuration({self}), hard_state.current_term);
  hard_state.commit_index = entries.back().index;
  return disk.append_recovery(identity, hard_state, entries);
}

}  // namespace ticketd::server
