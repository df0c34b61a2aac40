// What the fields of several messages are made of.
#pragma once

#include <concepts>
#include <type_traits>

#include "net/message.h"
#include "net/wire.h"

namespace ticketd::net {

/// `M` is `T`, or const `T`.
template <class M, class T>
concept Like = std::same_as<std::remove_const_t<M>, T>;

/// Terms and indexes are below this, where they are written or (`reads`) taken.
constexpr std::uint64_t number_end(bool reads) { return reads ? kReadNumberEnd : kNumberEnd; }

/// The smallest and the largest value of an enum on the wire.
template <class Enum>
struct EnumRange;

template <>
struct EnumRange<Lane> {
  static constexpr Lane kFirst = Lane::kControl, kLast = Lane::kBulk;
};
template <>
struct EnumRange<Refused::Reason> {
  static constexpr auto kFirst = Refused::Reason::kWrongCluster,
                        kLast = Refused::Reason::kTooManyConnections;
};
template <>
struct EnumRange<ErrorReply::Code> {
  static constexpr auto kFirst = ErrorReply::Code::kNotLeader, kLast = ErrorReply::Code::kForbidden;
};
template <>
struct EnumRange<ticket::Kind> {
  // What is above stands in logs alone: nobody can ask for it.
  static constexpr auto kFirst = ticket::Kind::kTake, kLast = ticket::Kind::kRemove;
};
template <>
struct EnumRange<Durability> {
  static constexpr auto kFirst = Durability::kHigh, kLast = Durability::kLow;
};
template <>
struct EnumRange<raft::Role> {
  static constexpr auto kFirst = raft::Role::kFollower, kLast = raft::Role::kLeader;
};
template <>
struct EnumRange<raft::EntryType> {
  static constexpr auto kFirst = raft::EntryType::kNoop, kLast = raft::EntryType::kConfiguration;
};

// --- Parts ---------------------------------------------------------------------------------------

template <class A, Like<raft::MemberId> M>
void fields(A& wire, M& m) {
  wire("node", m.node);
  wire("incarnation", m.incarnation);
}

template <class A, Like<raft::Addresses> M>
void fields(A& wire, M& m) {
  wire.text("peer", m.peer, raft::Configuration::kMaxAddressBytes);
  wire.text("http", m.http, raft::Configuration::kMaxAddressBytes);
  wire.text("redis", m.redis, raft::Configuration::kMaxAddressBytes);
}

template <class A, Like<raft::SnapshotMark> M>
void fields(A& wire, M& m) {
  wire("index", m.index);
  wire("term", m.term);
}

template <class A, Like<raft::Member> M>
void fields(A& wire, M& m) {
  wire("id", m.id);
  wire("voter", m.voter);
  wire("promote", m.promote);
  wire("replaces", m.replaces);
  wire.fixed("join_token", m.join_token);
  wire("addresses", m.addresses);
}

template <class A, Like<raft::ConfigurationAt> M>
void fields(A& wire, M& m) {
  wire("index", m.index);
  wire.configuration("configuration", m.configuration);
}

/// A place in a log is (0, 0), or neither is zero.
inline bool is_place(raft::Index index, raft::Term term) {
  return (index.value == 0) == (term.value == 0);
}

}  // namespace ticketd::net
