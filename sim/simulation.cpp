#include "sim/simulation.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "sim/aftermath.h"
#include "sim/violation.h"
#include "store/durable.h"

namespace ticketd::sim {

namespace {

/// What takes longer is checked once in so many events.
constexpr std::uint64_t kCheckEvery = 256;
constexpr std::uint64_t kScanEvery = 65'536;
/// More events than that at one moment, and time stands still.
constexpr std::uint64_t kAtOneMomentMax = 200'000;
/// So many times as long for the least of operations.
constexpr Micros kTimesMore = 4;
/// Of faults, when all that was wanted is done.
constexpr Micros kMomentsMore = 5'000'000;
/// Timers are late by what a loop is.
constexpr Micros kSlack = 100'000;

}  // namespace

Simulation::Simulation(const Plan& the_plan)
    : Simulation(the_plan, draw_knobs(the_plan), nullptr) {}

Simulation::Simulation(const Plan& the_plan, const Knobs& the_knobs, Witness* the_witness)
    : plan(the_plan),
      knobs(the_knobs),
      oracle(
          knobs.raft, [this](std::uint32_t process) { return processes_[process]->counted(); },
          the_witness),
      network_random(stream(the_plan.seed, "network events")),
      disk_random(stream(the_plan.seed, "disk events")),
      owner_random(stream(the_plan.seed, "owner events")),
      fault_random(stream(the_plan.seed, "fault events")),
      load_random(stream(the_plan.seed, "load events")),
      network(*this),
      clients(*this),
      operators(*this),
      faults(*this),
      minority(*this),
      witness(the_witness) {
  store::set_fatal_handler([](const std::string& message) { throw DiskFailed(message); });
  spdlog::set_level(spdlog::level::off);  // what replicas log is of no use without their names
  found();
}

Simulation::~Simulation() = default;

Process& Simulation::add_process(raft::NodeId node) {
  const auto index = static_cast<std::uint32_t>(processes_.size());
  require(index < kProcessesMax, "too many processes");
  const std::string address = "10.0.0." + std::to_string(index) + ":9000";
  processes_.push_back(std::make_unique<Process>(*this, index, node, address));
  return *processes_.back();
}

/// The founders hold one entry, the configuration that names them; or one node founds the cluster,
/// and the others join it.
void Simulation::found() {
  cluster_id = 1 + owner_random.next() % 1'000'000;
  const unsigned founders = knobs.grows ? 1 : plan.voters;
  const bool odd_drawn = owner_random.chance(1, 4);
  const bool odd_ids = knobs.odd_ids.value_or(odd_drawn);
  std::vector<raft::Member> members;
  for (unsigned i = 0; i < plan.voters + plan.learners; ++i) {
    raft::NodeId node(i + 1);
    if (odd_ids && i == 0) node = raft::NodeId(0);
    if (odd_ids && i == 1) node = raft::NodeId(~std::uint64_t{0});
    Process& process = add_process(node);
    if (i >= founders && (knobs.grows || i >= plan.voters)) continue;
    raft::Member member;
    member.id = {node, raft::Incarnation(1)};
    member.voter = true;
    member.addresses = process.addresses();
    members.push_back(member);
  }
  const raft::Entry first{raft::Index(1), raft::Term(1), raft::EntryType::kConfiguration,
                          raft::Payload(raft::Configuration(members).encode())};
  for (std::size_t i = 0; i < members.size(); ++i) {
    Platter& platter = processes_[i]->platter();
    platter.identity.incarnation = raft::Incarnation(1);
    platter.identity.cluster_id = cluster_id;
    platter.found(first);
    oracle.founded(platter);
  }
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    Process& process = *processes_[i];
    if (i < members.size()) {
      process.start();
    } else {
      events.after(owner_random.below(1'000'000), [this, &process] {
        if (process.state() == Process::State::kDown) operators.join(process, false);
      });
    }
  }
}

// --- Events ---------------------------------------------------------------------------------------

void Simulation::step() {
  const Micros before = events.now();
  const Event event = events.pop();
  at_one_moment_ = event.at == before ? at_one_moment_ + 1 : 0;
  if (at_one_moment_ > kAtOneMomentMax) fail("time stands still");
  trace(event.at ^ (std::uint64_t{event.process} << 40) ^
        (static_cast<std::uint64_t>(event.kind) << 56));
  dispatch(event);
  ++steps_;
  if (steps_ % kCheckEvery == 0) {
    clients.check_deadlines();
    const auto& process = processes_[(steps_ / kCheckEvery) % processes_.size()];
    if (process->up()) process->replica().check_invariants();
    if (process->up()) check_leader(*process);
  }
  if (steps_ % kScanEvery == 0) oracle.scan();
}

/// Whoever cannot reach a majority, or its disk, does not stand in the way of who can.
void Simulation::check_leader(const Process& process) const {
  const raft::Node& node = process.replica().node();
  const Micros now = events.now();
  if (node.role() != raft::Role::kLeader || process.paused() ||
      now - process.resumed_at() < kSlack) {
    return;
  }
  const Micros patience = knobs.raft.election_timeout_max;
  require(node.leader_heard_at() + (patience + kSlack) >= process.local_now(), "process ",
          process.index(), " leads and has not heard a majority since ",
          process.local_now().value - node.leader_heard_at().value, " us");
  // By the slowest clock.
  const Micros written_since = std::max(process.disk().writing_since(), process.resumed_at());
  require(!process.disk().writing() || now - written_since <= patience + patience / 16 + kSlack,
          "process ", process.index(), " leads with a disk that does nothing since ",
          now - process.disk().writing_since(), " us");
}

void Simulation::dispatch(const Event& event) {
  if (event.kind == EventKind::kClient) return clients.wake(event.slot);
  Process* process = event.process == kNobody ? nullptr : processes_[event.process].get();
  const bool alive = process == nullptr || (process->life() == event.life && process->up());
  if (event.kind == EventKind::kAction) {
    const auto action = events.take_action(event.slot);
    if (alive) action();
    return;
  }
  if (!alive) {
    if (event.kind == EventKind::kFrame) network.drop(event.slot);
    return;
  }
  if (process != nullptr && process->paused()) {
    Event later = event;
    later.at = process->paused_until();
    return events.push(later);
  }
  switch (event.kind) {
    case EventKind::kFrame:
      ++statistics.deliveries;
      if (process == nullptr) return network.arrive(event.slot);
      return process->enter([&] { network.arrive(event.slot); });
    case EventKind::kAlarm:
      return process->alarm();
    case EventKind::kTurn:
      return process->turn();
    case EventKind::kAction:
    case EventKind::kClient:
      break;
  }
}

void Simulation::run_for(Micros span) {
  const Micros end = events.now() + span;
  while (!events.empty() && events.next_at() <= end) step();
  events.skip_to(end);
}

bool Simulation::run_until(const std::function<bool()>& condition, Micros span,
                           unsigned events_between) {
  const Micros end = events.now() + span;
  while (!condition()) {
    for (unsigned i = 0; i < events_between; ++i) {
      if (events.empty() || events.next_at() > end) return condition();
      step();
    }
  }
  return true;
}

// --- A run ----------------------------------------------------------------------------------------

void Simulation::run() {
  clients.begin();
  faults.begin();
  operators.begin();
  if (!run_until([this] { return clients.enough(); }, plan.time_ms * 1'000)) {
    ++statistics.out_of_time;
    // Where a third of the messages is lost and more fails at once, hardly anything can be done: the
    // other faults go on without that.
    const bool limited = plan.time_ms != Plan().time_ms;
    if (!limited) network.calm_down();
    const auto least = std::min(plan.operations, Statistics::kOperationsLeast);
    const auto some = [this, least] { return clients.done() >= least; };
    if (!limited) run_until(some, kTimesMore * plan.time_ms * 1'000);
    statistics.too_few_operations += !some();
  }
  statistics.operations_under_faults += clients.done();
  // Somebody was just answered, so that somebody leads: the end must not always come then.
  if (!plan.faults.empty()) run_for(fault_random.below(kMomentsMore));
  heal();
  Aftermath(*this).run();
  oracle.scan();
  oracle.audit.finish();
  for (const auto& process : processes_) {
    statistics.in_the_dark += process->up() && !is_member(*process);
  }
  statistics.simulated += events.now();
  statistics.elections += oracle.elections;
  statistics.commits += oracle.golden.last().value;
  statistics.truncations += oracle.truncations;
  statistics.branches_replaced += oracle.branches_replaced;
  ++statistics.seeds;
}

void Simulation::heal() {
  healed_ = true;
  network.mend_all();
  network.calm_down();
  knobs.delay_max = std::max<Micros>(knobs.delay_min + 1, std::min<Micros>(knobs.delay_max, 2'000));
  for (const auto& process : processes_) {
    if (process->up()) {
      process->disk().heal();  // and a pause ends by itself
    } else {
      events.after(1 + owner_random.below(100'000),
                   [this, &process = *process] { operators.restart(process); });
    }
  }
  minority.begin();
}

Process* Simulation::leader() {
  Process* leader = nullptr;
  for (const auto& process : processes_) {
    if (!process->up() || process->replica().node().role() != raft::Role::kLeader) continue;
    if (leader == nullptr || leader->replica().node().current_term() <
                                 process->replica().node().current_term()) {
      leader = process.get();
    }
  }
  return leader;
}

Process* Simulation::former_leader() {
  const Process* newest = leader();
  const auto found = std::find_if(processes_.begin(), processes_.end(), [&](const auto& process) {
    return process.get() != newest && process->up() &&
           process->replica().node().role() == raft::Role::kLeader;
  });
  return found == processes_.end() ? nullptr : found->get();
}

bool Simulation::is_member(const Process& process) const {
  return oracle.golden.configuration(oracle.golden.last())
             .configuration.find(process.platter().member()) != nullptr;
}

bool Simulation::is_found(const Process& process) {
  const Process* leader = this->leader();
  if (leader == nullptr) return true;
  std::vector<const Process*> found = {leader};
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const auto& other : processes_) {
      const bool asks = other->up() && !minority.holds(*other) && is_member(*other);
      if (asks && std::find(found.begin(), found.end(), other.get()) == found.end() &&
          (knows_where(*other, *found[i]) || knows_where(*found[i], *other))) {
        found.push_back(other.get());
      }
    }
  }
  return std::find(found.begin(), found.end(), &process) != found.end();
}

void Simulation::struck(Fault fault, const Process& process) {
  Statistics::Struck& row = statistics.struck[static_cast<std::size_t>(fault)];
  if (!process.runs()) {
    ++row.down;
    return;
  }
  ++row.by_role[static_cast<std::size_t>(process.replica().node().role())];
  row.saving += process.disk().writing();
  row.installing += oracle.log_is_replaced(process.index());
}

bool knows_where(const Process& process, const Process& other) {
  const raft::Node& node = process.replica().node();
  for (const raft::Configuration* known : {&node.configuration().configuration,
                                           &node.committed_configuration().configuration}) {
    const raft::Member* member = known->find(other.platter().member());
    if (member != nullptr && member->addresses.peer == other.address()) return true;
  }
  return false;
}

namespace {

std::string text_of(const raft::ConfigurationAt& at) {
  std::ostringstream out;
  out << at.index << " {";
  for (const raft::Member& member : at.configuration.members()) {
    out << ' ' << member.id << (member.voter ? "" : member.promote ? "?" : "-");
    if (member.replaces) out << '>' << *member.replaces;
    out << '@' << member.addresses.peer;
  }
  out << " }";
  return std::move(out).str();
}

}  // namespace

std::string Simulation::describe() const {
  std::ostringstream out;
  out << "at " << events.now() << " us, golden log up to " << oracle.golden.last()
      << ", configuration " << text_of(oracle.golden.configuration(oracle.golden.last())) << '\n';
  if (healed_ && !minority.describe().empty()) out << " " << minority.describe() << '\n';
  for (const auto& process : processes_) {
    out << "  process " << process->index() << " at " << process->address() << " member " << process->platter().member();
    if (process->up()) {
      const raft::Node& node = process->replica().node();
      out << ' ' << to_string(node.role()) << " term " << node.current_term() << " log ("
          << node.compacted_mark().index << ", " << node.last_index() << "] commit "
          << node.commit_index() << (process->paused() ? " paused" : "") << " configuration "
          << text_of(node.configuration());
      for (const raft::FollowerStatus& follower : node.followers(process->local_now())) {
        out << "\n    follower " << follower.id << ' ' << to_string(follower.state) << " match "
            << follower.match_index << " next " << follower.next_index << " heard "
            << (follower.last_heard ? std::to_string(*follower.last_heard) + " us ago" : "never");
      }
    } else {
      out << (process->removed() ? " removed" : " down");
    }
    out << '\n';
  }
  return std::move(out).str();
}

void Simulation::write_line(std::uint32_t process, const std::string& line) const {
  std::fprintf(stderr, "%12.6f  %u  %s\n", static_cast<double>(events.now()) / 1e6, process,
               line.c_str());
}

}  // namespace ticketd::sim
