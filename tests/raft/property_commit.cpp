// The commit rule against brute force: a leader and forged but truthful acknowledgements.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "raft/node.h"

namespace ticketd::raft {
namespace {

std::uint64_t between(std::uint64_t low, std::uint64_t high) {
  return *rc::gen::inRange<std::uint64_t>(low, high + 1);
}

/// A leader whose followers and disk are played by the test: nothing happens but what it says.
class LoneLeader {
 public:
  LoneLeader(unsigned voters, unsigned learners) {
    std::vector<Member> members;
    for (unsigned i = 0; i < voters + learners; ++i) {
      Member member;
      member.id = {NodeId{i}, Incarnation{1}};
      member.voter = i < voters;
      member.addresses.peer = "peer";
      members.push_back(member);
    }
    configuration_ = Configuration(members);
    restore();
    now_ = node_->next_deadline();
    node_->tick(now_);
    for (int round = 0; node_->role() != Role::kLeader && round < 4; ++round) {
      work();
      confirm();
      grant();
    }
    RC_ASSERT(node_->role() == Role::kLeader);
  }

  /// Takes what is due: acknowledgements that followers could send, and the save.
  void work() {
    Ready ready = node_->take_ready();
    if (ready.save) {
      saving_ = ready.save;
    }
    for (const Envelope& envelope : ready.messages) {
      if (const auto* append = std::get_if<AppendRequest>(&envelope.message)) {
        unanswered_.push_back(
            {envelope.to, append->prev_log_index + append->entries.size(), append->prev_log_index});
      }
      if (std::holds_alternative<VoteRequest>(envelope.message)) {
        asked_.push_back(envelope);
      }
    }
  }

  void confirm() {
    if (!saving_) {
      return;
    }
    const Save save = *std::exchange(saving_, std::nullopt);
    if (!save.entries.empty()) {
      reached_[self()] = save.entries.back().index;
    }
    node_->saved(now_, save.id);
  }

  void propose() { node_->propose(now_, std::string(between(0, 9), 'c')); }

  /// Some follower answers one of the requests it was sent: late, twice, or out of order.
  void acknowledge() {
    if (unanswered_.empty()) {
      return;
    }
    const std::size_t which = between(0, unanswered_.size() - 1);
    const Sent sent = unanswered_[which];
    if (sent.prev > reached_[sent.to]) {
      return;  // It would have to refuse.
    }
    if (between(0, 3) != 0) {
      unanswered_.erase(unanswered_.begin() + static_cast<std::ptrdiff_t>(which));
    }
    reached_[sent.to] = std::max(reached_[sent.to], sent.last);
    AppendResponse response;
    response.term = node_->current_term();
    response.success = true;
    response.index = sent.last;
    node_->step(now_, {sent.to, self(), response});
  }

  /// The greatest index of this term that a majority of voters has, by counting heads.
  Index counted() const {
    Index best = first_commit_;
    for (Index index = first_own_; index <= node_->last_index(); ++index) {
      std::size_t holders = 0;
      for (const Member& member : configuration_.members()) {
        const auto reached = reached_.find(member.id);
        holders += member.voter && reached != reached_.end() && reached->second >= index;
      }
      best = holders >= configuration_.voter_count() / 2 + 1 ? index : best;
    }
    return best;
  }

  const Node& node() const { return *node_; }

 private:
  struct Sent {
    MemberId to;
    Index last;
    Index prev;
  };

  MemberId self() const { return {NodeId{0}, Incarnation{1}}; }

  // A log with entries of an earlier term that may or may not be committed: counting heads must
  // not commit them (Raft 5.4.2, figure 8).
  void restore() {
    Restored restored;
    const std::uint64_t old = between(0, 5);
    restored.entries.push_back(
        {Index{1}, Term{1}, EntryType::kConfiguration, Payload(configuration_.encode())});
    for (std::uint64_t i = 0; i < old; ++i) {
      restored.entries.push_back({Index{2 + i}, Term{1}, EntryType::kCommand, Payload("old")});
    }
    restored.last_index = Index{1 + old};
    restored.hard_state.current_term = Term{1};
    restored.hard_state.commit_index = first_commit_ = Index{between(0, 1 + old)};
    restored.term_starts = {{Index{1}, Term{1}}};
    restored.configurations = {{}, {Index{1}, configuration_}};
    first_own_ = restored.last_index + 1;
    reached_[self()] = restored.last_index;
    Options options;
    options.self = self();
    options.seed = between(0, 1000);
    node_ = std::make_unique<Node>(options, restored, Time{0});
  }

  void grant() {
    for (const Envelope& request : std::exchange(asked_, {})) {
      const auto& vote = std::get<VoteRequest>(request.message);
      node_->step(now_, {request.to, self(), VoteResponse{vote.term, vote.pre_vote, true}});
    }
  }

  Configuration configuration_;
  std::unique_ptr<Node> node_;
  Time now_;
  Index first_commit_;
  Index first_own_;
  std::optional<Save> saving_;
  std::vector<Envelope> asked_;
  std::vector<Sent> unanswered_;
  std::map<MemberId, Index> reached_;
};

TEST_CASE("a leader commits exactly what a majority of voters holds, of its own term") {
  CHECK(rc::check("commit rule against counting", [] {
    LoneLeader leader(static_cast<unsigned>(between(1, 7)), static_cast<unsigned>(between(0, 2)));
    const std::uint64_t steps = between(0, 60);
    for (std::uint64_t i = 0; i < steps; ++i) {
      switch (between(0, 4)) {
        case 0:
          leader.propose();
          break;
        case 1:
          leader.confirm();
          break;
        case 2:
          leader.work();
          break;
        default:
          leader.acknowledge();
      }
      RC_ASSERT(leader.node().role() == Role::kLeader);
      RC_ASSERT(leader.node().commit_index() == leader.counted());
    }
  }));
}

}  // namespace
}  // namespace ticketd::raft
