// Saving and checkpoints.
#include "store/lmdb_disk.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "store/disk_impl.h"
#include "store/durable.h"
#include "store/layout.h"
#include "store/log_table.h"

namespace ticketd::store {
namespace {

/// How long after a full disk it is tried again.
constexpr std::chrono::milliseconds kFullRetry(200);
/// How long space that is low is left before it is measured again.
constexpr std::chrono::milliseconds kWatchInterval(1000);
/// Snapshot files leave so much of the map's size free on the disk.
constexpr std::uint64_t kSpareDivisor = 20;
/// Changed records that are held in memory; more make a checkpoint due.
constexpr std::size_t kChangesMax = 65'536;

}  // namespace

Result<std::unique_ptr<LmdbDisk>> LmdbDisk::open(DirectoryLock lock, DiskOptions options,
                                                 Post post) {
  if (Status finished = finish_destroy(lock); !finished) {
    return finished.error();
  }
  ENSURE_EQ(lock.path(), options.path);
  Result<OpenStore> store = open_store(options);
  if (!store) {
    return store.error();
  }
  auto disk = std::make_unique<DiskImpl>(std::move(lock), std::move(options), std::move(post),
                                         *std::move(store));
  if (Status tidied = disk->tidy(); !tidied) {
    return tidied.error();
  }
  return std::unique_ptr<LmdbDisk>(std::move(disk));
}

DiskImpl::DiskImpl(DirectoryLock lock, DiskOptions options, Post post, OpenStore store)
    : lock_(std::move(lock)),
      options_(std::move(options)),
      post_(std::move(post)),
      store_(std::move(store)) {
  const Environment& environment = *store_->environment;
  overlay_.emplace(environment, store_->tables, store_->record.generation);
  checkpoints_ = store_->record.journal.checkpoint;
  compacted_ = store_->record.compacted.index;
  last_index_ = store_->record.last_index;
  space_ = store_->space;
  const std::uint64_t spare = options_.map_bytes / kSpareDivisor;
  snapshots_.emplace(environment, store_->tables,
                     Snapshots::Options{options_.path, spare, random_id()});
  staging_.emplace(Staging::Options{options_.path, spare});
  log_view_.emplace(environment);
  log_view_->reset();
  warm_view_.emplace(environment);
  warm_view_->reset();
}

Status DiskImpl::tidy() {
  if (Status cleaned = staging_->clean(); !cleaned) {
    return cleaned;
  }
  if (Status adopted = snapshots_->adopt(); !adopted) {
    return adopted;
  }
  maintain();
  arm_watch();
  return {};
}

void DiskImpl::post_to_loop(std::function<void()> function) {
  post_([open = open_, function = std::move(function)] {
    if (*open) {
      function();
    }
  });
}

void DiskImpl::save(raft::Save save, Done done) {
  ENSURE(*open_);
  ENSURE(!save_outstanding_);
  save_outstanding_ = true;
  waiting_save_ = WaitingSave{std::move(save), std::move(done)};
  start_waiting_save();
}

void DiskImpl::start_waiting_save() {
  if (!waiting_save_) {
    return;
  }
  const Journal& journal = *store_->journal;
  if (!journal.can_hold(waiting_save_->save)) {
    // Larger than the journal: it is durable when its checkpoint is.
    checkpoint_due_ = true;
    if (can_begin_checkpoint()) {
      WaitingSave waiting = *std::exchange(waiting_save_, std::nullopt);
      remember(std::move(waiting.save));
      begin_checkpoint(std::move(waiting.done));
    }
    return;
  }
  if (!journal.fits(waiting_save_->save)) {
    checkpoint_due_ = true;
    begin_if_due();
  }
  if (journal.fits(waiting_save_->save)) {
    write_waiting_save();
  }
}

void DiskImpl::write_waiting_save() {
  Journal& journal = *store_->journal;
  WaitingSave waiting = *std::exchange(waiting_save_, std::nullopt);
  Journal::Placed placed = journal.place(waiting.save, checkpoints_);
  const std::uint64_t bytes = placed.record.size();
  remember(std::move(waiting.save));
  auto job = [this, placed = std::move(placed), done = std::move(waiting.done), bytes]() mutable {
    store_->journal->write(std::move(placed));
    post_to_loop([this, done = std::move(done), bytes] {
      save_outstanding_ = false;
      ++counters_.journal_flushes;
      counters_.journal_bytes += bytes;
      done();
    });
  };
  writer_.post(std::move(job));
  if (journal.bytes_in_half() >= options_.checkpoint_bytes) {
    checkpoint_due_ = true;
  }
  begin_if_due();
  arm_alarm();
}

void DiskImpl::remember(raft::Save save) {
  if (save.hard_state) {
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

void DiskImpl::applied(const AppliedState& applied) {
  ENSURE_LE(applied.summary.applied_index, last_index_);
  overlay_->settle();
  pending_.applied = applied;
  if (overlay_->changes() >= kChangesMax) {
    checkpoint_due_ = true;
  }
  begin_if_due();
  start_waiting_save();
  arm_alarm();
}

void DiskImpl::arm_alarm() {
  if (alarm_armed_ || space_.full || !has_work()) {
    return;
  }
  alarm_armed_ = true;
  const auto when =
      Worker::Clock::now() + std::chrono::microseconds(options_.checkpoint_interval_us);
  checkpointer_.set_alarm(when, [this] {
    post_to_loop([this] {
      alarm_armed_ = false;
      checkpoint_due_ = true;
      begin_if_due();
    });
  });
}

bool DiskImpl::has_work() const {
  return pending_.hard_state || !pending_.entries.empty() || pending_.applied ||
         overlay_->changes() > 0;
}

void DiskImpl::begin_if_due() {
  if (checkpoint_due_ && can_begin_checkpoint()) {
    if (has_work()) {
      begin_checkpoint(nullptr);
    } else {
      checkpoint_due_ = false;
    }
  }
}

Batch DiskImpl::gather() {
  Batch batch = std::exchange(pending_, Batch());
  batch.changes = overlay_->freeze();
  batch.journal_sequence = store_->journal->last_sequence();
  return batch;
}

void DiskImpl::begin_checkpoint(Done done) {
  ENSURE(can_begin_checkpoint());
  checkpoint_due_ = false;
  // The record that is being written, if any, is in the batch and in the half that is left: it is
  // done before another one can be placed, so before that half is written again.
  store_->journal->turn();
  in_flight_ = std::make_shared<InFlight>(InFlight{gather(), std::move(done)});
  submit(false);
}

void DiskImpl::submit(bool relieve_first) {
  checkpointer_.post(
      [this, in_flight = in_flight_, relieve_first] { run_checkpoint(in_flight, relieve_first); });
}

void DiskImpl::run_checkpoint(const std::shared_ptr<InFlight>& in_flight, bool relieve_first) {
  try {
    if (relieve_first) {
      const Landed relief = store_->checkpointer->relieve();
      post_to_loop([this, relief] { relieved(relief); });
    }
    const Landed result = store_->checkpointer->store(in_flight->batch);
    in_flight->landed = true;
    post_to_loop([this, result] { landed(result); });
  } catch (const DatabaseError& error) {
    if (!is_full(error, options_.path)) {
      fatal(error.what());
    }
    post_to_loop([this] { full(); });
  }
}

void DiskImpl::landed(const Landed& landed) {
  const auto open = open_;
  const std::shared_ptr<InFlight> in_flight = std::exchange(in_flight_, nullptr);
  ENSURE(in_flight != nullptr);
  store_->journal->give_back();
  ++counters_.checkpoints;
  counters_.checkpoint_bytes += landed.bytes_written;
  counters_.last_checkpoint_bytes = landed.bytes_written;
  checkpoints_ = landed.record.journal.checkpoint;
  space_ = landed.space;
  if (in_flight->batch.switch_to) {
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
    maintain();
    start_waiting_save();
    begin_if_due();
    arm_alarm();
    arm_watch();
  }
}

void DiskImpl::note_compacted(const Landed& landed) {
  if (landed.record.compacted.index > compacted_) {
    compacted_ = landed.record.compacted.index;
    if (compacted_callback_ != nullptr) {
      compacted_callback_(compacted_);
    }
  }
}

void DiskImpl::relieved(const Landed& landed) {
  checkpoints_ = landed.record.journal.checkpoint;
  overlay_->renew();
  note_compacted(landed);
}

void DiskImpl::full() {
  space_.full = true;
  space_.low = true;
  // What was freed by earlier transactions can be used only when nobody looks at them any more.
  overlay_->renew();
  checkpoint_due_ = true;
  alarm_armed_ = false;
  checkpointer_.set_alarm(Worker::Clock::now() + kFullRetry,
                          [this] { post_to_loop([this] { submit(true); }); });
}

void DiskImpl::measured(const SpaceReport& space) {
  const bool full = space_.full;  // until a checkpoint lands
  space_ = space;
  space_.full = full;
  space_.low = space.low || full;
  arm_watch();
}

void DiskImpl::arm_watch() {
  if (watch_armed_ || !space_.low || space_.full) {
    return;
  }
  watch_armed_ = true;
  // The writer's, because the checkpointer has one alarm and that is for checkpoints.
  writer_.set_alarm(Worker::Clock::now() + kWatchInterval,
                    [this] { post_to_loop([this] { watch_space(); }); });
}

void DiskImpl::watch_space() {
  checkpointer_.post([this] {
    try {
      const Landed looked = store_->checkpointer->compact_backlog();
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
    } catch (const DatabaseError& error) {
      if (!is_full(error, options_.path)) {
        fatal(error.what());
      }
      post_to_loop([this, space = store_->checkpointer->space()] {
        watch_armed_ = false;
        measured(space);
      });
    }
  });
}

Status DiskImpl::write_identity(const Identity& identity, const raft::Configuration* bootstrap) {
  Status status;
  checkpointer_.run([&] {
    try {
      WriteTransaction transaction(*store_->environment);
      put_value(transaction, store_->tables.meta, kIdentityKey, encode_identity(identity));
      if (bootstrap != nullptr) {
        MetaRecord record = read_record(transaction, store_->tables);
        ENSURE_EQ(record.last_index, raft::Index(0));
        record.hard_state.current_term = raft::Term(1);
        append_entry(transaction, store_->tables, record,
                     {raft::Index(1), raft::Term(1), raft::EntryType::kConfiguration,
                      raft::Payload(bootstrap->encode())});
        ++record.journal.checkpoint;
        put_value(transaction, store_->tables.meta, kRecordKey, encode_record(record));
      }
      durable_step("identity: commit");
      transaction.commit();
      Result<Opened> opened = read_opened(*store_->environment, store_->tables);
      if (!opened) {
        fatal(opened.error().message);
      }
      store_->opened = *std::move(opened);
    } catch (const DatabaseError& error) {
      if (!is_full(error, options_.path)) {
        fatal(error.what());
      }
      status = Error{"cannot write the node's identity: " + std::string(error.what())};
    }
  });
  return status;
}

Status DiskImpl::set_identity(const Identity& identity) {
  return write_identity(identity, nullptr);
}

Status DiskImpl::bootstrap(const Identity& identity, const raft::Configuration& configuration) {
  ENSURE(!save_outstanding_);
  ENSURE_EQ(last_index_, raft::Index(0));
  Status written = write_identity(identity, &configuration);
  if (written.ok()) {
    last_index_ = store_->opened.restored.last_index;
    ++checkpoints_;
  }
  return written;
}

void DiskImpl::close() {
  if (!*open_) {
    return;
  }
  *open_ = false;
  writer_.stop();
  reader_.stop();
  warmer_.stop();
  checkpointer_.stop();
  store_rest();
  log_view_.reset();
  warm_view_.reset();
  staging_.reset();
  snapshots_.reset();
  overlay_.reset();
  loading_.reset();
  store_.reset();
  lock_.reset();
}

void DiskImpl::store_rest() {
  try {
    if (in_flight_ && !in_flight_->landed) {
      store_->checkpointer->store(in_flight_->batch);
    }
    // Changes of a part of an entry are not stored: their entry is in the log and is applied again.
    if (has_work() && !overlay_->unsettled() && !(in_flight_ && in_flight_->batch.switch_to)) {
      overlay_->landed();
      store_->checkpointer->store(gather());
    }
  } catch (const DatabaseError& error) {
    if (!is_full(error, options_.path)) {
      fatal(error.what());
    }
    // The journal has it all.
  }
}

}  // namespace ticketd::store
