// Records in the order of their keys, within a range.
#pragma once

#include <string_view>

#include "store/changes.h"
#include "store/database.h"
#include "store/state_view.h"
#include "ticket/machine.h"

namespace ticketd::store {

/// What a table holds. Throws DatabaseError when it is made, later it is fatal(). `range` must
/// outlive it; its limit is not looked at.
class StoredWalk final : public RecordWalk {
 public:
  StoredWalk(const Transaction& transaction, Table table, const ticket::ListRange& range);

  bool more() const override { return more_; }
  std::string_view key() const override { return cursor_.key(); }
  std::string_view value() const override { return cursor_.value(); }
  void next() override;

 private:
  bool in_range() const { return cursor_.key().starts_with(range_.prefix); }

  const ticket::ListRange& range_;
  Cursor cursor_;
  bool more_ = false;
};

/// Two sets of changes as one; where both have a key, the newer one's is seen.
class ChangesWalk {
 public:
  ChangesWalk(const Changes& newer, const Changes& older, const ticket::ListRange& range);

  /// Null at the end.
  const Changes::value_type* change() const;
  /// Requires a change().
  void next();

 private:
  /// Null at its end.
  const Changes::value_type* at(const Changes& set, Changes::const_iterator position) const;

  const ticket::ListRange& range_;
  const Changes& newer_;
  const Changes& older_;
  Changes::const_iterator in_newer_;
  Changes::const_iterator in_older_;
};

}  // namespace ticketd::store
