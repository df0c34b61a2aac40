// A disk made of a journal and a database behind it. Four executors (threads, in the server) serve
// the loop:
//
//   writer        one journal record at a time: write, flush
//   checkpointer  everything that writes the database: checkpoints, and in between them the bounded
//                 steps of loading a snapshot and of removing an old generation
//   reader        entries and snapshot chunks for followers, making snapshots, receiving one
//   warmer        records that the machine is about to ask for: clients wait for them, so that they
//                 do not wait behind what the reader does
//
// All decisions are made on the loop, in the members below; an executor gets values and posts
// values back. What belongs to one executor alone says so. Database, files and executors are given:
// here is neither LMDB nor a thread, so that the simulator runs the same decisions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "store/disk.h"
#include "store/engine.h"
#include "store/executor.h"
#include "store/journal.h"
#include "store/overlay.h"
#include "store/snapshot_files.h"

namespace ticketd::store {

class JournaledDisk final : public Disk {
 public:
  /// Runs a function on the event loop's thread; may be called from any thread.
  using Post = std::function<void(std::function<void()>)>;

  struct Options {
    /// A checkpoint is taken when so much was journaled, or so long after the first record.
    std::uint64_t checkpoint_bytes = 0;
    std::uint64_t checkpoint_interval_us = 0;
    /// Of the cache of records, about.
    std::size_t cache_bytes = Overlay::kCacheBytes;
    Durability durability = Durability::kHigh;
  };
  /// What it stands on; all of it must outlive it.
  struct Parts {
    Journal& journal;
    Engine& engine;
    SnapshotFiles& snapshots;
    Executor& writer;
    Executor& checkpointer;
    Executor& reader;
    Executor& warmer;
  };

  /// `record` and `space`: how the database stands, the journal being empty.
  JournaledDisk(Options options, Post post, Parts parts, const MetaRecord& record,
                const SpaceReport& space);

  /// Once, before anything else: begins what is done without being asked.
  void start();
  /// The database has taken a transaction by another way, before the first save.
  void stored_elsewhere(raft::Index last_index, std::uint64_t checkpoints);

  void save(raft::Save save, Done done) override;
  ticket::State& state() override { return *overlay_; }
  void warm(std::vector<std::string> keys, Done done) override;
  void warm(ticket::ListRange range, Done done) override;
  void applied(const AppliedState& applied) override;
  void fetch(const raft::FetchEntries& request, std::function<void(raft::Entries)> done) override;
  void fetch(const raft::FetchChunk& request,
             std::function<void(std::optional<raft::SnapshotChunk>)> done) override;
  void stage(raft::SnapshotChunk chunk, std::function<void(std::uint64_t)> done) override;
  void install(raft::SnapshotMark mark, std::function<void(Result<AppliedState>)> done) override;
  void on_compacted(std::function<void(raft::Index)> callback) override {
    compacted_callback_ = std::move(callback);
  }
  void make_snapshot(std::function<void(Result<bool>)> done) override;
  raft::SnapshotMark newest_snapshot() const override { return newest_snapshot_; }
  SpaceReport space() const override { return space_; }
  DiskCounters counters() const override { return counters_; }
  /// Stops the executors. What it stands on may go then. All is durable, or in the journal and
  /// flushed.
  void close() override;

 private:
  struct WaitingSave {
    raft::Save save;
    Done done;
  };
  /// A batch on its way into the database. `landed` is the checkpointer's until it has stopped.
  struct InFlight {
    Batch batch;
    /// Of a save that went around the journal.
    Done done;
    bool landed = false;
  };
  /// A verified snapshot on its way into the next generation's tables.
  struct Loading {
    SnapshotHeader header;
    std::function<void(Result<AppliedState>)> done;
    // The checkpointer's:
    std::unique_ptr<BlockFile> file;
    std::optional<SnapshotReader> reader;
  };
  /// A snapshot that waits until the database holds what it has to.
  struct SnapshotOrder {
    raft::Index at_least;
    std::function<void(Result<bool>)> done;
  };
  /// What is to be read before `done` may be called.
  struct Warming {
    std::vector<std::string> keys;
    std::optional<ticket::ListRange> range;
    Done done;
  };

  /// Runs it on the loop unless closed by then.
  template <class Function>
  void post_to_loop(Function function) {
    post_([open = open_, function = std::move(function)]() mutable {
      if (*open) {
        function();
      }
    });
  }

  // --- Saving and checkpoints (journaled_disk.cpp)
  // ----------------------------------------------------
  void start_waiting_save();
  void write_waiting_save();
  /// Must it be flushed before it counts, at any level?
  bool promises(const raft::Save& save) const;
  void arm_flush();
  void flush_journal();
  void flushed(std::uint64_t sequence);
  /// Takes it into the batch that is gathered, and into what is known of the log.
  void remember(raft::Save save);
  void arm_alarm();
  bool can_begin_checkpoint() const { return !in_flight_ && !overlay_->unsettled(); }
  bool has_work() const;
  void begin_if_due();
  void begin_checkpoint(Done done);
  Batch gather();
  void submit(bool relieve_first);
  void run_checkpoint(const std::shared_ptr<InFlight>& in_flight, bool relieve_first);
  void landed(const Landed& landed);
  void relieved(const Landed& landed);
  void full();
  void measured(const SpaceReport& space);
  /// While space is low it is looked at again and again, also when nothing is saved.
  void arm_watch();
  void watch_space();
  void note_compacted(const Landed& landed);
  void store_rest();

  // --- Reading (disk_read.cpp) -------------------------------------------------------------------
  const raft::Entry* in_memory(raft::Index index) const;
  /// Below it every entry is in the database alone.
  std::optional<raft::Index> memory_first() const;
  void append_from_memory(const raft::FetchEntries& request, raft::Entries& entries) const;
  void finish_fetch(const raft::FetchEntries& request, std::uint64_t version, LogRead read,
                    const std::function<void(raft::Entries)>& done);
  void order_snapshots();
  void post_snapshot_step();
  void step_snapshot();

  // --- Warming (disk_warm.cpp) -------------------------------------------------------------------
  void start_warming(Warming warming);
  void post_warming();
  void warmed(const std::vector<Warming>& all);

  // --- Installing (disk_install.cpp) -------------------------------------------------------------
  /// The next step of clearing the other generation, or of loading into it, when one is due.
  void maintain();
  void clear_step();
  void clear_failed(const Error& why);
  /// Without success. False when that closed the disk.
  bool end_loading(const Error& why);
  void load_step();
  /// True: all of it is loaded.
  Result<bool> load_some(Loading& loading);
  void loaded(const Result<bool>& all);
  void begin_switch();
  void switched(const Landed& landed);

  const Options options_;
  const Post post_;
  Journal& journal_;
  Engine& engine_;
  SnapshotFiles& snapshots_;
  Executor& writer_;
  Executor& checkpointer_;
  Executor& reader_;
  Executor& warmer_;
  /// False once closed; read and written on the loop only.
  const std::shared_ptr<bool> open_ = std::make_shared<bool>(true);
  std::optional<Overlay> overlay_;

  /// As saved last, whatever its commit index.
  raft::HardState hard_state_;
  std::optional<WaitingSave> waiting_save_;
  bool save_outstanding_ = false;
  /// Everything saved and applied since the last batch was put in flight.
  Batch pending_;
  std::shared_ptr<InFlight> in_flight_;
  bool checkpoint_due_ = false;
  bool alarm_armed_ = false;
  bool flush_armed_ = false;
  bool watch_armed_ = false;
  std::uint64_t checkpoints_ = 0;  // in the database
  raft::Index compacted_;
  raft::Index last_index_;         // saved or being saved
  raft::Index applied_index_;      // stored_index_ <= applied_index_ <= last_index_
  raft::Index stored_index_;       // of the applied state in the database
  std::uint64_t log_version_ = 0;  // counts what took entries out of the log's end
  std::function<void(raft::Index)> compacted_callback_;
  raft::SnapshotMark newest_snapshot_;
  std::vector<SnapshotOrder> snapshot_orders_;
  SpaceReport space_;
  DiskCounters counters_;

  std::shared_ptr<Loading> loading_;
  bool loaded_ = false;
  bool other_generation_empty_ = false;
  bool maintaining_ = false;

  /// At most one job of the warmer's is under way, and takes all that waited for it.
  std::vector<Warming> waiting_to_warm_;
  bool warming_ = false;

  // The reader's:
  bool snapshot_step_posted_ = false;
};

}  // namespace ticketd::store
