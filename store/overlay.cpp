#include "store/overlay.h"

#include <utility>

#include "base/check.h"
#include "store/record_walk.h"
#include "ticket/records.h"

namespace ticketd::store {

Overlay::Overlay(std::unique_ptr<StateView> view, std::uint64_t generation, std::size_t cache_bytes)
    : view_(std::move(view)), generation_(generation), cache_(cache_bytes) {}

// --- One record ----------------------------------------------------------------------------------

std::optional<std::string> Overlay::find(std::string_view key) {
  if (const std::optional<std::string>* cached = cache_.find(key)) {
    return *cached;
  }
  if (const std::optional<std::string>* changed = find_change(key)) {
    return *changed;
  }
  return find_stored(key);
}

const std::optional<std::string>* Overlay::find_change(std::string_view key) const {
  if (const auto found = current_.find(key); found != current_.end()) {
    return &found->second;
  }
  if (frozen_ != nullptr) {
    if (const auto found = frozen_->find(key); found != frozen_->end()) {
      return &found->second;
    }
  }
  return nullptr;
}

std::optional<std::string> Overlay::find_stored(std::string_view key) const {
  const std::optional<std::string_view> stored = view_->get(key);
  return stored ? std::optional<std::string>(*stored) : std::nullopt;
}

void Overlay::put(std::string_view key, std::string_view value) {
  ENSURE_LE(value.size(), ticket::kMaxRecordValueBytes);
  change(key, std::string(value));
}

void Overlay::remove(std::string_view key) { change(key, std::nullopt); }

void Overlay::change(std::string_view key, std::optional<std::string> value) {
  ENSURE(!key.empty());
  ENSURE_LE(key.size(), ticket::kMaxRecordKeyBytes);
  unsettled_ = true;
  cache_.keep(key, value);
  if (const auto found = current_.lower_bound(key);
      found != current_.end() && found->first == key) {
    found->second = std::move(value);
  } else {
    current_.emplace_hint(found, std::string(key), std::move(value));
  }
}

// --- Many ----------------------------------------------------------------------------------------

std::vector<ticket::State::Record> Overlay::list(const ticket::ListRange& range) {
  const Changes none;
  std::vector<Record> records;
  const std::unique_ptr<RecordWalk> stored = view_->walk(range);
  ChangesWalk changes(current_, frozen_ != nullptr ? *frozen_ : none, range);
  while (records.size() < range.limit && (stored->more() || changes.change() != nullptr)) {
    const Changes::value_type* change = changes.change();
    if (change == nullptr || (stored->more() && stored->key() < change->first)) {
      records.push_back({std::string(stored->key()), std::string(stored->value())});
      stored->next();
      continue;
    }
    if (stored->more() && stored->key() == change->first) {
      stored->next();
    }
    if (change->second) {
      records.push_back({change->first, *change->second});
    }
    changes.next();
  }
  return records;
}

// --- What is in memory ---------------------------------------------------------------------------

bool Overlay::is_warm(std::string_view key) {
  return cache_.holds(key) || find_change(key) != nullptr;
}

void Overlay::warm(std::string_view key) {
  if (cache_.find(key) == nullptr) {
    const std::optional<std::string>* changed = find_change(key);
    cache_.keep(key, changed != nullptr ? *changed : find_stored(key));
  }
}

void Overlay::let_go() {
  held_ = false;
  trim();
}

void Overlay::trim() {
  if (!held_) {
    cache_.trim();
  }
}

// --- Checkpoints ---------------------------------------------------------------------------------

void Overlay::settle() {
  unsettled_ = false;
  trim();
}

std::shared_ptr<const Changes> Overlay::freeze() {
  ENSURE(!unsettled_);
  ENSURE(frozen_ == nullptr);
  frozen_ = std::make_shared<const Changes>(std::exchange(current_, Changes()));
  return frozen_;
}

void Overlay::landed() {
  frozen_ = nullptr;
  renew();
}

void Overlay::reset(std::uint64_t generation) {
  frozen_ = nullptr;
  current_.clear();
  cache_.clear();
  unsettled_ = false;
  generation_ = generation;
  renew();
}

}  // namespace ticketd::store
