// Saving and checkpoints.
#include "store/journaled_disk.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "store/durable.h"

namespace ticketd::store {
namespace {

/// How long after a full disk it is tried again.
constexpr std::chrono::milliseconds kFullRetry(200);
/// How long space that is low is left before it is measured again.
constexpr std::chrono::milliseconds kWatchInterval(1000);
/// At durability medium: from a write to the end of the flush behind it.
constexpr std::chrono::milliseconds kFlushInterval(200);
/// Changed records that are held in memory; more make a checkpoint due.
constexpr std::size_t kChangesMax = 65'536;

}  // namespace

JournaledDisk::JournaledDisk(Options options, Post post, Parts parts, const MetaRecord& record,
                             const SpaceReport& space)
    : options_(options),
      post_(std::move(post)),
      journal_(parts.journal),
      engine_(parts.engine),
      snapshots_(parts.snapshots),
      writer_(parts.writer),
      checkpointer_(parts.checkpointer),
      reader_(parts.reader),
      warmer_(parts.warmer),
      overlay_(std::in_place, engine_.view(record.generation), record.generation,
               options.cache_bytes),
      hard_state_(record.hard_state),
      checkpoints_(record.journal.checkpoint),
      compacted_(record.compacted.index),
      last_index_(record.last_index),
      applied_index_(record.summary.applied_index),
      stored_index_(record.summary.applied_index),
      space_(space) {}

void JournaledDisk::start() {
  newest_snapshot_ = snapshots_.newest();
  maintain();
  arm_watch();
}

void JournaledDisk::stored_elsewhere(raft::Index last_index, std::uint64_t checkpoints) {
  ENSURE(!save_outstanding_);
  last_index_ = last_index;
  checkpoints_ = checkpoints;
}

void JournaledDisk::save(raft::Save save, Done done) {
  ENSURE(*open_);
  ENSURE(!save_outstanding_);
  save_outstanding_ = true;
  waiting_save_ = WaitingSave{std::move(save), std::move(done)};
  start_waiting_save();
}

void JournaledDisk::start_waiting_save() {
  if (!waiting_save_) {
    return;
  }
  if (!journal_.can_hold(waiting_save_->save)) {
    // Larger than the journal: it is durable when its checkpoint is.
    checkpoint_due_ = true;
    if (can_begin_checkpoint()) {
      WaitingSave waiting = *std::exchange(waiting_save_, std::nullopt);
      remember(std::move(waiting.save));
      begin_checkpoint(std::move(waiting.done));
    }
    return;
  }
  if (!journal_.fits(waiting_save_->save)) {
    checkpoint_due_ = true;
    begin_if_due();
  }
  if (journal_.fits(waiting_save_->save)) {
    write_waiting_save();
  }
}

void JournaledDisk::write_waiting_save() {
  WaitingSave waiting = *std::exchange(waiting_save_, std::nullopt);
  const bool flush = options_.durability == Durability::kHigh || promises(waiting.save);
  Journal::Placed placed = journal_.place(waiting.save, checkpoints_);
  remember(std::move(waiting.save));
  auto job = [this, placed = std::move(placed), done = std::move(waiting.done), flush,
              sequence = journal_.last_sequence()]() mutable {
    journal_.write(placed);
    if (flush) {
      journal_.flush();
    }
    post_to_loop(
        [this, record = std::move(placed.record), done = std::move(done), flush, sequence]() mutable {
          counters_.journal_bytes += record.size();
          journal_.reuse(std::move(record));
          save_outstanding_ = false;
          if (flush) {
            flushed(sequence);
          }
          done();
        });
  };
  writer_.post(std::move(job));
  if (!flush) {
    arm_flush();
  }
  if (journal_.bytes_in_half() >= options_.checkpoint_bytes) {
    checkpoint_due_ = true;
  }
  begin_if_due();
  arm_alarm();
}

bool JournaledDisk::promises(const raft::Save& save) const {
  if (save.hard_state) {
    raft::HardState same = *save.hard_state;
    same.commit_index = hard_state_.commit_index;
    if (same != hard_state_) {
      return true;
    }
  }
  return std::any_of(save.entries.begin(), save.entries.end(), [](const raft::Entry& entry) {
    return entry.type == raft::EntryType::kConfiguration;
  });
}

void JournaledDisk::flushed(std::uint64_t sequence) {
  ++counters_.journal_flushes;
  journal_.flushed(sequence);
}

void JournaledDisk::arm_flush() {
  if (options_.durability != Durability::kMedium || flush_armed_) {
    return;
  }
  flush_armed_ = true;
  // Half of the time is for the flush itself. The alarm of whoever flushes: it waits for a write
  // then, or for a flush, as the flush would anyway, and not for whatever others are reading.
  writer_.set_alarm(kFlushInterval / 2, [this] { post_to_loop([this] { flush_journal(); }); });
}

void JournaledDisk::flush_journal() {
  flush_armed_ = false;
  if (!journal_.has_unflushed()) {
    return;
  }
  // What was placed before is written before: the writer does one thing after the other.
  writer_.post([this, sequence = journal_.last_sequence()] {
    journal_.flush();
    post_to_loop([this, sequence] { flushed(sequence); });
  });
}

void JournaledDisk::remember(raft::Save save) {
  if (save.hard_state) {
    hard_state_ = *save.hard_state;
    pending_.hard_state = save.hard_state;
  }
  if (save.entries.empty()) {
    return;
  }
  ENSURE(loading_ == nullptr);  // the log that they would go to is about to end
  const raft::Index first = save.entries.front().index;
  ENSURE_GT(first, compacted_);
  ENSURE_LE(first, last_index_ + 1);
  if (first <= last_index_) {
    ++log_version_;
  }
  last_index_ = save.entries.back().index;
  append_save(pending_.entries, std::move(save.entries));
}

void JournaledDisk::applied(const AppliedState& applied) {
  ENSURE_LE(applied.summary.applied_index, last_index_);
  overlay_->settle();
  pending_.applied = applied;
  applied_index_ = applied.summary.applied_index;
  if (overlay_->changes() >= kChangesMax) {
    checkpoint_due_ = true;
  }
  begin_if_due();
  start_waiting_save();
  arm_alarm();
}

void JournaledDisk::arm_alarm() {
  if (alarm_armed_ || space_.full || !has_work()) {
    return;
  }
  alarm_armed_ = true;
  const std::chrono::microseconds interval(options_.checkpoint_interval_us);
  checkpointer_.set_alarm(interval, [this] {
    post_to_loop([this] {
      alarm_armed_ = false;
      checkpoint_due_ = true;
      begin_if_due();
    });
  });
}

bool JournaledDisk::has_work() const {
  return pending_.hard_state || !pending_.entries.empty() || pending_.applied ||
         overlay_->changes() > 0;
}

void JournaledDisk::begin_if_due() {
  if (checkpoint_due_ && can_begin_checkpoint()) {
    if (has_work()) {
      begin_checkpoint(nullptr);
    } else {
      checkpoint_due_ = false;
    }
  }
}

Batch JournaledDisk::gather() {
  Batch batch = std::exchange(pending_, Batch());
  batch.changes = overlay_->freeze();
  batch.journal_sequence = journal_.last_sequence();
  return batch;
}

void JournaledDisk::begin_checkpoint(Done done) {
  ENSURE(can_begin_checkpoint());
  checkpoint_due_ = false;
  // The record that is being written, if any, is in the batch and in the half that is left: it is
  // done before another one can be placed, so before that half is written again.
  journal_.turn();
  in_flight_ = std::make_shared<InFlight>(InFlight{gather(), std::move(done)});
  submit(false);
}

void JournaledDisk::submit(bool relieve_first) {
  checkpointer_.post(
      [this, in_flight = in_flight_, relieve_first] { run_checkpoint(in_flight, relieve_first); });
}

void JournaledDisk::run_checkpoint(const std::shared_ptr<InFlight>& in_flight, bool relieve_first) {
  try {
    if (relieve_first) {
      const Landed relief = engine_.relieve();
      post_to_loop([this, relief] { relieved(relief); });
    }
    const Landed result = engine_.store(in_flight->batch);
    in_flight->landed = true;
    post_to_loop([this, result] { landed(result); });
  } catch (const NoRoom&) {
    post_to_loop([this] { full(); });
  }
}

void JournaledDisk::landed(const Landed& landed) {
  const auto open = open_;
  const std::shared_ptr<InFlight> in_flight = std::exchange(in_flight_, nullptr);
  ENSURE(in_flight != nullptr);
  journal_.give_back();
  journal_.flushed(in_flight->batch.journal_sequence);  // durable all the same: in the database
  ++counters_.checkpoints;
  counters_.checkpoint_bytes += landed.bytes_written;
  counters_.last_checkpoint_bytes = landed.bytes_written;
  checkpoints_ = landed.record.journal.checkpoint;
  space_ = landed.space;
  stored_index_ = landed.record.summary.applied_index;
  if (in_flight->batch.switch_to) {
    applied_index_ = stored_index_;
    switched(landed);
  } else {
    overlay_->landed();
    if (in_flight->done != nullptr) {
      save_outstanding_ = false;
      in_flight->done();
    }
    if (*open) {
      note_compacted(landed);
    }
  }
  if (*open) {
    order_snapshots();
    maintain();
    start_waiting_save();
    begin_if_due();
    arm_alarm();
    arm_watch();
  }
}

void JournaledDisk::note_compacted(const Landed& landed) {
  if (landed.record.compacted.index > compacted_) {
    compacted_ = landed.record.compacted.index;
    if (compacted_callback_ != nullptr) {
      compacted_callback_(compacted_);
    }
  }
}

void JournaledDisk::relieved(const Landed& landed) {
  checkpoints_ = landed.record.journal.checkpoint;
  overlay_->renew();
  note_compacted(landed);
}

void JournaledDisk::full() {
  space_.full = true;
  space_.low = true;
  // What was freed by earlier transactions can be used only when nobody looks at them any more.
  overlay_->renew();
  checkpoint_due_ = true;
  alarm_armed_ = false;
  checkpointer_.set_alarm(kFullRetry, [this] { post_to_loop([this] { submit(true); }); });
}

void JournaledDisk::measured(const SpaceReport& space) {
  const bool full = space_.full;  // until a checkpoint lands
  space_ = space;
  space_.full = full;
  space_.low = space.low || full;
  arm_watch();
}

void JournaledDisk::arm_watch() {
  if (watch_armed_ || !space_.low || space_.full) {
    return;
  }
  watch_armed_ = true;
  // The warmer's, because the checkpointer's is for checkpoints and the writer's for flushes. It
  // may be late: the warmer may have thousands of records to read.
  warmer_.set_alarm(kWatchInterval, [this] { post_to_loop([this] { watch_space(); }); });
}

void JournaledDisk::watch_space() {
  checkpointer_.post([this] {
    try {
      const Landed looked = engine_.compact_backlog();
      post_to_loop([this, looked] {
        relieved(looked);
        if (looked.compacted) {
          measured(looked.space);
          watch_space();  // there may be more
        } else {
          watch_armed_ = false;
          measured(looked.space);
        }
      });
    } catch (const NoRoom&) {
      post_to_loop([this, space = engine_.space()] {
        watch_armed_ = false;
        measured(space);
      });
    }
  });
}

void JournaledDisk::close() {
  if (!*open_) {
    return;
  }
  *open_ = false;
  writer_.stop();
  reader_.stop();
  warmer_.stop();
  checkpointer_.stop();
  store_rest();
  if (journal_.has_unflushed()) {
    journal_.flush();
  }
  overlay_.reset();
  loading_.reset();
}

void JournaledDisk::store_rest() {
  try {
    if (in_flight_ && !in_flight_->landed) {
      engine_.store(in_flight_->batch);
    }
    // Changes of a part of an entry are not stored: their entry is in the log and is applied again.
    if (has_work() && !overlay_->unsettled() && !(in_flight_ && in_flight_->batch.switch_to)) {
      overlay_->landed();
      engine_.store(gather());
    }
  } catch (const NoRoom&) {
    // The journal has it all.
  }
}

}  // namespace ticketd::store
