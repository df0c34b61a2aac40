// The requests of one connection whose answers have not been written yet, in their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "http/operations.h"
#include "http/response.h"
#include "http/router.h"

namespace ticketd::http {

/// Answers may come in any order; they are written in the order of the requests. Places are numbers
/// that grow by one. A ring, so that a connection in its stride allocates nothing.
class Pipeline {
 public:
  /// A request that waits; returns its place. `target` is kept for a redirect.
  std::uint64_t push(const Route& route, std::string_view target, Asked asked, Framing framing);
  /// Something that is answered already, with the bytes given.
  void push_written(std::string bytes, Framing framing);

  // Of a request that waits.
  const Route& route(std::uint64_t place) { return *at(place).route; }
  std::string_view target(std::uint64_t place) { return at(place).text; }
  Shape shape(std::uint64_t place) { return at(place).asked.shape; }
  bool stale(std::uint64_t place) { return at(place).asked.stale; }
  /// Hands out what is asked. Once.
  std::variant<ticket::Request, ticket::Query> take_asked(std::uint64_t place) {
    return std::move(at(place).asked.what);
  }
  Framing framing(std::uint64_t place) { return at(place).framing; }
  /// Answers it. Once.
  void answer_ticket(std::uint64_t place, std::uint64_t number);
  void answer_written(std::uint64_t place, std::string bytes);

  /// The connection shall not go on after what was pushed last. Requires !empty().
  void close_after_last();

  /// Appends every answer that is next in order and takes it out. True when one was the
  /// connection's last.
  bool take_ready(std::string& out, const ResponseWriter& writer);

  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
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

  Slot& at(std::uint64_t place);
  Slot& push_slot(Framing framing, std::size_t held_bytes);
  Slot& answer(std::uint64_t place, Slot::State state, std::size_t held_bytes);
  void pop();

  /// The size is a power of two; a place's slot is at its number modulo the size.
  std::vector<Slot> ring_;
  std::uint64_t first_ = 0;
  std::size_t count_ = 0;
  std::size_t held_bytes_ = 0;
};

}  // namespace ticketd::http
