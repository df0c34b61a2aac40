// Those who change the cluster: they let nodes join, remove them, move them, hand leadership over,
// and bring back who has lost its disk.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "net/message.h"
#include "sim/plan.h"

namespace ticketd::sim {

class Process;
class Simulation;

class Operators {
 public:
  explicit Operators(Simulation& simulation);

  void begin();
  /// A node with an empty disk asks for its admission until it has it; then it starts.
  void join(Process& joiner, bool replace);
  /// From its disk, wherever it stands: also in the middle of joining.
  void restart(Process& process);
  /// Its disk is gone for good, and with it what that member promised.
  void lost(raft::MemberId member) { lost_.insert(member); }
  bool is_lost(raft::MemberId member) const { return lost_.contains(member); }
  /// It will not be of any use for good, though it may come and go: counts as lost.
  void spare(raft::MemberId member) { spared_.insert(member); }
  /// A removal is asked for, or was a moment ago.
  bool removes() const;
  /// It asks for its admission under an id that is a member's, and not in place of that one.
  bool is_refused_for_good(const Process& joiner) const;
  /// Is there, in every configuration that any node may go by, a majority of voters with their
  /// disks, also without this one?
  bool can_lose(raft::MemberId member) const;

 private:
  void act();
  void ask_admission(std::uint32_t joiner, std::string contact);
  void admitted(Process& joiner, const net::JoinReply& reply);
  void admission_refused(Process& joiner);
  void later(std::uint32_t joiner, std::string contact);
  void add_node();
  void remove_node();
  bool all_found() const;
  void move_node();
  void transfer();
  Process* contact_at(const std::string& address);
  bool enough_live(const raft::Configuration& configuration, raft::MemberId also_lost) const;

  Simulation& simulation_;
  Random& random_;
  std::set<raft::MemberId> lost_;
  std::set<raft::MemberId> spared_;
  /// Processes whose admission was refused at some time.
  std::set<std::uint32_t> refused_;
  Micros removed_at_ = 0;
  std::uint64_t next_node_ = 100;
};

}  // namespace ticketd::sim
