// What front ends ask of a replica.
#include <algorithm>

#include "base/check.h"
#include "server/replica.h"
#include "server/translate.h"

namespace ticketd::server {

using ticket::NotDone;

raft::Micros Replica::leader_patience() const {
  return std::min(options_.raft.election_timeout_max, options_.request_timeout / 2);
}

/// A front end finds the leader first, then asks for a change or a read: both together keep the request's time.
raft::Micros Replica::change_patience() const {
  return options_.request_timeout - leader_patience();
}

std::optional<raft::Member> Replica::known_leader() {
  const auto leader = node_.leader();
  const bool fresh = loop_.now() < node_.leader_heard_at() + options_.raft.election_timeout_max;
  if (!leader || *leader == options_.raft.self || !fresh) return std::nullopt;
  const raft::Member* member = node_.configuration().configuration.find(*leader);
  if (member == nullptr) return std::nullopt;
  raft::Member known = *member;
  known.addresses = members_.addresses(*member);
  return known;
}

std::optional<ticket::LeaderView> Replica::leader_view() {
  if (node_.role() == raft::Role::kLeader) {
    // On its way out: who asks is better sent to the successor, known in a moment.
    if (stopping_) return std::nullopt;
    return ticket::LeaderHere{};
  }
  if (const auto leader = known_leader()) {
    return ticket::LeaderThere{leader->addresses.http, leader->addresses.redis};
  }
  return std::nullopt;
}

void Replica::find_leader(std::function<void(ticket::LeaderView)> done) {
  if (closed_ || ended_) return done(ticket::NoLeader{});
  if (const auto view = leader_view()) return done(*view);
  if (leader_waits_.size() >= kMaxLeaderWaits) return done(ticket::NoLeader{});
  leader_waits_.push_back({std::move(done), loop_.now() + leader_patience()});
  arm();
}

void Replica::answer_leader_waits() {
  if (leader_waits_.empty()) return;
  const auto view = leader_view();
  if (!view) return;
  for (LeaderWait& wait : std::exchange(leader_waits_, {})) wait.done(*view);
}

void Replica::change(ticket::Request request, AnswerDone done) {
  enqueue(std::move(request), change_patience(), std::move(done));
}

void Replica::enqueue(ticket::Request request, raft::Micros patience, AnswerDone done) {
  if (closed_ || ended_ || stopping_) {
    return done(NotDone{NotDone::Why::kNoLeader, "this node stops"});
  }
  if (node_.role() != raft::Role::kLeader) {
    return done(NotDone{NotDone::Why::kNoLeader, "this node does not lead"});
  }
  if (request.kind == ticket::Kind::kRemove && !options_.allow_delete) {
    return done(NotDone{NotDone::Why::kForbidden,
                        "removing a sequence breaks the uniqueness of its numbers; the leader "
                        "allows it only when it is started with --allow_delete"});
  }
  const std::uint32_t times = request.times;
  ENSURE(times == 1 || (times > 1 && request.kind == ticket::Kind::kTake && request.key.empty()));
  ENSURE_LE(times, ticket::kMaxTimes);
  if (times > queue_.room()) {
    return done(NotDone{NotDone::Why::kBusy, "too many requests are waiting; ask again"});
  }
  const raft::Time now = loop_.now();
  if (low_on_space(now)) {
    return done(NotDone{NotDone::Why::kNoSpace,
                        "space is below the reserve on this node or on another voter; free disk "
                        "space, or restart the nodes with a larger --db_size"});
  }
  gathering_.came(now, times);
  queue_.add(std::move(request), {std::move(done), now + patience, times});
  schedule_turn();
}

void Replica::forward(ticket::Request request, AnswerDone done) {
  if (closed_ || ended_) return done(NotDone{NotDone::Why::kNoLeader, "this node stops"});
  const auto leader = known_leader();
  if (!leader) return done(NotDone{NotDone::Why::kNoLeader, "no leader is known"});
  ENSURE_EQ(request.times, 1);
  const net::ChangeCall call{request.kind, std::move(request.sequence), request.value,
                             std::move(request.key), change_patience()};
  transport_.call(leader->id, call, change_patience(),
                  [done = std::move(done)](const net::CallResult& result) {
                    if (const auto* reply = std::get_if<net::Reply>(&result)) {
                      return done(to_answer(*reply));
                    }
                    if (std::get<net::CallFailure>(result) == net::CallFailure::kNotSent) {
                      return done(NotDone{NotDone::Why::kNoLeader, "the leader is not connected"});
                    }
                    done(ticket::Unknown{"the leader gave no answer in time"});
                  });
}

void Replica::forward(ticket::Query query, QueryDone done) {
  if (closed_ || ended_) return done(NotDone{NotDone::Why::kNoLeader, "this node stops"});
  const auto leader = known_leader();
  if (!leader) return done(NotDone{NotDone::Why::kNoLeader, "no leader is known"});
  const net::QueryCall call{std::move(query), false, change_patience()};
  transport_.call(leader->id, call, change_patience(),
                  [done = std::move(done)](const net::CallResult& result) {
                    if (const auto* reply = std::get_if<net::Reply>(&result)) {
                      return done(to_query_answer(*reply));
                    }
                    done(NotDone{NotDone::Why::kNoLeader, "the leader gave no answer; ask again"});
                  });
}

bool Replica::low_on_space(raft::Time now) {
  const store::SpaceReport space = disk_.space();
  if (space.low || space.full) return true;
  constexpr raft::Micros kFresh = 10'000'000;
  return members_.voter_low_on_space(node_.configuration().configuration, now, kFresh).has_value();
}

std::uint64_t Replica::replicated_time() {
  const raft::Time now = loop_.now();
  if (office_term_ != node_.current_term()) {
    office_term_ = node_.current_term();
    office_began_ = now;
    office_stamp_us_ = machine_.summary().stamp_us;
  }
  return office_stamp_us_ + (now - office_began_);
}

void Replica::refuse_waiting(std::string_view message) {
  for (Waiter& waiter : queue_.take_all()) {
    waiter.done(NotDone{NotDone::Why::kNoLeader, std::string(message)});
  }
  refuse_queries(message);
}

}  // namespace ticketd::server
