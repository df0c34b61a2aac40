#include "sim/audit.h"

#include <algorithm>
#include <optional>

#include "sim/violation.h"

namespace ticketd::sim {

using ticket::NotDone;
using ticket::Outcome;
using Result = ticket::Outcome::Result;

namespace {

/// What applying it must have given for that answer; none: it was refused before it was applied.
std::optional<Outcome> outcome_behind(const ticket::Answer& answer) {
  if (const auto* done = std::get_if<ticket::Done>(&answer)) {
    return Outcome{Result::kDone, done->first, done->count, done->replayed};
  }
  const auto* refused = std::get_if<NotDone>(&answer);
  if (refused == nullptr) return std::nullopt;
  switch (refused->why) {
    case NotDone::Why::kOverflow:
      return Outcome{Result::kOverflow, 0, 0, refused->replayed};
    case NotDone::Why::kBehind:
      return Outcome{Result::kBehind, 0, 0, refused->replayed};
    case NotDone::Why::kKeyReused:
      return Outcome{Result::kKeyReused, 0, 0, refused->replayed};
    case NotDone::Why::kKeysFull:
      return Outcome{Result::kKeysFull, 0, 0, refused->replayed};
    default:
      return std::nullopt;
  }
}

/// A client is told the number only when it was done.
bool same(const Outcome& told, const Outcome& happened) {
  if (told.result != happened.result || told.replayed != happened.replayed) return false;
  return told.result != Result::kDone ||
         (told.first == happened.first && told.count == happened.count);
}

std::string text_of(const ticket::Request& request) {
  return "kind " + std::to_string(static_cast<int>(request.kind)) + " of " +
         std::to_string(request.value) + " on \"" + request.sequence + "\" key \"" + request.key +
         '"';
}

}  // namespace

void Audit::committed(const std::vector<Executed>& executed) {
  for (const Executed& each : executed) {
    unclaimed_[{each.kind, std::string(each.sequence), each.value, std::string(each.key)}]
        .push_back({each.index, each.outcome});
  }
}

void Audit::answered(const Asked& asked, const ticket::Answer& answer) {
  if (std::holds_alternative<ticket::Unknown>(answer)) {
    unknown_[shape_of(asked.request)].push_back(asked.golden_last);
    return;
  }
  // What was refused before it was applied is in no entry: finish() sees whether that is so.
  if (const std::optional<Outcome> outcome = outcome_behind(answer)) claim(asked, *outcome);
}

void Audit::claim(const Asked& asked, const Outcome& outcome) {
  const ticket::Request& request = asked.request;
  const auto found = unclaimed_.find(shape_of(request));
  if (found != unclaimed_.end()) {
    std::vector<Effect>& effects = found->second;
    const auto effect = std::find_if(effects.begin(), effects.end(), [&](const Effect& each) {
      return each.index > asked.golden_last && same(outcome, each.outcome);
    });
    if (effect != effects.end()) {
      effects.erase(effect);
      if (effects.empty()) unclaimed_.erase(found);
      return;
    }
  }
  fail("a client is told ", text_of(outcome), " for ", text_of(request), " asked when ",
       asked.golden_last,
       " was committed, and up to ", golden_.last(), " no entry did that for nobody else");
}

void Audit::answered(const AskedQuery& asked, const ticket::QueryAnswer& answer) const {
  const auto* result = std::get_if<ticket::QueryResult>(&answer);
  if (result == nullptr) return;
  const raft::Index index(result->applied_index);
  require(index <= golden_.last(), "a read of ", index, ", which is not committed");
  require(asked.stale || index >= asked.golden_last, "a read of ", index,
          " began when ", asked.golden_last, " was committed");
  if (const auto* lookup = std::get_if<ticket::Lookup>(&asked.query)) {
    check_lookup(*lookup, *result);
  } else {
    check_listing(std::get<ticket::Listing>(asked.query), *result);
  }
}

void Audit::check_lookup(const ticket::Lookup& lookup, const ticket::QueryResult& result) const {
  require(result.found.size() == lookup.sequences.size(), "a look-up of ", lookup.sequences.size(),
          " sequences finds ", result.found.size());
  for (std::size_t i = 0; i < result.found.size(); ++i) {
    const ticket::Found& found = result.found[i];
    const auto golden =
        golden_.rules().value(lookup.sequences[i], raft::Index(result.applied_index));
    require(found.sequence == lookup.sequences[i] && found.last == golden, "a look-up at ",
            result.applied_index, " finds ", found.sequence, " at ",
            found.last ? std::to_string(*found.last) : "nothing", " and not at ",
            golden ? std::to_string(*golden) : "nothing");
  }
}

void Audit::check_listing(const ticket::Listing& listing, const ticket::QueryResult& result) const {
  std::vector<ticket::Found> expected;
  for (const std::string_view name : golden_.rules().sequences()) {
    const auto last = golden_.rules().value(name, raft::Index(result.applied_index));
    if (name.empty() || !last || !name.starts_with(listing.prefix) || name <= listing.after) {
      continue;
    }
    expected.push_back({std::string(name), last});
  }
  const bool more = expected.size() > listing.limit;
  if (more) expected.resize(listing.limit);
  require(result.found == expected && result.more == more, "a listing at ", result.applied_index,
          " finds ", result.found.size(), " sequences where there are ", expected.size(),
          ", or other numbers");
}

// The k-th effect in the log needs k requests that were made before it, no two effects the same: it
// suffices to compare both in order.
void Audit::finish() const {
  for (const auto& [shape, effects] : unclaimed_) {
    std::vector<raft::Index> asked;
    if (const auto found = unknown_.find(shape); found != unknown_.end()) asked = found->second;
    std::sort(asked.begin(), asked.end());
    for (std::size_t k = 0; k < effects.size(); ++k) {
      const auto& [kind, sequence, value, key] = shape;
      require(k < asked.size() && asked[k] < effects[k].index, "entry ", effects[k].index,
              " did ", text_of(effects[k].outcome), " (", text_of({kind, sequence, value, key}),
              ") for nobody: ", asked.size(), " such requests have an unknown outcome, ",
              effects.size(), " effects no answer");
    }
  }
}

}  // namespace ticketd::sim
