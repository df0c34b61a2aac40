#include "sim/file.h"

#include <algorithm>

#include "base/check.h"

namespace ticketd::sim {

std::uint64_t SimulatedFile::size() const {
  std::uint64_t size = durable_.size();
  for (std::size_t i = 0; i < unsynced_count_; ++i) {
    size = std::max<std::uint64_t>(size, unsynced_[i].offset + unsynced_[i].bytes.size());
  }
  return size;
}

Status SimulatedFile::read(std::uint64_t offset, std::span<char> out) const {
  const std::uint64_t end = offset + out.size();
  if (end > size()) return Error{name_ + " ends before byte " + std::to_string(end)};
  std::size_t copied = 0;
  if (offset < durable_.size()) copied = durable_.copy(out.data(), out.size(), offset);
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(copied), out.end(), '\0');
  for (std::size_t i = 0; i < unsynced_count_; ++i) {
    const Unsynced& write = unsynced_[i];
    const std::uint64_t from = std::max(offset, write.offset);
    const std::uint64_t to = std::min<std::uint64_t>(end, write.offset + write.bytes.size());
    if (from < to) write.bytes.copy(&out[from - offset], to - from, from - write.offset);
  }
  return {};
}

Status SimulatedFile::write(std::uint64_t offset, std::string_view bytes) {
  if (unsynced_count_ == unsynced_.size()) unsynced_.emplace_back();
  Unsynced& write = unsynced_[unsynced_count_++];
  ++writes_;
  write.offset = offset;
  write.bytes = bytes;
  return {};
}

void SimulatedFile::apply(std::uint64_t offset, std::string_view bytes) {
  if (offset + bytes.size() > durable_.size()) durable_.resize(offset + bytes.size());
  durable_.replace(offset, bytes.size(), bytes);
}

Status SimulatedFile::sync() {
  if (!powered_) return {};
  for (std::size_t i = 0; i < unsynced_count_; ++i) {
    apply(unsynced_[i].offset, unsynced_[i].bytes);
  }
  unsynced_count_ = 0;
  return {};
}

SimulatedFile::Crash SimulatedFile::crash(Random& random) {
  Crash crash;
  for (std::size_t i = 0; i < unsynced_count_; ++i) {
    const std::uint64_t begin = unsynced_[i].offset;
    const std::string_view bytes = unsynced_[i].bytes;
    durable_.resize(std::max<std::size_t>(durable_.size(), begin + bytes.size()));
    const std::string before = durable_.substr(begin, bytes.size());
    const std::uint64_t kept_of_4 = random.below(5);
    for (std::uint64_t at = 0; at < bytes.size();) {
      const std::uint64_t next = std::min<std::uint64_t>(
          bytes.size(), ((begin + at) / kSectorBytes + 1) * kSectorBytes - begin);
      if (random.chance(kept_of_4, 4)) apply(begin + at, bytes.substr(at, next - at));
      at = next;
    }
    const std::string_view now = std::string_view(durable_).substr(begin, bytes.size());
    ++(now == bytes ? crash.kept : now == before ? crash.lost : crash.torn);
  }
  unsynced_count_ = 0;
  powered_ = true;
  return crash;
}

void SimulatedFile::flip_bit(std::uint64_t offset, unsigned bit) {
  ENSURE_LT(offset, durable_.size());
  durable_[offset] = static_cast<char>(durable_[offset] ^ (1 << bit));
}

}  // namespace ticketd::sim
