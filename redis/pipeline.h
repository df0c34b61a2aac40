// The requests of one connection whose replies have not been written yet, in their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "redis/reply.h"
#include "redis/requests.h"
#include "serve/ring.h"

namespace ticketd::redis {

/// Replies may come in any order; they are written in the order of the requests.
class Pipeline {
 public:
  /// A request that waits for the leader to be known; returns its place.
  std::uint64_t push(Asked asked, Protocol protocol);
  /// Something that is answered later, but not by the service.
  std::uint64_t push_waiting(Protocol protocol);
  /// Something that is answered already, with the bytes given. `last`: the connection ends with it.
  void push_written(std::string bytes, bool last = false);

  /// The place of the first request, and the one behind the last.
  std::uint64_t begin() const { return ring_.end() - ring_.size(); }
  std::uint64_t end() const { return ring_.end(); }

  // Of a request that waits.
  bool is_asked(std::uint64_t place) { return ring_.at(place).state == Slot::State::kAsked; }
  /// Of one that is_asked(): it only reads.
  bool reads(std::uint64_t place) {
    return std::holds_alternative<ticket::Query>(ring_.at(place).asked.what);
  }
  /// Hands out what is asked. Once, of one that is_asked().
  Asked take_asked(std::uint64_t place);
  Protocol protocol(std::uint64_t place) { return ring_.at(place).protocol; }
  /// slot_of() what was taken.
  std::uint16_t key_slot(std::uint64_t place) { return ring_.at(place).key_slot; }
  /// Answers it. Once.
  void answer_numbers(std::uint64_t place, const ticket::Done& done);
  /// Of a run each request is answered so.
  void answer_written(std::uint64_t place, std::string bytes);

  /// Appends every reply that is next in order and takes it out. True when one was the connection's
  /// last.
  bool take_ready(std::string& out);

  /// When nothing waits: the memory that a long pipeline needed.
  void give_back_memory() { ring_.give_back(); }

  bool empty() const { return ring_.empty(); }
  /// Requests; those of a run (ticket::Request::times) have one place, and are counted.
  std::size_t size() const { return size_; }
  /// Bytes of replies kept here, and what those that wait need for what they ask and for their
  /// replies, at most.
  std::size_t held_bytes() const { return held_bytes_; }

 private:
  struct Slot {
    enum class State : std::uint8_t {
      /// Waits for the leader to be known.
      kAsked,
      kWaiting,
      kNumbers,
      kWritten,
    };
    State state = State::kAsked;
    Protocol protocol = Protocol::kResp2;
    bool last = false;
    std::uint16_t key_slot = 0;
    /// So many requests stand here.
    std::uint32_t times = 1;
    ticket::Done done;
    /// Its part of held_bytes_.
    std::size_t held_bytes = 0;
    Asked asked;
    std::string text;
  };

  Slot& push_slot(Slot::State state, Protocol protocol, std::size_t held_bytes);
  static void write(const Slot& slot, std::string& out);
  Slot& answer(std::uint64_t place, Slot::State state, std::size_t held_bytes);

  serve::Ring<Slot> ring_;
  std::size_t size_ = 0;
  std::size_t held_bytes_ = 0;
};

}  // namespace ticketd::redis
