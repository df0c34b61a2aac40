#include "http/connection.h"

#include <utility>
#include <variant>

#include "http/answers.h"

namespace ticketd::http {

Connection::Connection(asio::ip::tcp::socket socket, serve::Connection::Owner& server, Owner& owner)
    : serve::Connection(std::move(socket), server),
      owner_(owner),
      parser_(owner.options().message, wants_body) {}

void Connection::take(std::string_view& input) {
  const Parsed parsed = parser_.next(input);
  if (const auto* request = std::get_if<Request>(&parsed)) {
    begin(*request);
  } else if (const auto* error = std::get_if<RequestError>(&parsed)) {
    push_last(refused(*error));
    end_input();
  } else if (std::holds_alternative<ExpectsContinue>(parsed)) {
    pipeline_.push_written(std::string(kContinue), {.persistent = true});
  }
}

void Connection::begin(const Request& request) {
  note_request();
  const bool persistent = request.persistent && !parting();
  const Framing framing{.http10 = request.http10,
                        .persistent = persistent,
                        .without_body = request.method == Method::kHead};
  if (!persistent) {
    end_input();
  }
  const auto routed = find_route(kRoutes, request);
  if (const auto* response = std::get_if<Response>(&routed)) {
    pipeline_.push_written(written(*response, framing), framing);
    return;
  }
  const Route& route = *std::get<const Route*>(routed);
  auto understood = understand(route, request, owner_.options().allow_delete);
  if (const auto* response = std::get_if<Response>(&understood)) {
    pipeline_.push_written(written(*response, framing), framing);
    return;
  }
  ask(pipeline_.push(route, request.target, std::move(std::get<Asked>(understood)), framing));
}

bool Connection::write_ready(std::string& out) {
  return pipeline_.take_ready(out, owner_.writer());
}

void Connection::say_too_slow() { push_last(too_slow(limits().request_time)); }
void Connection::say_cut_short() { push_last(cut_short()); }
void Connection::say_too_many(std::size_t limit) { push_last(too_many_connections(limit)); }
void Connection::say_not_yet() { push_last(not_yet_admitted()); }

void Connection::push_last(const Response& response) {
  const Framing framing{};
  pipeline_.push_written(written(response, framing), framing);
}

std::string Connection::written(const Response& response, Framing framing) {
  std::string bytes;
  owner_.writer().write(bytes, response, framing);
  return bytes;
}

}  // namespace ticketd::http
