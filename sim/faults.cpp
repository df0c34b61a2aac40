#include "sim/faults.h"

#include <algorithm>
#include <utility>

#include "sim/simulation.h"

namespace ticketd::sim {

Faults::Faults(Simulation& simulation)
    : simulation_(simulation), random_(simulation.fault_random) {}

void Faults::begin() {
  const Micros interval = simulation_.knobs.fault_interval;
  if (interval == 0) return;
  // Storms and quiet times: without the latter little would be done that could go wrong.
  const Micros rest = random_.chance(1, 8) ? random_.between(0, 20'000'000) : 0;
  simulation_.events.after(rest + random_.between(1, 2 * interval), [this] {
    if (simulation_.healed()) return;
    strike();
    begin();
  });
}

void Faults::strike() {
  static constexpr Kind kKinds[] = {
      {Fault::kPowerCuts, &Faults::cut_power}, {Fault::kCrashes, &Faults::crash},
      {Fault::kStops, &Faults::stop},          {Fault::kPartitions, &Faults::partition},
      {Fault::kClogs, &Faults::clog},          {Fault::kPauses, &Faults::pause},
      {Fault::kHungDisk, &Faults::hang},       {Fault::kIoErrors, &Faults::io_error},
      {Fault::kFullDisk, &Faults::fill},       {Fault::kWipes, &Faults::wipe},
      {Fault::kClocks, &Faults::jump},         {Fault::kBitRot, &Faults::rot},
      {Fault::kUsurpers, &Faults::usurp}};
  std::vector<Kind> enabled;
  for (const Kind& kind : kKinds) {
    if (simulation_.plan.faults.has(kind.fault)) enabled.push_back(kind);
  }
  if (!enabled.empty()) (this->*enabled[random_.below(enabled.size())].strike)();
}

/// Some too short for an election, most long enough for one or two.
Micros Faults::span() {
  return random_.chance(1, 3) ? log_uniform(random_, 1'000, 200'000)
                              : random_.between(100'000, 4'000'000);
}

Process& Faults::pick() {
  const auto& processes = simulation_.processes();
  return *processes[random_.below(processes.size())];
}

/// The leader is where a fault hurts most.
Process* Faults::pick_up() {
  if (Process* leader = simulation_.leader(); leader != nullptr && random_.chance(1, 2)) {
    return leader;
  }
  Process& process = pick();
  return process.up() ? &process : nullptr;
}

void Faults::crash() {
  const std::uint64_t kind = random_.below(8);
  if (kind <= 1) {  // all at once, or any of them
    for (const auto& process : simulation_.processes()) {
      if (kind == 0 || random_.chance(1, 2)) crash_for_a_while(*process);
    }
  } else if (Process* process = pick_up()) {
    crash_for_a_while(*process);
  }
}

void Faults::crash_for_a_while(Process& process) {
  if (!process.up()) return;
  process.crash();
  if (!simulation_.knobs.revives) return;
  simulation_.events.after(span(), [this, &process] { simulation_.operators.restart(process); });
}

/// Only what comes before its readmission is another thing than losing its disk.
void Faults::cut_power() {
  if (Process* victim = pick_up()) cut_power_of(*victim);
}

bool Faults::cut_power_of(Process& process) {
  if (!process.up() || !may_lose_disk(process)) return false;
  process.cut_power();
  replace(process);
  return true;
}

void Faults::crash_in_write(Process& process) {
  const bool with_power = simulation_.plan.faults.has(Fault::kPowerCuts) && !simulation_.healed() &&
                          random_.chance(1, 4);
  if (!with_power || !cut_power_of(process)) crash_for_a_while(process);
}

void Faults::stop() {
  Process* process = pick_up();
  if (process == nullptr) return;
  simulation_.struck(Fault::kStops, *process);
  process->stop();
  restart_after(*process, random_.between(1'000'000, 6'000'000));
}

void Faults::restart_after(Process& process, Micros delay) {
  simulation_.events.after(delay, [this, &process] {
    constexpr Micros kAgain = 500'000;
    if (process.stopping()) return restart_after(process, kAgain);
    simulation_.operators.restart(process);
  });
}

void Faults::partition() {
  const Process* up = pick_up();
  const Process& one = up != nullptr ? *up : pick();
  const Golden& golden = simulation_.oracle.golden;
  const raft::Configuration& voters = golden.configuration(golden.last()).configuration;
  const bool only_voters = random_.chance(1, 2);  // then a ring is one of them
  std::vector<std::uint32_t> nodes{one.index()};
  for (const auto& process : simulation_.processes()) {
    if (process.get() == &one) continue;
    if (only_voters && !voters.is_voter(process->platter().member())) continue;
    nodes.push_back(process->index());
  }
  if (nodes.size() < 2) return;
  Cuts cuts = draw_partition(random_, std::move(nodes));
  ++simulation_.statistics.partitions;
  if (up != nullptr) simulation_.struck(Fault::kPartitions, *up);
  if (random_.chance(1, 4)) return flap(std::move(cuts), simulation_.events.now() + 2 * span());
  cut(cuts);
  simulation_.events.after(span(), [this, cuts = std::move(cuts)] { mend(cuts); });
}

void Faults::cut(const Cuts& cuts) {
  for (const Cut& each : cuts) simulation_.network.cut(each.from, each.to);
}

/// What the end of all faults has mended is not its own any more.
void Faults::mend(const Cuts& cuts) {
  if (simulation_.healed()) return;
  for (const Cut& each : cuts) simulation_.network.mend(each.from, each.to);
}

/// Comes and goes about as fast as leaders are lost and elected.
void Faults::flap(Cuts cuts, Micros until) {
  const auto span = [this] {
    const Micros longest = simulation_.knobs.raft.election_timeout_max;
    return random_.between(longest / 4, 2 * longest);
  };
  ++simulation_.statistics.flaps;
  cut(cuts);
  simulation_.events.after(span(), [this, cuts = std::move(cuts), until, rest = span()]() mutable {
    mend(cuts);
    if (simulation_.events.now() >= until) return;
    simulation_.events.after(rest, [this, cuts = std::move(cuts), until]() mutable {
      if (!simulation_.healed()) flap(std::move(cuts), until);
    });
  });
}

void Faults::usurp() {
  const Process* leader = simulation_.leader();
  if (leader == nullptr) return;
  simulation_.struck(Fault::kUsurpers, *leader);
  cut_off(*leader, random_.between(1, 4));
}

/// Nobody hears it any more; of what the others say to it nothing comes, or all of it late, when it
/// may lead still and somebody else as well. Then the next one is cut off in its turn, and this one
/// comes back with the entries that it has gathered.
void Faults::cut_off(const Process& leader, std::uint64_t leaders) {
  const raft::Options& raft = simulation_.knobs.raft;
  const bool late = random_.chance(1, 2);
  const Micros span =
      random_.between(raft.election_timeout_min, (late ? 1 : 2) * raft.election_timeout_max);
  std::vector<std::uint32_t> others;
  for (const auto& process : simulation_.processes()) {
    if (process.get() != &leader) others.push_back(process->index());
  }
  if (others.empty()) return;
  const Cuts cuts = apart({leader.index()}, others, late);
  if (late) {
    cut_answered(leader, cuts);
  } else {
    cut(cuts);
  }
  simulation_.events.after(span, [this, cuts, leaders] {
    if (simulation_.healed()) return;
    const Process* next = simulation_.leader();
    if (leaders > 1 && next != nullptr && next->index() != cuts.front().from) {
      cut_off(*next, leaders - 1);
    }
    mend(cuts);
  });
}

/// What it says just before is still answered, and the answers come late, from each at another
/// time: who tells of the next leader may come after who does not.
void Faults::cut_answered(const Process& leader, const Cuts& cuts) {
  const raft::Options& raft = simulation_.knobs.raft;
  for (const Cut& each : cuts) {
    const Micros length = random_.between(raft.election_timeout_min, raft.election_timeout_max);
    simulation_.network.clog(each.to, leader.index(), simulation_.events.now() + length);
  }
  // Less than the shortest time-out, so before they are mended.
  simulation_.events.after(raft.heartbeat_interval, [this, cuts] {
    if (!simulation_.healed()) cut(cuts);
  });
}

/// Everything that was sent comes late, and at once: then it speaks of a time that is over.
void Faults::clog() {
  const auto& processes = simulation_.processes();
  const Process* one = pick_up();
  const Micros until = simulation_.events.now() + span();
  const bool in = random_.chance(1, 2);
  const bool out = !in || random_.chance(1, 2);
  if (one == nullptr) return;
  ++simulation_.statistics.clogs;
  simulation_.struck(Fault::kClogs, *one);
  for (const auto& other : processes) {
    if (other.get() == one || random_.chance(1, 4)) continue;
    if (in) simulation_.network.clog(other->index(), one->index(), until);
    if (out) simulation_.network.clog(one->index(), other->index(), until);
  }
}

void Faults::pause() {
  Process* process = pick_up();
  if (process == nullptr) return;
  ++simulation_.statistics.pauses;
  simulation_.struck(Fault::kPauses, *process);
  process->pause(span());
}

void Faults::hang() {
  Process* process = pick_up();
  if (process == nullptr) return;
  ++simulation_.statistics.hangs;
  simulation_.struck(Fault::kHungDisk, *process);
  process->disk().hang_until(simulation_.events.now() + span());
}

void Faults::io_error() {
  Process* process = pick_up();
  if (process == nullptr) return;
  // Below high a flush that fails puts the node in doubt, as a power cut does.
  const bool flush = simulation_.knobs.durability == Durability::kHigh && random_.chance(1, 2);
  using Failing = SimulatedFile::Failing;
  process->disk().fail_next_job(flush ? Failing::kSync : Failing::kWrite);
}

void Faults::fill() {
  Process* process = pick_up();
  if (process == nullptr) return;
  ++simulation_.statistics.full;
  simulation_.struck(Fault::kFullDisk, *process);
  const bool full = random_.chance(1, 3);
  const Micros length = span();
  process->disk().set_space(true, full);
  simulation_.events.push_action(simulation_.events.now() + length, process->index(),
                                 process->life(),
                                 [process] { process->disk().set_space(false, false); });
}

/// Only as many disks are lost as the cluster can bear: whatever change is pending anywhere.
bool Faults::may_lose_disk(const Process& process) const {
  const raft::MemberId member = process.platter().member();
  return process.state() != Process::State::kJoining && !process.removed() &&
         member.incarnation.value != 0 && simulation_.operators.can_lose(member);
}

void Faults::wipe() {
  Process& victim = pick();
  if (!may_lose_disk(victim)) return;
  ++simulation_.statistics.wipes;
  simulation_.struck(Fault::kWipes, victim);
  if (victim.up()) victim.crash();
  simulation_.tell(victim, "loses its disk");
  replace(victim);
}

void Faults::replace(Process& process) {
  simulation_.operators.lost(process.platter().member());
  process.replace_disk();
  simulation_.events.after(span(), [this, &process] {
    const bool fresh = process.platter().identity.join_token == 0;
    if (process.state() == Process::State::kDown && fresh) {
      simulation_.operators.join(process, true);
    }
  });
}

/// A bit of a stopped node's journal is not what it was.
void Faults::rot() {
  Process& victim = pick();
  if (victim.platter().rotten || !may_lose_disk(victim)) return;
  simulation_.struck(Fault::kBitRot, victim);
  if (victim.up()) crash_for_a_while(victim);
  Platter& platter = victim.platter();
  const Platter::RotPlace place = platter.draw_rot(random_);
  ++simulation_.statistics.rot;
  platter.rot(place, static_cast<unsigned>(random_.below(8)));
  simulation_.tell(victim, "has a rotten bit at byte ", place.offset, " of its journal",
                   place.promised ? ", in what it promised" : "");
  if (!place.promised) return;
  ++simulation_.statistics.rot_in_promises;
  simulation_.operators.lost(platter.member());
}

void Faults::jump() {
  Process* process = pick_up();
  if (process == nullptr) return;
  ++simulation_.statistics.jumps;
  simulation_.struck(Fault::kClocks, *process);
  process->jump_clock(log_uniform(random_, 1'000, 5'000'000));
}

}  // namespace ticketd::sim
