#include "jepsen/fast_checker.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace ticketd::jepsen {

namespace {

std::string numbers(std::uint64_t begin, std::uint64_t end) {
  return end == begin + 1 ? "number " + std::to_string(begin)
                          : "numbers " + std::to_string(begin) + "-" + std::to_string(end - 1);
}

/// What the order of positions needs of a request.
struct Placed {
  std::uint64_t begin, end;
  std::int64_t invoked_ns, returned_ns;
  std::uint32_t operation;

  bool read() const { return begin == end; }
};

/// Reads stand behind the take that ends where they are; equal reads in the order of their
/// invocation, so that they never seem to be inverted.
bool stands_before(const Placed& a, const Placed& b) {
  if (a.end != b.end) return a.end < b.end;
  if (a.read() != b.read()) return b.read();
  return a.invoked_ns < b.invoked_ns;
}

struct Gap {
  std::uint64_t begin, end;
  /// The first of those that stand above it.
  std::size_t above;
};

struct Unknown {
  std::int64_t invoked_ns;
  std::uint32_t operation;
};

class Check {
 public:
  Check(const SequenceRequests& sequence, std::vector<Finding>& findings)
      : findings_(findings), start_(sequence.start) {
    placed_.reserve(sequence.requests.size());
    for (const Request& request : sequence.requests) {
      if (!request.unknown()) {
        placed_.push_back({request.begin, request.end, request.invoked_ns, request.returned_ns,
                           request.operation});
      } else {
        if (unknown_.empty()) unknown_count_ = request.count;
        mixed_ = mixed_ || request.count != unknown_count_;
        unknown_.push_back({request.invoked_ns, request.operation});
      }
    }
    std::sort(placed_.begin(), placed_.end(), stands_before);
  }

  Decision run() {
    tile();
    order();
    const bool gaps_matter = !gaps_.empty() && found_ == 0;
    if (gaps_matter && !mixed_) fill_gaps();
    if (found_ > kFindingsMax) {
      findings_.back() = {"... and " + std::to_string(found_ - kFindingsMax + 1) + " more", {}};
    }
    if (found_ > 0) return Decision::kViolated;
    return gaps_matter && mixed_ ? Decision::kUndecided : Decision::kValid;
  }

 private:
  void found(std::string what, std::vector<std::uint32_t> operations) {
    if (++found_ <= kFindingsMax) findings_.push_back({std::move(what), std::move(operations)});
  }

  /// Ranges without overlap, reads at their ends, and the gaps between.
  void tile() {
    std::uint64_t reached = start_;
    const Placed* by = nullptr;
    for (std::size_t at = 0; at < placed_.size(); ++at) {
      const Placed& here = placed_[at];
      if (here.begin < reached) {
        overlap(by, here, reached);
      } else if (here.begin > reached) {
        gaps_.push_back({reached, here.begin, at});
      }
      if (here.end >= reached) {
        reached = here.end;
        by = &here;
      }
    }
  }

  void overlap(const Placed* before, const Placed& here, std::uint64_t reached) {
    if (before == nullptr) {
      found("the sequence begins at " + std::to_string(start_), {here.operation});
    } else if (before->read()) {
      found("a read saw the midst of a range", {before->operation, here.operation});
    } else {
      found(numbers(std::max(here.begin, before->begin), reached) + " handed out twice",
            {before->operation, here.operation});
    }
  }

  /// Nobody returned before one below was invoked.
  void order() {
    const Placed* latest = nullptr;
    for (const Placed& here : placed_) {
      if (latest != nullptr && latest->invoked_ns > here.returned_ns) {
        found("the second returned before the first was invoked, and is above it",
              {latest->operation, here.operation});
      }
      if (latest == nullptr || here.invoked_ns > latest->invoked_ns) latest = &here;
    }
  }

  /// Requires unknown requests of one size, if any.
  void fill_gaps() {
    if (unknown_.empty()) {
      for (const Gap& gap : gaps_) {
        found(numbers(gap.begin, gap.end) + " given to nobody", {placed_[gap.above].operation});
      }
      return;
    }
    std::uint64_t units = 0;
    for (const Gap& gap : gaps_) {
      const std::uint64_t missing = gap.end - gap.begin;
      if (missing % unknown_count_ != 0) {
        found(numbers(gap.begin, gap.end) + " given to nobody: unknown are requests for " +
                  std::to_string(unknown_count_) + " alone",
              {placed_[gap.above].operation});
      }
      units += missing / unknown_count_;  // gaps are apart: no overflow
    }
    if (units > unknown_.size()) {
      found("missing are the numbers of " + std::to_string(units) + " requests for " +
                std::to_string(unknown_count_) + ", first " +
                numbers(gaps_.front().begin, gaps_.front().end) + ", and unknown are only " +
                std::to_string(unknown_.size()),
            {placed_[gaps_.front().above].operation});
    }
    if (found_ == 0) assign_units();
  }

  /// The k-th missing unit to the k-th unknown request. Requires no more units than unknown ones.
  void assign_units() {
    std::sort(unknown_.begin(), unknown_.end(),
              [](const Unknown& a, const Unknown& b) { return a.invoked_ns < b.invoked_ns; });
    // earliest[i]: of placed_[i] and all above it, who returned first.
    std::vector<std::uint32_t> earliest(placed_.size());
    for (std::size_t at = placed_.size(), least = at - 1; at-- > 0;) {
      if (placed_[at].returned_ns < placed_[least].returned_ns) least = at;
      earliest[at] = static_cast<std::uint32_t>(least);
    }
    std::size_t next = 0;
    for (const Gap& gap : gaps_) {
      const Placed& first_above = placed_[earliest[gap.above]];
      for (std::uint64_t unit = gap.begin; unit < gap.end; unit += unknown_count_, ++next) {
        if (unknown_[next].invoked_ns <= first_above.returned_ns) continue;
        found(numbers(unit, unit + unknown_count_) +
                  " given to nobody: the unknown request that is left for it was invoked after one"
                  " above had returned",
              {unknown_[next].operation, first_above.operation});
        return;
      }
    }
  }

  std::vector<Finding>& findings_;
  std::uint64_t start_;
  std::uint64_t found_ = 0;
  std::vector<Placed> placed_;
  std::vector<Unknown> unknown_;
  std::uint32_t unknown_count_ = 0;
  bool mixed_ = false;
  std::vector<Gap> gaps_;
};

}  // namespace

Decision fast_check(const SequenceRequests& sequence, std::vector<Finding>& findings) {
  return Check(sequence, findings).run();
}

}  // namespace ticketd::jepsen
