#include "store/record_cache.h"

#include <utility>

namespace ticketd::store {

bool RecordCache::holds(std::string_view key) const {
  return recent_.map.contains(key) || older_.map.contains(key);
}

RecordCache::Map::iterator RecordCache::find_recent(std::string_view key) {
  if (const auto found = recent_.map.find(key); found != recent_.map.end()) {
    return found;
  }
  const auto found = older_.map.find(key);
  if (found == older_.map.end()) {
    return recent_.map.end();
  }
  const std::size_t bytes = bytes_of(found->first, found->second);
  older_.bytes -= bytes;
  recent_.bytes += bytes;
  return recent_.map.insert(older_.map.extract(found)).position;
}

const std::optional<std::string>* RecordCache::find(std::string_view key) {
  const auto found = find_recent(key);
  return found == recent_.map.end() ? nullptr : &found->second;
}

void RecordCache::keep(std::string_view key, std::optional<std::string> value) {
  recent_.bytes += bytes_of(key, value);
  if (const auto found = find_recent(key); found != recent_.map.end()) {
    recent_.bytes -= bytes_of(found->first, found->second);
    found->second = std::move(value);
  } else {
    recent_.map.emplace(std::string(key), std::move(value));
  }
}

void RecordCache::trim() {
  if (recent_.bytes > bytes_max_ / 2) {
    older_ = std::exchange(recent_, Generation());
  }
}

void RecordCache::clear() {
  recent_ = Generation();
  older_ = Generation();
}

}  // namespace ticketd::store
