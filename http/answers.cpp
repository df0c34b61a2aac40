#include "http/answers.h"

#include <utility>

#include "base/check.h"

namespace ticketd::http {

namespace {

std::string line(std::string_view text) { return std::string(text) + "\n"; }

}  // namespace

Response not_found() {
  return {.status = Status::kNotFound,
          .body = line("There is nothing at this path. Take tickets with POST /")};
}

Response method_not_allowed(std::string allow, std::string_view host) {
  const std::string address = host.empty() ? "HOST:PORT" : std::string(host);
  return {.status = Status::kMethodNotAllowed,
          .body =
              "Take tickets with POST, for example:\n"
              "  curl -X POST http://" +
              address +
              "/\n"
              "If your client followed the redirect of a POST with GET, run the nodes with\n"
              "--redirect 307 or --redirect 308, or have the client keep the method:\n"
              "  curl -L --post301 -d '' http://" +
              address + "/\n",
          .allow = std::move(allow)};
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
  return {.status = Status::kServiceUnavailable,
          .body = line("The leader has told no HTTP address to redirect to. Ask another node."),
          .retry = true};
}

Response not_done(const ticket::NotDone& answer) {
  switch (answer.why) {
    case ticket::NotDone::Why::kNoLeader:
      return leader_unavailable();
    case ticket::NotDone::Why::kBusy:
      return {.status = Status::kServiceUnavailable, .body = line(answer.message), .retry = true};
    case ticket::NotDone::Why::kNoSpace:
      return {.status = Status::kInsufficientStorage, .body = line(answer.message)};
    case ticket::NotDone::Why::kOverflow:
      return {.status = Status::kConflict, .body = line(answer.message)};
  }
  UNREACHABLE("a reason not to take without an answer");
}

Response outcome_unknown(const ticket::Unknown& answer) {
  return {.status = Status::kGatewayTimeout,
          .body = "Outcome unknown: " + answer.message +
                  "\nThe outcome unknown means that a ticket may have been taken for this request, "
                  "or still be.\nAsk again: you will get another ticket, and the one of this "
                  "request, if there is one, stays unused.\n"};
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
  return {.status = Status::kServiceUnavailable,
          .body = line("more than " + std::to_string(limit) + " connections are open"),
          .retry = true};
}

}  // namespace ticketd::http
