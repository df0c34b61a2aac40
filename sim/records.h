// The records on a simulated disk.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"

namespace ticketd::sim {

struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return hash64(key); }
};
template <class Value>
using KeyMap = std::unordered_map<std::string, Value, KeyHash, std::equal_to<>>;

class RecordStore {
 public:
  /// Nullptr: there is none.
  const std::string* find(std::string_view key) const;
  void put(std::string_view key, std::string_view value);
  void remove(std::string_view key);
  std::size_t size() const { return sequences_.size() + others_.size(); }
  /// All, keys ascending. Views stand until the next change.
  std::vector<std::pair<std::string_view, std::string_view>> sorted() const;
  /// In no order of meaning.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [key, value] : sequences_) visit(key, value);
    for (const auto& [key, value] : others_) visit(key, value);
  }
  using Sequences = std::map<std::string, std::string, std::less<>>;
  /// Those that are listed.
  const Sequences& sequences() const { return sequences_; }

 private:
  Sequences sequences_;
  KeyMap<std::string> others_;
};

}  // namespace ticketd::sim
