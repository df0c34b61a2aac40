// A connection's calls into the service and the node, from what a request asks to its place in the
// pipeline.
#include <algorithm>
#include <utility>
#include <variant>

#include "redis/connection.h"
#include "redis/replies.h"

namespace ticketd::redis {

void Connection::ask(Asked asked) {
  pipeline_.push(std::move(asked), session_.protocol);
  ask_next();
}

/// Something waits to be asked, at next_to_ask_, and need not wait for answers first.
bool Connection::has_to_ask() {
  next_to_ask_ = std::max(next_to_ask_, pipeline_.begin());
  while (next_to_ask_ < pipeline_.end() && !pipeline_.is_asked(next_to_ask_)) {
    ++next_to_ask_;
  }
  return next_to_ask_ < pipeline_.end() &&
         (pipeline_.reads(next_to_ask_) ? changes_ == 0 : reads_ == 0);
}

/// A loop, since the leader may be told, and requests answered, before the calls return.
void Connection::ask_next() {
  if (asking_) {
    return;
  }
  asking_ = true;
  while (!finding_leader_ && has_to_ask()) {
    finding_leader_ = true;
    call_begun();
    // Small enough that std::function needs no memory of its own; call_begun() keeps `this`.
    owner_.service().find_leader([this](const ticket::LeaderView& leader) { on_leader(leader); });
  }
  asking_ = false;
}

void Connection::on_leader(const ticket::LeaderView& leader) {
  const bool asking = std::exchange(asking_, true);
  finding_leader_ = false;
  while (serving() && has_to_ask()) {
    hand_over(next_to_ask_, leader);
  }
  asking_ = asking;
  call_ended();
}

void Connection::hand_over(std::uint64_t place, const ticket::LeaderView& leader) {
  Asked asked = pipeline_.take_asked(place);
  if (const auto* view = std::get_if<ClusterView>(&asked.what)) {
    return answer(place, [&](ReplyWriter& writer) {
      reply_cluster_view(*view, owner_.surroundings().operations.view(), writer);
    });
  }
  if (!std::holds_alternative<ticket::LeaderHere>(leader)) {
    return reply_leader(place, leader);
  }
  call_begun();
  ++(std::holds_alternative<ticket::Query>(asked.what) ? reads_ : changes_);
  ask_service(place, std::move(asked));
}

void Connection::ask_service(std::uint64_t place, Asked asked) {
  if (auto* request = std::get_if<ticket::Request>(&asked.what)) {
    return owner_.service().change(
        std::move(*request),
        [this, place](const ticket::Answer& answer) { on_done(place, answer); });
  }
  if (auto* query = std::get_if<ticket::Query>(&asked.what)) {
    return owner_.service().read(
        std::move(*query),
        [this, place](const ticket::QueryAnswer& answer) { on_found(place, answer); });
  }
  Operations& operations = owner_.surroundings().operations;
  if (auto* voter = std::get_if<AddVoter>(&asked.what)) {
    return operations.add_voter(std::move(*voter), on_changed(place));
  }
  operations.remove_server(std::move(std::get<RemoveServer>(asked.what)), on_changed(place));
}

void Connection::on_done(std::uint64_t place, const ticket::Answer& outcome) {
  --changes_;
  if (serving()) {
    if (const auto* done = std::get_if<ticket::Done>(&outcome)) {
      pipeline_.answer_numbers(place, *done);
    } else if (const auto* unknown = std::get_if<ticket::Unknown>(&outcome)) {
      answer(place, [&](ReplyWriter& writer) { reply_unknown(*unknown, writer); });
    } else {
      on_not_done(place, std::get<ticket::NotDone>(outcome));
    }
    ask_next();
  }
  call_ended();
}

void Connection::on_found(std::uint64_t place, const ticket::QueryAnswer& outcome) {
  --reads_;
  if (serving()) {
    if (const auto* result = std::get_if<ticket::QueryResult>(&outcome)) {
      answer(place, [&](ReplyWriter& writer) { reply_found(*result, writer); });
    } else {
      on_not_done(place, std::get<ticket::NotDone>(outcome));
    }
    ask_next();
  }
  call_ended();
}

void Connection::on_not_done(std::uint64_t place, const ticket::NotDone& not_done) {
  if (not_done.why == ticket::NotDone::Why::kNoLeader) {
    return redirect(place);
  }
  answer(place, [&](ReplyWriter& writer) { reply_not_done(not_done, writer); });
}

/// Who asked a leader that lost its office, or stops, is sent to the next one as if it came now.
void Connection::redirect(std::uint64_t place) {
  call_begun();
  owner_.service().find_leader([this, place](const ticket::LeaderView& leader) {
    if (serving()) {
      reply_leader(place, leader);
    }
    call_ended();
  });
}

void Connection::reply_leader(std::uint64_t place, const ticket::LeaderView& leader) {
  const std::uint16_t slot = pipeline_.key_slot(place);
  answer(place, [&](ReplyWriter& writer) { reply_elsewhere(leader, slot, writer); });
}

void Connection::make_snapshot() {
  const std::uint64_t place = pipeline_.push_waiting(session_.protocol);
  call_begun();
  owner_.surroundings().operations.make_snapshot(
      [this, place](const Outcome& outcome) { on_outcome(place, outcome); });
}

Operations::Done Connection::on_changed(std::uint64_t place) {
  return [this, place](const Outcome& outcome) {
    --changes_;
    on_outcome(place, outcome);
  };
}

void Connection::on_outcome(std::uint64_t place, const Outcome& outcome) {
  if (serving()) {
    if (outcome.kind == Outcome::Kind::kNoLeader) {
      redirect(place);
    } else {
      answer(place, [&](ReplyWriter& writer) { reply_outcome(outcome, writer); });
    }
    ask_next();
  }
  call_ended();
}

}  // namespace ticketd::redis
