#include "sim/records.h"

#include <algorithm>

#include "base/check.h"
#include "ticket/records.h"

namespace ticketd::sim {

namespace {

bool is_listed(std::string_view key) { return ticket::sequence_name(key).has_value(); }

}  // namespace

// --- RecordStore ----------------------------------------------------------------------------------

const std::string* RecordStore::find(std::string_view key) const {
  if (is_listed(key)) {
    const auto found = sequences_.find(key);
    return found == sequences_.end() ? nullptr : &found->second;
  }
  const auto found = others_.find(key);
  return found == others_.end() ? nullptr : &found->second;
}

void RecordStore::put(std::string_view key, std::string_view value) {
  const auto put_into = [&](auto& records) {
    const auto found = records.find(key);
    if (found != records.end()) {
      found->second = value;
    } else {
      records.emplace(key, value);
    }
  };
  if (is_listed(key)) {
    put_into(sequences_);
  } else {
    put_into(others_);
  }
}

void RecordStore::remove(std::string_view key) {
  const auto remove_from = [&](auto& records) {
    const auto found = records.find(key);
    if (found != records.end()) records.erase(found);
  };
  if (is_listed(key)) {
    remove_from(sequences_);
  } else {
    remove_from(others_);
  }
}

// --- Records --------------------------------------------------------------------------------------

std::optional<std::string> Records::find(std::string_view key) {
  for (const Changes* changes : {&current_, &frozen_}) {
    if (changes->empty()) continue;
    if (const auto found = changes->find(key); found != changes->end()) return found->second;
  }
  const std::string* stored = stored_.find(key);
  return stored == nullptr ? std::nullopt : std::optional(*stored);
}

void Records::change(std::string_view key, std::optional<std::string> value) {
  unsettled_ = true;
  const auto found = current_.find(key);
  if (found != current_.end()) {
    found->second = std::move(value);
  } else {
    current_.emplace(key, std::move(value));
  }
}

void Records::put(std::string_view key, std::string_view value) {
  change(key, std::string(value));
  warm(key);
}

void Records::remove(std::string_view key) { change(key, std::nullopt); }

std::vector<ticket::State::Record> Records::list(const ticket::ListRange& range) {
  RecordStore::Sequences all = stored_.sequences();
  for (const Changes* changes : {&frozen_, &current_}) {
    for (const auto& [key, value] : *changes) {
      if (!is_listed(key)) continue;
      if (value) {
        all[key] = *value;
      } else {
        all.erase(key);
      }
    }
  }
  std::vector<Record> listed;
  for (auto each = all.lower_bound(std::max(range.prefix, range.after));
       each != all.end() && each->first.starts_with(range.prefix) && listed.size() < range.limit;
       ++each) {
    if (each->first > range.after) listed.push_back({each->first, each->second});
  }
  return listed;
}

void Records::chill() {
  chilled_ = true;
  warm_.clear();
}

void Records::freeze() {
  ENSURE(frozen_.empty());
  ENSURE(!unsettled_);
  frozen_.swap(current_);
}

void Records::land() {
  for (const auto& [key, value] : frozen_) {
    if (value) {
      stored_.put(key, *value);
    } else {
      stored_.remove(key);
    }
  }
  frozen_.clear();
}

void Records::reset() {
  frozen_.clear();
  current_.clear();
  warm_.clear();
  unsettled_ = false;
}

}  // namespace ticketd::sim
