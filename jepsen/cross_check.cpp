#include "jepsen/cross_check.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "jepsen/fast_checker.h"
#include "jepsen/general_checker.h"

namespace ticketd::jepsen {

namespace {

constexpr std::uint32_t kCountMax = 3;

std::uint32_t random_count(Random& random) {
  return static_cast<std::uint32_t>(random.between(1, kCountMax));
}

Request& any(Random& random, std::vector<Request>& requests) {
  return requests[static_cast<std::size_t>(random.below(requests.size()))];
}

void forget_answer(Request& request) {
  request.returned_ns = kNever;
  request.begin = request.end = 0;
}

bool sizes_differ(const SequenceRequests& sequence) {
  std::uint32_t count = 0;
  for (const Request& request : sequence.requests) {
    if (!request.unknown()) continue;
    if (count != 0 && request.count != count) return true;
    count = request.count;
  }
  return false;
}

std::string text_of(const SequenceRequests& sequence) {
  std::string text = "start " + std::to_string(sequence.start) + "\n";
  for (const Request& request : sequence.requests) {
    text += "[" + std::to_string(request.invoked_ns) + ", " +
            (request.unknown() ? "..." : std::to_string(request.returned_ns)) + "] ";
    if (request.unknown()) {
      text += "asked for " + std::to_string(request.count);
    } else if (request.read()) {
      text += "read up to " + std::to_string(request.end);
    } else {
      text += "took " + std::to_string(request.begin) + " up to " + std::to_string(request.end);
    }
    text += "\n";
  }
  return text;
}

/// Empty when both are right as far as can be known.
std::string compare(const SequenceRequests& sequence, bool sound, CrossCheck& result) {
  static const SearchBudget kBudget{100'000, std::size_t{1} << 26};
  std::vector<Finding> findings;
  const Decision fast = fast_check(sequence, findings);
  const bool fast_explains = (fast == Decision::kViolated) == !findings.empty();
  const Decision general = general_check(sequence, kBudget, findings);
  ++result.sequences;
  ++(general == Decision::kValid ? result.valid : result.violated);
  result.left_open += fast == Decision::kUndecided ? 1 : 0;
  if (general == Decision::kUndecided) return "the general checker did not decide";
  if (sound && general != Decision::kValid) return "the general checker refused a sound history";
  if (!fast_explains) return "the fast checker's findings do not go with its decision";
  if (fast == Decision::kUndecided) {
    return sizes_differ(sequence) ? "" : "the fast checker left an easy history open";
  }
  return fast == general ? "" : "the checkers differ";
}

}  // namespace

SequenceRequests random_sound_sequence(Random& random) {
  SequenceRequests sequence;
  sequence.start = random.below(2);
  std::uint64_t next = sequence.start;
  const std::uint32_t unknown_count = random.chance(2, 3) ? random_count(random) : 0;
  const std::uint64_t length = random.between(1, 9), width = random.between(1, 12);
  for (std::uint64_t at = 0; at < length; ++at) {
    const auto moment = static_cast<std::int64_t>(20 + 3 * at);
    Request request;
    request.invoked_ns = moment - static_cast<std::int64_t>(random.below(width));
    request.returned_ns = moment + static_cast<std::int64_t>(random.below(width));
    request.operation = static_cast<std::uint32_t>(at);
    request.count = random.chance(1, 4) ? 0 : random_count(random);
    const bool unknown = !request.read() && random.chance(1, 3);
    if (unknown && unknown_count != 0) request.count = unknown_count;
    const bool applied = !unknown || random.chance(2, 3);
    request.begin = next;
    if (applied) next += request.count;
    request.end = next;
    if (unknown) forget_answer(request);
    sequence.requests.push_back(request);
  }
  random.shuffle(sequence.requests);
  return sequence;
}

void mutate(Random& random, SequenceRequests& sequence) {
  auto& requests = sequence.requests;
  Request& victim = any(random, requests);
  Request& other = any(random, requests);
  const auto shift = static_cast<std::int64_t>(random.between(1, 9));
  switch (random.below(9)) {
    case 0:  // another place
      if (victim.unknown()) return;
      if (random.chance(1, 2) || victim.begin == 0) {
        ++victim.begin, ++victim.end;
      } else {
        --victim.begin, --victim.end;
      }
      return;
    case 1:  // a range of another length
      if (!victim.unknown() && !victim.read()) victim.end = victim.begin + random_count(random);
      return;
    case 2:  // two answers exchanged
      if (victim.unknown() || other.unknown() || victim.read() != other.read()) return;
      std::swap(victim.begin, other.begin);
      std::swap(victim.end, other.end);
      return;
    case 3:  // a shorter or a longer interval
      victim.invoked_ns += random.chance(1, 2) ? shift : -shift;
      if (!victim.unknown()) {
        victim.returned_ns = std::max(victim.returned_ns, victim.invoked_ns);
      }
      return;
    case 4:
      if (victim.unknown()) return;
      victim.returned_ns += random.chance(1, 2) ? shift : -shift;
      victim.invoked_ns = std::min(victim.returned_ns, victim.invoked_ns);
      return;
    case 5:  // an answer that is lost
      if (!victim.read()) forget_answer(victim);
      return;
    case 6:  // an operation nobody knows of
      if (requests.size() > 1) requests.erase(requests.begin() + (&victim - requests.data()));
      return;
    case 7:  // the same twice
      requests.push_back(Request(victim));
      return;
    default:  // one more of unknown outcome
      Request unknown;
      unknown.invoked_ns = 15 + 3 * shift;
      unknown.count = victim.read() ? 1 : victim.count;
      requests.push_back(unknown);
  }
}

CrossCheck cross_check(std::uint64_t seed, std::uint64_t sequences) {
  Random random(seed);
  CrossCheck result;
  while (result.sequences < sequences) {
    SequenceRequests sequence = random_sound_sequence(random);
    const bool sound = random.chance(1, 2);
    if (!sound) {
      for (std::uint64_t left = random.between(1, 3); left > 0; --left) mutate(random, sequence);
    }
    result.difference = compare(sequence, sound, result);
    if (!result.difference.empty()) {
      result.difference += "\n" + text_of(sequence);
      break;
    }
  }
  return result;
}

}  // namespace ticketd::jepsen
