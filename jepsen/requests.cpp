#include "jepsen/requests.h"

#include <algorithm>
#include <cstddef>

namespace ticketd::jepsen {

namespace {

class Grouping {
 public:
  Grouping(const History& history, std::vector<Finding>& findings)
      : history_(history), findings_(findings), by_key_(history.keys.size()) {
    std::vector<std::size_t> sizes(history.sequences.size());
    for (const Operation& operation : history.operations) ++sizes[operation.sequence];
    for (std::uint32_t id = 0; id < sizes.size(); ++id) {
      // The unnamed sequence begins at 1, those with a name at 0.
      groups_.push_back({id, history.sequences.text(id).empty() ? std::uint64_t{1} : 0, {}});
      groups_.back().requests.reserve(sizes[id]);
    }
  }

  void add(std::uint32_t index) {
    const Operation& operation = history_.operations[index];
    const bool read = operation.function == Function::kRead;
    if (!same_meaning(index) || operation.outcome == Outcome::kFail ||
        (read && operation.outcome == Outcome::kUnknown) || !answer_fits(index)) {
      return;
    }
    Request request;
    request.invoked_ns = operation.invoked_ns;
    request.returned_ns = operation.outcome == Outcome::kOk ? operation.returned_ns : kNever;
    request.begin = read ? operation.end : operation.begin;
    request.end = operation.end;
    request.count = read ? 0 : operation.count;
    request.operation = index;
    auto& requests = groups_[operation.sequence].requests;
    if (operation.key == 0) {
      requests.push_back(request);
    } else if (std::uint32_t& known = by_key_[operation.key].request_plus_one; known == 0) {
      requests.push_back(request);
      known = static_cast<std::uint32_t>(requests.size());
    } else {
      merge(requests[known - 1], request);
    }
  }

  std::vector<SequenceRequests> take() { return std::move(groups_); }

 private:
  struct Key {
    /// The first operation with it.
    std::uint32_t operation_plus_one = 0;
    /// Within its sequence.
    std::uint32_t request_plus_one = 0;
  };

  /// One key is for one request.
  bool same_meaning(std::uint32_t index) {
    const Operation& operation = history_.operations[index];
    if (operation.key == 0) return true;
    std::uint32_t& first = by_key_[operation.key].operation_plus_one;
    if (first == 0) {
      first = index + 1;
      return true;
    }
    const Operation& before = history_.operations[first - 1];
    if (before.sequence == operation.sequence && before.count == operation.count) return true;
    findings_.push_back({"one idempotency key was used for two requests", {first - 1, index}});
    return false;
  }

  bool answer_fits(std::uint32_t index) {
    const Operation& operation = history_.operations[index];
    if (operation.outcome != Outcome::kOk || operation.function == Function::kRead) return true;
    if (operation.end > operation.begin && operation.end - operation.begin == operation.count) {
      return true;
    }
    findings_.push_back({"the answer has another size than the request", {index}});
    return operation.end > operation.begin;
  }

  void merge(Request& known, const Request& attempt) {
    if (!known.unknown() && !attempt.unknown() && known.begin != attempt.begin) {
      findings_.push_back(
          {"a retry has another answer than before", {known.operation, attempt.operation}});
      return;
    }
    known.invoked_ns = std::min(known.invoked_ns, attempt.invoked_ns);
    if (attempt.returned_ns >= known.returned_ns) return;
    known.returned_ns = attempt.returned_ns;
    known.begin = attempt.begin;
    known.end = attempt.end;
    known.operation = attempt.operation;
  }

  const History& history_;
  std::vector<Finding>& findings_;
  std::vector<Key> by_key_;
  std::vector<SequenceRequests> groups_;
};

}  // namespace

std::vector<SequenceRequests> requests_by_sequence(const History& history,
                                                   std::vector<Finding>& findings) {
  Grouping grouping(history, findings);
  for (std::uint32_t index = 0; index < history.operations.size(); ++index) grouping.add(index);
  return grouping.take();
}

}  // namespace ticketd::jepsen
