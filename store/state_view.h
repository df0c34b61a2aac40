// The records that a database holds, as of one moment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "ticket/machine.h"

namespace ticketd::store {

/// Records in the order of their keys, within a range.
class RecordWalk {
 public:
  virtual ~RecordWalk() = default;
  virtual bool more() const = 0;
  /// Require more(). What they give stands as long as the view is not renewed.
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual void next() = 0;
};

/// On one thread. A database that cannot be read is fatal().
class StateView {
 public:
  virtual ~StateView() = default;
  /// What it gives stands until the view is renewed.
  virtual std::optional<std::string_view> get(std::string_view key) const = 0;
  /// `range` must outlive it; its limit is not looked at.
  virtual std::unique_ptr<RecordWalk> walk(const ticket::ListRange& range) const = 0;
  /// From now on it is of the newest state, in that generation.
  virtual void renew(std::uint64_t generation) = 0;
};

}  // namespace ticketd::store
