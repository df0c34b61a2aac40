#include "server/replica.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ticketd::server {

Replica::Replica(ReplicaOptions options, const store::Opened& opened, Loop& loop,
                 store::Disk& disk, net::Transport& transport, ReplicaCallbacks callbacks)
    : options_(std::move(options)),
      loop_(loop),
      disk_(disk),
      transport_(transport),
      callbacks_(std::move(callbacks)),
      node_(options_.raft, opened.restored, loop.now()),
      no_leader_heard_(node_.leader_heard_at()),
      machine_(disk.state(), opened.applied.summary),
      applied_configuration_(opened.applied.configuration),
      members_(options_.raft.self, options_.addresses),
      next_report_(loop.now()) {}

Replica::~Replica() { *alive_ = false; }

void Replica::start() {
  disk_.on_compacted([this](raft::Index index) {
    if (closed_) return;
    node_.compacted(index);
  });
  loop_.on_alarm([this, alive = alive_] {
    if (*alive && !closed_) on_alarm();
  });
  loop_.on_turn([this, alive = alive_] {
    if (*alive && !closed_) turn();
  });
  introduce();
  schedule_turn();
}

// --- One turn ------------------------------------------------------------------------------------

void Replica::schedule_turn() {
  if (!closed_ && !std::exchange(turn_scheduled_, true)) loop_.defer_turn();
}

void Replica::turn() {
  turn_scheduled_ = false;
  for (bool more = true; more && !ended_;) {
    propose_waiting();
    begin_reads();
    node_.take_ready(ready_);
    if (ready_.empty()) break;
    more = !ready_.nothing_but_messages();  // sending makes nothing due here
    carry_out(ready_);
    ready_.clear();
  }
  follow_changes();
  try_waits();
  follow_membership();
  arm();
}

/// Who is answered may ask for more at once: that comes behind, and is tried in the next turn.
void Replica::try_waits() {
  if (ended_) return;
  std::size_t kept = 0;
  for (std::size_t left = waits_.size(); left > 0; --left) {
    if (waits_[kept].attempt()) {
      waits_.erase(waits_.begin() + static_cast<std::ptrdiff_t>(kept));
    } else {
      ++kept;
    }
  }
}

void Replica::on_alarm() {
  const raft::Time now = loop_.now();
  if (node_.next_deadline() <= now) node_.tick(now);
  expire(now);
  if (next_report_ <= now) report_to_members();
  schedule_turn();
}

void Replica::propose_waiting() {
  // While a save is under way requests gather, so that the next entry holds all of them.
  const bool room = in_flight_.room() >= RequestQueue::kMaxGroup;
  if (saving_ || queue_.empty() || !room || !node_.ready_to_serve()) return gathering_.stop();
  const raft::Time now = loop_.now();
  expire(now);
  if (gathering_.wait(now)) return;
  gathering_.proposed();
  while (!queue_.empty() && in_flight_.room() >= RequestQueue::kMaxGroup) {
    Group group = queue_.next_group(replicated_time(), options_.key_limits);
    const auto proposed = node_.propose(now, ticket::encode(group.batch));
    if (proposed) {
      in_flight_.add(*proposed, std::move(group.waiters));
      prefetch(group.batch);
      continue;
    }
    for (Waiter& waiter : group.waiters) {
      waiter.done(ticket::NotDone{ticket::NotDone::Why::kBusy, to_string(proposed.refusal())});
    }
  }
}

void Replica::carry_out(raft::Ready& ready) {
  // The disk and the peers work at the same time: what may not go before the disk is done is not
  // among the messages yet.
  if (ready.save) save(std::move(*ready.save));
  for (const raft::Envelope& envelope : ready.messages) transport_.send(envelope);
  apply(ready.committed);
  answer_reads(ready.reads);
  fetch(ready);
  if (ready.stage) {
    const raft::SnapshotMark mark = ready.stage->mark;
    const std::uint64_t file_id = ready.stage->file_id;
    disk_.stage(std::move(*ready.stage), [this, alive = alive_, mark, file_id](std::uint64_t held) {
      if (!*alive || closed_) return;
      node_.staged(loop_.now(), mark, file_id, held);
      schedule_turn();
    });
  }
  if (ready.install) install(*ready.install);
}

void Replica::save(raft::Save save) {
  ENSURE(!saving_);
  saving_ = true;
  const raft::SaveId id = save.id;
  disk_.save(std::move(save), [this, alive = alive_, id] {
    if (!*alive || closed_) return;
    saving_ = false;
    node_.saved(loop_.now(), id);
    schedule_turn();
  });
}

void Replica::fetch(const raft::Ready& ready) {
  for (const raft::FetchEntries& request : ready.fetch_entries) {
    disk_.fetch(request, [this, alive = alive_, request](raft::Entries entries) {
      if (!*alive || closed_) return;
      node_.fetched(loop_.now(), request, std::move(entries));
      schedule_turn();
    });
  }
  for (const raft::FetchChunk& request : ready.fetch_chunks) {
    disk_.fetch(request, [this, alive = alive_, request](std::optional<raft::SnapshotChunk> chunk) {
      if (!*alive || closed_) return;
      node_.fetched(loop_.now(), request, std::move(chunk));
      schedule_turn();
    });
  }
}

void Replica::install(raft::SnapshotMark mark) {
  installing_ = true;  // nothing is applied meanwhile
  disk_.install(mark, [this, alive = alive_, mark](Result<store::AppliedState> state) {
    if (!*alive || closed_) return;
    installing_ = false;
    if (state) {
      spdlog::info("a snapshot up to index {} is installed", mark.index.value);
      machine_.reset(state->summary);
      applied_configuration_ = state->configuration;
      ENSURE(unapplied_.empty() || unapplied_.back().index <= mark.index);
      unapplied_.clear();
      unapplied_bytes_ = 0;
      forget_next();
      in_flight_.skipped_to(mark.index);
      node_.installed(loop_.now(), mark, state->configuration);
      serve_reads();
    } else {
      spdlog::warn("the snapshot up to index {} is not installed: {}; asking for it again",
                   mark.index.value, state.error().message);
      node_.install_failed(loop_.now(), mark);
      apply_waiting();
    }
    schedule_turn();
  });
}

// --- What changed by the turn --------------------------------------------------------------------

void Replica::follow_changes() {
  if (ended_) return;
  const raft::ConfigurationAt& committed = node_.committed_configuration();
  const std::pair indexes(node_.configuration().index, committed.index);
  if (indexes != peers_indexes_) {
    peers_indexes_ = indexes;
    members_.committed(committed);
    set_peers();
  }
  if (node_.role() != role_ || node_.current_term() != role_term_ || node_.leader() != leader_) {
    role_ = node_.role();
    role_term_ = node_.current_term();
    leader_ = node_.leader();
    spdlog::info("{} in term {}, leader {}", to_string(role_), role_term_.value,
                 leader_ ? std::to_string(leader_->node.value) : "unknown");
  }
  if (role_ != raft::Role::kLeader) refuse_waiting("leadership was lost, nothing was done");
  answer_leader_waits();
}

/// Is this node a voter, or removed?
void Replica::follow_membership() {
  if (ended_) return;
  const raft::ConfigurationAt& committed = node_.committed_configuration();
  const raft::MemberId self = options_.raft.self;
  if (!voting_ && committed.configuration.is_voter(self)) {
    voting_ = true;
    if (callbacks_.voting) callbacks_.voting();
  }
  if (!committed.configuration.empty() && committed.configuration.find(self) == nullptr &&
      committed.index.value > self.incarnation.value && node_.role() != raft::Role::kLeader) {
    end(End::kRemoved, "this node was removed from the cluster");
  }
}

void Replica::expire(raft::Time now) {
  for (Waiter& waiter : queue_.expire(now)) {
    waiter.done(ticket::NotDone{ticket::NotDone::Why::kNoLeader,
                                "the time ran out before the request was appended"});
  }
  in_flight_.expire(now);
  expire_queries(now);
  watch_warming(now);
  while (!leader_waits_.empty() && leader_waits_.front().deadline <= now) {
    const auto done = std::move(leader_waits_.front().done);
    leader_waits_.pop_front();
    done(ticket::NoLeader{});
  }
  for (std::size_t i = 0; i < waits_.size();) {
    if (waits_[i].deadline > now) {
      ++i;
      continue;
    }
    const auto expired = std::move(waits_[i].expired);
    waits_.erase(waits_.begin() + static_cast<std::ptrdiff_t>(i));
    expired();
  }
}

void Replica::arm() {
  if (closed_) return;
  raft::Time when = std::min(node_.next_deadline(), next_report_);
  if (const auto expiry = queue_.next_expiry()) when = std::min(when, *expiry);
  if (const auto until = gathering_.until()) when = std::min(when, *until);
  if (const auto expiry = in_flight_.next_expiry()) when = std::min(when, *expiry);
  if (!queries_.empty()) when = std::min(when, queries_.begin()->first);
  if (warming_) when = std::min(when, warming_since_ + options_.request_timeout);
  if (!leader_waits_.empty()) when = std::min(when, leader_waits_.front().deadline);
  for (const Wait& wait : waits_) when = std::min(when, wait.deadline);
  loop_.set_alarm(when);
}

void Replica::end(End why, const std::string& message) {
  if (ended_) return;
  ended_ = true;
  gathering_.stop();
  if (callbacks_.ended) callbacks_.ended(why, message);
}

// --- Ending --------------------------------------------------------------------------------------

void Replica::shut_down(std::function<void()> done) {
  stopping_ = true;
  if (closed_ || ended_) return loop_.defer(std::move(done));
  if (node_.role() == raft::Role::kLeader &&
      node_.transfer_leadership(loop_.now(), std::nullopt)) {
    spdlog::info("handing leadership over");
  }
  const auto at_rest = [this, done] {
    const bool alone = node_.configuration().configuration.voter_count() == 1;
    const bool leads = node_.role() == raft::Role::kLeader && !alone;
    if (leads || in_flight_.waiting() > 0) return false;
    loop_.defer(done);  // it may close this replica, which must not happen inside its turn
    return true;
  };
  const auto in_vain = [this, done] { loop_.defer(done); };
  wait_for(at_rest, 2 * options_.raft.election_timeout_max, in_vain);
}

void Replica::close() {
  if (closed_) return;
  stopping_ = closed_ = true;  // whoever is told and asks again is told again
  refuse_waiting("this node stops");
  in_flight_.abandon();
  for (auto& [id, done] : std::exchange(reads_, {})) done(false);
  for (auto& [index, done] : std::exchange(confirmed_reads_, {})) done(false);
  while (!queries_.empty()) {
    const std::shared_ptr<PendingQuery> pending = queries_.begin()->second;
    settle(*pending, ticket::NotDone{ticket::NotDone::Why::kNoLeader, "this node stops"});
  }
  for (LeaderWait& wait : std::exchange(leader_waits_, {})) wait.done(ticket::NoLeader{});
  for (Wait& wait : std::exchange(waits_, {})) wait.expired();
}

// --- Messages ------------------------------------------------------------------------------------

void Replica::on_message(raft::Envelope envelope) {
  if (closed_ || ended_) return;
  node_.step(loop_.now(), envelope);
  schedule_turn();
}

void Replica::on_unreachable(raft::MemberId peer) {
  if (closed_ || ended_) return;
  node_.unreachable(loop_.now(), peer);
  schedule_turn();
}

}  // namespace ticketd::server
