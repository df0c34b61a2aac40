// The numbers of the Raft paper as types that cannot be mixed up.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>

namespace ticketd::raft {

/// An unsigned 64-bit number of one kind. Kinds do not convert into each other.
template <class Kind>
struct Number {
  std::uint64_t value = 0;

  constexpr Number() = default;
  constexpr explicit Number(std::uint64_t v) : value(v) {}

  constexpr auto operator<=>(const Number&) const = default;
  constexpr Number operator+(std::uint64_t steps) const { return Number(value + steps); }
  constexpr Number operator-(std::uint64_t steps) const { return Number(value - steps); }
  /// Distance; requires that `other` is not above this one.
  constexpr std::uint64_t operator-(Number other) const { return value - other.value; }
  constexpr Number& operator++() {
    ++value;
    return *this;
  }

  friend std::ostream& operator<<(std::ostream& out, Number n) { return out << n.value; }
};

/// A term: counts elections. 0 is before the first one.
using Term = Number<struct TermKind>;

/// A place in the log, from 1. 0 is the place before the first entry.
using Index = Number<struct IndexKind>;

/// The number an operator gives a node (`--id`). Every 64-bit value is a valid id: "nobody" is said
/// with std::optional, never with a special number.
using NodeId = Number<struct NodeIdKind>;

/// Which life of a node: the index of the configuration entry that admitted it. A node that lost
/// its disk comes back under the same NodeId with another incarnation and can so never vote, or be
/// counted, on behalf of the one that promised things before.
using Incarnation = Number<struct IncarnationKind>;

/// A moment on the caller's monotonic clock, in microseconds from an origin of the caller's choice.
using Time = Number<struct TimeKind>;

/// A span of time in microseconds.
using Micros = std::uint64_t;

/// One member of the cluster: this is what votes, is counted, and is sent to.
struct MemberId {
  NodeId node;
  Incarnation incarnation;

  constexpr auto operator<=>(const MemberId&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const MemberId& id) {
    return out << id.node << '.' << id.incarnation;
  }
};

/// What must survive a crash besides the log (Raft figure 2), and the commit index as a hint: it
/// may lag after a crash, since it is saved only along with other things.
struct HardState {
  Term current_term;
  /// Whom this node voted for in current_term.
  bool has_voted = false;
  MemberId voted_for;
  Index commit_index;

  bool operator==(const HardState&) const = default;
};

}  // namespace ticketd::raft

template <class Kind>
struct std::hash<ticketd::raft::Number<Kind>> {
  std::size_t operator()(ticketd::raft::Number<Kind> n) const noexcept {
    return std::hash<std::uint64_t>{}(n.value);
  }
};
