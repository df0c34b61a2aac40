// What clients and faults did, as operations: invocation and completion together.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/result.h"
#include "jepsen/event.h"
#include "jepsen/names.h"

namespace ticketd::jepsen {

/// When an operation of unknown outcome returned.
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

enum class Outcome : std::uint8_t {
  kOk,       ///< it was done, and this is its answer
  kFail,     ///< it was certainly not done
  kUnknown,  ///< it was done at some moment since its invocation, or will be, or not
};

/// A closed interval of time. Texts are numbers of the history's names.
struct Operation {
  std::int64_t invoked_ns = 0;
  /// kNever when the outcome is unknown.
  std::int64_t returned_ns = kNever;
  /// As in Event; both 0 unless the outcome is kOk.
  std::uint64_t begin = 0, end = 0;
  /// Of the invocation in the history, from 1.
  std::uint32_t line = 0;
  std::uint32_t process = 0;
  std::uint32_t sequence = 0;
  /// 0 (the empty text) for none.
  std::uint32_t key = 0;
  std::uint32_t count = 1;
  std::uint32_t error = 0;
  /// As in Event.
  std::uint32_t pipeline = 0;
  std::uint16_t node = 0;
  Function function = Function::kTake;
  Outcome outcome = Outcome::kUnknown;
};
static_assert(sizeof(Operation) <= 64, "one cache line");

struct FaultEvent {
  std::int64_t time_ns = 0;
  std::string fault;
  std::string value;
};

/// Operations in the order of their invocation. Names number 0 of keys and errors is the empty
/// text.
struct History {
  History();

  Names sequences, keys, errors;
  std::vector<Operation> operations;
  std::vector<FaultEvent> faults;
};

/// "process 3 took 4-6 of "orders" from 1.200000000 to 3.400000000 s (line 17)"
std::string describe(const History& history, const Operation& operation);

/// Puts events together.
class HistoryBuilder {
 public:
  /// Processes are numbered from 0.
  static constexpr std::uint32_t kProcessesMax = 1 << 24;

  /// Events come in the order of their times. A process has one operation at a time; one whose
  /// outcome is unknown was its last (that operation goes on for ever). A completion repeats its
  /// invocation's value. Errors say which of this does not hold; the event is not added then.
  Status add(const Event& event);

  /// Hands over. What did not complete is unknown.
  History finish();

 private:
  Status invoke(const Event& event);
  Status complete(const Event& event);

  History history_;
  struct Current {
    std::size_t operation_plus_one = 0;  // 0 when the process does nothing
    bool unknown = false;                // it stays the process's last
  };
  std::vector<Current> current_;  // by process
  std::int64_t latest_ns_ = 0;
  std::uint32_t lines_ = 0;
};

}  // namespace ticketd::jepsen
