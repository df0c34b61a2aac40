// The sequences as the machine sees them: the newest changes over what LMDB holds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/database.h"
#include "store/schema.h"
#include "ticket/machine.h"

namespace ticketd::store {

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const {
    return std::hash<std::string_view>{}(name);
  }
};

/// Sequence to last number.
using Changes = std::unordered_map<std::string, std::uint64_t, NameHash, std::equal_to<>>;

/// Changes go to a current set. A checkpoint freezes it: it stays readable until that checkpoint
/// has landed and the view of LMDB below is renewed, and new changes go to a new set. On the loop.
class Overlay : public ticket::State {
 public:
  Overlay(const Environment& environment, const Tables& tables, std::uint64_t generation);

  std::optional<std::uint64_t> find(std::string_view sequence) override;
  void put(std::string_view sequence, std::uint64_t last) override;

  /// Were there changes since the machine last said where it stands?
  bool unsettled() const { return unsettled_; }
  /// The changes so far are those of a whole number of entries.
  void settle() { unsettled_ = false; }
  std::size_t changes() const { return current_.size(); }

  /// Requires settled changes and no frozen set.
  std::shared_ptr<const Changes> freeze();
  /// The frozen set is in LMDB.
  void landed();
  /// Looks at LMDB's newest state, so that what older ones alone hold can be used again.
  void renew() { view_.renew(); }
  /// Everything is in LMDB, in that generation.
  void reset(std::uint64_t generation);

 private:
  std::optional<std::uint64_t> find_stored(std::string_view sequence) const;

  ReadTransaction view_;
  const Tables tables_;
  std::uint64_t generation_;
  Changes current_;
  std::shared_ptr<const Changes> frozen_;
  bool unsettled_ = false;
};

}  // namespace ticketd::store
