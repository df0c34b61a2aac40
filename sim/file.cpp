#include "sim/file.h"

#include <algorithm>

#include "base/check.h"

namespace ticketd::sim {

namespace {

/// Where the last sector begins, from `begin` in the file on, that `bytes` change.
std::uint64_t last_change(std::uint64_t begin, std::string_view before, std::string_view bytes) {
  std::uint64_t last = bytes.size();
  while (last > 0 && before[last - 1] == bytes[last - 1]) --last;
  if (last == 0) return 0;
  const std::uint64_t sector = SimulatedFile::kSectorBytes;
  return std::max(begin, (begin + last - 1) / sector * sector) - begin;
}

}  // namespace

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
  if (failing_ == Failing::kWrite) {
    failing_ = Failing::kNothing;
    return Error{"write " + name_ + ": Input/output error"};
  }
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
  if (failing_ == Failing::kSync) {
    failing_ = Failing::kNothing;
    return Error{"sync " + name_ + ": Input/output error"};
  }
  if (!powered_) return {};
  for (std::size_t i = 0; i < unsynced_count_; ++i) {
    apply(unsynced_[i].offset, unsynced_[i].bytes);
  }
  unsynced_count_ = 0;
  return {};
}

SimulatedFile::Crash SimulatedFile::crash(Random& random, Fate fate) {
  Crash crash;
  for (std::size_t i = 0; i < unsynced_count_; ++i) {
    const std::uint64_t begin = unsynced_[i].offset;
    const std::string_view bytes = unsynced_[i].bytes;
    durable_.resize(std::max<std::size_t>(durable_.size(), begin + bytes.size()));
    const std::string before = durable_.substr(begin, bytes.size());
    const std::uint64_t kept_of_4 = fate == Fate::kDrawn ? random.below(5) : 0;
    const std::uint64_t torn_at = fate == Fate::kTorn ? last_change(begin, before, bytes) : 0;
    for (std::uint64_t at = 0; at < bytes.size();) {
      const std::uint64_t next = std::min<std::uint64_t>(
          bytes.size(), ((begin + at) / kSectorBytes + 1) * kSectorBytes - begin);
      const bool kept = fate == Fate::kDrawn ? random.chance(kept_of_4, 4) : at < torn_at;
      if (kept) apply(begin + at, bytes.substr(at, next - at));
      at = next;
    }
    const std::string_view now = std::string_view(durable_).substr(begin, bytes.size());
    ++(now == bytes ? crash.kept : now == before ? crash.lost : crash.torn);
  }
  unsynced_count_ = 0;
  powered_ = true;
  failing_ = Failing::kNothing;
  return crash;
}

void SimulatedFile::flip_bit(std::uint64_t offset, unsigned bit) {
  ENSURE_LT(offset, durable_.size());
  durable_[offset] = static_cast<char>(durable_[offset] ^ (1 << bit));
}

}  // namespace ticketd::sim
