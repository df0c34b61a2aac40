// What clients ask for.
#include <limits>

#include "sim/clients.h"
#include "sim/simulation.h"

namespace ticketd::sim {

using ticket::Kind;

namespace {

/// Counts from here on are asked for once.
constexpr std::uint64_t kFirstDistinct = 1'000;
/// Of a request in a pipeline.
constexpr std::uint64_t kRepeatsMax = 9;
constexpr const char* kDoomed = "doomed";
constexpr const char* kEdge = "edge";

}  // namespace

std::string Clients::sequence_name(std::uint64_t number) const {
  if (number == 0) return {};
  if (number == 6) return std::string(ticket::kMaxNameBytes, 'n');
  return "s" + std::to_string(number);
}

ticket::Request Clients::draw_plain_request() {
  ticket::Request request;
  request.sequence = sequence_name(random_.below(simulation_.plan.sequences));
  request.value = 1 + random_.below(simulation_.knobs.count_max);
  if (simulation_.plan.calm) return request;
  if (random_.chance(simulation_.knobs.distinct_permille, 1'000)) {
    request.value = kFirstDistinct + distinct_++ % (ticket::kMaxCount - kFirstDistinct);
  }
  const std::uint64_t kind = random_.below(100);
  if (kind < 8) {
    request.kind = Kind::kAdvance;
    const auto last = simulation_.oracle.golden.rules().value(request.sequence);
    request.value = last.value_or(0) + random_.below(20);
    if (request.value > 3) request.value -= random_.below(3);
  } else if (kind < 11) {
    request.sequence = kEdge;
    if (random_.chance(1, 4)) {
      request.kind = Kind::kAdvance;
      request.value = std::numeric_limits<std::uint64_t>::max() - random_.below(200);
    } else {
      request.value = 1 + random_.below(ticket::kMaxCount);
    }
  } else if (kind < 13) {
    request.sequence = kDoomed;
    // Where that is not allowed, it must be refused.
    const bool allowed = simulation_.knobs.allow_delete;
    if (random_.chance(1, allowed ? 3 : 8)) request = {Kind::kRemove, kDoomed, 0, {}};
  }
  if (request.kind == Kind::kTake && random_.chance(1, 8)) {
    request.times += static_cast<std::uint32_t>(random_.below(kRepeatsMax));
  }
  return request;
}

/// A key that came before, or is being asked for: mostly with the same request.
ticket::Request Clients::draw_known_key() {
  const std::optional<ticket::Request>& asked = clients_[random_.below(clients_.size())].keyed;
  ticket::Request request = asked && random_.chance(1, 4)
                                ? *asked
                                : keyed_before_[random_.below(keyed_before_.size())];
  switch (random_.below(8)) {
    case 0:
      request.value += request.value < ticket::kMaxCount ? 1 : 0;
      break;
    case 1:
      request.sequence = sequence_name(random_.below(simulation_.plan.sequences));
      break;
    case 2:
      request.kind = request.kind == Kind::kTake ? Kind::kAdvance : request.kind;
      break;
    default:
      break;
  }
  return request;
}

ticket::Request Clients::draw_request(std::uint32_t number) {
  Client& client = clients_[number];
  const Knobs& knobs = simulation_.knobs;
  if (!keyed_before_.empty() && random_.chance(knobs.key_reuse_permille, 1'000)) {
    ++simulation_.statistics.keys_again;
    client.keyed = draw_known_key();
    return *client.keyed;
  }
  ticket::Request request = draw_plain_request();
  if (simulation_.plan.calm || request.kind == Kind::kRemove) return request;
  if (random_.chance(knobs.keyed_permille, 1'000)) {
    request.times = 1;
    request.key = "c" + std::to_string(number) + "-" + std::to_string(++client.keys);
    client.keyed = request;
  }
  return request;
}

ticket::Query Clients::draw_query() {
  if (random_.chance(1, 8)) {
    ticket::Listing listing;
    listing.prefix = random_.chance(1, 2) ? "s" : "";
    if (random_.chance(1, 3)) listing.after = sequence_name(1 + random_.below(4));
    listing.limit = 1 + random_.below(6);
    return listing;
  }
  ticket::Lookup lookup;
  const std::uint64_t count = 1 + random_.below(2);
  for (std::uint64_t i = 0; i < count; ++i) {
    // Mostly what is changed often: there a read that is old shows.
    const std::string usual = sequence_name(random_.below(simulation_.plan.sequences));
    const std::uint64_t drawn = random_.below(16);
    lookup.sequences.push_back(drawn == 0 ? kEdge : drawn == 1 ? kDoomed : usual);
  }
  return lookup;
}

}  // namespace ticketd::sim
