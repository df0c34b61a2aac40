// What a power cut does to the files of a process that ran with the shim (shim/disk.h) and is dead.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/random.h"
#include "base/result.h"

namespace ticketd::jepsen {

struct Lost {
  /// Of 512 bytes, taken back to what they held before some write, and those that could have been.
  std::uint64_t sectors = 0, sectors_at_risk = 0;
  /// Files that have another size now.
  std::uint64_t sizes = 0;
  /// Created, renamed or removed names that are as before, and those that could have been.
  std::uint64_t names = 0, names_at_risk = 0;

  bool operator==(const Lost&) const = default;
};

/// "3 of 8 sectors, 0 sizes, 1 of 1 names"
std::string describe(const Lost& lost);

/// Takes away a part of what was written since the last sync: of each sector, independently, any of
/// the contents that it had since; of each file any size; of the names the changes from some point
/// on, in the order in which they were made. How much is drawn first: everything, nothing, or
/// anything between. Then what is left is what the disk holds, and the shim begins anew. Requires
/// that no process uses the files.
Result<Lost> cut_power(const std::filesystem::path& shim, const std::filesystem::path& data,
                       Random& random);

/// Has the shim forget what was not synced, when the data directory was destroyed.
void forget_unsynced(const std::filesystem::path& shim);

}  // namespace ticketd::jepsen
