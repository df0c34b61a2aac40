// The clients' side: what was asked, what was answered, and whether the golden log bears it out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "sim/golden.h"
#include "ticket/service.h"

namespace ticketd::sim {

/// A request at the moment it was made.
struct Asked {
  ticket::Request request;
  /// The end of the golden log then: what the request does stands behind it.
  raft::Index golden_last;
};

struct AskedQuery {
  ticket::Query query;
  bool stale = false;
  raft::Index golden_last;
};

class Audit {
 public:
  explicit Audit(const Golden& golden) : golden_(golden) {}

  /// What an entry did that has just been committed.
  void committed(const std::vector<Executed>& executed);
  /// Throws when the answer is not one that the golden log explains. An unknown outcome, or an
  /// answer that never came, is an Unknown.
  void answered(const Asked& asked, const ticket::Answer& answer);
  void answered(const AskedQuery& asked, const ticket::QueryAnswer& answer) const;
  /// At the end, when nothing can be committed any more: what was done is explained by the requests
  /// that were answered, or whose outcome stayed unknown; a refused one has taken nothing.
  void finish() const;

 private:
  /// What a request says, its key included.
  using Shape = std::tuple<ticket::Kind, std::string, std::uint64_t, std::string>;
  struct Effect {
    raft::Index index;
    ticket::Outcome outcome;
  };

  static Shape shape_of(const ticket::Request& request) {
    return {request.kind, request.sequence, request.value, request.key};
  }
  void claim(const Asked& asked, const ticket::Outcome& outcome);
  void check_lookup(const ticket::Lookup& lookup, const ticket::QueryResult& result) const;
  void check_listing(const ticket::Listing& listing, const ticket::QueryResult& result) const;

  const Golden& golden_;
  /// Not yet claimed by an answer; in the order of the log. What changed nothing is one, too: a
  /// request stands in the log once, and has one answer.
  std::map<Shape, std::vector<Effect>> unclaimed_;
  std::map<Shape, std::vector<raft::Index>> unknown_;
};

}  // namespace ticketd::sim
