#include "tests/raft/cluster_forgery.h"

namespace ticketd::raft::cluster {
namespace {

Configuration founders() {
  std::vector<raft::Member> members(3);
  for (unsigned i = 0; i < 3; ++i) {
    members[i].id = Forgery::id(i);
    members[i].voter = true;
    members[i].addresses.peer = "peer";
  }
  return Configuration(members);
}

}  // namespace

Forgery::Forgery() : hard_states_(3), logs_(3) {
  const Entries log{{Index{1}, Term{1}, EntryType::kConfiguration, Payload(founders().encode())}};
  invariants.founded(log, {id(0), id(1), id(2)});
  for (unsigned i = 0; i < 3; ++i) {
    hard_states_[i].current_term = Term{1};
    logs_[i] = log;
    View view;
    view.self = id(i);
    view.term = Term{1};
    view.last = Index{1};
    view.configuration = {Index{1}, founders()};
    views_.push_back(view);
    invariants.started(view, restored(i));
  }
}

Restored Forgery::restored(unsigned member) const {
  Restored restored;
  restored.hard_state = hard_states_[member];
  restored.last_index = logs_[member].back().index;
  for (const Entry& entry : logs_[member]) {
    if (restored.term_starts.empty() || restored.term_starts.back().term != entry.term) {
      restored.term_starts.push_back({entry.index, entry.term});
    }
  }
  return restored;
}

void Forgery::save(unsigned member, std::optional<HardState> hard_state, const Entries& entries) {
  const Save save{SaveId{++saves_}, hard_state, entries};
  invariants.save_due(id(member), save);
  invariants.durable(id(member), save);
  invariants.confirmed(id(member));
  hard_states_[member] = hard_state.value_or(hard_states_[member]);
  note(member, entries);
}

void Forgery::note(unsigned member, const Entries& entries) {
  if (!entries.empty()) {
    logs_[member].resize(entries.front().index.value - 1);
    logs_[member].insert(logs_[member].end(), entries.begin(), entries.end());
  }
}

void Forgery::vote(unsigned member, Term term, unsigned candidate) {
  HardState hard_state = hard_states_[member];
  hard_state.current_term = term;
  hard_state.has_voted = true;
  hard_state.voted_for = id(candidate);
  save(member, hard_state, {});
  view(member).term = term;
  view(member).role = Role::kFollower;
  show(member);
}

void Forgery::elect(unsigned member, Term term) {
  for (unsigned i = 0; i < 3; ++i) {
    vote(i, term, member);
  }
  view(member).role = Role::kLeader;
  ++view(member).last;
  show(member);
}

void Forgery::reign(unsigned member, Term term) {
  elect(member, term);
  const Entry noop{view(member).last, term, EntryType::kNoop, {}};
  for (unsigned i = 0; i < 3; ++i) {
    save(i, std::nullopt, {noop});
    view(i).last = noop.index;
    show(i);
  }
  commit(member, noop.index);
}

Entry Forgery::append(unsigned leader, EntryType type, const std::string& payload) {
  View& leading = view(leader);
  ++leading.last;
  const Entry entry{leading.last, leading.term, type, Payload(payload)};
  if (type == EntryType::kCommand) {
    invariants.proposed(id(leader), {entry.index, entry.term}, payload, options);
  }
  show(leader);
  return entry;
}

Entry Forgery::commit_command(unsigned leader, const std::string& command) {
  const Entry entry = append(leader, EntryType::kCommand, command);
  for (unsigned i = 0; i < 3; ++i) {
    save(i, std::nullopt, {entry});
    view(i).last = entry.index;
    show(i);
  }
  commit(leader, entry.index);
  return entry;
}

void Forgery::commit(unsigned member, Index index) {
  view(member).commit = index;
  show(member);
}

void Forgery::restart(unsigned member, const Restored& restored) {
  invariants.stopped(id(member));
  View& again = view(member);
  ++again.life;
  again.role = Role::kFollower;
  again.term = restored.hard_state.current_term;
  again.commit = again.applied = restored.applied_index;
  again.last = restored.last_index;
  invariants.started(again, restored);
}

AppendRequest Forgery::append_request(unsigned leader, const Entries& entries) const {
  AppendRequest request;
  request.term = views_[leader].term;
  const Entry& before = logs_[leader].back();
  request.prev_log_index = before.index;
  request.prev_log_term = before.term;
  request.entries = entries;
  return request;
}

}  // namespace ticketd::raft::cluster
