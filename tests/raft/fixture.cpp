#include "tests/raft/fixture.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace ticketd::raft::testing {

namespace {

Restored restored_from(const Start& start) {
  Restored restored;
  restored.hard_state = start.hard_state;
  restored.compacted = start.compacted;
  restored.configurations.push_back({start.compacted.index, start.configuration});
  restored.last_index = start.compacted.index + start.log.size();
  restored.applied_index = std::max(start.applied, start.compacted.index);
  restored.entries = start.log;
  Term term = start.compacted.term;
  for (const Entry& entry : start.log) {
    if (entry.term != term || restored.term_starts.empty()) {
      restored.term_starts.push_back({entry.index, entry.term});
      term = entry.term;
    }
    if (entry.type == EntryType::kConfiguration) {
      restored.configurations.push_back(
          {entry.index, Configuration::decode(entry.payload.view()).value()});
    }
  }
  return restored;
}

Options options_of(const Start& start) {
  Options options = start.options;
  options.self = member(start.self);
  return options;
}

}  // namespace

MemberId member(std::uint64_t node) { return {NodeId(node), Incarnation(1)}; }

Configuration voters(std::initializer_list<std::uint64_t> nodes) {
  std::vector<Member> members;
  for (const std::uint64_t node : nodes) {
    Member voter;
    voter.id = member(node);
    voter.voter = true;
    members.push_back(voter);
  }
  return Configuration(members);
}

Configuration with_learner(const Configuration& configuration, std::uint64_t node) {
  Member learner;
  learner.id = member(node);
  return configuration.with(learner);
}

Entry configuration_entry(std::uint64_t index, std::uint64_t term,
                          const Configuration& configuration) {
  return {Index(index), Term(term), EntryType::kConfiguration, Payload(configuration.encode())};
}

Entries entries(std::uint64_t first, std::initializer_list<std::uint64_t> terms) {
  Entries made;
  for (const std::uint64_t term : terms) {
    made.push_back({Index(first), Term(term), EntryType::kCommand,
                    Payload("command " + std::to_string(first))});
    ++first;
  }
  return made;
}

Start at_term(std::uint64_t term, Start start) {
  start.hard_state.current_term = Term(term);
  return start;
}

AppendRequest append(std::uint64_t term, std::uint64_t prev, std::uint64_t prev_term,
                     Entries appended, std::uint64_t commit) {
  return {Term(term), Index(prev), Term(prev_term), Index(commit), std::move(appended)};
}

VoteRequest vote(std::uint64_t term, std::uint64_t last, std::uint64_t last_term) {
  return {Term(term), Index(last), Term(last_term), false, false};
}

VoteRequest pre_vote(std::uint64_t term, std::uint64_t last, std::uint64_t last_term) {
  return {Term(term), Index(last), Term(last_term), true, false};
}

AppendResponse stored(std::uint64_t term, std::uint64_t index) {
  return {Term(term), true, Index(index), {}, {}};
}

Stage::Stage(Start start)
    : start_(std::move(start)),
      now_(start_.now),
      node_(std::make_unique<Node>(options_of(start_), restored_from(start_), now_)),
      durable_hard_state_(start_.hard_state),
      durable_log_(start_.log) {
  carry_out();
}

void Stage::receive(std::uint64_t from, Message message) {
  receive_from(member(from), std::move(message));
}

void Stage::receive_from(MemberId from, Message message) {
  node_->step(now_, {from, node_->self(), std::move(message)});
  carry_out();
}

void Stage::pass(Micros time) {
  const Time end = now_ + time;
  while (node_->next_deadline() <= end) {
    now_ = std::max(now_, node_->next_deadline());
    node_->tick(now_);
    carry_out();
  }
  now_ = end;
}

void Stage::pass_to_deadline() { pass(node_->next_deadline() - now_); }

void Stage::carry_out() {
  while (true) {
    node_->check_invariants();
    Ready ready = node_->take_ready();
    node_->check_invariants();
    if (ready.empty()) {
      return;
    }
    const auto gather = [](auto& into, auto& from) {
      into.insert(into.end(), std::make_move_iterator(from.begin()),
                  std::make_move_iterator(from.end()));
    };
    gather(sent, ready.messages);
    gather(applied, ready.committed);
    gather(reads, ready.reads);
    gather(fetch_entries, ready.fetch_entries);
    gather(fetch_chunks, ready.fetch_chunks);
    if (ready.stage) {
      staged.push_back(*ready.stage);
    }
    if (ready.install) {
      installs.push_back(*ready.install);
    }
    if (ready.save) {
      REQUIRE(!outstanding_);
      saves.push_back(*ready.save);
      outstanding_ = std::move(ready.save);
    }
    if (disk_runs_ && outstanding_) {
      confirm();
    }
  }
}

void Stage::run_disk() {
  disk_runs_ = true;
  if (outstanding_) {
    confirm();
  }
  carry_out();
}

void Stage::confirm() {
  REQUIRE(outstanding_);
  const Save save = *std::exchange(outstanding_, std::nullopt);
  durable_hard_state_ = save.hard_state.value_or(durable_hard_state_);
  if (!save.entries.empty()) {
    std::erase_if(durable_log_,
                  [&](const Entry& entry) { return entry.index >= save.entries.front().index; });
    durable_log_.insert(durable_log_.end(), save.entries.begin(), save.entries.end());
  }
  node_->saved(now_, save.id);
  if (!disk_runs_) {
    carry_out();
  }
}

void Stage::elect(std::initializer_list<std::uint64_t> supporters) {
  const Term before = node_->current_term();
  for (int patience = 0; node_->role() != Role::kPreCandidate; ++patience) {
    if (node_->current_term() > before) {
      break;  // alone, it needs no rehearsal
    }
    REQUIRE(patience < 5);
    pass_to_deadline();
  }
  for (const bool rehearsal : {true, false}) {
    for (const std::uint64_t supporter : supporters) {
      const Term term = rehearsal ? before + 1 : node_->current_term();
      receive(supporter, VoteResponse{term, rehearsal, true});
    }
  }
  REQUIRE(node_->role() == Role::kLeader);
}

void Stage::lead(std::initializer_list<std::uint64_t> followers) {
  elect(followers);
  acknowledge(followers);
  REQUIRE(node_->ready_to_serve());
}

void Stage::acknowledge(std::initializer_list<std::uint64_t> followers) {
  for (bool busy = true; busy;) {
    busy = false;
    for (const std::uint64_t follower : followers) {
      for (const AppendRequest& request : take<AppendRequest>(follower)) {
        busy = true;
        receive(follower,
                AppendResponse{
                    request.term, true, request.prev_log_index + request.entries.size(), {}, {}});
      }
    }
  }
}

void Stage::answer_heartbeats(std::initializer_list<std::uint64_t> followers) {
  for (const std::uint64_t follower : followers) {
    for (const HeartbeatRequest& request : take<HeartbeatRequest>(follower)) {
      receive(follower, HeartbeatResponse{request.term, request.round});
    }
  }
}

void Stage::pass_heard_by(Micros time, std::initializer_list<std::uint64_t> followers) {
  const Micros step = start_.options.heartbeat_interval;
  for (Micros passed = 0; passed < time; passed += step) {
    pass(step);
    answer_heartbeats(followers);
  }
}

Start Stage::restart() const {
  Start again = start_;
  again.hard_state = durable_hard_state_;
  again.log = durable_log_;
  again.now = now_;
  return again;
}

bool stops_the_process(const std::function<void()>& action) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // doctest would report a crash of its own
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    action();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace ticketd::raft::testing
