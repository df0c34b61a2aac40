#include "tests/raft/cluster_simulation.h"

#include <algorithm>
#include <sstream>

namespace ticketd::raft::cluster {

Counts& Counts::operator+=(const Counts& other) {
  constexpr std::uint64_t Counts::*kAll[] = {
      &Counts::steps,         &Counts::elections, &Counts::committed,   &Counts::reads,
      &Counts::reads_refused, &Counts::restarts,  &Counts::truncations, &Counts::snapshots,
      &Counts::bad_snapshots, &Counts::fetches,   &Counts::admissions,  &Counts::compacted_fetches,
      &Counts::replacements,  &Counts::removals,  &Counts::transfers,   &Counts::wipes,
      &Counts::busy};
  static_assert(sizeof kAll / sizeof kAll[0] == sizeof(Counts) / sizeof(std::uint64_t));
  for (const auto field : kAll) {
    this->*field += other.*field;
  }
  return *this;
}

Simulation::Simulation(const Plan& p)
    : plan(p),
      knobs(draw_knobs(p)),
      invariants(p.seed),
      network_random(p.seed ^ 1),
      disk_random(p.seed ^ 2),
      owner_random(p.seed ^ 3),
      fault_random(p.seed ^ 4),
      load_random(p.seed ^ 5),
      network(*this) {
  if (plan.trust_disks) {
    invariants.trust_disks();
  }
  if (knobs.lazy_permille > 0) {
    invariants.owners_are_lazy();
  }
  found();
}

// The founders' disks hold one committed entry, the configuration, as the same first log or
// compacted into the same first state.
void Simulation::found() {
  std::vector<raft::Member> members;
  std::vector<MemberId> ids;
  for (unsigned i = 0; i < plan.voters + plan.learners; ++i) {
    raft::Member member;
    // Every 64-bit value is a valid id, the least and the greatest too.
    member.id = {NodeId{std::uint64_t{i} - 1}, Incarnation{1}};
    member.voter = i < plan.voters;
    member.addresses.peer = "peer";
    members.push_back(member);
    ids.push_back(member.id);
  }
  const Configuration configuration(members);
  const Entries log{
      {Index{1}, Term{1}, EntryType::kConfiguration, Payload(configuration.encode())}};
  invariants.founded(log, ids);
  const bool compacted = fault_random.chance(1, 2);
  for (MemberId id : ids) {
    Disk disk(log, Term{1}, configuration, compacted);
    if (compacted) {
      disk.checkpoint({Index{1}, chained(0, log.front())});
      invariants.compacted(id, Index{1});
    }
    add_server(id, std::move(disk));
  }
  followed_ = invariants.golden_last();
}

Server& Simulation::add_server(MemberId id, Disk disk) {
  servers_.push_back(std::make_unique<Server>(*this, id, std::move(disk)));
  by_id_[id] = servers_.back().get();
  invariants.at(events.steps(), events.now());
  servers_.back()->start();
  return *servers_.back();
}

Server* Simulation::find(MemberId id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

Server* Simulation::leader() {
  Server* best = nullptr;
  for (const auto& server : servers_) {
    if (server->up() && !server->paused() && server->node().role() == Role::kLeader &&
        (best == nullptr || server->node().current_term() > best->node().current_term())) {
      best = server.get();
    }
  }
  return best;
}

void Simulation::run_for(Micros span) {
  const Micros end = events.now() + span;
  do {
    invariants.at(events.steps() + 1, events.now());
    if (invariants.golden_last() > followed_) {
      follow_commits();
    }
  } while (events.run_next(end));
}

bool Simulation::run_until(const std::function<bool()>& condition, Micros span) {
  const Micros end = events.now() + span;
  while (!condition()) {
    if (events.now() >= end) {
      return false;
    }
    run_for(10'000);
  }
  return true;
}

// What an operator does when a change is committed: starts the joiner, stops the removed.
void Simulation::follow_commits() {
  while (followed_ < invariants.golden_last()) {
    ++followed_;
    const auto admission = admissions_.find({followed_, invariants.golden(followed_).term});
    if (admission != admissions_.end() && find(admission->second) == nullptr) {
      ++counts.admissions;
      add_server(admission->second, Disk());
    }
    const Configuration& now = invariants.golden_configuration(followed_).configuration;
    const Configuration& before = invariants.golden_configuration(followed_ - 1).configuration;
    if (now == before) {
      continue;
    }
    for (const raft::Member& member : before.members()) {
      if (now.find(member.id) == nullptr) {
        ++counts.removals;
        removed_.insert(member.id);
        stop_removed(member.id);
      }
    }
  }
}

void Simulation::stop_removed(MemberId id) {
  if (knobs.ghosts) {
    return;  // Nobody told it; it goes on as well as it can.
  }
  events.after(fault_random.below(1'000'000), [this, id] {
    if (Server* server = find(id)) {
      server->crash();
    }
  });
}

void Simulation::heal() {
  healed_ = true;
  network.heal();
  for (const auto& server : servers_) {
    server->resume();
    server->unhang_disk();
    if (!is_removed(server->self()) || knobs.ghosts) {
      server->start();
    } else {
      server->crash();
    }
  }
}

std::string Simulation::describe() const {
  std::ostringstream out;
  out << plan << " at " << events.now() << " us, golden " << invariants.golden_last() << ':';
  for (const auto& server : servers_) {
    out << "\n  " << server->self();
    if (server->lost()) {
      out << " lost";
    } else if (!server->up()) {
      out << " down";
    } else {
      const Node& node = server->node();
      out << ' ' << to_string(node.role()) << " term " << node.current_term() << " commit "
          << node.commit_index() << " applied " << node.applied_index() << " last "
          << node.last_index() << " compacted " << node.compacted_mark().index << " configuration "
          << node.configuration().index << " {";
      for (const raft::Member& member : node.configuration().configuration.members()) {
        out << ' ' << member.id << (member.voter ? "v" : "l") << (member.promote ? "p" : "");
      }
      out << " } reads " << invariants.pending_reads(server->self());
    }
    out << (is_removed(server->self()) ? " (removed)" : "");
  }
  return out.str();
}

}  // namespace ticketd::raft::cluster
