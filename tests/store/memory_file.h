// A file that forgets: what was not synced is lost, torn or kept, a sector at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/random.h"
#include "store/file.h"

namespace ticketd::store::testing {

class MemoryFile : public BlockFile {
 public:
  static constexpr std::uint64_t kSectorBytes = 512;

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return now_.size(); }
  Status read(std::uint64_t offset, std::span<char> out) const override;
  Status write(std::uint64_t offset, std::string_view bytes) override;
  Status sync() override;

  /// The power fails: each sector written since the last sync is lost or kept, by chance.
  void crash(Random& random);
  /// The next call of that kind fails. A failed sync leaves what was unsynced as it is: unsynced.
  void fail_next_write(const std::string& why) { write_failure_ = why; }
  void fail_next_sync(const std::string& why) { sync_failure_ = why; }

  std::string& bytes() { return now_; }
  std::uint64_t writes() const { return writes_; }
  std::uint64_t syncs() const { return syncs_; }
  /// Bytes written past the end: a flush then has metadata to write as well.
  std::uint64_t growths() const { return growths_; }

 private:
  std::string name_ = "memory/journal";
  std::string now_;
  /// Sectors as they were at the last sync.
  std::map<std::uint64_t, std::string> unsynced_;
  std::optional<std::string> write_failure_;
  std::optional<std::string> sync_failure_;
  std::uint64_t writes_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t growths_ = 0;
};

}  // namespace ticketd::store::testing
