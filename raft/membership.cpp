// Single-server changes (thesis 4.1): at most one voter more or less at a time, in force from the
// moment the entry is appended, and only after this leader has committed an entry of its own term
// (without that, two leaders could each commit a change the other does not know of).
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

namespace {

void ensure_encodable(const Addresses& addresses) {
  ENSURE_LE(addresses.peer.size(), Configuration::kMaxAddressBytes);
  ENSURE_LE(addresses.http.size(), Configuration::kMaxAddressBytes);
  ENSURE_LE(addresses.redis.size(), Configuration::kMaxAddressBytes);
}

/// Does `member`, a voter, wait for the removal of the incarnation it replaces?
bool has_to_replace(const Configuration& configuration, const Member& member) {
  return member.voter && member.replaces && configuration.find(*member.replaces) != nullptr;
}

/// Without `id`, also where another member says that it replaces it.
Configuration removed(const Configuration& configuration, MemberId id) {
  std::vector<Member> members = configuration.without(id).members();
  for (Member& member : members) {
    if (member.replaces == id) {
      member.replaces.reset();
    }
  }
  return Configuration(std::move(members));
}

}  // namespace

std::optional<Refusal> Node::State::change_refused() const {
  if (!leading) {
    return Refusal::kNotLeader;
  }
  if (leading->transfer) {
    return Refusal::kTransferring;
  }
  if (commit_index() < leading->first_index) {
    return Refusal::kNotReady;
  }
  if (log.configuration().index > commit_index()) {
    return Refusal::kChangePending;
  }
  return std::nullopt;
}

Answer<Proposed> Node::State::change_configuration(const Configuration& next) {
  if (!has_live_majority(next)) {
    return Refusal::kNoLiveQuorum;
  }
  const Index index = append_entry(EntryType::kConfiguration, Payload(next.encode()));
  refresh_followers();
  return Proposed{index, current_term()};
}

Answer<Node::Admitted> Node::State::add_learner(Member member, bool replace) {
  ensure_encodable(member.addresses);
  if (!leading) {
    return Refusal::kNotLeader;
  }
  const Member* existing = configuration().find_node(member.id.node);
  if (existing != nullptr && member.join_token != 0 && existing->join_token == member.join_token) {
    return admitted_before(existing->id);
  }
  if (const std::optional<Refusal> refusal = change_refused()) {
    return *refusal;
  }
  if (existing != nullptr && !replace) {
    return Refusal::kIdInUse;
  }
  Configuration next = configuration();
  member.replaces.reset();
  if (existing != nullptr) {
    if (has_to_replace(next, *existing)) {
      return Refusal::kChangePending;  // the removal of an earlier incarnation comes first
    }
    if (existing->voter) {
      member.replaces = existing->id;
    } else {  // a learner that was given up on is not counted, so that it can go at once
      member.replaces = existing->replaces;
      next = next.without(existing->id);
    }
  }
  if (next.members().size() >= Configuration::kMaxMembers) {
    return Refusal::kTooManyMembers;
  }
  member.id.incarnation = Incarnation((log.last_index() + 1).value);
  member.voter = false;
  member.promote = true;
  const MemberId id = member.id;
  const Answer<Proposed> proposed = change_configuration(next.with(std::move(member)));
  return proposed ? Answer<Admitted>(Admitted{id, *proposed}) : proposed.refusal();
}

/// While the admission is not committed it may still be rolled back, so that who asks again is told
/// what to wait for.
Node::Admitted Node::State::admitted_before(MemberId member) const {
  const Index at(member.incarnation.value);
  return at > commit_index() ? Admitted{member, {at, log.term_at(at).value()}}
                             : Admitted{member, {}};
}

Answer<Proposed> Node::State::remove(MemberId member) {
  if (const std::optional<Refusal> refusal = change_refused()) {
    return *refusal;
  }
  const Member* found = configuration().find(member);
  if (found == nullptr) {
    return Refusal::kNoSuchMember;
  }
  if (found->voter && configuration().voter_count() == 1) {
    return Refusal::kLastVoter;
  }
  return change_configuration(removed(configuration(), member));
}

Answer<Proposed> Node::State::change_addresses(MemberId member, Addresses addresses) {
  ensure_encodable(addresses);
  if (const std::optional<Refusal> refusal = change_refused()) {
    return *refusal;
  }
  const Member* found = configuration().find(member);
  if (found == nullptr) {
    return Refusal::kNoSuchMember;
  }
  if (found->addresses == addresses) {
    return Proposed{};
  }
  Member changed = *found;
  changed.addresses = std::move(addresses);
  return change_configuration(configuration().with(std::move(changed)));
}

bool Node::State::is_live(MemberId member) const {
  if (member == self()) {
    return true;
  }
  const Progress* follower = find_follower(member);
  return follower != nullptr && follower->heard_at &&
         elapsed(*follower->heard_at) < options.election_timeout_max;
}

bool Node::State::has_live_majority(const Configuration& next) const {
  std::size_t live = 0;
  for (const Member& member : next.members()) {
    live += member.voter && is_live(member.id) ? 1u : 0u;
  }
  return live >= next.quorum_size();
}

// Once a promotion is appended there is no way back without the new voter, if the majority needs
// it: one that has just died must not be promoted. And however short the log, it must hold the
// configuration that admits it: without one it could not judge a candidate and would give no vote.
bool Node::State::caught_up(MemberId learner) const {
  const Progress* follower = find_follower(learner);
  return follower != nullptr && follower->heard_at &&
         elapsed(*follower->heard_at) < options.heartbeat_interval &&
         follower->state == ReplicationState::kReplicate &&
         follower->match_index >= log.configuration().index &&
         follower->match_index + kPromotionLag >= log.last_index();
}

/// After the configuration in force or the committed one has changed.
void Node::State::refresh_followers() {
  std::vector<Progress> followers;
  const auto take_over = [&](const Configuration& from) {
    for (const Member& member : from.members()) {
      const bool taken =
          std::any_of(followers.begin(), followers.end(),
                      [&member](const Progress& follower) { return follower.id == member.id; });
      if (taken || member.id == self()) {
        continue;
      }
      if (Progress* known = find_follower(member.id)) {
        followers.push_back(*known);
      } else {
        followers.emplace_back(member.id, log.last_index(), now);
      }
      followers.back().voter = configuration().is_voter(member.id);
    }
  };
  take_over(configuration());
  take_over(committed_configuration().configuration);
  std::sort(followers.begin(), followers.end(),
            [](const Progress& a, const Progress& b) { return a.id < b.id; });
  leading->followers = std::move(followers);
  leading->self_votes = configuration().is_voter(self());
  leading->has_intents = std::any_of(
      configuration().members().begin(), configuration().members().end(), [this](const Member& m) {
        return (!m.voter && m.promote) || has_to_replace(configuration(), m);
      });
}

/// The configuration in force is now the committed one. Who is not in it hears so, before it is
/// forgotten; a leader that is not in it has led up to here without counting itself, and now steps
/// down (thesis 4.2.2).
void Node::State::configuration_committed() {
  for (Progress& follower : leading->followers) {
    const bool last_word = !leading->self_votes || configuration().find(follower.id) == nullptr;
    if (last_word && follower.state == ReplicationState::kReplicate &&
        follower.next_index > log.compacted().index) {
      send_append(follower, {});
    } else if (last_word) {
      send_heartbeat(follower);
    }
  }
  if (leading->self_votes) {
    refresh_followers();
  } else {
    leave_leadership();
  }
}

void Node::State::leave_leadership() {
  // Spares the others the wait for an election time-out.
  if (const std::optional<MemberId> successor = best_successor();
      successor && find_follower(*successor)->match_index == log.last_index()) {
    send(*successor, TimeoutNowRequest{current_term()});
  }
  become_follower(current_term(), std::nullopt);
}

/// Takes the next step of what the configuration says is to become of its members. Called after
/// each event, since any may have made a step possible.
void Node::State::pursue_intents() {
  if (!leading || !leading->has_intents || change_refused()) {
    return;
  }
  for (const Member& member : configuration().members()) {
    Configuration next;
    if (!member.voter && member.promote && caught_up(member.id)) {
      Member promoted = member;
      promoted.voter = true;
      promoted.promote = false;
      next = configuration().with(std::move(promoted));
    } else if (has_to_replace(configuration(), member)) {
      next = removed(configuration(), *member.replaces);
    } else {
      continue;
    }
    if (change_configuration(next)) {
      return;
    }
  }
}

}  // namespace ticketd::raft
