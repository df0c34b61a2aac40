#include "http/answers.h"

#include <utility>

#include "base/check.h"
#include "http/json.h"

namespace ticketd::http {

namespace {

std::string line(std::string_view text) { return std::string(text) + "\n"; }

/// For a wrong method at "/", where clients come by redirects that they followed in their own way.
std::string how_to_take_a_ticket(std::string_view host) {
  const std::string address = host.empty() ? "HOST:PORT" : std::string(host);
  return "Take tickets with POST, for example:\n"
         "  curl -X POST http://" +
         address +
         "/\n"
         "If your client followed the redirect of a POST with GET, run the nodes with\n"
         "--redirect 307 or --redirect 308, or have the client keep the method:\n"
         "  curl -L --post301 -d '' http://" +
         address + "/\n";
}

Response nothing_done(std::string_view why) {
  return {.status = Status::kServiceUnavailable,
          .body = line("Nothing was done: " + std::string(why)),
          .retry = true};
}

Response with_reason(Status status, const ticket::NotDone& answer) {
  return {.status = status, .body = line(answer.message), .replayed = answer.replayed};
}

}  // namespace

Response done(Shape shape, const ticket::Done& answer) {
  if (shape == Shape::kRemoved && answer.count == 0) {
    return {.status = Status::kNotFound,
            .body = line("There is no such sequence: it was never ticketed, or was removed.")};
  }
  Response response{.body = std::to_string(answer.first), .replayed = answer.replayed};
  if (shape == Shape::kRange) {
    ENSURE_GT(answer.count, 0);
    response.body += "-" + std::to_string(answer.first + (answer.count - 1));
  } else if (shape == Shape::kTicketJson) {
    response.body = ticket_json(answer.first, answer.count);
    response.type = ContentType::kJson;
  }
  return response;
}

Response found(Shape shape, const ticket::QueryResult& result) {
  Response response{.applied_index = result.applied_index};
  if (shape == Shape::kLast) {
    ENSURE_EQ(result.found.size(), 1);
    const std::optional<std::uint64_t> last = result.found[0].last;
    response.body = last ? std::to_string(*last) : "-1";
  } else {
    response.body = shape == Shape::kLookup ? lookup_json(result) : page_json(result);
    response.type = ContentType::kJson;
  }
  return response;
}

Response bad_request(const Error& why) {
  return {.status = Status::kBadRequest, .body = line(why.message)};
}

Response empty_lookup() {
  return {.status = Status::kBadRequest, .body = "Cannot query an empty list of sequences"};
}

Response delete_forbidden() {
  return {.status = Status::kForbidden,
          .body = line("Removing a sequence breaks the uniqueness of its numbers, since it begins "
                       "anew: nodes refuse it unless they run with --allow-delete.")};
}

Response not_found(std::string_view path) {
  if (path.starts_with("/seq/")) {
    return {.status = Status::kNotFound,
            .body = line("A key is one segment of the path: write a slash in it as %2F.")};
  }
  return {.status = Status::kNotFound,
          .body = line("There is nothing at this path. Take tickets with POST / or POST /seq/KEY; "
                       "/openapi.json describes the rest.")};
}

Response method_not_allowed(std::string_view path, std::string allow, std::string_view host) {
  Response response{.status = Status::kMethodNotAllowed, .allow = std::move(allow)};
  response.body = path == "/" || path == "*"
                      ? how_to_take_a_ticket(host)
                      : line("This method is not for this path. It takes " + response.allow + ".");
  return response;
}

Response not_a_form() {
  return {.status = Status::kUnsupportedMediaType,
          .body = line("Send the keys as key=a&key=b with the Content-Type "
                       "application/x-www-form-urlencoded.")};
}

Response redirect(Status status, std::string_view leader_address, std::string_view target) {
  std::string location = "http://";
  location.append(leader_address).append(target);
  return {.status = status, .location = std::move(location), .no_store = true};
}

Response leader_unavailable() {
  return {.status = Status::kServiceUnavailable, .reason = "Leader unavailable", .retry = true};
}

Response leader_without_address() {
  return nothing_done("the leader has told no HTTP address to redirect to. Ask another node.");
}

Response not_done(const ticket::NotDone& answer) {
  using Why = ticket::NotDone::Why;
  switch (answer.why) {
    case Why::kNoLeader:
      return leader_unavailable();
    case Why::kBusy:
    case Why::kKeysFull:
      return nothing_done(answer.message);
    case Why::kNoSpace:
      return with_reason(Status::kInsufficientStorage, answer);
    case Why::kOverflow:
    case Why::kBehind:
      return with_reason(Status::kConflict, answer);
    case Why::kKeyReused:
      return with_reason(Status::kUnprocessableContent, answer);
    case Why::kForbidden:
      return with_reason(Status::kForbidden, answer);
  }
  UNREACHABLE("a reason not to do without an answer");
}

Response outcome_unknown(const ticket::Unknown& answer) {
  return {.status = Status::kGatewayTimeout,
          .body = line("outcome unknown: " + answer.message +
                       ". It may have been done, or still be. Retry with the same Idempotency-Key; "
                       "without one, asking again takes other numbers.")};
}

Response refused(const RequestError& error) {
  return {.status = error.status, .body = line(error.message)};
}

Response cut_short() {
  return {.status = Status::kBadRequest,
          .body = line("malformed request: the connection ended in the middle of it")};
}

Response too_slow(std::chrono::milliseconds limit) {
  return {.status = Status::kRequestTimeout,
          .body = line("the request did not arrive whole within " + std::to_string(limit.count()) +
                       " ms")};
}

Response too_many_connections(std::size_t limit) {
  return nothing_done("more than " + std::to_string(limit) + " connections are open");
}

Response not_yet_admitted() {
  return nothing_done("this node waits to be admitted to its cluster. Ask another node.");
}

}  // namespace ticketd::http
