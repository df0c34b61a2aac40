// The database of a simulated node: tables on its platter, changed by transactions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/platter.h"
#include "store/engine.h"

namespace ticketd::sim {

class SimulatedDisk;
class Simulation;

class SimulatedEngine final : public store::Engine {
 public:
  SimulatedEngine(Simulation& simulation, SimulatedDisk& disk, Platter& platter);

  /// Low; full: no transaction finds room.
  void set_space(bool low, bool full);
  /// Whatever it is asked next fails.
  void fail(bool next) { failing_ = next; }
  bool is_to_fail() const { return failing_; }

  store::Landed store(const store::Batch& batch) override;
  store::Landed relieve() override;
  store::Landed compact_backlog() override;
  bool clear_other_generation() override;
  void load(const store::Records& records) override;
  store::SpaceReport space() override { return space_; }

  store::LogRead read_log(raft::Index from, raft::Index to, std::size_t max_bytes) override;
  void page_in(const std::vector<std::string>&, const std::optional<ticket::ListRange>&,
               std::uint64_t) override {}
  std::unique_ptr<store::StateView> view(std::uint64_t generation) override;

 private:
  /// Ends the process when it is to fail, as LMDB's engine does.
  void touch();
  void require_room();
  /// What is applied beyond so many entries, by what an earlier transaction stored: were this one
  /// lost, the entries would be needed. Is there any?
  bool compact(raft::Index stored_before, std::uint64_t tail);
  store::Landed landed(bool compacted) const;

  Simulation& simulation_;
  SimulatedDisk& disk_;
  Platter& platter_;
  store::SpaceReport space_;
  bool failing_ = false;
};

}  // namespace ticketd::sim
