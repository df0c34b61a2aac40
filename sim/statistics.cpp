#include "sim/statistics.h"

#include <algorithm>
#include <cstdio>

namespace ticketd::sim {

Statistics& Statistics::operator+=(const Statistics& other) {
  // Every field before the table is a count of 64 bits, the table's cells too.
  static_assert(sizeof(Statistics) % sizeof(std::uint64_t) == 0);
  constexpr std::size_t kCounts = sizeof(Statistics) / sizeof(std::uint64_t);
  auto* mine = reinterpret_cast<std::uint64_t*>(this);
  const auto* theirs = reinterpret_cast<const std::uint64_t*>(&other);
  for (std::size_t i = 0; i < kCounts; ++i) mine[i] += theirs[i];
  return *this;
}

namespace {

class Text {
 public:
  template <class... Arguments>
  void line(const char* format, Arguments... arguments) {
    char buffer[512];
    std::snprintf(buffer, sizeof buffer, format, arguments...);
    text_ += buffer;
    text_ += '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

unsigned long long number(std::uint64_t value) { return value; }

}  // namespace

std::string Statistics::describe(double seconds, double processor) const {
  Text text;
  constexpr std::uint64_t one = 1;
  const double rate = static_cast<double>(events()) / std::max(processor, 1e-9);
  const double virtual_seconds = static_cast<double>(simulated) / 1e6;
  text.line("runs %llu  events %llu  simulated %.1f s in %.2f s, of the processor %.2f s",
            number(seeds), number(events()), virtual_seconds, seconds, processor);
  text.line("  %.0f events a second, %.0f times real time (of processor time)", rate,
            virtual_seconds / std::max(processor, 1e-9));
  text.line("  deliveries %llu  disk completions %llu  timers %llu  requests %llu",
            number(deliveries), number(completions), number(timers), number(requests));
  text.line("operations %llu: changes %llu (replayed %llu)  reads %llu  refused %llu  unknown %llu",
            number(operations()), number(changes), number(replayed), number(reads),
            number(refused), number(unknown));
  text.line(
      "  under faults %llu, in %llu runs less than was wanted before the time was up (in %llu "
      "less than %llu)",
      number(operations_under_faults), number(out_of_time), number(too_few_operations),
      number(kOperationsLeast));
  text.line("  retries %llu  forwarded %llu  redirected %llu  given up %llu  never heard %llu",
            number(retries), number(forwarded), number(redirected), number(given_up),
            number(unheard));
  text.line("keys asked for again %llu  refused as reused %llu  for want of room %llu",
            number(keys_again), number(keys_reused), number(keys_full));
  text.line("elections %llu  committed %llu  truncations %llu", number(elections), number(commits),
            number(truncations));
  text.line("messages lost %llu  duplicated %llu  late %llu  damaged %llu (found %llu)  cut off %llu",
            number(lost), number(duplicated), number(delayed), number(damaged),
            number(damage_found), number(cut_off));
  text.line("connections broken %llu  partitions %llu (flaps %llu)  clogs %llu", number(broken),
            number(partitions), number(flaps), number(clogs));
  text.line("  drained %llu, frames of the dead %llu", number(drained), number(after_death));
  text.line("crashes %llu (while saving %llu)  stops %llu  restarts %llu", number(crashes),
            number(crashes_in_writes), number(stops), number(starts));
  text.line("journal: turned %llu  saves held up %llu  too large for it %llu",
            number(journal_turns), number(saves_held_up), number(saves_too_large));
  text.line("  writes not synced: kept %llu  lost %llu  torn %llu", number(writes_kept),
            number(writes_lost), number(writes_torn));
  text.line("  bits rotten %llu (in what was promised %llu, found %llu)", number(rot),
            number(rot_in_promises), number(rot_found));
  text.line("power cuts below durability high %llu (felt %llu)", number(power_cuts),
            number(power_cuts_felt));
  text.line("pauses %llu  clock jumps %llu  slow writes %llu  hung disks %llu  I/O errors %llu  "
            "full disks %llu  disks lost %llu",
            number(pauses), number(jumps), number(slow_writes), number(hangs), number(io_errors),
            number(full), number(wipes));
  text.line("compactions %llu  fetches %llu  snapshots made %llu  installed %llu (over another "
            "branch %llu)  bad %llu",
            number(compactions), number(fetches), number(snapshots_made),
            number(snapshots_installed), number(branches_replaced), number(bad_snapshots));
  text.line("joins %llu  removals asked %llu  removed %llu (not told %llu)  moves %llu  transfers %llu",
            number(joins), number(removals), number(removed), number(in_the_dark), number(moves),
            number(transfers));
  text.line("after the faults: nodes still in trouble %llu  probes %llu  to a leader %.3f s a run",
            number(troubled), number(probes),
            static_cast<double>(to_a_leader) / 1e6 / static_cast<double>(std::max(seeds, one)));
  text.line("%-12s %10s %14s %10s %10s %10s   %10s %10s", "struck", "follower", "pre-candidate",
            "candidate", "leader", "down", "saving", "installing");
  for (std::size_t i = 0; i < kFaults; ++i) {
    const Struck& row = struck[i];
    if (row == Struck()) continue;
    text.line("%-12s %10llu %14llu %10llu %10llu %10llu   %10llu %10llu",
              to_string(static_cast<Fault>(i)), number(row.by_role[0]), number(row.by_role[1]),
              number(row.by_role[2]), number(row.by_role[3]), number(row.down), number(row.saving),
              number(row.installing));
  }
  return text.take();
}

}  // namespace ticketd::sim
