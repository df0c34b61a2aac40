// The requests of one connection whose answers have not been written yet, in their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "http/operations.h"
#include "http/response.h"
#include "http/router.h"
#include "serve/ring.h"

namespace ticketd::http {

/// Answers may come in any order; they are written in the order of the requests.
class Pipeline {
 public:
  /// A request that waits; returns its place. `target` is kept for a redirect.
  std::uint64_t push(const Route& route, std::string_view target, Asked asked, Framing framing);
  /// Something that is answered already, with the bytes given.
  void push_written(std::string bytes, Framing framing);

  // Of a request that waits.
  const Route& route(std::uint64_t place) { return *ring_.at(place).route; }
  std::string_view target(std::uint64_t place) { return ring_.at(place).text; }
  Shape shape(std::uint64_t place) { return ring_.at(place).asked.shape; }
  bool stale(std::uint64_t place) { return ring_.at(place).asked.stale; }
  /// Hands out what is asked. Once.
  std::variant<ticket::Request, ticket::Query> take_asked(std::uint64_t place) {
    return std::move(ring_.at(place).asked.what);
  }
  Framing framing(std::uint64_t place) { return ring_.at(place).framing; }
  /// Answers it. Once.
  void answer_ticket(std::uint64_t place, std::uint64_t number);
  void answer_written(std::uint64_t place, std::string bytes);

  /// The connection shall not go on after what was pushed last. Requires !empty().
  void close_after_last();

  /// Appends every answer that is next in order and takes it out. True when one was the
  /// connection's last.
  bool take_ready(std::string& out, const ResponseWriter& writer);

  /// When nothing waits: the memory that a long pipeline needed.
  void give_back_memory() { ring_.give_back(); }

  bool empty() const { return ring_.empty(); }
  std::size_t size() const { return ring_.size(); }
  /// Bytes of targets and answers kept here, and what those that wait need for what they ask and
  /// for their answers, at most.
  std::size_t held_bytes() const { return held_bytes_; }

 private:
  struct Slot {
    enum class State : std::uint8_t { kWaiting, kTicket, kWritten };
    State state = State::kWaiting;
    Framing framing;
    const Route* route = nullptr;
    std::uint64_t number = 0;
    /// Its part of held_bytes_.
    std::size_t held_bytes = 0;
    Asked asked;
    /// While it waits the target, then the bytes of the answer.
    std::string text;
  };

  Slot& push_slot(Framing framing, std::size_t held_bytes);
  Slot& answer(std::uint64_t place, Slot::State state, std::size_t held_bytes);
  void pop();

  serve::Ring<Slot> ring_;
  std::size_t held_bytes_ = 0;
};

}  // namespace ticketd::http
