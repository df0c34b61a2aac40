#include "tests/store/memory_file.h"

#include <algorithm>
#include <utility>

namespace ticketd::store::testing {

Status MemoryFile::read(std::uint64_t offset, std::span<char> out) const {
  if (offset > now_.size() || out.size() > now_.size() - offset) {
    return Error{name_ + " ends before"};
  }
  std::copy_n(now_.begin() + static_cast<long>(offset), out.size(), out.begin());
  return {};
}

Status MemoryFile::write(std::uint64_t offset, std::string_view bytes) {
  ++writes_;
  if (write_failure_) {
    return Error{*std::exchange(write_failure_, std::nullopt)};
  }
  if (offset + bytes.size() > now_.size()) {
    ++growths_;
    now_.resize(offset + bytes.size());
  }
  for (std::uint64_t sector = offset / kSectorBytes * kSectorBytes; sector < offset + bytes.size();
       sector += kSectorBytes) {
    unsynced_.emplace(sector, now_.substr(sector, kSectorBytes));
  }
  now_.replace(offset, bytes.size(), bytes);
  return {};
}

Status MemoryFile::sync() {
  ++syncs_;
  if (sync_failure_) {
    return Error{*std::exchange(sync_failure_, std::nullopt)};
  }
  unsynced_.clear();
  return {};
}

void MemoryFile::crash(Random& random) {
  // All kept, all lost, or a mixture.
  const std::uint64_t kept_of_4 = random.below(5);
  for (const auto& [sector, bytes] : unsynced_) {
    if (!random.chance(kept_of_4, 4)) {
      now_.replace(sector, bytes.size(), bytes);
    }
  }
  unsynced_.clear();
}

}  // namespace ticketd::store::testing
