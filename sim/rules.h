// The rules of the ticket machine read a second time, from docs/, as simply as can be: what each
// request must give. Shares nothing with ticket/machine.cpp, and knows values, no records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "raft/types.h"
#include "sim/records.h"
#include "ticket/command.h"
#include "ticket/records.h"

namespace ticketd::sim {

class Rules {
 public:
  /// An entry comes. Replicated time does not go back for it.
  void begin(raft::Index index, std::uint64_t stamp_us, const ticket::KeyLimits& limits);
  /// What the entry's next request must give.
  ticket::Outcome carry_out(ticket::Kind kind, std::string_view sequence, std::uint64_t value,
                            std::string_view key);

  std::uint64_t stamp_us() const { return stamp_us_; }
  /// Remembered ones.
  std::size_t keys() const { return remembered_.size(); }
  /// The last number given when all up to that index was carried out.
  std::optional<std::uint64_t> value(std::string_view sequence, raft::Index index) const;
  std::optional<std::uint64_t> value(std::string_view sequence) const;
  /// All sequences that were ever named, in the order of their names. They live as long as this.
  std::vector<std::string_view> sequences() const;
  /// The same name, kept; requires that the sequence was named.
  std::string_view kept(std::string_view sequence) const {
    return histories_.find(sequence)->first;
  }

 private:
  using History = std::vector<std::pair<raft::Index, std::optional<std::uint64_t>>>;
  using Histories = std::map<std::string, History, std::less<>>;
  struct Remembered {
    ticket::Kind kind = ticket::Kind::kTake;
    std::string_view sequence;
    std::uint64_t value = 0;
    std::string key;
    std::uint64_t expires_us = 0;
    ticket::Outcome outcome;
  };

  ticket::Outcome change(ticket::Kind kind, Histories::value_type& sequence, std::uint64_t value);
  void forget_two();

  raft::Index index_;
  std::uint64_t stamp_us_ = 0;
  ticket::KeyLimits limits_;
  Histories histories_;
  /// Of named sequences that nobody knows of.
  std::uint64_t beginning_ = 0;
  /// In the order in which the keys came, and how many have gone from its beginning.
  std::deque<Remembered> remembered_;
  std::uint64_t forgotten_ = 0;
  KeyMap<std::uint64_t> places_;  // of keys, counted from the first that ever came
};

/// For messages.
std::string text_of(const ticket::Outcome& outcome);

}  // namespace ticketd::sim
