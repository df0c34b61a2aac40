// Stand-ins for a replica's seams, in virtual time: a loop, a disk in memory that can crash, and a
// network that delivers in order or not at all.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "net/transport.h"
#include "server/loop.h"
#include "server/replica.h"
#include "store/disk.h"
#include "tests/ticket/map_state.h"

namespace ticketd::server::testing {

/// Virtual time shared by all nodes: always runs the earliest event.
class World {
 public:
  raft::Time now() const { return now_; }
  void after(raft::Micros delay, std::function<void()> event);
  /// Runs events until `condition` holds; false when `patience` of virtual time went by before.
  bool run_until(const std::function<bool()>& condition, raft::Micros patience = 20'000'000);
  void run_for(raft::Micros time);

 private:
  void step();

  raft::Time now_{4'294'000'000'000};  // close to where 32-bit milliseconds wrap
  std::uint64_t sequence_ = 0;
  std::uint64_t at_this_instant_ = 0;
  std::map<std::pair<raft::Time, std::uint64_t>, std::function<void()>> events_;
};

class FakeLoop : public Loop {
 public:
  explicit FakeLoop(World& world) : world_(world) {}
  ~FakeLoop() override { *alive_ = false; }
  raft::Time now() override { return world_.now(); }
  void defer(std::function<void()> turn) override;
  void defer_turn() override;
  void on_turn(std::function<void()> handler) override { turn_handler_ = std::move(handler); }
  void set_alarm(raft::Time when) override;
  void on_alarm(std::function<void()> handler) override { handler_ = std::move(handler); }

 private:
  World& world_;
  std::function<void()> turn_handler_;
  std::function<void()> handler_;
  std::uint64_t alarm_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// What survives a crash.
struct Platter {
  store::Identity identity;
  raft::HardState hard_state;
  raft::SnapshotMark compacted;
  raft::ConfigurationAt compacted_configuration;
  /// From compacted.index + 1 on.
  raft::Entries log;
  store::AppliedState applied;
  std::map<std::string, std::string, std::less<>> records;
};

/// Saves take `flush` microseconds; until then a crash loses them. Applied state is kept in memory
/// and becomes durable with checkpoint().
class FakeDisk : public store::Disk {
 public:
  FakeDisk(World& world, std::shared_ptr<Platter> platter);
  ~FakeDisk() override { *alive_ = false; }

  store::Opened opened() const;
  /// Applied state becomes durable; the log up to `keep` entries before it is dropped.
  void checkpoint(std::size_t keep);
  void hang() { hung_ = true; }
  /// From now on records are cold until they are warmed, which takes `warming` microseconds, or
  /// written.
  void chill() { memory_.warm.emplace(); }
  raft::Micros warming = 2'000;
  /// No warming ends any more.
  void hang_warming() { warming_hangs_ = true; }
  std::size_t warmed = 0;        // records, and ranges
  std::size_t largest_warm = 0;  // records in one call
  store::SpaceReport& space_report() { return space_; }
  raft::Micros flush = 300;

  void save(raft::Save save, Done done) override;
  ticket::State& state() override { return memory_; }
  void warm(std::vector<std::string> keys, Done done) override;
  void warm(ticket::ListRange range, Done done) override;
  void applied(const store::AppliedState& applied) override { applied_ = applied; }
  void fetch(const raft::FetchEntries& request, std::function<void(raft::Entries)> done) override;
  void fetch(const raft::FetchChunk& request,
             std::function<void(std::optional<raft::SnapshotChunk>)> done) override;
  void stage(raft::SnapshotChunk chunk, std::function<void(std::uint64_t)> done) override;
  void install(raft::SnapshotMark mark,
               std::function<void(Result<store::AppliedState>)> done) override;
  void on_compacted(std::function<void(raft::Index)> callback) override {
    compacted_ = std::move(callback);
  }
  void make_snapshot(std::function<void(Result<bool>)> done) override;
  raft::SnapshotMark newest_snapshot() const override { return snapshot_; }
  store::SpaceReport space() const override { return space_; }
  store::DiskCounters counters() const override { return {}; }
  void close() override {}

 private:
  struct Memory : ticket::MapState {
    void put(std::string_view key, std::string_view value) override;
    bool is_warm(std::string_view key) override { return !warm || warm->contains(key); }
    /// None: all are.
    std::optional<std::set<std::string, std::less<>>> warm;
  };
  void later(raft::Micros delay, std::function<void()> job);
  std::string snapshot_file() const;

  World& world_;
  std::shared_ptr<Platter> platter_;
  Memory memory_;
  store::AppliedState applied_;
  std::string incoming_;
  raft::SnapshotMark snapshot_;
  std::function<void(raft::Index)> compacted_;
  store::SpaceReport space_;
  bool hung_ = false;
  bool warming_hangs_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class FakeTransport;

/// Who can reach whom.
class FakeNetwork {
 public:
  explicit FakeNetwork(World& world) : world_(world) {}
  void cut(raft::NodeId node) { cut_.insert(node); }
  void heal() { cut_.clear(); }
  bool connected(raft::NodeId a, raft::NodeId b) const {
    return !cut_.contains(a) && !cut_.contains(b);
  }
  World& world() { return world_; }

  std::map<std::string, FakeTransport*> listening;
  raft::Micros delay = 100;
  /// The answer to whoever asks for a member's status, instead of that member's.
  std::optional<net::StatusReply> status;

 private:
  World& world_;
  std::set<raft::NodeId> cut_;
};

class FakeTransport : public net::Transport {
 public:
  FakeTransport(FakeNetwork& network, std::string address)
      : network_(network), address_(std::move(address)) {}
  ~FakeTransport() override;

  void start(net::TransportEvents& events);
  void set_self(net::Hello prototype) override { self_ = std::move(prototype); }
  void set_peers(std::vector<net::Peer> peers) override { peers_ = std::move(peers); }
  void send(const raft::Envelope& envelope) override;
  void send(raft::MemberId to, const net::MemberStatus& status) override;
  void call(raft::MemberId to, net::Call call, raft::Micros timeout,
            std::function<void(net::CallResult)> done) override;
  void close() override {}
  const std::vector<net::Peer>& peers() const { return peers_; }

 private:
  /// Runs `deliver` on the peer, after a handshake, unless it cannot be reached.
  bool reach(raft::MemberId to, std::function<void(FakeTransport&)> deliver);
  std::optional<std::string> address_of(raft::MemberId peer) const;

  FakeNetwork& network_;
  std::string address_;
  net::TransportEvents* events_ = nullptr;
  net::Hello self_;
  std::vector<net::Peer> peers_;
};

}  // namespace ticketd::server::testing
