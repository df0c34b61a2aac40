// Committed entries on their way into the state.
#include <utility>

#include "base/check.h"
#include "server/replica.h"

namespace ticketd::server {

namespace {

/// Records that are asked for at once, beyond those of the entry that comes next.
constexpr std::size_t kWarmAhead = 4'096;
/// What a record leads to is asked for in the second round. In memory that is so short that records
/// are gone again by then, waiting any longer would lead nowhere.
constexpr int kWarmRoundsMax = 3;
/// Of entries that wait for their records. Past it they are applied at the disk's speed, on the
/// loop, so that whoever sends more is slowed down.
constexpr std::size_t kUnappliedBytesMax = 64 << 20;

}  // namespace

void Replica::apply(const raft::Entries& committed) {
  if (committed.empty()) return;
  for (const raft::Entry& entry : committed) {
    std::optional<ticket::Batch> batch;
    if (entry.type == raft::EntryType::kCommand) {
      auto decoded = ticket::decode_batch(entry.payload.view());
      if (!decoded) {
        apply_waiting();
        return end(End::kDamaged, "entry " + std::to_string(entry.index.value) +
                                      " cannot be applied: " + decoded.error().message +
                                      "; run the ticketd version that the leader runs");
      }
      batch = std::move(*decoded);
    }
    unapplied_bytes_ += entry.charge();
    unapplied_.push_back({entry, std::move(batch)});
  }
  apply_waiting();
}

void Replica::apply_waiting() {
  bool any = false;
  while (!unapplied_.empty() && !warming_ && !installing_ && !warm_first()) {
    apply(unapplied_.front());
    unapplied_bytes_ -= unapplied_.front().entry.charge();
    unapplied_.pop_front();
    warm_rounds_ = 0;
    any = true;
  }
  if (!any) return;
  disk_.applied({machine_.summary(), applied_configuration_});
  serve_reads();
}

/// Has the records that the next entry needs, and some of those behind it, read off the loop. False
/// when the next entry can be applied.
bool Replica::warm_first() {
  const auto& first = unapplied_.front().batch;
  if (!first || warm_rounds_ == kWarmRoundsMax || unapplied_bytes_ > kUnappliedBytesMax) {
    return false;
  }
  std::vector<std::string> cold;
  machine_.cold_keys(*first, cold);
  if (cold.empty()) return false;
  for (std::size_t i = 1; i < unapplied_.size() && cold.size() < kWarmAhead; ++i) {
    if (unapplied_[i].batch) machine_.cold_keys(*unapplied_[i].batch, cold);
  }
  ++warm_rounds_;
  warming_ = true;
  disk_.warm(std::move(cold), [this, alive = alive_] {
    if (!*alive || closed_) return;
    warming_ = false;
    apply_waiting();
    schedule_turn();
  });
  return true;
}

void Replica::apply(const Unapplied& next) {
  const raft::Entry& entry = next.entry;
  const auto outcomes =
      machine_.apply(entry.index, entry.term, next.batch ? &*next.batch : nullptr);
  if (entry.type == raft::EntryType::kConfiguration) {
    auto configuration = raft::Configuration::decode(entry.payload.view());
    ENSURE(configuration.ok());  // validated where it entered: by the codec, the disk, or us
    applied_configuration_ = {entry.index, std::move(*configuration)};
  }
  digests_.applied(entry.index, machine_.summary().digest);
  in_flight_.applied(entry.index, entry.term, outcomes);
}

}  // namespace ticketd::server
