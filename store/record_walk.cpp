#include "store/record_walk.h"

#include <algorithm>

#include "store/durable.h"
#include "ticket/records.h"

namespace ticketd::store {
namespace {

Changes::const_iterator first_in(const Changes& changes, const ticket::ListRange& range) {
  return range.after < range.prefix ? changes.lower_bound(range.prefix)
                                    : changes.upper_bound(range.after);
}

}  // namespace

StoredWalk::StoredWalk(const Transaction& transaction, Table table, const ticket::ListRange& range)
    : range_(range), cursor_(transaction, table) {
  // LMDB takes neither an empty key nor a long one; what is left out of it is compared below.
  const std::string_view start =
      std::string_view(std::max(range.prefix, range.after)).substr(0, ticket::kMaxRecordKeyBytes);
  more_ = start.empty() ? cursor_.first() : cursor_.seek(start);
  while (more_ && key() <= range.after) {
    more_ = cursor_.next();
  }
  more_ = more_ && in_range();
}

void StoredWalk::next() {
  try {
    more_ = cursor_.next() && in_range();
  } catch (const DatabaseError& error) {
    fatal(error.what());
  }
}

ChangesWalk::ChangesWalk(const Changes& newer, const Changes& older, const ticket::ListRange& range)
    : range_(range),
      newer_(newer),
      older_(older),
      in_newer_(first_in(newer, range)),
      in_older_(first_in(older, range)) {}

const Changes::value_type* ChangesWalk::at(const Changes& set,
                                           Changes::const_iterator position) const {
  return position != set.end() && position->first.starts_with(range_.prefix) ? &*position : nullptr;
}

const Changes::value_type* ChangesWalk::change() const {
  const Changes::value_type* newer = at(newer_, in_newer_);
  const Changes::value_type* older = at(older_, in_older_);
  if (newer == nullptr || older == nullptr) {
    return newer != nullptr ? newer : older;
  }
  return older->first < newer->first ? older : newer;
}

void ChangesWalk::next() {
  const std::string& key = change()->first;
  const Changes::value_type* newer = at(newer_, in_newer_);
  const Changes::value_type* older = at(older_, in_older_);
  if (newer != nullptr && newer->first == key) {
    ++in_newer_;
  }
  if (older != nullptr && older->first == key) {
    ++in_older_;
  }
}

}  // namespace ticketd::store
