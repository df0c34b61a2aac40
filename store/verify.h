// Verifies a database before it is used.
#pragma once

#include <string>

#include "base/result.h"

namespace ticketd::store {

/// Checks pages, single values, the log's chain and the state's digest of a database file that
/// nobody writes. Runs in a process of its own: should LMDB crash on the damage, that process dies
/// and its death is the error. Blocks.
Status verify_database(const std::string& path);

/// Is there the schema of a ticketd in it, of whatever version? Verifies nothing else. In a process
/// of its own too, where the database may be damaged or anybody's.
bool holds_our_schema(const std::string& path);

/// `what`, and what the operator is to do about it.
Error damage_error(const std::string& what);

}  // namespace ticketd::store
