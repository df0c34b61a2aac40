// One member: a raft::Node, its disk, and the owner's loop that does what Ready asks. The loop is
// the only user of Ready, so that no test can do its parts in a wrong order.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "raft/node.h"
#include "tests/raft/cluster_disk.h"

namespace ticketd::raft::cluster {

class Simulation;

/// A monotonic clock with an origin and a rate of its own.
struct Clock {
  std::uint64_t origin = 0;
  Micros started = 0;
  std::int64_t drift_ppm = 0;

  Time at(Micros now) const;
  /// The first moment at which this clock shows `time` or more; at most an hour ahead.
  Micros moment_of(Time time, Micros now) const;
};

/// A time in which nothing is done; what falls due waits for its end.
struct Stall {
  Micros until = 0;
  std::vector<std::function<void()>> waiting;
};

class Server {
 public:
  Server(Simulation& simulation, MemberId self, Disk disk);

  MemberId self() const { return self_; }
  bool up() const { return node_ != nullptr; }
  /// Its disk is gone for good: it never starts again.
  bool lost() const { return lost_; }
  bool paused() const;
  const Node& node() const { return *node_; }
  const Disk& disk() const { return disk_; }
  const Configuration& newest_configuration() const;

  void start();
  void crash();
  void lose_disk();
  void pause(Micros span);
  void resume();
  void hang_disk(Micros span);
  void unhang_disk();

  void deliver(const Envelope& envelope);
  /// An event of this server's loop: calls the node, then does what that made due. Not when paused.
  void call(const std::function<void(Node&, Time)>& action);

 private:
  /// On the owner's loop, in this life: a pause delays it.
  void after(Micros delay, std::function<void()> action);
  /// At the disk, in this life, whether or not the process is paused; a hung disk delays it.
  void at_disk(Micros delay, std::function<void()> action);
  void stall(Stall& stall, Micros span);
  void end(Stall& stall);
  void event_done();
  void pump();
  void perform(Ready ready);
  void schedule_tick();
  void tick();

  void save(Save save);
  void synced();
  void apply(const Entries& entries);
  void fetch(const FetchEntries& request);
  void fetch(const FetchChunk& request);
  std::optional<SnapshotChunk> read_chunk(const FetchChunk& request);
  void stage(const SnapshotChunk& chunk);
  void install(SnapshotMark mark);
  void put_in_force(SnapshotMark mark);
  void checkpoint();
  Micros disk_delay() const;
  Micros receiving_delay();
  Time now() const;
  [[noreturn]] void fail(const std::string& what) const;

  Simulation& simulation_;
  MemberId self_;
  Disk disk_;
  std::unique_ptr<Node> node_;  // none while it is down
  std::uint64_t life_ = 0;      // events of an earlier life do not happen
  Clock clock_;
  AppliedState applied_;
  bool lost_ = false;
  bool pump_due_ = false;
  bool installing_ = false;
  bool damaged_ = false;  // the file being received was tampered with
  Role told_role_ = Role::kFollower;
  Term told_term_;
  Micros tick_at_ = 0;
  Stall pause_;
  Stall hang_;
  Micros receiving_until_ = 0;  // chunks are staged, and installed, one after another
};

}  // namespace ticketd::raft::cluster
