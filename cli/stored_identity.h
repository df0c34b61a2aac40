// Whose a data directory is.
#pragma once

#include <string>

#include "base/result.h"
#include "store/disk.h"

namespace ticketd::cli {

/// What the directory says, also while its node runs: it is only read. An error that names the
/// directory when there is no identity in it, or none that can be read.
Result<store::Identity> read_identity(const std::string& path);

}  // namespace ticketd::cli
