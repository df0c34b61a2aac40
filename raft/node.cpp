// The public face: every event moves the clock, does its work, and then takes the steps that the
// configuration asks for.
#include "raft/node.h"

#include <utility>

#include "base/check.h"
#include "raft/state.h"

namespace ticketd::raft {

const char* to_string(Role role) {
  switch (role) {
    case Role::kFollower:
      return "follower";
    case Role::kPreCandidate:
      return "pre-candidate";
    case Role::kCandidate:
      return "candidate";
    case Role::kLeader:
      return "leader";
  }
  UNREACHABLE("a role of no known number");
}

const char* to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNotLeader:
      return "not the leader";
    case Refusal::kTransferring:
      return "leadership is being handed over";
    case Refusal::kBusy:
      return "too much is waiting to be committed";
    case Refusal::kNotReady:
      return "the leader has not yet committed an entry of its own term";
    case Refusal::kChangePending:
      return "another configuration change is under way";
    case Refusal::kNoSuchMember:
      return "no such member";
    case Refusal::kIdInUse:
      return "the id is in use";
    case Refusal::kNoLiveQuorum:
      return "no live majority would follow";
    case Refusal::kLastVoter:
      return "it is the last voter";
    case Refusal::kTooManyMembers:
      return "there are too many members";
  }
  UNREACHABLE("a refusal of no known number");
}

Node::Node(Options options, Restored restored, Time now)
    : state_(std::make_unique<State>(std::move(options), std::move(restored), now)) {}

Node::~Node() = default;

Time Node::next_deadline() const { return state_->next_deadline(); }

void Node::tick(Time now) {
  state_->advance_clock(now);
  state_->tick();
  state_->pursue_intents();
}

void Node::step(Time now, const Envelope& envelope) {
  state_->advance_clock(now);
  state_->step(envelope);
  state_->pursue_intents();
}

void Node::unreachable(Time now, MemberId member) {
  state_->advance_clock(now);
  state_->unreachable(member);
}

Answer<Proposed> Node::propose(Time now, std::string command) {
  state_->advance_clock(now);
  return state_->propose(std::move(command));
}

Answer<ReadId> Node::read(Time now) {
  state_->advance_clock(now);
  return state_->read();
}

Answer<MemberId> Node::transfer_leadership(Time now, std::optional<MemberId> target) {
  state_->advance_clock(now);
  return state_->transfer_leadership(target);
}

Answer<Node::Admitted> Node::add_learner(Time now, Member member, bool replace) {
  state_->advance_clock(now);
  return state_->add_learner(std::move(member), replace);
}

Answer<Proposed> Node::remove(Time now, MemberId member) {
  state_->advance_clock(now);
  return state_->remove(member);
}

Answer<Proposed> Node::change_addresses(Time now, MemberId member, Addresses addresses) {
  state_->advance_clock(now);
  return state_->change_addresses(member, std::move(addresses));
}

void Node::saved(Time now, SaveId id) {
  state_->advance_clock(now);
  state_->saved(id);
  state_->pursue_intents();
}

void Node::fetched(Time now, const FetchEntries& request, Entries entries) {
  state_->advance_clock(now);
  state_->fetched(request, std::move(entries));
}

void Node::fetched(Time now, const FetchChunk& request, std::optional<SnapshotChunk> chunk) {
  state_->advance_clock(now);
  state_->fetched(request, std::move(chunk));
}

void Node::staged(Time now, SnapshotMark mark, std::uint64_t file_id, std::uint64_t next_offset) {
  state_->advance_clock(now);
  state_->staged(mark, file_id, next_offset);
}

void Node::installed(Time now, SnapshotMark mark, ConfigurationAt configuration) {
  state_->advance_clock(now);
  state_->installed(mark, std::move(configuration));
}

void Node::install_failed(Time now, SnapshotMark mark) {
  state_->advance_clock(now);
  state_->install_failed(mark);
}

void Node::compacted(Index index) { state_->compacted(index); }

void Node::take_ready(Ready& ready) { state_->take_ready(ready); }

Ready Node::take_ready() {
  Ready ready;
  state_->take_ready(ready);
  return ready;
}

MemberId Node::self() const { return state_->self(); }
Role Node::role() const { return state_->role; }
Term Node::current_term() const { return state_->current_term(); }
std::optional<MemberId> Node::leader() const { return state_->leader; }

Time Node::leader_heard_at() const {
  return state_->leading ? state_->majority_heard_at() : state_->leader_heard_at;
}

bool Node::ready_to_serve() const {
  return state_->leading && !state_->leading->transfer &&
         state_->commit_index() >= state_->leading->first_index;
}

Index Node::commit_index() const { return state_->commit_index(); }
Index Node::applied_index() const { return state_->handed_out; }
Index Node::last_index() const { return state_->log.last_index(); }
Term Node::last_term() const { return state_->log.last_term(); }
SnapshotMark Node::compacted_mark() const { return state_->log.compacted(); }
const ConfigurationAt& Node::configuration() const { return state_->log.configuration(); }

const ConfigurationAt& Node::committed_configuration() const {
  return state_->committed_configuration();
}

std::vector<FollowerStatus> Node::followers(Time now) const {
  std::vector<FollowerStatus> statuses;
  if (state_->leading) {
    for (const Progress& follower : state_->leading->followers) {
      FollowerStatus status{follower.id, follower.match_index, follower.next_index, follower.state,
                            std::nullopt};
      if (follower.heard_at) {
        ENSURE_LE(*follower.heard_at, now);
        status.last_heard = now - *follower.heard_at;
      }
      statuses.push_back(status);
    }
  }
  return statuses;
}

const Options& Node::options() const { return state_->options; }

}  // namespace ticketd::raft
