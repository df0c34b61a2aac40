// Between what the machine, the peer protocol and the front ends say about one thing.
#pragma once

#include <span>

#include "net/message.h"
#include "ticket/records.h"
#include "ticket/service.h"

namespace ticketd::server {

/// What applying an entry's request gave, as its client is told; or a run of requests
/// (ticket::Request::times), whose outcomes stand behind each other.
ticket::Answer to_answer(const ticket::Outcome& outcome);
ticket::Answer to_answer(std::span<const ticket::Outcome> run);

/// To a member that forwarded, or a client on the peer port.
net::Reply to_reply(const ticket::Answer& answer);
net::Reply to_reply(const ticket::QueryAnswer& answer);

/// From the leader, to the front end here. A reply of a kind that does not fit leaves the outcome
/// unknown.
ticket::Answer to_answer(const net::Reply& reply);
ticket::QueryAnswer to_query_answer(const net::Reply& reply);

}  // namespace ticketd::server
