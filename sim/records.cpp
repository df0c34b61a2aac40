#include "sim/records.h"

#include <algorithm>

#include "ticket/records.h"

namespace ticketd::sim {

void Records::put(std::string_view key, std::string_view value) {
  const auto place = records_.find(key);
  if (place != records_.end()) {
    place->second = value;
  } else {
    records_.emplace(key, value);
    if (ticket::sequence_name(key)) sequences_.emplace(key);
  }
  if (!changed_.contains(key)) changed_.emplace(key);
  warm(key);
}

void Records::remove(std::string_view key) {
  const auto place = records_.find(key);
  if (place == records_.end()) return;
  records_.erase(place);
  if (const auto listed = sequences_.find(key); listed != sequences_.end()) sequences_.erase(listed);
  if (!changed_.contains(key)) changed_.emplace(key);
}

std::vector<ticket::State::Record> Records::list(const ticket::ListRange& range) {
  std::vector<Record> listed;
  for (auto key = sequences_.lower_bound(std::max(range.prefix, range.after));
       key != sequences_.end() && key->starts_with(range.prefix) && listed.size() < range.limit;
       ++key) {
    if (*key > range.after) listed.push_back({*key, records_.find(*key)->second});
  }
  return listed;
}

void Records::chill() {
  chilled_ = true;
  warm_.clear();
}

Changes Records::take_changes() {
  Changes changes;
  changes.reserve(changed_.size());
  for (const std::string& key : changed_) changes.emplace_back(key, find(key));
  changed_.clear();
  return changes;
}

void Records::replace(RecordMap records) {
  records_ = std::move(records);
  sequences_.clear();
  for (const auto& [key, value] : records_) {
    if (ticket::sequence_name(key)) sequences_.emplace(key);
  }
  changed_.clear();
  warm_.clear();
}

void store(const Changes& changes, RecordMap& records) {
  for (const auto& [key, value] : changes) {
    if (value) {
      records.insert_or_assign(key, *value);
    } else {
      records.erase(key);
    }
  }
}

}  // namespace ticketd::sim
