#include "tests/raft/cluster_server.h"

#include <algorithm>
#include <utility>

#include "tests/raft/cluster_simulation.h"

namespace ticketd::raft::cluster {

Time Clock::at(Micros now) const {
  const auto elapsed = static_cast<std::int64_t>(now - started);
  return Time{origin + static_cast<std::uint64_t>(elapsed + elapsed * drift_ppm / 1'000'000)};
}

Micros Clock::moment_of(Time time, Micros now) const {
  constexpr Micros kHour = 3'600'000'000;
  const Time shown = at(now);
  if (time <= shown) {
    return now;
  }
  const Micros ahead = std::min<Micros>(time - shown, kHour);
  Micros moment = now + ahead - ahead / 16;  // before it, at any rate of at most 5 %
  while (at(moment) < shown + ahead) {
    moment += std::max<Micros>(1, (shown + ahead - at(moment)) * 15 / 16);
  }
  return moment;
}

Server::Server(Simulation& simulation, MemberId self, Disk disk)
    : simulation_(simulation), self_(self), disk_(std::move(disk)) {}

bool Server::paused() const { return pause_.until > simulation_.events.now(); }

Time Server::now() const { return clock_.at(simulation_.events.now()); }

void Server::fail(const std::string& what) const {
  std::ostringstream out;
  out << "seed " << simulation_.plan.seed << ", step " << simulation_.events.steps() << ", member "
      << self_ << ": " << what;
  throw Violation(out.str());
}

const Configuration& Server::newest_configuration() const {
  return up() ? node_->configuration().configuration : disk_.newest_configuration();
}

void Server::start() {
  if (up() || lost_) {
    return;
  }
  Random& random = simulation_.owner_random;
  clock_ = {0, simulation_.events.now(), 0};
  if (simulation_.plan.has(kWildClocks)) {
    clock_.origin = draw_clock_origin(random);
    clock_.drift_ppm = static_cast<std::int64_t>(random.below(40'000)) - 20'000;
  }
  Options options = simulation_.knobs.options;
  options.self = self_;
  options.seed = random.next();
  const Restored restored = disk_.restored(random);
  node_ = std::make_unique<Node>(options, restored, now());
  applied_ = disk_.applied();
  ++simulation_.counts.restarts;
  simulation_.tell(self_, "starts with term ", restored.hard_state.current_term, ", log (",
                   restored.compacted.index, ", ", restored.last_index, "], applied ",
                   restored.applied_index);
  simulation_.invariants.started(view_of(*node_, life_), restored);
  simulation_.invariants.state_is(self_, applied_.index, applied_.digest);
  event_done();
  after(random.below(simulation_.knobs.checkpoint_interval), [this] { checkpoint(); });
}

void Server::crash() {
  if (!up()) {
    return;
  }
  // What was being written may have arrived although nobody heard of it.
  if (disk_.writing() && simulation_.disk_random.chance(1, 2)) {
    simulation_.invariants.durable(self_, disk_.sync());
  }
  simulation_.tell(self_, "crashes");
  disk_.crash(simulation_.plan.broken);
  node_.reset();
  ++life_;
  pump_due_ = installing_ = damaged_ = false;
  tick_at_ = receiving_until_ = 0;
  pause_ = {};
  hang_.waiting.clear();
  simulation_.invariants.stopped(self_);
}

void Server::lose_disk() {
  crash();
  lost_ = true;
}

void Server::pause(Micros span) { stall(pause_, span); }
void Server::hang_disk(Micros span) { stall(hang_, span); }

void Server::stall(Stall& stall, Micros span) {
  stall.until = std::max(stall.until, simulation_.events.now() + span);
  simulation_.events.after(span, [this, &stall] {
    if (stall.until <= simulation_.events.now()) {
      end(stall);
    }
  });
}

void Server::end(Stall& stall) {
  stall.until = 0;
  for (std::function<void()>& action : std::exchange(stall.waiting, {})) {
    &stall == &pause_ ? after(0, std::move(action)) : at_disk(0, std::move(action));
  }
}

void Server::resume() { end(pause_); }
void Server::unhang_disk() { end(hang_); }

void Server::deliver(const Envelope& envelope) {
  after(0, [this, envelope] {
    if (envelope.to == self_) {
      simulation_.invariants.delivered(envelope);
    }
    node_->step(now(), envelope);
    event_done();
  });
}

void Server::call(const std::function<void(Node&, Time)>& action) {
  if (!up() || paused()) {
    return;
  }
  action(*node_, now());
  event_done();
}

void Server::after(Micros delay, std::function<void()> action) {
  simulation_.events.after(delay, [this, life = life_, action = std::move(action)]() mutable {
    if (life != life_ || !up()) {
      return;
    }
    if (paused()) {
      pause_.waiting.push_back(std::move(action));
      return;
    }
    action();
  });
}

void Server::at_disk(Micros delay, std::function<void()> action) {
  simulation_.events.after(delay, [this, life = life_, action = std::move(action)]() mutable {
    if (life != life_ || !up()) {
      return;
    }
    if (hang_.until > simulation_.events.now()) {
      hang_.waiting.push_back(std::move(action));
      return;
    }
    action();
  });
}

void Server::event_done() {
  const View view = view_of(*node_, life_);
  if (view.role != told_role_ || view.term != told_term_) {
    told_role_ = view.role;
    told_term_ = view.term;
    simulation_.tell(self_, to_string(view.role), " of term ", view.term, ", commit ", view.commit,
                     ", last ", view.last, ", configuration ", view.configuration.index);
  }
  simulation_.invariants.observed(view);
  simulation_.trace(self_.node.value);
  simulation_.trace(view.term.value);
  simulation_.trace(view.commit.value);
  simulation_.trace(view.last.value + static_cast<std::uint64_t>(view.role));
  node_->check_invariants();
  if (pump_due_) {
    return;
  }
  if (!simulation_.healed() &&
      simulation_.owner_random.chance(simulation_.knobs.lazy_permille, 1000)) {
    pump_due_ = true;
    after(simulation_.owner_random.below(3000), [this] { pump(); });
  } else {
    pump();
  }
}

void Server::pump() {
  pump_due_ = false;
  for (int round = 0;; ++round) {
    Ready ready = node_->take_ready();
    if (ready.empty()) {
      break;
    }
    if (round == 100) {
      fail("has always something more due");
    }
    perform(std::move(ready));
    simulation_.invariants.observed(view_of(*node_, life_));
    node_->check_invariants();
  }
  schedule_tick();
}

void Server::perform(Ready ready) {
  if (ready.save) {
    save(std::move(*ready.save));
  }
  for (const Envelope& envelope : ready.messages) {
    if (envelope.from != self_) {
      fail("sends under another name");
    }
    simulation_.invariants.sent(envelope, node_->options());
    simulation_.network.send(envelope);
  }
  apply(ready.committed);
  for (const ReadAnswer& answer : ready.reads) {
    simulation_.invariants.read_answered(self_, answer);
    ++(answer.index ? simulation_.counts.reads : simulation_.counts.reads_refused);
  }
  for (const FetchEntries& request : ready.fetch_entries) {
    fetch(request);
  }
  for (const FetchChunk& request : ready.fetch_chunks) {
    fetch(request);
  }
  if (ready.stage) {
    stage(*ready.stage);
  }
  if (ready.install) {
    install(*ready.install);
  }
}

void Server::apply(const Entries& entries) {
  simulation_.invariants.handed_out(self_, entries);
  for (const Entry& entry : entries) {
    applied_ = {entry.index, chained(applied_.digest, entry)};
    simulation_.invariants.state_is(self_, applied_.index, applied_.digest);
  }
}

void Server::schedule_tick() {
  const Micros moment = clock_.moment_of(node_->next_deadline(), simulation_.events.now());
  if (tick_at_ > simulation_.events.now() && tick_at_ <= moment) {
    return;
  }
  tick_at_ = moment;
  const Micros late =
      simulation_.owner_random.chance(1, 8) ? simulation_.owner_random.below(5000) : 0;
  after(moment - simulation_.events.now() + late, [this] { tick(); });
}

void Server::tick() {
  tick_at_ = 0;
  if (now() < node_->next_deadline()) {
    schedule_tick();
    return;
  }
  node_->tick(now());
  if (node_->next_deadline() <= now()) {
    fail("names a deadline that is over, right after a tick");
  }
  event_done();
}

}  // namespace ticketd::raft::cluster
