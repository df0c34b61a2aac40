// The fields of every message in the order of the wire: one list, for writing and for reading.
//
// An Archive (Writer, Reader, or a test's printer) is shown each field by its name. What is shown:
//
//   wire("name", value)                a bool, enum, integer, optional, or message
//   wire.fixed("name", value)          64 bits that are no quantity: hashes, drawn numbers
//   wire.varint("name", value, max)    an integer of at most `max`
//   wire.count("name", size, max)      how often what follows comes
//   wire.text("name", value, max)      a string of at most `max` bytes
//   wire.prose("name", value)          a string for people, cut on sending
//   wire.bytes("name", payload)        what fills most of a frame
//   wire.list("name", values, max)     a counted list of messages
//   wire.alternative("name", variant)  which of the alternatives (from 1), then its fields
//   wire.require(condition, "why")     what must hold between fields; a Reader refuses otherwise
#pragma once

#include <cstddef>

#include "net/field_parts.h"
#include "net/raft_fields.h"
#include "ticket/command.h"

namespace ticketd::net {

// --- Handshake -----------------------------------------------------------------------------------

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

// --- Between members, besides raft messages ------------------------------------------------------

template <class A, Like<MemberStatus> M>
void fields(A& wire, M& m) {
  wire("applied_index", m.applied_index);
  wire.fixed("digest", m.digest);
  wire("sequences", m.sequences);
  wire("free_bytes", m.free_bytes);
  wire("space_low", m.space_low);
  wire("command_version", m.command_version);
  wire("durability", m.durability);
  wire("addresses", m.addresses);
}

// --- Requests ------------------------------------------------------------------------------------

template <class A, Like<ChangeCall> M>
void fields(A& wire, M& m) {
  wire("change", m.kind);
  wire.text("sequence", m.sequence, ticket::kMaxNameBytes);
  wire("value", m.value);
  wire.text("key", m.key, ticket::kMaxKeyBytes);
  wire("timeout_us", m.timeout_us);
  wire.require(m.key.empty() || ticket::is_key(m.key), "key is not visible ASCII");
  wire.require(m.kind != ticket::Kind::kRaiseBeginning,
               "a recovery's change is nobody's to ask for");
  if (m.kind == ticket::Kind::kTake) {
    wire.require(m.value >= 1 && m.value <= ticket::kMaxCount, "value is not in [1, 1000000]");
  } else if (m.kind == ticket::Kind::kRemove) {
    wire.require(!m.sequence.empty(), "the unnamed sequence cannot be removed");
    wire.require(m.value == 0 && m.key.empty(), "a removal has no value and no key");
  }
}

template <class A, Like<ticket::Lookup> M>
void fields(A& wire, M& m) {
  std::size_t count = m.sequences.size();
  wire.count("sequence_count", count, ticket::kMaxLookupNames);
  if constexpr (A::kReads) {
    m.sequences.resize(count);
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count && wire.ok(); ++i) {
    wire.text("sequence", m.sequences[i], ticket::kMaxNameBytes);
    bytes += m.sequences[i].size();
    wire.require(bytes <= ticket::kMaxLookupBytes,
                 "the names are longer than 65536 bytes together");
  }
}

template <class A, Like<ticket::Listing> M>
void fields(A& wire, M& m) {
  wire.text("prefix", m.prefix, ticket::kMaxNameBytes);
  wire.text("after", m.after, ticket::kMaxNameBytes);
  wire.varint("limit", m.limit, ticket::kMaxListed);
  wire.require(m.limit > 0, "limit is 0");
}

template <class A, Like<QueryCall> M>
void fields(A& wire, M& m) {
  wire("stale", m.stale);
  wire("timeout_us", m.timeout_us);
  wire.alternative("query", m.query);
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

// --- Answers -------------------------------------------------------------------------------------

template <class A, Like<ChangeReply> M>
void fields(A& wire, M& m) {
  wire("first", m.first);
  wire("count", m.count);
  wire("replayed", m.replayed);
}

template <class A, Like<ticket::Found> M>
void fields(A& wire, M& m) {
  wire.text("sequence", m.sequence, ticket::kMaxNameBytes);
  wire("last", m.last);
}

template <class A, Like<QueryReply> M>
void fields(A& wire, M& m) {
  wire("applied_index", m.applied_index);
  wire("more", m.more);
  wire.list("found", m.found, ticket::kMaxLookupNames);
  std::size_t bytes = 0;
  for (const ticket::Found& each : m.found) {
    bytes += each.sequence.size();
  }
  wire.require(bytes <= kFoundBytesMax, "the names are longer than 255000 bytes together");
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
  wire("keys", m.keys);
  wire("beginning", m.beginning);
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
  wire("replayed", m.replayed);
}

/// The kind of a call or reply is its place among the alternatives, from 1: Change is 1.
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
