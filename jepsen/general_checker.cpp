#include "jepsen/general_checker.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "jepsen/state_set.h"

namespace ticketd::jepsen {

namespace {

/// Unknown requests for the same number of numbers, by invocation.
struct UnknownsOfSize {
  std::uint32_t count;
  std::vector<std::int64_t> invoked_ns;
  std::size_t used = 0;
};

/// A step of the search: the known request `index`, or an unknown one of the size `index`.
struct Step {
  std::uint32_t index;
  bool unknown;
};

class Search {
 public:
  Search(const SequenceRequests& sequence, const SearchBudget& budget)
      : budget_(budget), next_number_(sequence.start) {
    for (const Request& request : sequence.requests) {
      if (request.unknown()) {
        unknowns_of(request.count).invoked_ns.push_back(request.invoked_ns);
      } else {
        known_.push_back(request);
      }
    }
    for (UnknownsOfSize& size : unknowns_) {
      std::sort(size.invoked_ns.begin(), size.invoked_ns.end());
    }
    std::sort(known_.begin(), known_.end(),
              [](const Request& a, const Request& b) { return a.invoked_ns < b.invoked_ns; });
    placed_.resize(known_.size());
  }

  Decision run() {
    if (known_.empty()) return Decision::kValid;
    std::uint64_t states = 1;
    enter({});
    while (!path_.empty()) {
      Frame& here = path_.back();
      if (here.next == steps_.size()) {
        leave();
        continue;
      }
      const Step step = steps_[here.next++];
      take(step);
      if (placed_count_ == known_.size()) return Decision::kValid;
      if (++states > budget_.states || seen_.bytes() > budget_.memory_bytes) {
        states_at_end_ = states;
        remember_best(known_.size());
        return Decision::kUndecided;
      }
      enter(step);
    }
    return Decision::kViolated;
  }

  Finding explain(Decision decision) const {
    const std::string where = "the best attempt placed " + std::to_string(best_count_) + " of " +
                              std::to_string(known_.size()) + " known requests, up to number " +
                              std::to_string(best_number_) + "; then none of these fits";
    if (decision == Decision::kUndecided) {
      return {"undecided after " + std::to_string(states_at_end_) + " states: " + where,
              best_left_};
    }
    return {"no order explains it: " + where, best_left_};
  }

 private:
  /// A state on the way: how it was come by, and the steps from it not tried yet, which are
  /// steps_[next...] while it is the last on the path.
  struct Frame {
    Step by;
    std::size_t first, next;
  };

  UnknownsOfSize& unknowns_of(std::uint32_t count) {
    for (UnknownsOfSize& size : unknowns_) {
      if (size.count == count) return size;
    }
    unknowns_.push_back({count, {}});
    return unknowns_.back();
  }

  /// Makes the present state the last on the path, with its steps, or with none when it was seen
  /// before or is hopeless.
  void enter(Step by) {
    path_.push_back({by, steps_.size(), steps_.size()});
    const std::size_t first = steps_.size();
    const std::size_t window_end = list_steps();
    if (steps_.size() == first) {
      remember_best(window_end);
    } else if (!seen_.insert(state(window_end))) {
      steps_.resize(first);
    }
  }

  void leave() {
    const Frame left = path_.back();
    path_.pop_back();
    steps_.resize(left.first);
    if (!path_.empty()) undo(left.by);
  }

  /// Appends what may come next. Returns the end of the known requests that it depends on: from
  /// there on all were invoked too late, and none is placed.
  std::size_t list_steps() {
    const std::size_t first = steps_.size();
    std::int64_t first_return_ns = kNever;
    std::size_t at = lowest_left_;
    for (; at < known_.size() && known_[at].invoked_ns <= first_return_ns; ++at) {
      if (placed_[at]) continue;
      const Request& request = known_[at];
      first_return_ns = std::min(first_return_ns, request.returned_ns);
      if (request.begin == next_number_) {
        steps_.push_back({static_cast<std::uint32_t>(at), false});
      } else if (request.begin < next_number_) {
        steps_.resize(first);  // its number has gone by
        return window_end(at, first_return_ns);
      }
    }
    for (std::size_t step = first; step < steps_.size(); ++step) {
      if (!known_[steps_[step].index].read()) continue;
      steps_[first] = steps_[step];
      steps_.resize(first + 1);
      return at;
    }
    for (std::uint32_t index = 0; index < unknowns_.size(); ++index) {
      const UnknownsOfSize& size = unknowns_[index];
      if (size.used < size.invoked_ns.size() && size.invoked_ns[size.used] <= first_return_ns &&
          size.count <= std::numeric_limits<std::uint64_t>::max() - next_number_) {
        steps_.push_back({index, true});
      }
    }
    return at;
  }

  std::size_t window_end(std::size_t at, std::int64_t first_return_ns) const {
    while (at < known_.size() && known_[at].invoked_ns <= first_return_ns) {
      first_return_ns = std::min(first_return_ns, known_[at].returned_ns);
      ++at;
    }
    return at;
  }

  void take(Step step) {
    if (step.unknown) {
      UnknownsOfSize& size = unknowns_[step.index];
      ++size.used;
      next_number_ += size.count;
      return;
    }
    placed_[step.index] = true;
    ++placed_count_;
    next_number_ = known_[step.index].end;
    while (lowest_left_ < placed_.size() && placed_[lowest_left_]) ++lowest_left_;
  }

  void undo(Step step) {
    if (step.unknown) {
      UnknownsOfSize& size = unknowns_[step.index];
      --size.used;
      next_number_ -= size.count;
      return;
    }
    placed_[step.index] = false;
    --placed_count_;
    next_number_ = known_[step.index].begin;
    lowest_left_ = std::min<std::size_t>(lowest_left_, step.index);
  }

  /// All that the future depends on, in words.
  const std::vector<std::uint64_t>& state(std::size_t window_end) {
    state_.assign({next_number_, lowest_left_});
    std::uint64_t bits = 0;
    for (std::size_t at = lowest_left_; at < window_end; ++at) {
      const std::size_t bit = (at - lowest_left_) % 64;
      bits |= std::uint64_t{placed_[at]} << bit;
      if (bit == 63) state_.push_back(std::exchange(bits, 0));
    }
    state_.push_back(bits);
    for (const UnknownsOfSize& size : unknowns_) state_.push_back(size.used);
    return state_;
  }

  void remember_best(std::size_t window_end) {
    constexpr std::size_t kNamedMax = 5;
    if (placed_count_ < best_count_ || (placed_count_ == best_count_ && !best_left_.empty()))
      return;
    best_count_ = placed_count_;
    best_number_ = next_number_;
    best_left_.clear();
    for (std::size_t at = lowest_left_; at < window_end && best_left_.size() < kNamedMax; ++at) {
      if (!placed_[at]) best_left_.push_back(known_[at].operation);
    }
  }

  const SearchBudget& budget_;
  std::vector<Request> known_;  // by invocation
  std::vector<UnknownsOfSize> unknowns_;

  // The present state.
  std::uint64_t next_number_;
  std::vector<bool> placed_;  // of known_
  std::size_t placed_count_ = 0;
  std::size_t lowest_left_ = 0;  // the first of known_ that is not placed

  std::vector<Frame> path_;
  std::vector<Step> steps_;
  StateSet seen_;
  std::vector<std::uint64_t> state_;

  std::uint64_t states_at_end_ = 0;
  std::size_t best_count_ = 0;
  std::uint64_t best_number_ = 0;
  std::vector<std::uint32_t> best_left_;
};

}  // namespace

Decision general_check(const SequenceRequests& sequence, const SearchBudget& budget,
                       std::vector<Finding>& findings) {
  Search search(sequence, budget);
  const Decision decision = search.run();
  if (decision != Decision::kValid) findings.push_back(search.explain(decision));
  return decision;
}

}  // namespace ticketd::jepsen
