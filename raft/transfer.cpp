// Leadership transfer (thesis 3.10).
#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

Answer<MemberId> Node::State::transfer_leadership(std::optional<MemberId> target) {
  if (!leading) {
    return Refusal::kNotLeader;
  }
  if (leading->transfer) {
    return !target || leading->transfer->target == *target
               ? Answer<MemberId>(leading->transfer->target)
               : Refusal::kTransferring;
  }
  if (target && (*target == self() || !configuration().is_voter(*target))) {
    return Refusal::kNoSuchMember;
  }
  if (!target) {
    target = best_successor();
  }
  if (!target || !is_live(*target)) {
    return Refusal::kNoLiveQuorum;
  }
  leading->transfer = Transfer{*target, now + options.election_timeout_max};
  push_transfer();
  return *target;
}

/// The live voter with the longest log.
std::optional<MemberId> Node::State::best_successor() const {
  const Progress* best = nullptr;
  for (const Progress& follower : leading->followers) {
    if (follower.voter && is_live(follower.id) &&
        (best == nullptr || follower.match_index > best->match_index)) {
      best = &follower;
    }
  }
  return best != nullptr ? std::optional<MemberId>(best->id) : std::nullopt;
}

/// Says go, once the target holds everything. Proposals are refused meanwhile, so that it catches
/// up; asking twice does no harm, since it then is a candidate or the request is of an old term.
void Node::State::push_transfer() {
  if (!leading || !leading->transfer) {
    return;
  }
  const Progress* target = find_follower(leading->transfer->target);
  if (target == nullptr || !target->voter) {
    leading->transfer.reset();
  } else if (target->match_index == log.last_index()) {
    send(target->id, TimeoutNowRequest{current_term()});
  }
}

void Node::State::handle(MemberId, const TimeoutNowRequest&) {
  if (role != Role::kLeader && may_campaign()) {
    become_candidate(true);
  }
}

}  // namespace ticketd::raft
