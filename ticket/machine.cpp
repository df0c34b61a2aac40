#include "ticket/machine.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace ticketd::ticket {

namespace {

constexpr std::uint64_t kLastNumber = std::numeric_limits<std::uint64_t>::max();
/// Old keys that one new key makes forgotten, at most: so applying an entry stays a bounded work,
/// and the table still shrinks faster than it grows.
constexpr std::uint64_t kForgottenForEach = 2;

std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) {
  return a > kLastNumber - b ? kLastNumber : a + b;
}

}  // namespace

ListRange records_of(const Listing& listing) {
  // The unnamed sequence's key is the prefix alone, and every named one stands behind it.
  return {.prefix = sequence_key(listing.prefix),
          .after = sequence_key(listing.after),
          .limit = listing.limit + 1};
}

std::vector<Outcome> Machine::apply(raft::Index index, raft::Term term, const Batch* batch) {
  ENSURE_EQ(index, summary_.applied_index + 1);
  ENSURE_GE(term, summary_.applied_term);
  std::vector<Outcome> outcomes;
  if (batch != nullptr) {
    outcomes.reserve(batch->requests());
    // Replicated time never goes back, whatever a leader wrote.
    summary_.stamp_us = std::max(summary_.stamp_us, batch->stamp_us);
    for (const Operation& operation : batch->operations) {
      if (operation.key.empty()) {
        apply(operation, outcomes);
      } else {
        outcomes.push_back(apply_once(operation, batch->limits));
      }
    }
  }
  summary_.applied_index = index;
  summary_.applied_term = term;
  return outcomes;
}

void Machine::apply(const Operation& operation, std::vector<Outcome>& outcomes) {
  switch (operation.kind) {
    case Kind::kTake:
      return take(operation, outcomes);
    case Kind::kAdvance:
      return outcomes.push_back(advance(operation));
    case Kind::kRemove:
      return outcomes.push_back(remove(operation));
    case Kind::kRaiseBeginning:
      return outcomes.push_back(raise_beginning(operation.values.front()));
  }
  UNREACHABLE("a decoded operation is of a known kind");
}

// --- Idempotency keys ----------------------------------------------------------------------------

Outcome Machine::apply_once(const Operation& operation, const KeyLimits& limits) {
  if (const std::optional<KeyRecord> before = remembered(operation.key)) {
    if (before->kind != operation.kind || before->sequence != operation.sequence ||
        before->value != operation.values.front()) {
      return {.result = Outcome::Result::kKeyReused};
    }
    Outcome outcome = before->outcome;
    outcome.replayed = true;
    return outcome;
  }
  forget_old_keys();
  if (summary_.keys() >= limits.keys) {
    return {.result = Outcome::Result::kKeysFull};
  }
  std::vector<Outcome> outcomes;
  apply(operation, outcomes);
  remember(operation, limits, outcomes.front());
  return outcomes.front();
}

std::optional<KeyRecord> Machine::remembered(std::string_view key) const {
  const std::optional<std::string> stored = state_.find(idempotency_key(key));
  if (!stored) {
    return std::nullopt;
  }
  const std::optional<std::uint64_t> ordinal = decode_ordinal(*stored);
  ENSURE(ordinal);
  return key_record(*ordinal);
}

KeyRecord Machine::key_record(std::uint64_t ordinal) const {
  const std::optional<std::string> stored = state_.find(ordinal_key(ordinal));
  ENSURE(stored);
  std::optional<KeyRecord> record = decode_key_record(*stored);
  ENSURE(record);
  return *std::move(record);
}

void Machine::forget_old_keys() {
  for (std::uint64_t i = 0; i < kForgottenForEach && summary_.keys() > 0; ++i) {
    const std::uint64_t ordinal = summary_.oldest_key;
    const KeyRecord record = key_record(ordinal);
    if (record.expires_us > summary_.stamp_us) {
      return;
    }
    erase(ordinal_key(ordinal), encode_key_record(record));
    erase(idempotency_key(record.key), encode_ordinal(ordinal));
    ++summary_.oldest_key;
  }
}

void Machine::remember(const Operation& operation, const KeyLimits& limits,
                       const Outcome& outcome) {
  const std::uint64_t ordinal = summary_.next_key++;
  put(idempotency_key(operation.key), encode_ordinal(ordinal));
  put(ordinal_key(ordinal),
      encode_key_record({.expires_us = saturating_sum(summary_.stamp_us, limits.age_us),
                         .kind = operation.kind,
                         .sequence = operation.sequence,
                         .value = operation.values.front(),
                         .key = operation.key,
                         .outcome = outcome}));
}

// --- Sequences -----------------------------------------------------------------------------------

std::optional<std::uint64_t> Machine::last(std::string_view sequence) const {
  const std::optional<std::string> stored = state_.find(sequence_key(sequence));
  if (!stored) {
    return std::nullopt;
  }
  const std::optional<std::uint64_t> number = decode_last(*stored);
  ENSURE(number);
  return number;
}

/// The number that comes next; none when the sequence is used up.
std::optional<std::uint64_t> Machine::next_number(std::string_view sequence,
                                                  std::optional<std::uint64_t> last) const {
  if (!last) {
    return sequence.empty() ? 1 : summary_.beginning;
  }
  return *last == kLastNumber ? std::nullopt : std::optional(*last + 1);
}

void Machine::take(const Operation& operation, std::vector<Outcome>& outcomes) {
  const std::optional<std::uint64_t> before = last(operation.sequence);
  std::optional<std::uint64_t> reached = before;
  for (const std::uint64_t count : operation.values) {
    const std::optional<std::uint64_t> first = next_number(operation.sequence, reached);
    if (!first || count - 1 > kLastNumber - *first) {
      // A smaller request behind this one may still fit.
      outcomes.push_back({.result = Outcome::Result::kOverflow});
      continue;
    }
    reached = *first + (count - 1);
    outcomes.push_back({.first = *first, .count = count});
  }
  if (reached != before) {
    set_last(operation.sequence, before, *reached);
  }
}

Outcome Machine::advance(const Operation& operation) {
  const std::optional<std::uint64_t> before = last(operation.sequence);
  const std::uint64_t target = operation.values.front();
  if (before && *before > target) {
    return {.result = Outcome::Result::kBehind, .first = *before};
  }
  // Of a named one that nobody knows of, all below the beginning may have been given.
  const std::uint64_t beginning = operation.sequence.empty() ? 0 : summary_.beginning;
  if (!before && beginning > 0 && target < beginning - 1) {
    return {.result = Outcome::Result::kBehind, .first = beginning - 1};
  }
  // That the unnamed sequence, which begins at 1, has given none is the same as a last number 0.
  const bool is_there = before == target || (!before && operation.sequence.empty() && target == 0);
  if (!is_there) {
    set_last(operation.sequence, before, target);
  }
  return {.first = target};
}

Outcome Machine::remove(const Operation& operation) {
  const std::optional<std::uint64_t> before = last(operation.sequence);
  if (!before) {
    return {};
  }
  erase(sequence_key(operation.sequence), encode_last(*before));
  --summary_.sequences;
  return {.first = *before, .count = 1};
}

Outcome Machine::raise_beginning(std::uint64_t to) {
  const std::uint64_t raised = std::max(summary_.beginning, to);
  summary_.digest += beginning_hash(raised) - beginning_hash(summary_.beginning);
  summary_.beginning = raised;
  return {.first = raised};
}

void Machine::set_last(std::string_view sequence, std::optional<std::uint64_t> before,
                       std::uint64_t last) {
  const std::string key = sequence_key(sequence);
  if (before) {
    summary_.digest -= record_hash(key, encode_last(*before));
  } else {
    ++summary_.sequences;
  }
  put(key, encode_last(last));
}

void Machine::put(std::string_view key, std::string_view value) {
  state_.put(key, value);
  summary_.digest += record_hash(key, value);
}

void Machine::erase(std::string_view key, std::string_view value) {
  state_.remove(key);
  summary_.digest -= record_hash(key, value);
}

// --- What must be in memory first ----------------------------------------------------------------

void Machine::cold_keys(const Batch& batch, std::vector<std::string>& keys) const {
  const auto add_if_cold = [&](std::string key) {
    if (!state_.is_warm(key)) {
      keys.push_back(std::move(key));
    }
  };
  std::uint64_t old_keys = 0;
  for (const Operation& operation : batch.operations) {
    if (operation.kind == Kind::kRaiseBeginning) {
      continue;
    }
    add_if_cold(sequence_key(operation.sequence));
    if (operation.key.empty()) {
      continue;
    }
    old_keys += kForgottenForEach;
    const std::string key = idempotency_key(operation.key);
    if (!state_.is_warm(key)) {
      keys.push_back(key);
    } else if (const auto stored = state_.find(key)) {
      add_if_cold(ordinal_key(decode_ordinal(*stored).value()));
    }
  }
  const std::uint64_t end = std::min(summary_.next_key, summary_.oldest_key + old_keys);
  for (std::uint64_t ordinal = summary_.oldest_key; ordinal < end; ++ordinal) {
    add_if_cold(ordinal_key(ordinal));
  }
}

}  // namespace ticketd::ticket
