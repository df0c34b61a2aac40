#include "sim/records.h"

namespace ticketd::sim {

void Records::put(std::string_view key, std::string_view value) {
  auto place = records_.lower_bound(key);
  if (place != records_.end() && place->first == key) {
    place->second = value;
  } else {
    records_.emplace_hint(place, key, value);
  }
  if (!changed_.contains(key)) changed_.emplace(key);
  warm(key);
}

void Records::remove(std::string_view key) {
  const auto place = records_.find(key);
  if (place == records_.end()) return;
  records_.erase(place);
  if (!changed_.contains(key)) changed_.emplace(key);
}

std::vector<ticket::State::Record> Records::list(const ticket::ListRange& range) {
  std::vector<Record> listed;
  for (auto each = records_.lower_bound(std::max(range.prefix, range.after));
       each != records_.end() && each->first.starts_with(range.prefix) &&
       listed.size() < range.limit;
       ++each) {
    if (each->first > range.after) listed.push_back({each->first, each->second});
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
