// Records that have changed and are on their way into the database.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace ticketd::store {

/// Key to value; none: the record was removed. In order, for lists and since neighbours share
/// pages.
using Changes = std::map<std::string, std::optional<std::string>, std::less<>>;

}  // namespace ticketd::store
