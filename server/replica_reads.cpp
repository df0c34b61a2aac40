// Reads: linearizable ones by rounds of the leader (thesis 6.4), stale ones at once.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "server/replica.h"

namespace ticketd::server {

using ticket::NotDone;

namespace {

/// Records that are read off the loop for queries at a time, so that what an entry waits for is not
/// behind many of them; and looked up in one go for a query.
constexpr std::size_t kWarmForQueries = 1'024;

std::size_t bytes_of(const ticket::Query& query) {
  std::size_t bytes = sizeof query;
  if (const auto* lookup = std::get_if<ticket::Lookup>(&query)) {
    for (const std::string& name : lookup->sequences) bytes += sizeof name + name.size();
  }
  return bytes;
}

}  // namespace

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
  if (!has_room_for(query)) {
    return done(NotDone{NotDone::Why::kBusy, "too many reads are waiting; ask again"});
  }
  put_into(*unread_, pend(std::move(query), patience, std::move(done)));
  schedule_turn();
}

void Replica::read_stale(ticket::Query query, QueryDone done) {
  if (closed_ || ended_) return done(NotDone{NotDone::Why::kNoLeader, "this node stops"});
  if (!has_room_for(query)) {
    return done(NotDone{NotDone::Why::kBusy, "too many reads are waiting; ask again"});
  }
  look_up(pend(std::move(query), change_patience(), std::move(done)));
  schedule_turn();
}

bool Replica::has_room_for(const ticket::Query& query) const {
  return queries_.size() < kMaxQueries && query_bytes_ + bytes_of(query) <= kMaxQueryBytes;
}

/// In at most one list at a time, so that the bound of queries_ is that of each of them.
void Replica::put_into(QueryList& list, const std::shared_ptr<PendingQuery>& pending) {
  ENSURE(pending->list == nullptr && pending->done != nullptr);
  pending->list = &list;
  pending->place_in_list = list.insert(list.end(), pending);
}

/// Requires that somebody else holds it.
void Replica::take_out(PendingQuery& pending) {
  if (QueryList* list = std::exchange(pending.list, nullptr)) list->erase(pending.place_in_list);
}

std::shared_ptr<Replica::PendingQuery> Replica::pend(ticket::Query query, raft::Micros patience,
                                                     QueryDone done) {
  auto pending = std::make_shared<PendingQuery>();
  pending->query = std::move(query);
  pending->bytes = bytes_of(pending->query);
  query_bytes_ += pending->bytes;
  pending->done = std::move(done);
  pending->place = queries_.emplace(loop_.now() + patience, pending);
  return pending;
}

/// One read of the log for all that wait. Whoever finds too many rounds waits for the next one.
void Replica::begin_reads() {
  if (unread_->empty() || !node_.ready_to_serve() || too_many_reads()) return;
  const auto batch = std::exchange(unread_, std::make_shared<QueryList>());
  const auto read = node_.read(loop_.now());
  if (!read) {
    while (!batch->empty()) {
      const std::shared_ptr<PendingQuery> pending = batch->front();
      settle(*pending, NotDone{NotDone::Why::kBusy, to_string(read.refusal())});
    }
    return;
  }
  reads_.emplace(*read, [this, batch](bool confirmed) {
    while (!batch->empty()) {
      const std::shared_ptr<PendingQuery> pending = batch->front();
      if (confirmed) {
        take_out(*pending);
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

/// Answers from the state as it is, when the records are in memory. What is long is not looked up
/// together with everything else that became due.
void Replica::look_up(const std::shared_ptr<PendingQuery>& pending) {
  if (!pending->done) return;
  if (is_small_and_warm(pending->query)) return settle(*pending, result_of(pending->query));
  put_into(cold_queries_, pending);
  warm_queries();
}

bool Replica::is_small_and_warm(const ticket::Query& query) {
  const auto* lookup = std::get_if<ticket::Lookup>(&query);
  if (lookup == nullptr || lookup->sequences.size() > kWarmForQueries) return false;
  return std::all_of(lookup->sequences.begin(), lookup->sequences.end(), [&](const auto& name) {
    return disk_.state().is_warm(ticket::sequence_key(name));
  });
}

/// Has the records of the queries that come next read off the loop, a bounded number at a time.
void Replica::warm_queries() {
  std::vector<std::shared_ptr<PendingQuery>> ready;
  std::vector<std::string> cold;
  while (!warming_queries_ && !cold_queries_.empty()) {
    const std::shared_ptr<PendingQuery> next = cold_queries_.front();
    const auto* listing = std::get_if<ticket::Listing>(&next->query);
    if (listing != nullptr && !ready.empty()) break;
    if (listing != nullptr) {
      take_out(*next);
      warming_queries_ = true;
      disk_.warm(ticket::records_of(*listing), answer_when_warm({next}));
      return;
    }
    for (std::string& key : next_cold(*next, kWarmForQueries - cold.size())) {
      cold.push_back(std::move(key));
    }
    const auto* lookup = std::get_if<ticket::Lookup>(&next->query);
    if (lookup != nullptr && next->warmed < lookup->sequences.size()) break;
    take_out(*next);
    ready.push_back(next);
  }
  if (ready.empty() && cold.empty()) return;
  warming_queries_ = true;
  disk_.warm(std::move(cold), answer_when_warm(std::move(ready)));
}

std::function<void()> Replica::answer_when_warm(
    std::vector<std::shared_ptr<PendingQuery>> queries) {
  return [this, alive = alive_, queries = std::move(queries)] {
    if (!*alive || closed_) return;
    warming_queries_ = false;
    for (const auto& pending : queries) {
      if (pending->done) settle(*pending, result_of(pending->query));
    }
    warm_queries();
  };
}

/// Of the sequences that were not looked at yet, so many at most; those that are in memory count,
/// too, since looking them up takes time as well.
std::vector<std::string> Replica::next_cold(PendingQuery& pending, std::size_t most) {
  std::vector<std::string> keys;
  const auto* lookup = std::get_if<ticket::Lookup>(&pending.query);
  if (lookup == nullptr) return keys;
  const std::size_t end = std::min(lookup->sequences.size(), pending.warmed + most);
  for (; pending.warmed < end; ++pending.warmed) {
    keys.push_back(ticket::sequence_key(lookup->sequences[pending.warmed]));
  }
  return keys;
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
  take_out(pending);
  queries_.erase(pending.place);
  query_bytes_ -= pending.bytes;
  pending.query = {};
  std::exchange(pending.done, nullptr)(std::move(answer));
}

void Replica::refuse_queries(std::string_view message) {
  if (unread_->empty()) return;
  const auto refused = std::exchange(unread_, std::make_shared<QueryList>());
  while (!refused->empty()) {
    const std::shared_ptr<PendingQuery> pending = refused->front();
    settle(*pending, NotDone{NotDone::Why::kNoLeader, std::string(message)});
  }
}

void Replica::expire_queries(raft::Time now) {
  while (!queries_.empty() && queries_.begin()->first <= now) {
    const std::shared_ptr<PendingQuery> pending = queries_.begin()->second;
    settle(*pending, NotDone{NotDone::Why::kBusy, "the read was not confirmed in time; ask again"});
  }
}

}  // namespace ticketd::server
