// A service whose answers the test decides.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ticket/service.h"

namespace ticketd::ticket::testing {

/// Keeps sequences as the real one does, without keys or limits; or answers what the test says.
class FakeService : public Service {
 public:
  using LeaderDone = std::function<void(LeaderView)>;
  using ChangeDone = std::function<void(Answer)>;
  using QueryDone = std::function<void(QueryAnswer)>;

  void find_leader(LeaderDone done) override {
    ++leader_questions;
    if (hold_leader) {
      leader_waiting.push_back(std::move(done));
    } else {
      done(leader);
    }
  }
  void change(Request request, ChangeDone done) override {
    changed = std::move(request);
    if (hold) {
      waiting.push_back(std::move(done));
    } else {
      done(answer ? *answer : apply(*changed));
    }
  }
  void forward(Request request, ChangeDone done) override {
    ++forwarded;
    change(std::move(request), std::move(done));
  }
  void read(Query query, QueryDone done) override {
    asked = std::move(query);
    if (hold) {
      queries_waiting.push_back(std::move(done));
    } else {
      done(query_answer ? *query_answer : look(*asked));
    }
  }
  void forward(Query query, QueryDone done) override {
    ++forwarded;
    read(std::move(query), std::move(done));
  }
  void read_stale(Query query, QueryDone done) override {
    ++stale_reads;
    read(std::move(query), std::move(done));
  }

  /// Its promise: every call is answered.
  void answer_all() {
    hold_leader = false;
    for (auto& done : std::exchange(leader_waiting, {})) done(NoLeader{});
    for (auto& done : std::exchange(waiting, {})) done(NotDone{});
    for (auto& done : std::exchange(queries_waiting, {})) done(NotDone{});
  }

  LeaderView leader = LeaderHere{};
  bool hold_leader = false;
  /// Calls wait until the test answers them; else `answer`, or without it what is true.
  bool hold = false;
  std::optional<Answer> answer;
  std::optional<QueryAnswer> query_answer;
  /// The last number of the unnamed sequence, and of the others.
  std::uint64_t last = 0;
  std::map<std::string, std::uint64_t> sequences;
  std::size_t forwarded = 0;
  std::size_t stale_reads = 0;
  std::size_t leader_questions = 0;
  /// What came last.
  std::optional<Request> changed;
  std::optional<Query> asked;
  std::vector<LeaderDone> leader_waiting;
  std::vector<ChangeDone> waiting;
  std::vector<QueryDone> queries_waiting;

 private:
  Answer apply(const Request& request) {
    const bool unnamed = request.sequence.empty();
    const bool known = unnamed || sequences.contains(request.sequence);
    if (request.kind == Kind::kRemove && !known) {
      return Done{};
    }
    std::uint64_t& number = unnamed ? last : sequences[request.sequence];
    const std::uint64_t before = number;
    if (request.kind == Kind::kRemove) {
      sequences.erase(request.sequence);
      return Done{.first = before, .count = 1};
    }
    if (request.kind == Kind::kAdvance) {
      number = request.value;
      return Done{.first = number};
    }
    const std::uint64_t first = known ? before + 1 : 0;
    number = first + (request.times * request.value - 1);
    return Done{.first = first, .count = request.value, .times = request.times};
  }
  QueryResult look(const Query& query) const {
    QueryResult result;
    result.applied_index = 77;
    if (const auto* lookup = std::get_if<Lookup>(&query)) {
      for (const std::string& name : lookup->sequences) {
        const auto at = sequences.find(name);
        result.found.push_back(
            {name, at == sequences.end() ? std::nullopt : std::optional(at->second)});
      }
      return result;
    }
    const auto& listing = std::get<Listing>(query);
    for (const auto& [name, number] : sequences) {
      if (name > listing.after && name.starts_with(listing.prefix)) {
        result.more = result.found.size() == listing.limit;
        if (result.more) {
          break;
        }
        result.found.push_back({name, number});
      }
    }
    return result;
  }
};

}  // namespace ticketd::ticket::testing
