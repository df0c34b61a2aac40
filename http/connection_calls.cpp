// A connection's calls into the service, from what a request asks to its place in the pipeline.
#include <utility>

#include "http/answers.h"
#include "http/connection.h"

namespace ticketd::http {

void Connection::ask(std::uint64_t place) {
  call_begun();
  if (pipeline_.stale(place)) {
    owner_.service().read_stale(
        std::get<ticket::Query>(pipeline_.take_asked(place)),
        [this, place](const ticket::QueryAnswer& answer) { on_found(place, answer); });
    return;
  }
  // Small enough that std::function needs no memory of its own; call_begun() keeps `this`.
  owner_.service().find_leader(
      [this, place](const ticket::LeaderView& leader) { on_leader(place, leader); });
}

void Connection::on_leader(std::uint64_t place, const ticket::LeaderView& leader) {
  if (serving()) {
    const Route& route = pipeline_.route(place);
    const auto direction =
        direct(route, pipeline_.target(place), leader, redirect_mode(route, owner_.options()));
    if (const auto* where = std::get_if<Place>(&direction)) {
      ask_service(place, *where);
      return;
    }
    answer(place, std::get<Response>(direction));
  }
  call_ended();
}

void Connection::ask_service(std::uint64_t place, Place where) {
  ticket::Service& service = owner_.service();
  auto asked = pipeline_.take_asked(place);
  if (auto* request = std::get_if<ticket::Request>(&asked)) {
    const auto done = [this, place](const ticket::Answer& answer) { on_done(place, answer); };
    where == Place::kHere ? service.change(std::move(*request), done)
                          : service.forward(std::move(*request), done);
    return;
  }
  ticket::Query& query = std::get<ticket::Query>(asked);
  const auto done = [this, place](const ticket::QueryAnswer& answer) { on_found(place, answer); };
  where == Place::kHere ? service.read(std::move(query), done)
                        : service.forward(std::move(query), done);
}

void Connection::on_done(std::uint64_t place, const ticket::Answer& outcome) {
  if (serving()) {
    const Shape shape = pipeline_.shape(place);
    const auto* done = std::get_if<ticket::Done>(&outcome);
    if (done != nullptr && shape == Shape::kNumber && !done->replayed) {
      pipeline_.answer_ticket(place, done->first);
    } else if (done != nullptr) {
      answer(place, http::done(shape, *done));
    } else if (const auto* unknown = std::get_if<ticket::Unknown>(&outcome)) {
      answer(place, outcome_unknown(*unknown));
    } else {
      answer(place, not_done(std::get<ticket::NotDone>(outcome)));
    }
  }
  call_ended();
}

void Connection::on_found(std::uint64_t place, const ticket::QueryAnswer& outcome) {
  if (serving()) {
    if (const auto* result = std::get_if<ticket::QueryResult>(&outcome)) {
      answer(place, found(pipeline_.shape(place), *result));
    } else {
      answer(place, not_done(std::get<ticket::NotDone>(outcome)));
    }
  }
  call_ended();
}

void Connection::answer(std::uint64_t place, const Response& response) {
  pipeline_.answer_written(place, written(response, pipeline_.framing(place)));
}

}  // namespace ticketd::http
