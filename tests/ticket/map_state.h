// A ticket state in memory, for tests.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ticket/machine.h"

namespace ticketd::ticket {

class MapState : public State {
 public:
  std::optional<std::string> find(std::string_view key) override {
    const auto found = records.find(key);
    return found == records.end() ? std::nullopt : std::optional(found->second);
  }
  void put(std::string_view key, std::string_view value) override {
    records.insert_or_assign(std::string(key), std::string(value));
  }
  void remove(std::string_view key) override { records.erase(std::string(key)); }
  std::vector<Record> list(const ListRange& range) override {
    std::vector<Record> listed;
    for (auto each = records.lower_bound(range.prefix);
         each != records.end() && each->first.starts_with(range.prefix) &&
         listed.size() < range.limit;
         ++each) {
      if (each->first > range.after) {
        listed.push_back({each->first, each->second});
      }
    }
    return listed;
  }
  bool is_warm(std::string_view key) override { return !cold.contains(key); }

  std::map<std::string, std::string, std::less<>> records;
  std::set<std::string, std::less<>> cold;
};

/// The summary's digest as it follows from the records and the beginning of unknown sequences.
inline std::uint64_t digest_of(const MapState& state, std::uint64_t beginning) {
  std::uint64_t digest = beginning_hash(beginning);
  for (const auto& [key, value] : state.records) {
    digest += record_hash(key, value);
  }
  return digest;
}

}  // namespace ticketd::ticket
