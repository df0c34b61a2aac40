// What is said to clients: one function for each case, so that docs/http-api.md and the words are
// compared in one place. Errors are text/plain.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/operations.h"
#include "http/request.h"
#include "http/response.h"
#include "ticket/service.h"

namespace ticketd::http {

// --- What was asked, done ------------------------------------------------------------------------

/// 200 with the numbers; 404 when a sequence to be removed was not there.
Response done(Shape shape, const ticket::Done& answer);
/// 200 with what was found, and the log index of the state that it was found in.
Response found(Shape shape, const ticket::QueryResult& result);

// --- Not -----------------------------------------------------------------------------------------

/// 400.
Response bad_request(const Error& why);
/// 400, in the words, and without the line end, of the server whose clients are used to them.
Response empty_lookup();
/// 403: this node does not let sequences be removed.
Response delete_forbidden();
/// 404.
Response not_found(std::string_view path);
/// 405. `allow` as in the Allow header, `host` as the client named this server.
Response method_not_allowed(std::string_view path, std::string allow, std::string_view host);
/// 415: keys come in a form.
Response not_a_form();
/// 301, 307 or 308 to another node, `target` as sent.
Response redirect(Status status, std::string_view leader_address, std::string_view target);
/// 503 with the reason phrase "Leader unavailable" and no body.
Response leader_unavailable();
/// 503: there is a leader, and it said no HTTP address.
Response leader_without_address();
/// 403, 409, 422, 503 or 507: nothing was changed.
Response not_done(const ticket::NotDone& answer);
/// 504: a ticket may have been taken.
Response outcome_unknown(const ticket::Unknown& answer);

// --- The connection is closed after these --------------------------------------------------------

/// Whatever the parser refused.
Response refused(const RequestError& error);
/// 400: the client closed its side in the middle of a request.
Response cut_short();
/// 408.
Response too_slow(std::chrono::milliseconds limit);
/// 503.
Response too_many_connections(std::size_t limit);
/// 503, to whoever comes while the node waits for its admission.
Response not_yet_admitted();

}  // namespace ticketd::http
