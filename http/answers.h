// What is said to clients when there is no ticket: one function for each case, so that
// docs/http-api.md and the words are compared in one place. All bodies are text/plain.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "http/request.h"
#include "http/response.h"
#include "ticket/service.h"

namespace ticketd::http {

/// 404.
Response not_found();
/// 405. `allow` as in the Allow header, `host` as the client named this server.
Response method_not_allowed(std::string allow, std::string_view host);
/// 301, 307 or 308 to another node, `target` as sent.
Response redirect(Status status, std::string_view leader_address, std::string_view target);
/// 503 with the reason phrase "Leader unavailable" and no body.
Response leader_unavailable();
/// 503: there is a leader, and it said no HTTP address.
Response leader_without_address();
/// 409, 503 or 507: nothing was taken.
Response not_done(const ticket::NotDone& answer);
/// 504: a ticket may have been taken.
Response outcome_unknown(const ticket::Unknown& answer);

// The connection is closed after these.

/// Whatever the parser refused.
Response refused(const RequestError& error);
/// 400: the client closed its side in the middle of a request.
Response cut_short();
/// 408.
Response too_slow(std::chrono::milliseconds limit);
/// 503.
Response too_many_connections(std::size_t limit);

}  // namespace ticketd::http
