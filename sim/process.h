// One simulated node: its clock and loop, its disk and transport, and the replica over them while
// it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/loop.h"
#include "server/replica.h"
#include "sim/disk.h"
#include "sim/platter.h"
#include "sim/transport.h"

namespace ticketd::sim {

class Simulation;

/// A monotonic clock with an origin and a rate of its own, which may jump ahead.
class Clock {
 public:
  raft::Time at(Micros now) const {
    return raft::Time(origin_ + scaled(now - base_, rate_ppm_));
  }
  /// The first moment, not before `now`, at which this clock shows `time`; at most an hour ahead.
  Micros moment_of(raft::Time time, Micros now) const;
  void start(std::uint64_t origin, Micros now, std::int64_t rate_ppm);
  void jump(Micros ahead) { origin_ += ahead; }

 private:
  /// Never falls as `span` grows: |ppm| is far below a million. Spans are of days at most.
  static std::uint64_t scaled(Micros span, std::int64_t ppm) {
    return span + static_cast<std::uint64_t>(static_cast<std::int64_t>(span) * ppm / 1'000'000);
  }
  std::uint64_t origin_ = 0;
  Micros base_ = 0;
  std::int64_t rate_ppm_ = 0;
};

class Process : public server::Loop {
 public:
  enum class State : std::uint8_t {
    kDown,
    /// Its disk does not know yet who it is: asks for admission (Operators).
    kJoining,
    kUp,
  };

  Process(Simulation& simulation, std::uint32_t index, raft::NodeId node, std::string address);

  std::uint32_t index() const { return index_; }
  std::uint32_t life() const { return life_; }
  State state() const { return state_; }
  bool up() const { return state_ == State::kUp; }
  /// Up, and done with starting.
  bool runs() const { return replica_ != nullptr; }
  /// Was asked to stop, and is about to.
  bool stopping() const { return up() && stopping_; }
  const std::string& address() const { return address_; }
  raft::Addresses addresses() const { return {address_, "http-" + address_, ""}; }
  void move_to(std::string address) { address_ = std::move(address); }
  raft::NodeId node_id() const { return node_id_; }

  Platter& platter() { return *platter_; }
  const Platter& platter() const { return *platter_; }
  SimulatedDisk& disk() { return *disk_; }
  const SimulatedDisk& disk() const { return *disk_; }
  SimulatedTransport& transport() { return *transport_; }
  server::Replica& replica() { return *replica_; }
  const server::Replica& replica() const { return *replica_; }

  // --- Life -------------------------------------------------------------------------------------
  /// From its disk, unless that is found to be damaged. Requires kDown, and an identity.
  void start();
  /// As by kill -9; at durability high as if the power had failed at once.
  void crash(Fate of_writes = Fate::kDrawn);
  /// Its machine loses its power, which below durability high leaves it in doubt of what it has
  /// promised: its disk is to be replaced.
  void cut_power();
  /// In good order, in a while.
  void stop();
  /// Requires kDown: an empty disk.
  void replace_disk();
  void set_joining(bool joining) { state_ = joining ? State::kJoining : State::kDown; }
  /// The cluster removed it, and it knows.
  bool removed() const { return removed_; }

  bool paused() const;
  void pause(Micros span);
  /// When it was last held up, by a pause or a jump of its clock.
  Micros resumed_at() const { return resumed_at_; }
  void jump_clock(Micros ahead);
  /// When its clock will have gone on so far.
  Micros moment_after(Micros span) const;
  raft::Time local_now() const;
  /// How far its clock has gone on in all its lives, jumps included. No matter where it began.
  Micros counted() const;

  // --- Events -----------------------------------------------------------------------------------
  /// Something happens on this process's loop: now, or when its pause ends.
  void on_loop(std::function<void()> action);
  /// Runs it now, then what became due by it.
  template <class Action>
  void enter(Action&& action) {
    action();
    if (!deferred_.empty()) run_deferred();
    settle();
  }
  void alarm();
  void turn();
  Micros paused_until() const { return paused_until_; }

  // --- server::Loop -----------------------------------------------------------------------------
  raft::Time now() override;
  void defer(std::function<void()> turn) override { deferred_.push_back(std::move(turn)); }
  void defer_turn() override {
    deferred_.emplace_back([this] { turn_handler_(); });
  }
  void on_turn(std::function<void()> handler) override { turn_handler_ = std::move(handler); }
  void set_alarm(raft::Time when) override;
  void on_alarm(std::function<void()> handler) override { alarm_handler_ = std::move(handler); }

 private:
  bool recover();
  void make_replica();
  void run_deferred();
  void settle();
  void ended(server::End why, const std::string& message);
  void arm(Micros at);
  void note_crash();
  void take_down();

  Simulation& simulation_;
  std::uint32_t index_;
  raft::NodeId node_id_;
  std::string address_;
  std::uint32_t life_ = 0;
  State state_ = State::kDown;
  bool removed_ = false;
  bool stopping_ = false;
  std::optional<server::End> ended_;
  std::string end_message_;

  Clock clock_;
  raft::Time life_began_;       // by its clock
  Micros counted_before_ = 0;  // in earlier lives
  Micros paused_until_ = 0;
  Micros resumed_at_ = 0;
  bool turn_due_ = false;
  std::vector<std::function<void()>> deferred_;
  std::vector<std::function<void()>> running_;
  std::function<void()> turn_handler_;
  std::function<void()> alarm_handler_;
  /// When the alarm's event happens; one that comes too early is put off again.
  std::optional<Micros> armed_;
  raft::Time wanted_;

  std::unique_ptr<Platter> platter_;
  /// Disks that were lost: read by nobody but the oracle, who counts what they once promised.
  std::vector<std::unique_ptr<Platter>> lost_platters_;
  std::unique_ptr<SimulatedDisk> disk_;
  std::unique_ptr<SimulatedTransport> transport_;
  std::unique_ptr<server::Replica> replica_;
};

}  // namespace ticketd::sim
