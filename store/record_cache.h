// The records that were used last, so that finding them waits for no disk.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ticketd::store {

/// Two generations of records: what is used goes to the recent one, and when that has half of the
/// bytes that are allowed, the older one is dropped and it takes its place. So what was used since
/// is kept, and each step costs O(1). On one thread.
class RecordCache {
 public:
  /// What a record takes beside its key and its value, about: a node, two strings, a bucket.
  static constexpr std::size_t kRecordBytes = 128;

  explicit RecordCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  bool holds(std::string_view key) const;
  /// Null: it is not held. Null within: it is known that there is no such record. Valid until the
  /// next call.
  const std::optional<std::string>* find(std::string_view key);
  /// In place of what was held under that key.
  void keep(std::string_view key, std::optional<std::string> value);
  /// Drops what was used longest ago, if there is too much: nothing else does.
  void trim();
  void clear();
  /// At most `bytes_max`, and what was kept between two trims.
  std::size_t bytes() const { return recent_.bytes + older_.bytes; }

 private:
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
  };
  using Map = std::unordered_map<std::string, std::optional<std::string>, KeyHash, std::equal_to<>>;
  struct Generation {
    Map map;
    std::size_t bytes = 0;
  };

  static std::size_t bytes_of(std::string_view key, const std::optional<std::string>& value) {
    return kRecordBytes + key.size() + (value ? value->size() : 0);
  }
  /// The place in the recent generation, if it is in one of the two.
  Map::iterator find_recent(std::string_view key);

  const std::size_t bytes_max_;
  Generation recent_;
  Generation older_;  // no key is in both
};

}  // namespace ticketd::store
