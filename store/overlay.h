// The records as the machine sees them: the newest changes over what LMDB holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/changes.h"
#include "store/record_cache.h"
#include "store/state_view.h"
#include "ticket/machine.h"

namespace ticketd::store {

/// Changes go to a current set. A checkpoint freezes it: it stays readable until that checkpoint
/// has landed and the view of LMDB below is renewed, and new changes go to a new set. Beside them a
/// cache holds what was used last, each as the newest set (or LMDB, when none has it) has it: so it
/// is asked first, and may lose anything at any time. On the loop.
class Overlay : public ticket::State {
 public:
  /// Of the cache, about.
  static constexpr std::size_t kCacheBytes = 32 << 20;

  /// `view` is of that generation.
  Overlay(std::unique_ptr<StateView> view, std::uint64_t generation,
          std::size_t cache_bytes = kCacheBytes);

  std::optional<std::string> find(std::string_view key) override;
  void put(std::string_view key, std::string_view value) override;
  void remove(std::string_view key) override;
  std::vector<Record> list(const ticket::ListRange& range) override;
  bool is_warm(std::string_view key) override;

  /// Reads the record, also that there is none, into the cache. Between hold() and let_go() nothing
  /// is dropped from there.
  void warm(std::string_view key);
  void hold() { held_ = true; }
  void let_go();

  /// Were there changes since the machine last said where it stands?
  bool unsettled() const { return unsettled_; }
  /// The changes so far are those of a whole number of entries.
  void settle();
  std::size_t changes() const { return current_.size(); }
  std::uint64_t generation() const { return generation_; }
  std::size_t cached_bytes() const { return cache_.bytes(); }

  /// Requires settled changes and no frozen set.
  std::shared_ptr<const Changes> freeze();
  /// The frozen set is in LMDB.
  void landed();
  /// Looks at LMDB's newest state, so that what older ones alone hold can be used again.
  void renew() { view_->renew(generation_); }
  /// Everything is in LMDB, in that generation.
  void reset(std::uint64_t generation);

 private:
  void change(std::string_view key, std::optional<std::string> value);
  /// None: neither set has it.
  const std::optional<std::string>* find_change(std::string_view key) const;
  std::optional<std::string> find_stored(std::string_view key) const;
  void trim();

  const std::unique_ptr<StateView> view_;
  std::uint64_t generation_;
  Changes current_;
  std::shared_ptr<const Changes> frozen_;
  RecordCache cache_;
  bool held_ = false;
  bool unsettled_ = false;
};

}  // namespace ticketd::store
