#include "sim/records.h"

#include <algorithm>

#include "ticket/records.h"

namespace ticketd::sim {

namespace {

bool is_listed(std::string_view key) { return ticket::sequence_name(key).has_value(); }

}  // namespace

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

std::vector<std::pair<std::string_view, std::string_view>> RecordStore::sorted() const {
  std::vector<std::pair<std::string_view, std::string_view>> all;
  all.reserve(size());
  for_each([&](std::string_view key, std::string_view value) { all.emplace_back(key, value); });
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace ticketd::sim
