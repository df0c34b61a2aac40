// The owner's work with its disk: saves, reading back, snapshots both ways, compaction.
#include <algorithm>

#include "tests/raft/cluster_server.h"
#include "tests/raft/cluster_simulation.h"

namespace ticketd::raft::cluster {

Micros Server::disk_delay() const {
  const Knobs& knobs = simulation_.knobs;
  return simulation_.healed() ? simulation_.disk_random.between(20, 500)
                              : simulation_.disk_random.between(knobs.disk_min, knobs.disk_max);
}

Micros Server::receiving_delay() {
  const Micros now = simulation_.events.now();
  receiving_until_ = std::max(receiving_until_, now) + disk_delay();
  return receiving_until_ - now;
}

void Server::save(Save save) {
  simulation_.invariants.save_due(self_, save);
  const SaveId id = save.id;
  if (simulation_.plan.broken == Broken::kConfirmsEarly) {
    if (disk_.writing()) {
      simulation_.invariants.durable(self_, disk_.sync());
    }
    after(1, [this, id] {
      simulation_.invariants.confirmed(self_);
      node_->saved(now(), id);
      event_done();
    });
  }
  disk_.write(std::move(save));
  at_disk(disk_delay(), [this, id] {
    if (disk_.writing() && disk_.writing()->id == id) {
      synced();
    }
  });
  if (!simulation_.healed() &&
      simulation_.fault_random.chance(simulation_.knobs.crash_on_save_permille, 1000)) {
    simulation_.events.after(disk_delay(), [this, life = life_] {
      if (life == life_ && !simulation_.healed()) {
        crash();
        simulation_.events.after(simulation_.fault_random.below(1'000'000), [this] { start(); });
      }
    });
  }
}

void Server::synced() {
  const Save save = disk_.sync();
  simulation_.invariants.durable(self_, save);
  if (simulation_.plan.broken == Broken::kConfirmsEarly) {
    return;
  }
  // Durable and confirmed are two moments: a crash may come between them.
  after(simulation_.disk_random.below(100), [this, id = save.id] {
    simulation_.invariants.confirmed(self_);
    node_->saved(now(), id);
    event_done();
  });
}

void Server::fetch(const FetchEntries& request) {
  if (request.from > request.to || request.to > disk_.last_index() || request.max_bytes == 0) {
    fail("asks the disk for entries that it does not hold");
  }
  // Read at one moment, heard of at a later one.
  at_disk(disk_delay(), [this, request] {
    Entries entries = disk_.read(request.from, request.to, request.max_bytes);
    ++(entries.empty() ? simulation_.counts.compacted_fetches : simulation_.counts.fetches);
    after(simulation_.disk_random.below(2000), [this, request, entries] {
      node_->fetched(now(), request, entries);
      event_done();
    });
  });
}

void Server::fetch(const FetchChunk& request) {
  if (request.max_bytes == 0 || request.max_bytes > node_->options().snapshot_chunk_bytes) {
    fail("asks for a chunk of a wrong size");
  }
  at_disk(disk_delay(), [this, request] {
    const std::optional<SnapshotChunk> chunk = read_chunk(request);
    after(simulation_.disk_random.below(2000), [this, request, chunk] {
      node_->fetched(now(), request, chunk);
      event_done();
    });
  });
}

std::optional<SnapshotChunk> Server::read_chunk(const FetchChunk& request) {
  Random& random = simulation_.disk_random;
  const bool bad = simulation_.plan.has(kBadSnapshots) && !simulation_.healed();
  if (bad && random.chance(1, 20)) {
    disk_.drop_snapshots();
  }
  if (bad && random.chance(1, 20)) {
    return std::nullopt;
  }
  if (request.mark) {
    return disk_.chunk(*request.mark, request.file_id, request.offset, request.max_bytes);
  }
  if (request.offset != 0) {
    fail("asks for the middle of any snapshot");
  }
  auto newest = disk_.newest_snapshot();
  if (!newest || random.chance(1, 2)) {
    const std::uint64_t file_id = random.next();
    const SnapshotMark mark = disk_.make_snapshot(
        file_id, random.below(simulation_.knobs.snapshot_padding_max), simulation_.plan.broken);
    newest = {mark, file_id};
  }
  return disk_.chunk(newest->first, newest->second, 0, request.max_bytes);
}

void Server::stage(const SnapshotChunk& chunk) {
  at_disk(receiving_delay(), [this, chunk] {
    after(0, [this, chunk] {
      if (!disk_.stage(chunk)) {
        fail("stages a chunk that does not continue its file");
      }
      damaged_ = damaged_ && chunk.offset != 0;
      if (simulation_.plan.has(kBadSnapshots) && !simulation_.healed() &&
          simulation_.disk_random.chance(1, 20)) {
        disk_.damage_staged();
        damaged_ = true;
      }
      node_->staged(now(), chunk.mark, chunk.file_id, disk_.staged_bytes());
      event_done();
    });
  });
}

void Server::install(SnapshotMark mark) {
  simulation_.invariants.install_due(self_, mark);
  installing_ = true;
  at_disk(receiving_delay(), [this, mark] { put_in_force(mark); });
}

void Server::put_in_force(SnapshotMark mark) {
  const std::optional<SnapshotContent> content = disk_.install(mark);
  if (content) {
    applied_ = disk_.applied();
    simulation_.invariants.state_is(self_, applied_.index, applied_.digest);
    simulation_.invariants.put_in_force(self_, mark);
    ++simulation_.counts.snapshots;
  } else if (!damaged_) {
    fail("installs a file put together from two");
  } else {
    ++simulation_.counts.bad_snapshots;
  }
  // In force and heard of are two moments: a crash may come between them.
  after(simulation_.disk_random.below(2000), [this, mark, content] {
    installing_ = false;
    simulation_.invariants.install_answered(self_);
    if (content) {
      node_->installed(now(), mark, content->configuration);
    } else {
      node_->install_failed(now(), mark);
    }
    event_done();
  });
}

void Server::checkpoint() {
  disk_.checkpoint(applied_);
  const std::uint64_t old = disk_.compacted().index.value;
  if (simulation_.plan.has(kCompaction) && !installing_ && applied_.index.value > old &&
      simulation_.owner_random.chance(1, 2)) {
    const Index index{applied_.index.value -
                      log_uniform(simulation_.owner_random, 0, applied_.index.value - old - 1)};
    disk_.compact(index);
    simulation_.invariants.compacted(self_, index);
    node_->compacted(index);
    event_done();
  }
  after(simulation_.knobs.checkpoint_interval, [this] { checkpoint(); });
}

}  // namespace ticketd::raft::cluster
