// What happened, one line an event, in EDN as Jepsen writes its histories:
//
//   {:process 0, :type :invoke, :f :take, :value ["orders" {:count 3, :key "a1"}], :time 1200}
//   {:process 0, :type :ok, :f :take, :value ["orders" {:count 3, :key "a1", :first 4, :last 6}],
//    :time 3400, :node 2}                                                    (in one line)
//   {:process 1, :type :invoke, :f :read, :value ["orders" {}], :time 3500}
//   {:process 1, :type :ok, :f :read, :value ["orders" {:last 6}], :time 3600, :node 1}
//   {:process 2, :type :info, :f :take, :value ["" {}], :time 4000, :error "timed out"}
//   {:process 3, :type :invoke, :f :take, :value ["" {:pipeline 8}], :time 4100}
//   {:process :nemesis, :type :info, :f :kill, :value "node 1", :time 5000}
//
// The value of a client's event is a pair, the sequence ("" is the unnamed one) and the rest, so
// that a checker can take the history apart by sequence. :count is left out when it is 1; :last is
// -1 when a sequence gave no number yet. Operations of one :pipeline were sent one behind the other
// over one connection that keeps their order, which is that of their invocations. Times are
// nanoseconds of one monotonic clock. An integer beyond 2^63 - 1 ends in N, as EDN wants it.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ticketd::jepsen {

enum class EventType : std::uint8_t { kInvoke, kOk, kFail, kInfo };
enum class Function : std::uint8_t { kTake, kRead, kFault };

/// The process that makes the faults.
inline constexpr std::uint32_t kNemesis = std::numeric_limits<std::uint32_t>::max();

/// Views belong to whoever made the event.
struct Event {
  std::uint32_t process = 0;
  EventType type = EventType::kInvoke;
  Function function = Function::kTake;
  std::int64_t time_ns = 0;

  /// A client's: which sequence. A fault's: what was hurt, in words.
  std::string_view value;
  /// A fault's name; letters, digits and dashes.
  std::string_view fault;
  /// The idempotency key; empty for none.
  std::string_view key;
  /// How many numbers are to be taken.
  std::uint64_t count = 1;
  /// Requests that share it take effect in the order of their invocations; 0 for none.
  std::uint32_t pipeline = 0;
  /// An ok's answer: the numbers from `begin` to `end` - 1 were taken; `end` is the number that
  /// comes after the last one given that was read.
  std::uint64_t begin = 0, end = 0;
  /// Who answered; 0 when nobody did.
  std::uint32_t node = 0;
  /// Why a request failed, or why its outcome is unknown.
  std::string_view error;

  bool operator==(const Event&) const = default;
};

/// Appends the event's line, and a line end. Requires end > 0 of a take's answer.
void append_line(std::string& out, const Event& event);

/// Reads lines. Keys of a map may come in any order, each once; those of the format only.
class LineParser {
 public:
  /// `line` is without its end. Views in the result are valid until the next call, and while the
  /// line is. Errors say what is wrong, and at which byte.
  Result<Event> parse(std::string_view line);

 private:
  /// Texts with escapes, as they are without.
  std::array<std::string, 4> unescaped_;
};

}  // namespace ticketd::jepsen
