// Looks at every page of LMDB's file without LMDB, which trusts what it reads and would crash on,
// or quietly overwrite, what a damaged page leads it to.
#pragma once

#include <string>

#include "base/result.h"

namespace ticketd::store {

/// Checks the structure of a database file that nobody writes: both metas, every page that a tree
/// reaches (in the file, of the right kind, reached once, its records inside it and in order, its
/// tables' counts right) and the list of free pages (none twice, none in use). The format is that
/// of LMDB 0.9 (MDB_DATA_VERSION 1) on a little-endian machine with 64 bits. Error: what is
/// damaged, to follow "the database ... is damaged: ".
Status verify_pages(const std::string& path);

}  // namespace ticketd::store
