#include "sim/process.h"

#include <algorithm>
#include <utility>

#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {

namespace {

constexpr Micros kHour = 3'600'000'000;

/// Where the monotonic clock of a life begins: small, anywhere, or a little before an overflow.
std::uint64_t draw_origin(Random& random) {
  constexpr std::uint64_t kWrap = std::uint64_t{1} << 32;
  const std::uint64_t before = random.below(60'000'000);
  switch (random.below(6)) {
    case 0:
      return 0;
    case 1:
      return before;
    case 2:
      return kWrap * 1'000 - before;  // 32 bits of milliseconds
    case 3:
      return kWrap - before;  // 32 bits of microseconds
    case 4:
      return kWrap / 2 * 1'000 - before;  // the same, signed
    default:
      return random.below(std::uint64_t{1} << 52);
  }
}

}  // namespace

// --- Clock ----------------------------------------------------------------------------------------

void Clock::start(std::uint64_t origin, Micros now, std::int64_t rate_ppm) {
  origin_ = origin;
  base_ = now;
  rate_ppm_ = rate_ppm;
}

Micros Clock::moment_of(raft::Time time, Micros now) const {
  const raft::Time shown = at(now);
  if (time <= shown) return now;
  const raft::Time wanted = shown + std::min<Micros>(time - shown, kHour);
  constexpr std::uint64_t kMillion = 1'000'000;
  const auto rate = static_cast<std::uint64_t>(static_cast<std::int64_t>(kMillion) + rate_ppm_);
  const Micros about = base_ + (wanted.value - origin_) * kMillion / rate;
  Micros moment = std::max(now, about > 1 ? about - 1 : 0);  // rounding may have gone either way
  while (at(moment) < wanted) ++moment;
  return moment;
}

// --- Life -----------------------------------------------------------------------------------------

Process::Process(Simulation& simulation, std::uint32_t index, raft::NodeId node,
                 std::string address)
    : simulation_(simulation), index_(index), node_id_(node), address_(std::move(address)) {
  replace_disk();
}

void Process::replace_disk() {
  require(state_ == State::kDown, "the disk of a running process is taken away");
  if (platter_) {
    platter_->lost = true;
    lost_platters_.push_back(std::move(platter_));
  }
  platter_ = std::make_unique<Platter>();
  platter_->identity.node = node_id_;
  // Its id would be in the database, too.
  platter_->make_journal({simulation_.owner_random.next(), simulation_.knobs.half_bytes});
  simulation_.oracle.has_disk(index_, *platter_);
  removed_ = false;
}

void Process::start() {
  require(state_ != State::kUp && !platter_->lost, "a process is started that cannot be");
  if (!recover()) return;
  state_ = State::kUp;
  Random& random = simulation_.owner_random;
  const bool wild = simulation_.plan.faults.has(Fault::kClocks);
  const std::uint64_t origin = wild ? draw_origin(random) : simulation_.knobs.clock_origin;
  const auto rate = wild && !simulation_.healed()
                        ? static_cast<std::int64_t>(random.below(100'000)) - 50'000
                        : 0;
  clock_.start(origin, simulation_.events.now(), rate);
  life_began_ = local_now();
  paused_until_ = 0;
  resumed_at_ = simulation_.events.now();
  stopping_ = turn_due_ = false;
  ended_.reset();
  armed_.reset();
  disk_ = std::make_unique<SimulatedDisk>(simulation_, *this, *platter_);
  transport_ = std::make_unique<SimulatedTransport>(simulation_, *this);
  make_replica();
  simulation_.tell(*this, "starts as ", platter_->member(), " with a log of (",
                   platter_->compacted.index, ", ", platter_->last_index(), "]");
  simulation_.oracle.started(index_, life_, replica_->node());
  enter([this] {
    transport_->start(*replica_);
    replica_->start();
  });
}

/// False: its disk is damaged, and is replaced.
bool Process::recover() {
  const Result<store::Recovered> recovered = platter_->recover_at_start();
  if (recovered) {
    require(platter_->is_durable(recovered->batch), platter_->member(),
            " comes back with something else than it has saved");
    require(!platter_->rotten, platter_->member(), " comes back from a damaged journal");
    platter_->store(recovered->batch);
    return true;
  }
  simulation_.tell(*this, "is refused its disk: ", recovered.error().message);
  require(platter_->rotten, platter_->member(), " takes its sound journal for a damaged one: ",
          recovered.error().message);
  ++simulation_.statistics.rot_found;
  state_ = State::kDown;
  simulation_.faults.replace(*this);
  return false;
}

void Process::make_replica() {
  server::ReplicaOptions options;
  options.raft = simulation_.knobs.raft;
  options.raft.self = platter_->member();
  options.raft.seed = simulation_.owner_random.next();
  options.cluster_id = platter_->identity.cluster_id;
  options.addresses = addresses();
  options.request_timeout = simulation_.knobs.request_timeout;
  options.key_limits = {simulation_.knobs.key_age_us, simulation_.knobs.keys_max};
  options.allow_delete = simulation_.knobs.allow_delete;
  options.durability = simulation_.knobs.durability;
  options.version = "simulated";
  server::ReplicaCallbacks callbacks;
  callbacks.ended = [this](server::End why, const std::string& message) { ended(why, message); };
  replica_ = std::make_unique<server::Replica>(std::move(options), platter_->open(), *this, *disk_,
                                               *transport_, std::move(callbacks));
}

void Process::take_down() {
  simulation_.oracle.stopped(index_);
  simulation_.network.process_died(*this);
  const std::uint32_t life = life_++;
  counted_before_ = counted();
  state_ = State::kDown;
  replica_.reset();
  transport_.reset();
  disk_.reset();
  deferred_.clear();
  turn_handler_ = nullptr;
  alarm_handler_ = nullptr;
  simulation_.clients.process_died(index_, life);
  if (simulation_.witness != nullptr) simulation_.witness->went_down(*this, life);
}

void Process::crash(Fate of_writes) {
  if (!up()) return;
  note_crash();
  disk_->crash(of_writes);
  take_down();
}

void Process::cut_power() {
  require(up(), "the power of a process is cut that is down");
  note_crash();
  simulation_.tell(*this, "and its machine: the power is cut");
  simulation_.struck(Fault::kPowerCuts, *this);
  disk_->cut_power();
  take_down();
}

void Process::note_crash() {
  simulation_.tell(*this, "crashes", disk_->writing() ? " while it writes" : "");
  ++simulation_.statistics.crashes;
  simulation_.struck(Fault::kCrashes, *this);
}

void Process::stop() {
  if (!up() || std::exchange(stopping_, true)) return;
  simulation_.tell(*this, "is asked to stop");
  ++simulation_.statistics.stops;
  on_loop([this] {
    replica_->shut_down([this] {
      // Outside of its turn, as the server does it.
      simulation_.events.push_action(simulation_.events.now(), index_, life_, [this] {
        replica_->close();
        transport_->close();
        disk_->close();
        simulation_.clients.look_at_answers();
        simulation_.tell(*this, "stops");
        take_down();
        if (simulation_.healed()) {
          simulation_.events.after(1'000, [this] { simulation_.operators.restart(*this); });
        }
      });
    });
  });
}

void Process::ended(server::End why, const std::string& message) {
  ended_ = why;
  end_message_ = message;
  simulation_.tell(*this, "ends: ", message);
  simulation_.events.push_action(simulation_.events.now(), index_, life_, [this] {
    require(ended_ == server::End::kRemoved, platter_->member(), " ends: ", end_message_);
    require(!simulation_.is_member(*this), platter_->member(),
            " believes that it was removed, and is a member");
    replica_->close();
    transport_->close();
    simulation_.clients.look_at_answers();
    ++simulation_.statistics.removed;
    removed_ = true;
    take_down();
  });
}

bool Process::paused() const { return paused_until_ > simulation_.events.now(); }

void Process::pause(Micros span) {
  if (!up()) return;
  simulation_.tell(*this, "pauses for ", span, " us");
  paused_until_ = std::max(paused_until_, simulation_.events.now() + span);
  resumed_at_ = paused_until_;
}

void Process::jump_clock(Micros ahead) {
  if (!up()) return;
  simulation_.tell(*this, "sees its clock jump ahead by ", ahead, " us");
  clock_.jump(ahead);
  // What is late by its clock now, it can act upon only from now on.
  resumed_at_ = std::max(resumed_at_, simulation_.events.now());
  if (armed_) arm(clock_.moment_of(wanted_, simulation_.events.now()));
}

// --- Events ---------------------------------------------------------------------------------------

void Process::on_loop(std::function<void()> action) {
  if (!paused()) return enter(action);
  simulation_.events.push_action(
      paused_until_, index_, life_,
      [this, action = std::move(action)]() mutable { on_loop(std::move(action)); });
}

void Process::run_deferred() {
  if (simulation_.knobs.turn_delay_max > 0 && !simulation_.healed()) {
    if (std::exchange(turn_due_, true)) return;
    const Micros delay = simulation_.owner_random.below(simulation_.knobs.turn_delay_max + 1);
    simulation_.events.push({.at = simulation_.events.now() + delay,
                             .process = index_,
                             .life = life_,
                             .slot = 0,
                             .kind = EventKind::kTurn});
    return;
  }
  while (!deferred_.empty()) {
    running_.swap(deferred_);
    for (const auto& turn : running_) turn();
    running_.clear();
  }
}

void Process::turn() {
  turn_due_ = false;
  running_.swap(deferred_);
  for (const auto& turn : running_) turn();
  running_.clear();
  if (!deferred_.empty()) run_deferred();
  settle();
}

/// After every event: what the process shows, and what it told clients in it.
void Process::settle() {
  simulation_.oracle.observed(index_, replica_->node());
  simulation_.clients.look_at_answers();
  if (simulation_.witness != nullptr) simulation_.witness->settled(*this);
}

// --- server::Loop ---------------------------------------------------------------------------------

raft::Time Process::now() { return clock_.at(simulation_.events.now()); }
raft::Time Process::local_now() const { return clock_.at(simulation_.events.now()); }

Micros Process::counted() const {
  return counted_before_ + (up() ? local_now() - life_began_ : 0);
}

Micros Process::moment_after(Micros span) const {
  return clock_.moment_of(local_now() + span, simulation_.events.now());
}

void Process::set_alarm(raft::Time when) {
  wanted_ = when;
  const Micros now = simulation_.events.now();
  // Most alarms move later with every heartbeat: the event comes too early then, and is put off.
  const bool early_enough = armed_ && (*armed_ <= now || clock_.at(*armed_ - 1) < when);
  if (!early_enough) arm(clock_.moment_of(when, now));
}

void Process::arm(Micros at) {
  armed_ = at;
  simulation_.events.push(
      {.at = at, .process = index_, .life = life_, .slot = 0, .kind = EventKind::kAlarm});
}

void Process::alarm() {
  const Micros now = simulation_.events.now();
  if (!armed_ || *armed_ > now) return;  // replaced by a later or an earlier one
  armed_.reset();
  if (clock_.at(now) < wanted_) return arm(clock_.moment_of(wanted_, now));
  ++simulation_.statistics.timers;
  enter([this] { alarm_handler_(); });
}

}  // namespace ticketd::sim
