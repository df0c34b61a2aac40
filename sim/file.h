// A file on a simulated disk: what was not synced when the power failed is there, lost or torn.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "store/file.h"

namespace ticketd::sim {

/// What a crash leaves of what is being written: drawn, or as a scenario wants it.
enum class Fate : std::uint8_t { kDrawn, kKept, kLost, kTorn };

class SimulatedFile final : public store::BlockFile {
 public:
  /// What a disk writes as a whole or not at all.
  static constexpr std::uint64_t kSectorBytes = 512;

  /// What became of the writes that were not synced. Torn: neither the old bytes nor the new.
  struct Crash {
    std::uint64_t kept = 0, lost = 0, torn = 0;
  };

  explicit SimulatedFile(std::string name) : name_(std::move(name)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override;
  Status read(std::uint64_t offset, std::span<char> out) const override;
  Status write(std::uint64_t offset, std::string_view bytes) override;
  /// Does nothing once the power has failed.
  Status sync() override;

  std::uint64_t writes() const { return writes_; }

  /// From now on nothing becomes durable, until crash().
  void lose_power() { powered_ = false; }
  /// The next call of that kind fails, and changes nothing.
  enum class Failing : std::uint8_t { kNothing, kWrite, kSync };
  void fail(Failing next) { failing_ = next; }
  bool is_to_fail() const { return failing_ != Failing::kNothing; }
  /// The program is gone. Of what it wrote and did not sync each write is there, lost, or there in
  /// some of its sectors, whatever became of those before it. kTorn: all there but the last sector
  /// that it changes. kKept and kLost: gone.
  Crash crash(Random& random, Fate fate = Fate::kDrawn);
  /// Of what is durable. Requires bit < 8.
  void flip_bit(std::uint64_t offset, unsigned bit);

 private:
  struct Unsynced {
    std::uint64_t offset = 0;
    std::string bytes;
  };

  void apply(std::uint64_t offset, std::string_view bytes);

  std::string name_;
  std::string durable_;
  /// In the order of the writes; those from unsynced_count_ on are room for later ones.
  std::vector<Unsynced> unsynced_;
  std::size_t unsynced_count_ = 0;
  std::uint64_t writes_ = 0;
  bool powered_ = true;
  Failing failing_ = Failing::kNothing;
};

}  // namespace ticketd::sim
