#include "jepsen/power_cut.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "jepsen/descriptor.h"
#include "jepsen/shim/undo_format.h"

namespace ticketd::jepsen {

namespace {

namespace fs = std::filesystem;
using shim::kSectorBytes;
using shim::UndoKind;
using Sector = std::array<char, kSectorBytes>;

/// A value that something had, until the record of that sequence changed it.
template <class Value>
struct Former {
  std::uint64_t until;
  Value value;
  /// A sync of that change failed: another one does not settle it.
  bool stuck = false;
};

struct Record : shim::UndoRecord {
  std::string payload;
};

std::vector<Record> read_log(const fs::path& path) {
  std::vector<Record> records;
  std::ifstream file(path, std::ios::binary);
  std::array<std::uint64_t, sizeof(shim::UndoHeader) / 8> header = {};
  static_assert(sizeof header == sizeof(shim::UndoHeader));
  file.read(reinterpret_cast<char*>(header.data()), sizeof header);
  for (std::uint64_t at = sizeof header; file && at < header[0];) {
    Record record = {};
    file.read(reinterpret_cast<char*>(static_cast<shim::UndoRecord*>(&record)),
              sizeof(shim::UndoRecord));
    record.payload.resize(record.payload_bytes);
    file.read(record.payload.data(), static_cast<std::streamsize>(record.payload.size()));
    at += sizeof(shim::UndoRecord) + shim::padded(record.payload_bytes);
    file.seekg(static_cast<std::streamoff>(at));
    records.push_back(std::move(record));
  }
  return records;
}

/// What of one file could be as it was before.
struct AtRisk {
  std::map<std::uint64_t, std::vector<Former<Sector>>> sectors;
  std::vector<Former<std::uint64_t>> sizes;
};

void add_write(AtRisk& risk, const Record& record) {
  for (std::uint64_t at = 0; at < record.length; at += kSectorBytes) {
    Former<Sector> former = {record.sequence, {}, false};
    if (at < record.payload.size()) record.payload.copy(former.value.data(), kSectorBytes, at);
    risk.sectors[(record.offset + at) / kSectorBytes].push_back(former);
  }
  risk.sizes.push_back({record.sequence, record.old_size, false});
}

/// What is durable is so with all that came before it.
template <class Value>
void settle(std::vector<Former<Value>>& formers, std::uint64_t sequence) {
  const auto last = std::find_if(formers.rbegin(), formers.rend(), [&](const auto& former) {
    return former.until < sequence && !former.stuck;
  });
  formers.erase(formers.begin(), last.base());
}

void settle(AtRisk& risk, std::uint64_t sequence) {
  for (auto& [number, formers] : risk.sectors) settle(formers, sequence);
  std::erase_if(risk.sectors, [](const auto& sector) { return sector.second.empty(); });
  settle(risk.sizes, sequence);
}

void stick(AtRisk& risk) {
  const auto stick_all = [](auto& formers) {
    for (auto& former : formers) former.stuck = true;
  };
  for (auto& [number, formers] : risk.sectors) stick_all(formers);
  stick_all(risk.sizes);
}

AtRisk at_risk(const std::vector<Record>& log) {
  AtRisk risk;
  for (const Record& record : log) {
    if (record.kind == UndoKind::kWritten) add_write(risk, record);
    if (record.kind == UndoKind::kSynced) settle(risk, record.offset);
    if (record.kind == UndoKind::kSyncFailed) stick(risk);
    if (record.kind != UndoKind::kMadeDurable) continue;
    const std::uint64_t first = record.offset / kSectorBytes;
    risk.sectors.erase(risk.sectors.lower_bound(first),
                       risk.sectors.lower_bound(first + record.length / kSectorBytes));
    risk.sizes.clear();
  }
  return risk;
}

/// How likely each thing is to be lost, in 64ths.
std::uint64_t draw_chance(Random& random) {
  constexpr std::array<std::uint64_t, 5> kChances = {64, 32, 8, 1, 0};
  return kChances[static_cast<std::size_t>(random.below(kChances.size()))];
}

template <class Value>
const Value* draw_former(const std::vector<Former<Value>>& formers, std::uint64_t chance,
                         Random& random) {
  if (formers.empty() || !random.chance(chance, 64)) return nullptr;
  // All that can be lost: then as long ago as possible.
  const std::uint64_t which = chance == 64 ? 0 : random.below(formers.size());
  return &formers[static_cast<std::size_t>(which)].value;
}

Status undo_content(const fs::path& path, const AtRisk& risk, Random& random, Lost& lost) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat status = {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return Error{"cannot open " + path.string() + ": " + std::strerror(errno)};
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t chance = draw_chance(random);
  const std::uint64_t* const former_size = draw_former(risk.sizes, chance, random);
  const std::uint64_t new_size = former_size != nullptr ? *former_size : size;
  if (new_size != size) ++lost.sizes;
  bool good = ::ftruncate(file.get(), static_cast<off_t>(new_size)) == 0;
  for (const auto& [number, formers] : risk.sectors) {
    ++lost.sectors_at_risk;
    const Sector* const former = draw_former(formers, chance, random);
    const std::uint64_t at = number * kSectorBytes;
    if (former == nullptr || at >= new_size) continue;
    ++lost.sectors;
    const std::size_t bytes = std::min(kSectorBytes, new_size - at);
    good = good && ::pwrite(file.get(), former->data(), bytes, static_cast<off_t>(at)) ==
                       static_cast<ssize_t>(bytes);
  }
  if (good) return {};
  return Error{"cannot write " + path.string() + ": " + std::strerror(errno)};
}

/// 0 when there is none.
std::uint64_t inode_of(const fs::path& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

/// The file of that inode, under its name or kept after it lost it.
std::optional<fs::path> find_inode(const fs::path& shim, const fs::path& data,
                                   std::uint64_t inode) {
  for (const fs::path& directory : {data, shim}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      if (inode_of(entry.path()) == inode) return entry.path();
    }
  }
  return std::nullopt;
}

Status undo_contents(const fs::path& shim, const fs::path& data, Random& random, Lost& lost) {
  // In an order that does not depend on the file system, as far as inodes do not.
  std::map<std::uint64_t, fs::path> logs;
  for (const auto& entry : fs::directory_iterator(shim)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(shim::kUndoSuffix) && name != shim::kNamesLog) {
      logs.emplace(std::stoull(name), entry.path());
    }
  }
  for (const auto& [inode, log] : logs) {
    const AtRisk risk = at_risk(read_log(log));
    const auto path = find_inode(shim, data, inode);
    if (!path || (risk.sectors.empty() && risk.sizes.empty())) continue;
    if (Status done = undo_content(*path, risk, random, lost); !done.ok()) return done;
  }
  return {};
}

/// As if the change had never been made. It may not have been: the process may have died before.
void undo_name(const fs::path& shim, const fs::path& data, const Record& record) {
  const fs::path name = data / record.payload.c_str();
  const fs::path kept = shim / (shim::kRemovedPrefix + std::to_string(record.sequence));
  std::error_code ignored;
  if (record.kind == UndoKind::kCreated) {
    if (inode_of(name) == record.offset) fs::remove(name, ignored);
  } else if (record.kind == UndoKind::kRemoved) {
    fs::create_hard_link(kept, name, ignored);  // it is there still: then it fails
  } else if (record.kind == UndoKind::kRenamed) {
    const fs::path other = data / (record.payload.c_str() + name.filename().string().size() + 1);
    if (inode_of(other) != record.offset) return;
    fs::rename(other, name, ignored);
    if (record.length == 1) fs::create_hard_link(kept, other, ignored);
  }
}

void undo_names(const fs::path& shim, const fs::path& data, Random& random, Lost& lost) {
  std::vector<Record> changes;
  for (Record& record : read_log(shim / shim::kNamesLog)) {
    if (record.kind == UndoKind::kSynced) {
      std::erase_if(changes, [&](const Record& each) { return each.sequence < record.offset; });
    } else {
      changes.push_back(std::move(record));
    }
  }
  lost.names_at_risk = changes.size();
  const std::uint64_t chance = draw_chance(random);
  if (chance == 64) {
    lost.names = changes.size();
  } else if (chance > 0) {
    lost.names = random.below(changes.size() + 1);
  }
  for (std::uint64_t done = 0; done < lost.names; ++done) {
    undo_name(shim, data, changes[changes.size() - 1 - static_cast<std::size_t>(done)]);
  }
}

}  // namespace

std::string describe(const Lost& lost) {
  return std::to_string(lost.sectors) + " of " + std::to_string(lost.sectors_at_risk) +
         " sectors, " + std::to_string(lost.sizes) + " sizes, " + std::to_string(lost.names) +
         " of " + std::to_string(lost.names_at_risk) + " names";
}

Result<Lost> cut_power(const fs::path& shim, const fs::path& data, Random& random) {
  Lost lost;
  if (Status done = undo_contents(shim, data, random, lost); !done.ok()) return done.error();
  undo_names(shim, data, random, lost);
  forget_unsynced(shim);
  return lost;
}

void forget_unsynced(const fs::path& shim) {
  std::vector<fs::path> gone;
  for (const auto& entry : fs::directory_iterator(shim)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(shim::kUndoSuffix) || name.starts_with(shim::kRemovedPrefix)) {
      gone.push_back(entry.path());
    }
  }
  for (const fs::path& path : gone) fs::remove(path);
}

}  // namespace ticketd::jepsen
