// The records of a simulated replica: those on its disk, and over them what has changed since.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/hash.h"
#include "ticket/machine.h"

namespace ticketd::sim {

struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return hash64(key); }
};
template <class Value>
using KeyMap = std::unordered_map<std::string, Value, KeyHash, std::equal_to<>>;
using KeySet = std::unordered_set<std::string, KeyHash, std::equal_to<>>;

/// Records as a disk holds them.
class RecordStore {
 public:
  /// Nullptr: there is none.
  const std::string* find(std::string_view key) const;
  void put(std::string_view key, std::string_view value);
  void remove(std::string_view key);
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

class Records : public ticket::State {
 public:
  /// `stored` outlives this, and changes by land() alone.
  explicit Records(RecordStore& stored) : stored_(stored) {}

  std::optional<std::string> find(std::string_view key) override;
  void put(std::string_view key, std::string_view value) override;
  void remove(std::string_view key) override;
  std::vector<Record> list(const ticket::ListRange& range) override;
  bool is_warm(std::string_view key) override { return !chilled_ || warm_.contains(key); }

  /// From now on records are cold until they are warmed or written.
  void chill();
  void warm(std::string_view key) {
    if (chilled_) warm_.emplace(key);
  }

  bool changed() const { return !current_.empty(); }
  /// Were there changes since the machine last said where it stands?
  bool unsettled() const { return unsettled_; }
  void settle() { unsettled_ = false; }
  /// What changed up to now goes into the next checkpoint, which is on its way until land().
  void freeze();
  void land();
  /// Something else stands on the disk now, and nothing over it.
  void reset();

 private:
  /// None: it was removed.
  using Changes = KeyMap<std::optional<std::string>>;

  void change(std::string_view key, std::optional<std::string> value);

  RecordStore& stored_;
  Changes frozen_;
  Changes current_;
  KeySet warm_;
  bool chilled_ = false;
  bool unsettled_ = false;
};

}  // namespace ticketd::sim
