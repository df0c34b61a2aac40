#include "ticket/machine.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.h"
#include "base/hash.h"

namespace ticketd::ticket {

namespace {

constexpr std::uint64_t kLastNumber = std::numeric_limits<std::uint64_t>::max();

/// The number that comes next; none when the sequence is used up.
std::optional<std::uint64_t> next_number(std::string_view sequence,
                                         std::optional<std::uint64_t> last) {
  if (!last) {
    return sequence.empty() ? 1 : 0;
  }
  return *last == kLastNumber ? std::nullopt : std::optional(*last + 1);
}

}  // namespace

std::uint64_t record_hash(std::string_view sequence, std::uint64_t last) {
  ENSURE_LE(sequence.size(), kMaxNameBytes);
  std::array<char, sizeof last + kMaxNameBytes> record;
  for (std::size_t i = 0; i < sizeof last; ++i) {
    record[i] = static_cast<char>((last >> (8 * i)) & 0xff);
  }
  std::copy(sequence.begin(), sequence.end(), record.begin() + sizeof last);
  return hash64({record.data(), sizeof last + sequence.size()});
}

Result<std::vector<Taken>> Machine::apply(raft::Index index, raft::Term term,
                                          std::string_view command) {
  ENSURE_EQ(index, summary_.applied_index + 1);
  ENSURE_GE(term, summary_.applied_term);
  std::vector<Taken> answers;
  if (!command.empty()) {
    Result<Command> decoded = decode_command(command);
    if (!decoded.ok()) {
      return std::move(decoded).error();
    }
    const TakeBatch& batch = std::get<TakeBatch>(*decoded);
    for (const Step& step : batch.steps) {
      take(step, answers);
    }
    // Replicated time never goes back, whatever a leader wrote.
    summary_.stamp_us = std::max(summary_.stamp_us, batch.stamp_us);
  }
  summary_.applied_index = index;
  summary_.applied_term = term;
  return answers;
}

void Machine::take(const Step& step, std::vector<Taken>& answers) {
  const std::optional<std::uint64_t> before = state_.find(step.sequence);
  std::optional<std::uint64_t> last = before;
  for (const std::uint64_t count : step.counts) {
    const std::optional<std::uint64_t> first = next_number(step.sequence, last);
    if (!first || count - 1 > kLastNumber - *first) {
      // A smaller request behind this one may still fit.
      answers.push_back({.overflow = true});
      continue;
    }
    last = *first + (count - 1);
    answers.push_back({.first = *first, .count = count});
  }
  if (last == before) {
    return;
  }
  state_.put(step.sequence, *last);
  if (before) {
    summary_.digest -= record_hash(step.sequence, *before);
  } else {
    ++summary_.sequences;
  }
  summary_.digest += record_hash(step.sequence, *last);
}

}  // namespace ticketd::ticket
