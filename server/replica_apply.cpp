// Committed entries on their way into the state.
#include <spdlog/spdlog.h>

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
constexpr std::size_t kUnappliedBytesMax = 32 << 20;

}  // namespace

void Replica::apply(const raft::Entries& committed) {
  for (const raft::Entry& entry : committed) {
    unapplied_bytes_ += entry.charge();
    unapplied_.push_back(entry);
  }
  apply_waiting();
}

void Replica::apply_waiting() {
  bool any = false;
  const auto may_wait = [this] { return warming_ && unapplied_bytes_ <= kUnappliedBytesMax; };
  while (!unapplied_.empty() && !may_wait() && !installing_ && !ended_ && decode_next() &&
         !warm_first()) {
    apply(unapplied_.front());
    unapplied_bytes_ -= unapplied_.front().charge();
    unapplied_.pop_front();
    forget_next();
    any = true;
  }
  if (!any) return;
  disk_.applied({machine_.summary(), applied_configuration_});
  serve_reads();
}

void Replica::forget_next() {
  next_decoded_ = false;
  next_batch_.reset();
  warm_rounds_ = 0;
}

/// False: this node must not go on.
bool Replica::decode_next() {
  const raft::Entry& entry = unapplied_.front();
  if (next_decoded_ || entry.type != raft::EntryType::kCommand) return true;
  auto decoded = ticket::decode_batch(entry.payload.view());
  if (!decoded) {
    end(End::kDamaged, "entry " + std::to_string(entry.index.value) +
                           " cannot be applied: " + decoded.error().message +
                           "; run the ticketd version that the leader runs");
    return false;
  }
  next_decoded_ = true;
  next_batch_ = std::move(*decoded);
  return true;
}

/// Has the records that the next entry needs, and some of those behind it, read off the loop. False
/// when the next entry can be applied.
bool Replica::warm_first() {
  if (!next_batch_ || warm_rounds_ == kWarmRoundsMax || unapplied_bytes_ > kUnappliedBytesMax) {
    return false;
  }
  std::vector<std::string> cold;
  machine_.cold_keys(*next_batch_, cold);
  if (cold.empty()) return false;
  for (std::size_t i = 1; i < unapplied_.size() && cold.size() < kWarmAhead; ++i) {
    if (unapplied_[i].type != raft::EntryType::kCommand) continue;
    if (const auto ahead = ticket::decode_batch(unapplied_[i].payload.view())) {
      machine_.cold_keys(*ahead, cold);
    }
  }
  ++warm_rounds_;
  warming_ = true;
  warming_since_ = loop_.now();
  disk_.warm(std::move(cold), [this, alive = alive_] {
    if (!*alive || closed_) return;
    warming_ = false;
    apply_waiting();
    schedule_turn();
  });
  return true;
}

/// While the entry is on its way to a majority: then applying it need not wait.
void Replica::prefetch(const ticket::Batch& batch) {
  if (prefetching_) return;
  std::vector<std::string> cold;
  machine_.cold_keys(batch, cold);
  if (cold.empty()) return;
  prefetching_ = true;
  disk_.warm(std::move(cold), [this, alive = alive_] {
    if (*alive) prefetching_ = false;
  });
}

/// A leader whose disk gives no records can apply nothing, while its heartbeats go on: it hands
/// over, and tries again when nobody took over.
void Replica::watch_warming(raft::Time now) {
  if (!warming_ || now < warming_since_ + options_.request_timeout) return;
  warming_since_ = now;
  if (node_.role() != raft::Role::kLeader) return;
  spdlog::warn("the disk has not answered for a request's time; handing leadership over");
  node_.transfer_leadership(now, std::nullopt);
}

void Replica::apply(const raft::Entry& entry) {
  const auto outcomes =
      machine_.apply(entry.index, entry.term, next_batch_ ? &*next_batch_ : nullptr);
  if (entry.type == raft::EntryType::kConfiguration) {
    auto configuration = raft::Configuration::decode(entry.payload.view());
    ENSURE(configuration.ok());  // validated where it entered: by the codec, the disk, or us
    applied_configuration_ = {entry.index, std::move(*configuration)};
  }
  digests_.applied(entry.index, machine_.summary().digest);
  const std::size_t waited = in_flight_.waiting();
  in_flight_.applied(entry.index, entry.term, outcomes);
  gathering_.answered(waited - in_flight_.waiting());
}

}  // namespace ticketd::server
