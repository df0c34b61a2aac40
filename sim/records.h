// The records of a simulated replica: in memory, with what changed since the last checkpoint.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ticket/machine.h"

namespace ticketd::sim {

using RecordMap = std::map<std::string, std::string, std::less<>>;
/// None: the record was removed.
using Changes = std::vector<std::pair<std::string, std::optional<std::string>>>;

class Records : public ticket::State {
 public:
  explicit Records(RecordMap stored) : records_(std::move(stored)) {}

  std::optional<std::string> find(std::string_view key) override {
    const auto found = records_.find(key);
    return found == records_.end() ? std::nullopt : std::optional(found->second);
  }
  void put(std::string_view key, std::string_view value) override;
  void remove(std::string_view key) override;
  std::vector<Record> list(const ticket::ListRange& range) override;
  bool is_warm(std::string_view key) override { return !chilled_ || warm_.contains(key); }

  /// From now on records are cold until they are warmed or written.
  void chill();
  void warm(std::string_view key) {
    if (chilled_) warm_.emplace(key);
  }

  /// What changed since the last call.
  Changes take_changes();
  bool changed() const { return !changed_.empty(); }
  /// A snapshot was put in force: nothing of what was there counts any more.
  void replace(RecordMap records);

 private:
  RecordMap records_;
  std::set<std::string, std::less<>> changed_;
  std::set<std::string, std::less<>> warm_;
  bool chilled_ = false;
};

/// Makes the changes in what a disk holds.
void store(const Changes& changes, RecordMap& records);

}  // namespace ticketd::sim
