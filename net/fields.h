// The fields of every message in the order of the wire: one list, for writing and for reading.
//
// An Archive (Writer, Reader, or a test's printer) is shown each field by its name. What is shown:
//
//   wire("name", value)            a bool, an enum, an integer, an optional, or a message in a
//   message wire.fixed("name", value)      64 bits without meaning as a quantity (hashes, drawn
//   numbers) wire.text("name", value, max)  a string of at most `max` bytes wire.prose("name",
//   value)      a string for people, cut on sending wire.bytes("name", payload)    what fills most
//   of a frame wire.list("name", values, max) a counted list of messages wire.require(condition,
//   "why") what must hold between fields; a Reader refuses otherwise
#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <vector>

#include "net/message.h"
#include "net/wire.h"
#include "ticket/command.h"

namespace ticketd::net {

/// `M` is `T`, or const `T`.
template <class M, class T>
concept Like = std::same_as<std::remove_const_t<M>, T>;

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
  static constexpr auto kFirst = ErrorReply::Code::kNotLeader, kLast = ErrorReply::Code::kUnknown;
};
template <>
struct EnumRange<raft::Role> {
  static constexpr auto kFirst = raft::Role::kFollower, kLast = raft::Role::kLeader;
};
template <>
struct EnumRange<raft::EntryType> {
  static constexpr auto kFirst = raft::EntryType::kNoop, kLast = raft::EntryType::kConfiguration;
};

// --- Parts
// ----------------------------------------------------------------------------------------

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

// --- Handshake
// ------------------------------------------------------------------------------------

template <class A, Like<Hello> M>
void fields(A& wire, M& m) {
  wire.fixed("cluster_id", m.cluster_id);
  wire("from", m.from);
  wire("to", m.to);
  wire("lane", m.lane);
  wire("addresses", m.addresses);
  wire("command_version", m.command_version);
  wire("configuration_index", m.configuration_index);
}

template <class A, Like<ClientHello> M>
void fields(A&, M&) {}

template <class A, Like<Welcome> M>
void fields(A& wire, M& m) {
  wire.fixed("cluster_id", m.cluster_id);
  wire("self", m.self);
  wire("command_version", m.command_version);
  wire("configuration_index", m.configuration_index);
}

template <class A, Like<Refused> M>
void fields(A& wire, M& m) {
  wire("reason", m.reason);
  wire.fixed("cluster_id", m.cluster_id);
  wire("configuration_index", m.configuration_index);
  wire.prose("message", m.message);
}

// --- Between members
// ------------------------------------------------------------------------------

template <class A, Like<raft::VoteRequest> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("last_log_index", m.last_log_index);
  wire("last_log_term", m.last_log_term);
  wire("pre_vote", m.pre_vote);
  wire("leadership_transfer", m.leadership_transfer);
  wire.require(m.term.value > 0, "term is 0");
  wire.require(is_place(m.last_log_index, m.last_log_term), "one of last_log_* is 0");
  wire.require(m.last_log_term <= m.term, "last_log_term is above term");
}

template <class A, Like<raft::VoteResponse> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("pre_vote", m.pre_vote);
  wire("granted", m.granted);
}

/// Neither index nor term of an entry is sent: the index follows from its place, and the term as a
/// step up from the one before, so that what the log requires cannot be said otherwise.
template <class A, Like<raft::AppendRequest> M>
void entry_fields(A& wire, M& m) {
  std::size_t count = m.entries.size();
  wire.count("entry_count", count, kEntriesMax);
  wire.require(m.prev_log_index.value + count < kNumberEnd, "an index is too large");
  if constexpr (A::kReads) {
    m.entries.reserve(count);
  }
  raft::Term before = m.prev_log_term;
  for (std::size_t i = 0; i < count && wire.ok(); ++i) {
    if constexpr (A::kReads) {
      m.entries.push_back({m.prev_log_index + i + 1, {}, {}, {}});
    }
    auto& entry = m.entries[i];
    wire.require(entry.index == m.prev_log_index + i + 1, "entries are not consecutive");
    std::uint64_t step = entry.term.value - before.value;
    wire("term_step", step);
    wire.require(step <= m.term.value - before.value, "the term of an entry is above term");
    if constexpr (A::kReads) {
      entry.term = before + step;
    }
    wire.require(entry.term.value > 0, "the term of an entry is 0");
    wire("type", entry.type);
    wire.bytes("payload", entry.payload);
    if (entry.type == raft::EntryType::kConfiguration) {
      wire.check_configuration("payload", entry.payload);
    }
    before = entry.term;
  }
}

template <class A, Like<raft::AppendRequest> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("prev_log_index", m.prev_log_index);
  wire("prev_log_term", m.prev_log_term);
  wire("commit_index", m.commit_index);
  wire.require(m.term.value > 0, "term is 0");
  wire.require(is_place(m.prev_log_index, m.prev_log_term), "one of prev_log_* is 0");
  wire.require(m.prev_log_term <= m.term, "prev_log_term is above term");
  entry_fields(wire, m);
}

template <class A, Like<raft::AppendResponse> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("success", m.success);
  wire("index", m.index);
  wire("conflict_index", m.conflict_index);
  wire("conflict_term", m.conflict_term);
  wire.require(m.conflict_term <= m.term, "conflict_term is above term");
}

template <class A, Like<raft::HeartbeatRequest> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("commit_index", m.commit_index);
  wire("round", m.round);
  wire.require(m.term.value > 0, "term is 0");
}

template <class A, Like<raft::HeartbeatResponse> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("round", m.round);
}

template <class A, Like<raft::SnapshotRequest> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("mark", m.chunk.mark);
  wire.fixed("file_id", m.chunk.file_id);
  wire("total_bytes", m.chunk.total_bytes);
  wire("offset", m.chunk.offset);
  wire.bytes("data", m.chunk.data);
  wire.require(m.chunk.mark.index.value > 0 && m.chunk.mark.term.value > 0, "mark holds a 0");
  wire.require(m.chunk.mark.term <= m.term, "the mark's term is above term");
  wire.require(m.chunk.offset <= m.chunk.total_bytes &&
                   m.chunk.data.size() <= m.chunk.total_bytes - m.chunk.offset,
               "the chunk ends beyond total_bytes");
}

template <class A, Like<raft::SnapshotResponse> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire("mark", m.mark);
  wire.fixed("file_id", m.file_id);
  wire("next_offset", m.next_offset);
  wire("installed", m.installed);
}

template <class A, Like<raft::TimeoutNowRequest> M>
void fields(A& wire, M& m) {
  wire("term", m.term);
  wire.require(m.term.value > 0, "term is 0");
}

template <class A, Like<MemberStatus> M>
void fields(A& wire, M& m) {
  wire("applied_index", m.applied_index);
  wire.fixed("digest", m.digest);
  wire("sequences", m.sequences);
  wire("free_bytes", m.free_bytes);
  wire("space_low", m.space_low);
  wire("command_version", m.command_version);
}

// --- Requests
// -------------------------------------------------------------------------------------

template <class A, Like<TakeCall> M>
void fields(A& wire, M& m) {
  wire.text("sequence", m.sequence, ticket::kMaxNameBytes);
  wire("count", m.count);
  wire("timeout_us", m.timeout_us);
}

template <class A, class M>
requires Like<M, StatusCall> || Like<M, MembersCall> || Like<M, LeaveCall>
void fields(A&, M&) {}

template <class A, Like<JoinCall> M>
void fields(A& wire, M& m) {
  wire("node", m.node);
  wire.fixed("join_token", m.join_token);
  wire("replace", m.replace);
  wire("addresses", m.addresses);
  wire("command_version", m.command_version);
}

template <class A, Like<RemoveCall> M>
void fields(A& wire, M& m) {
  wire("node", m.node);
  wire("incarnation", m.incarnation);
}

template <class A, Like<TransferCall> M>
void fields(A& wire, M& m) {
  wire("target", m.target);
}

// --- Answers
// --------------------------------------------------------------------------------------

template <class A, Like<TakeReply> M>
void fields(A& wire, M& m) {
  wire("first", m.first);
  wire("count", m.count);
}

template <class A, Like<MemberView> M>
void fields(A& wire, M& m) {
  wire("member", m.member);
  wire("match_index", m.match_index);
  wire("last_heard_us", m.last_heard_us);
  wire("status", m.status);
}

template <class A, Like<StatusReply> M>
void fields(A& wire, M& m) {
  wire.fixed("cluster_id", m.cluster_id);
  wire("self", m.self);
  wire("role", m.role);
  wire("term", m.term);
  wire("leader", m.leader);
  wire("commit_index", m.commit_index);
  wire("applied_index", m.applied_index);
  wire("last_index", m.last_index);
  wire("compacted_index", m.compacted_index);
  wire("configuration_index", m.configuration_index);
  wire.fixed("digest", m.digest);
  wire("sequences", m.sequences);
  wire("map_bytes", m.map_bytes);
  wire("used_bytes", m.used_bytes);
  wire("free_bytes", m.free_bytes);
  wire("space_low", m.space_low);
  wire("journal_flushes", m.journal_flushes);
  wire("checkpoints", m.checkpoints);
  wire("checkpoint_bytes", m.checkpoint_bytes);
  wire("last_checkpoint_bytes", m.last_checkpoint_bytes);
  wire("snapshots_made", m.snapshots_made);
  wire("snapshots_installed", m.snapshots_installed);
  wire.text("version", m.version, kVersionTextBytesMax);
  wire.list("members", m.members, raft::Configuration::kMaxMembers);
}

template <class A, Like<MembersReply> M>
void fields(A& wire, M& m) {
  wire("configuration", m.configuration);
}

template <class A, Like<JoinReply> M>
void fields(A& wire, M& m) {
  wire.fixed("cluster_id", m.cluster_id);
  wire("self", m.self);
  wire("configuration", m.configuration);
}

template <class A, Like<DoneReply> M>
void fields(A& wire, M& m) {
  wire.prose("message", m.message);
}

template <class A, Like<ErrorReply> M>
void fields(A& wire, M& m) {
  wire("code", m.code);
  wire.prose("message", m.message);
  wire.text("leader_peer_address", m.leader_peer_address, raft::Configuration::kMaxAddressBytes);
}

/// The kind of a call or reply is its place among the alternatives, from 1: Take is 1.
template <class A, Like<Request> M>
void fields(A& wire, M& m) {
  wire("id", m.id);
  wire.alternative("kind", m.call);
}

template <class A, Like<Response> M>
void fields(A& wire, M& m) {
  wire("id", m.id);
  wire.alternative("kind", m.reply);
}

}  // namespace ticketd::net
