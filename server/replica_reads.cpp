// Reads: linearizable ones by rounds of the leader (thesis 6.4), stale ones at once.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "server/replica.h"

namespace ticketd::server {

using ticket::NotDone;

void Replica::read(ticket::Query query, QueryDone done) {
  add_query(std::move(query), change_patience(), std::move(done));
}

void Replica::add_query(ticket::Query query, raft::Micros patience, QueryDone done) {
  if (closed_ || ended_ || stopping_) {
    return done(NotDone{NotDone::Why::kNoLeader, "this node stops"});
  }
  if (node_.role() != raft::Role::kLeader) {
    return done(NotDone{NotDone::Why::kNoLeader, "this node does not lead"});
  }
  if (queries_.size() >= kMaxQueries) {
    return done(NotDone{NotDone::Why::kBusy, "too many reads are waiting; ask again"});
  }
  unread_.push_back(pend(std::move(query), patience, std::move(done)));
  schedule_turn();
}

void Replica::read_stale(ticket::Query query, QueryDone done) {
  if (closed_ || ended_) return done(NotDone{NotDone::Why::kNoLeader, "this node stops"});
  if (queries_.size() >= kMaxQueries) {
    return done(NotDone{NotDone::Why::kBusy, "too many reads are waiting; ask again"});
  }
  look_up(pend(std::move(query), change_patience(), std::move(done)));
  schedule_turn();
}

std::shared_ptr<Replica::PendingQuery> Replica::pend(ticket::Query query, raft::Micros patience,
                                                     QueryDone done) {
  auto pending = std::make_shared<PendingQuery>();
  pending->query = std::move(query);
  pending->done = std::move(done);
  pending->place = queries_.emplace(loop_.now() + patience, pending);
  return pending;
}

/// One read of the log for all that wait.
void Replica::begin_reads() {
  if (unread_.empty() || !node_.ready_to_serve()) return;
  auto batch = std::exchange(unread_, {});
  const auto read = node_.read(loop_.now());
  if (!read) {
    for (const auto& pending : batch) {
      settle(*pending, NotDone{NotDone::Why::kBusy, to_string(read.refusal())});
    }
    return;
  }
  reads_.emplace(*read, [this, batch = std::move(batch)](bool confirmed) {
    for (const auto& pending : batch) {
      if (confirmed) {
        look_up(pending);
      } else {
        settle(*pending, NotDone{NotDone::Why::kNoLeader, "leadership was lost; ask again"});
      }
    }
  });
}

void Replica::answer_reads(const std::vector<raft::ReadAnswer>& answers) {
  for (const raft::ReadAnswer& answer : answers) {
    auto read = reads_.extract(answer.id);
    ENSURE(!read.empty());
    if (answer.index) {
      confirmed_reads_.emplace_back(*answer.index, std::move(read.mapped()));
    } else {
      read.mapped()(false);
    }
  }
  if (!answers.empty()) serve_reads();
}

void Replica::serve_reads() {
  while (!confirmed_reads_.empty() &&
         confirmed_reads_.front().first <= machine_.summary().applied_index) {
    const ReadDone done = std::move(confirmed_reads_.front().second);
    confirmed_reads_.pop_front();
    done(true);
  }
}

/// Answers from the state as it is, when the records are in memory.
void Replica::look_up(const std::shared_ptr<PendingQuery>& pending) {
  if (!pending->done) return;
  const auto answer = [this, alive = alive_, pending] {
    if (!*alive || closed_ || !pending->done) return;
    settle(*pending, result_of(pending->query));
  };
  if (const auto* listing = std::get_if<ticket::Listing>(&pending->query)) {
    return disk_.warm(ticket::records_of(*listing), answer);
  }
  std::vector<std::string> cold;
  for (const std::string& sequence : std::get<ticket::Lookup>(pending->query).sequences) {
    std::string key = ticket::sequence_key(sequence);
    if (!disk_.state().is_warm(key)) cold.push_back(std::move(key));
  }
  if (cold.empty()) return answer();
  disk_.warm(std::move(cold), answer);
}

ticket::QueryResult Replica::result_of(const ticket::Query& query) {
  ticket::QueryResult result;
  result.applied_index = machine_.summary().applied_index.value;
  if (const auto* lookup = std::get_if<ticket::Lookup>(&query)) {
    for (const std::string& sequence : lookup->sequences) {
      result.found.push_back({sequence, machine_.last(sequence)});
    }
    return result;
  }
  const auto& listing = std::get<ticket::Listing>(query);
  for (const ticket::State::Record& record : disk_.state().list(ticket::records_of(listing))) {
    if (result.found.size() == listing.limit) {
      result.more = true;
      break;
    }
    result.found.push_back({std::string(ticket::sequence_name(record.key).value()),
                            ticket::decode_last(record.value)});
  }
  return result;
}

void Replica::settle(PendingQuery& pending, ticket::QueryAnswer answer) {
  if (!pending.done) return;
  // The query stays: whoever calls this holds it.
  queries_.erase(pending.place);
  std::exchange(pending.done, nullptr)(std::move(answer));
}

void Replica::refuse_queries(const std::string& message) {
  for (const auto& pending : std::exchange(unread_, {})) {
    settle(*pending, NotDone{NotDone::Why::kNoLeader, message});
  }
}

void Replica::expire_queries(raft::Time now) {
  while (!queries_.empty() && queries_.begin()->first <= now) {
    const std::shared_ptr<PendingQuery> pending = queries_.begin()->second;
    settle(*pending, NotDone{NotDone::Why::kBusy, "the read was not confirmed in time; ask again"});
  }
}

}  // namespace ticketd::server
