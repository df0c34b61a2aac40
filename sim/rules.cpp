#include "sim/rules.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace ticketd::sim {

using ticket::Kind;
using ticket::Outcome;
using Result = ticket::Outcome::Result;

namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

}  // namespace

void Rules::begin(raft::Index index, std::uint64_t stamp_us, const ticket::KeyLimits& limits) {
  index_ = index;
  stamp_us_ = std::max(stamp_us_, stamp_us);
  limits_ = limits;
}

Outcome Rules::carry_out(Kind kind, std::string_view sequence, std::uint64_t value,
                         std::string_view key) {
  auto history = histories_.find(sequence);
  if (history == histories_.end()) history = histories_.try_emplace(std::string(sequence)).first;
  if (key.empty()) return change(kind, *history, value);
  if (const auto place = places_.find(key); place != places_.end()) {
    const Remembered& before = remembered_[place->second - forgotten_];
    const bool same =
        before.kind == kind && before.sequence == sequence && before.value == value;
    if (!same) return {.result = Result::kKeyReused};
    Outcome again = before.outcome;
    again.replayed = true;
    return again;
  }
  forget_two();
  if (remembered_.size() >= limits_.keys) return {.result = Result::kKeysFull};
  const Outcome outcome = change(kind, *history, value);
  places_.emplace(key, forgotten_ + remembered_.size());
  remembered_.push_back({kind, history->first, value, std::string(key),
                         stamp_us_ + std::min(limits_.age_us, kMax - stamp_us_), outcome});
  return outcome;
}

/// A key that may be forgotten goes when others come, two for each.
void Rules::forget_two() {
  for (int i = 0; i < 2; ++i) {
    if (remembered_.empty() || remembered_.front().expires_us > stamp_us_) return;
    places_.erase(places_.find(remembered_.front().key));
    remembered_.pop_front();
    ++forgotten_;
  }
}

Outcome Rules::change(Kind kind, Histories::value_type& sequence, std::uint64_t value) {
  auto& [name, history] = sequence;
  const std::optional<std::uint64_t> last =
      history.empty() ? std::nullopt : history.back().second;
  // The unnamed sequence begins at 1, as if it had given 0.
  const std::uint64_t first = last ? *last + 1 : name.empty() ? 1 : beginning_;
  switch (kind) {
    case Kind::kTake:
      if (last ? value > kMax - *last : value - 1 > kMax - first) {
        return {.result = Result::kOverflow};
      }
      history.emplace_back(index_, first + (value - 1));
      return {.first = first, .count = value};
    case Kind::kAdvance:
      if (last && *last > value) return {.result = Result::kBehind, .first = *last};
      if (!last && !name.empty() && first > 0 && value < first - 1) {
        return {.result = Result::kBehind, .first = first - 1};
      }
      if (last || !name.empty() || value > 0) history.emplace_back(index_, value);
      return {.first = value};
    case Kind::kRemove:
      if (!last) return {};
      history.emplace_back(index_, std::nullopt);
      return {.first = *last, .count = 1};
    case Kind::kRaiseBeginning:
      beginning_ = std::max(beginning_, value);
      return {.first = beginning_};
  }
  return {};
}

std::optional<std::uint64_t> Rules::value(std::string_view sequence, raft::Index index) const {
  const auto found = histories_.find(sequence);
  if (found == histories_.end()) return std::nullopt;
  const History& history = found->second;
  const auto above =
      std::upper_bound(history.begin(), history.end(), index,
                       [](raft::Index i, const auto& step) { return i < step.first; });
  return above == history.begin() ? std::nullopt : std::prev(above)->second;
}

std::optional<std::uint64_t> Rules::value(std::string_view sequence) const {
  const auto found = histories_.find(sequence);
  if (found == histories_.end() || found->second.empty()) return std::nullopt;
  return found->second.back().second;
}

std::vector<std::string_view> Rules::sequences() const {
  std::vector<std::string_view> names;
  for (const auto& [name, history] : histories_) names.push_back(name);
  return names;
}

std::string text_of(const Outcome& outcome) {
  return "result " + std::to_string(static_cast<int>(outcome.result)) + " first " +
         std::to_string(outcome.first) + " count " + std::to_string(outcome.count) +
         (outcome.replayed ? " replayed" : "");
}

}  // namespace ticketd::sim
