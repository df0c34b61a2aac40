// The records of a simulated replica: in memory, with what changed since the last checkpoint.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "ticket/machine.h"

namespace ticketd::sim {

struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return hash64(key); }
};
using RecordMap = std::unordered_map<std::string, std::string, KeyHash, std::equal_to<>>;
using KeySet = std::unordered_set<std::string, KeyHash, std::equal_to<>>;
/// None: the record was removed.
using Changes = std::vector<std::pair<std::string, std::optional<std::string>>>;

class Records : public ticket::State {
 public:
  explicit Records(RecordMap stored) { replace(std::move(stored)); }

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
  std::set<std::string, std::less<>> sequences_;  // the keys of sequences, which are listed
  KeySet changed_;
  KeySet warm_;
  bool chilled_ = false;
};

/// Makes the changes in what a disk holds.
void store(const Changes& changes, RecordMap& records);

}  // namespace ticketd::sim
