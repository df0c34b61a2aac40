// The replies that need neither the service nor a wait, and those that tell of the cluster.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/address.h"
#include "redis/commands.h"
#include "redis/parser.h"
#include "redis/reply.h"
#include "redis/requests.h"
#include "redis/session.h"
#include "ticket/service.h"

namespace ticketd::redis {

inline constexpr std::string_view kWrongArguments = "ERR wrong number of arguments";
inline constexpr std::string_view kNoLeader = "CLUSTERDOWN No Raft leader";
inline constexpr std::uint16_t kSlots = 16'384;

/// "ERR unknown command 'x'"; the name is cut when it is long.
std::string unknown_command(std::string_view name);
std::string unknown_subcommand(std::string_view name);

// --- replies_client.cpp: the connection ----------------------------------------------------------
void reply_ping(Arguments arguments, ReplyWriter& reply);
void reply_auth(Arguments arguments, ReplyWriter& reply);
/// May change the protocol, of this reply on: appended to `out`.
void reply_hello(Arguments arguments, const Surroundings& around, Session& session,
                 std::string& out);
void reply_client(Arguments arguments, Session& session, ReplyWriter& reply);
void reply_select(Arguments arguments, ReplyWriter& reply);
void reply_time(ReplyWriter& reply);

// --- replies_server.cpp: the server and its commands ---------------------------------------------
void reply_info(Arguments arguments, const Surroundings& around, ReplyWriter& reply);
void reply_config(Arguments arguments, const Surroundings& around, ReplyWriter& reply);
void reply_command(Arguments arguments, ReplyWriter& reply);

// --- replies_cluster.cpp -------------------------------------------------------------------------
/// 40 hexadecimal digits: the node, its incarnation, and the first half of the cluster's id.
std::string node_name(std::uint64_t cluster_id, MemberId member);
/// HOST:PORT as clients of Redis take it apart, at the last colon: an IPv6 address has no brackets.
std::string redirect_address(const Address& address);
/// The slot of a key: CRC16 of it, or of what stands between its first braces when that is not
/// empty.
std::uint16_t key_slot(std::string_view key);
/// The view of the cluster that CLUSTER asks for, or an answer appended to `reply`: all but
/// ClusterView are answered at once.
std::variant<std::monostate, ClusterView> reply_cluster(Arguments arguments,
                                                        const Surroundings& around,
                                                        ReplyWriter& reply);
/// With a leader, or without one when none was found in time.
void reply_cluster_view(ClusterView asked, const NodeView& view, ReplyWriter& reply);

// --- replies_raft.cpp ----------------------------------------------------------------------------
/// RAFT.LEADER, RAFT.STATS, RAFT.LASTCONTACT, RAFT.CONFIGURATION.
void reply_raft(Verb verb, const NodeView& view, ReplyWriter& reply);
/// Requires another outcome than kNoLeader, which is a redirect's.
void reply_outcome(const Outcome& outcome, ReplyWriter& reply);

// --- replies_ticket.cpp: what the service said ---------------------------------------------------
void reply_done(Shape shape, const ticket::Done& done, ReplyWriter& reply);
/// Requires another reason than kNoLeader, which is a redirect's.
void reply_not_done(const ticket::NotDone& answer, ReplyWriter& reply);
void reply_unknown(const ticket::Unknown& answer, ReplyWriter& reply);
void reply_found(const ticket::QueryResult& result, ReplyWriter& reply);
/// Of the key of what is asked, for redirects; 0 without one.
std::uint16_t slot_of(const Asked& asked);
/// Sends the client to the leader, if that is another node, and else tells it to ask again.
void reply_elsewhere(const ticket::LeaderView& leader, std::uint16_t slot, ReplyWriter& reply);

}  // namespace ticketd::redis
