// Receiving a snapshot and putting it in force.
//
// received -> verified -> loaded into the other generation's tables, a bounded transaction at a
// time
// -> one transaction makes that generation current -> the old one is removed, a bounded transaction
// at a time. Before the switch all of the old is in force, after it all of the new; whatever the
// other generation's tables hold at a start is removed.
#include <utility>

#include "base/check.h"
#include "store/journaled_disk.h"

namespace ticketd::store {
namespace {

constexpr std::size_t kLoadRecords = 20'000;

Error no_room(const NoRoom& error) {
  return Error{"there is no room to put the snapshot in force: " + std::string(error.what())};
}

}  // namespace

void JournaledDisk::stage(raft::SnapshotChunk chunk, std::function<void(std::uint64_t)> done) {
  reader_.post([this, chunk = std::move(chunk), done = std::move(done)] {
    const std::uint64_t held = snapshots_.stage(chunk);
    post_to_loop([done, held] { done(held); });
  });
}

void JournaledDisk::install(raft::SnapshotMark mark,
                            std::function<void(Result<AppliedState>)> done) {
  reader_.post([this, mark, done = std::move(done)] {
    const Result<SnapshotHeader> header = snapshots_.finish(mark);
    post_to_loop([this, header, done] {
      ENSURE(loading_ == nullptr);
      if (!header) {
        done(header.error());
        return;
      }
      loading_ = std::make_shared<Loading>();
      loading_->header = *header;
      loading_->done = done;
      loaded_ = false;
      maintain();
    });
  });
}

void JournaledDisk::maintain() {
  if (maintaining_) {
    return;
  }
  if (!other_generation_empty_) {
    // A switch in flight has not yet made the generation that it leaves the other one.
    if (!loaded_) {
      clear_step();
    }
  } else if (loading_ != nullptr && !loaded_) {
    load_step();
  } else if (loading_ != nullptr && !in_flight_) {
    begin_switch();
  }
}

void JournaledDisk::clear_step() {
  maintaining_ = true;
  checkpointer_.post([this] {
    bool empty = false;
    try {
      empty = engine_.clear_other_generation();
    } catch (const NoRoom& error) {
      post_to_loop([this, why = no_room(error)] { clear_failed(why); });
      return;
    }
    post_to_loop([this, empty, space = engine_.space()] {
      maintaining_ = false;
      other_generation_empty_ = empty;
      overlay_->renew();
      measured(space);
      maintain();
    });
  });
}

void JournaledDisk::clear_failed(const Error& why) {
  maintaining_ = false;
  // Tried again after the next checkpoint. A snapshot cannot wait for that: while one is put in
  // force nothing need be saved, and then no checkpoint comes.
  end_loading(why);
}

bool JournaledDisk::end_loading(const Error& why) {
  const auto open = open_;
  if (const std::shared_ptr<Loading> failed = std::exchange(loading_, nullptr)) {
    failed->done(why);
  }
  return *open;
}

void JournaledDisk::load_step() {
  maintaining_ = true;
  checkpointer_.post([this, loading = loading_] {
    const Result<bool> all = load_some(*loading);
    post_to_loop([this, all] { loaded(all); });
  });
}

Result<bool> JournaledDisk::load_some(Loading& loading) {
  if (!loading.reader) {
    Result<std::unique_ptr<BlockFile>> file = snapshots_.open_received();
    if (!file) {
      return file.error();
    }
    loading.file = *std::move(file);
    Result<SnapshotReader> reader = SnapshotReader::open(*loading.file);
    if (!reader) {
      return reader.error();
    }
    loading.reader = *std::move(reader);
  }
  Records records;
  bool more = true;
  while (more && records.size() < kLoadRecords) {
    Result<Records> block = loading.reader->next();
    if (!block) {
      return block.error();
    }
    more = !block->empty();
    std::move(block->begin(), block->end(), std::back_inserter(records));
  }
  try {
    engine_.load(records);
  } catch (const NoRoom& error) {
    return no_room(error);
  }
  return !more;
}

void JournaledDisk::loaded(const Result<bool>& all) {
  maintaining_ = false;
  overlay_->renew();
  loaded_ = all.ok() && *all;
  if (!all) {
    other_generation_empty_ = false;
    if (!end_loading(all.error())) {
      return;
    }
  }
  maintain();
}

void JournaledDisk::begin_switch() {
  other_generation_empty_ = false;
  checkpoint_due_ = false;
  Batch batch;
  // A vote may have been saved meanwhile; the old log's entries and state end here.
  batch.hard_state = pending_.hard_state;
  if (waiting_save_ && waiting_save_->save.hard_state) {
    // Not in the journal yet; the snapshot's term may rest on it.
    batch.hard_state = waiting_save_->save.hard_state;
  }
  batch.switch_to = Switch{loading_->header.state, loading_->header.chain};
  batch.journal_sequence = journal_.last_sequence();
  pending_ = Batch();
  journal_.turn();
  in_flight_ = std::make_shared<InFlight>(InFlight{std::move(batch), nullptr});
  submit(false);
}

void JournaledDisk::switched(const Landed& landed) {
  overlay_->reset(landed.record.generation);
  const std::shared_ptr<Loading> done = std::exchange(loading_, nullptr);
  loaded_ = false;
  compacted_ = landed.record.compacted.index;
  last_index_ = landed.record.last_index;
  ++log_version_;
  ++counters_.snapshots_installed;
  done->file.reset();
  snapshots_.discard_received();
  done->done(done->header.state);
}

}  // namespace ticketd::store
