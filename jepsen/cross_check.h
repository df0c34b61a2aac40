// The fast checker against the general one on small random histories.
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "jepsen/requests.h"

namespace ticketd::jepsen {

/// A few requests that are linearizable: a register in virtual time, whose operations are widened
/// to overlap. Some outcomes are unknown, whether they had an effect or not; of one size in two of
/// three.
SequenceRequests random_sound_sequence(Random& random);

/// Changes one thing: an answer, a time, an outcome, who is there. What comes out may be
/// linearizable or not.
void mutate(Random& random, SequenceRequests& sequence);

struct CrossCheck {
  std::uint64_t sequences = 0;
  std::uint64_t valid = 0, violated = 0;
  /// Of these the fast checker said that it is not for it to decide.
  std::uint64_t left_open = 0;
  /// Empty, or a history about which the two differ, in lines of text: the check ends with it.
  std::string difference;
};

/// Judges `sequences` random histories twice, half of them sound by construction, the others
/// mutated.
CrossCheck cross_check(std::uint64_t seed, std::uint64_t sequences);

}  // namespace ticketd::jepsen
