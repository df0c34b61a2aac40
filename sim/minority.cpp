#include "sim/minority.h"

#include <utility>
#include <vector>

#include "sim/simulation.h"

namespace ticketd::sim {

namespace {

/// Longer than any run.
constexpr Micros kForGood = 36'000'000'000;

std::uint32_t bit(const Process& process) { return std::uint32_t{1} << process.index(); }
static_assert(kProcessesMax <= 32);

}  // namespace

Minority::Minority(Simulation& simulation)
    : simulation_(simulation), random_(stream(simulation.plan.seed, "minority")) {}

bool Minority::holds(const Process& process) const { return (troubled_ & bit(process)) != 0; }
bool Minority::keeps_down(const Process& process) const { return (down_ & bit(process)) != 0; }
std::string Minority::describe() const { return text_; }

const char* Minority::to_string(Trouble trouble) {
  static constexpr const char* kNames[] = {"down", "cut off", "deaf", "mute",
                                           "flapping", "pausing", "with a hung disk"};
  return kNames[static_cast<unsigned>(trouble)];
}

void Minority::begin() {
  if (!random_.chance(1, 2) || simulation_.operators.removes()) return;
  std::vector<Process*> candidates;
  for (const auto& process : simulation_.processes()) {
    if (simulation_.is_member(*process)) candidates.push_back(process.get());
  }
  for (std::uint64_t left = random_.between(1, 3); left > 0 && !candidates.empty();) {
    const auto place = static_cast<std::ptrdiff_t>(random_.below(candidates.size()));
    Process& process = *candidates[static_cast<std::size_t>(place)];
    candidates.erase(candidates.begin() + place);
    constexpr auto kTroubles = static_cast<unsigned>(Trouble::kCount);
    const auto trouble = static_cast<Trouble>(random_.below(kTroubles));
    if (!drawn(trouble, process)) continue;
    const raft::MemberId member = process.platter().member();
    if (!simulation_.operators.can_lose(member)) continue;
    simulation_.operators.spare(member);
    afflict(process, trouble);
    --left;
  }
}

/// Only what the run has anyway, so that a run without a class of faults is without it to its end.
bool Minority::drawn(Trouble trouble, const Process& process) const {
  const FaultSet& faults = simulation_.plan.faults;
  switch (trouble) {
    case Trouble::kDown:
      return faults.has(Fault::kCrashes);
    case Trouble::kCutOff:
    case Trouble::kDeaf:
    case Trouble::kMute:
    case Trouble::kFlaps:
      return faults.has(Fault::kPartitions);
    case Trouble::kPauses:
      return faults.has(Fault::kPauses) && process.up();
    case Trouble::kHungDisk:
      // Changes are refused as long as a voter says that its space is low, and one whose disk hangs
      // goes on saying what it saw last.
      return faults.has(Fault::kHungDisk) && process.up() && !process.disk().space().low;
    case Trouble::kCount:
      break;
  }
  return false;
}

void Minority::afflict(Process& process, Trouble trouble) {
  troubled_ |= bit(process);
  ++simulation_.statistics.troubled;
  simulation_.tell(process, "stays ", to_string(trouble));
  text_ += " process " + std::to_string(process.index()) + " stays " + to_string(trouble) + ";";
  switch (trouble) {
    case Trouble::kDown:
      down_ |= bit(process);
      return process.crash();
    case Trouble::kCutOff:
    case Trouble::kDeaf:
    case Trouble::kMute:
      for (const Cut& cut :
           around(process, trouble != Trouble::kMute, trouble != Trouble::kDeaf)) {
        simulation_.network.cut(cut.from, cut.to);
      }
      return;
    case Trouble::kFlaps:
      return flap(around(process, true, random_.chance(2, 3)), true);
    case Trouble::kPauses:
      return pause(process);
    case Trouble::kHungDisk:
      return process.disk().hang_until(simulation_.events.now() + kForGood);
    case Trouble::kCount:
      break;
  }
}

Cuts Minority::around(const Process& process, bool in, bool out) const {
  Cuts cuts;
  for (const auto& other : simulation_.processes()) {
    if (other.get() == &process) continue;
    if (in) cuts.push_back({other->index(), process.index()});
    if (out) cuts.push_back({process.index(), other->index()});
  }
  return cuts;
}

/// From shorter than a heartbeat to a few elections.
Micros Minority::interval() {
  const raft::Options& raft = simulation_.knobs.raft;
  return log_uniform(random_, raft.heartbeat_interval / 2, 3 * raft.election_timeout_max);
}

void Minority::flap(Cuts cuts, bool cut) {
  for (const Cut& each : cuts) {
    if (cut) simulation_.network.cut(each.from, each.to);
    if (!cut) simulation_.network.mend(each.from, each.to);
  }
  simulation_.events.after(interval(), [this, cuts = std::move(cuts), cut]() mutable {
    flap(std::move(cuts), !cut);
  });
}

void Minority::pause(Process& process) {
  const Micros span = interval();
  process.pause(span);
  simulation_.events.after(span + interval(), [this, &process] { pause(process); });
}

}  // namespace ticketd::sim
