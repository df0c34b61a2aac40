#include "http/json.h"

#include <nlohmann/json.hpp>

#include "base/check.h"

namespace ticketd::http {

namespace {

template <class Json>
std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string ticket_json(std::uint64_t first, std::uint64_t count) {
  ENSURE_GT(count, 0);
  return text(nlohmann::ordered_json{{"first", std::to_string(first)},
                                     {"last", std::to_string(first + (count - 1))},
                                     {"count", count}});
}

std::string lookup_json(const ticket::QueryResult& result) {
  nlohmann::json json = nlohmann::json::object();
  for (const ticket::Found& found : result.found) {
    if (found.last) {
      json[found.sequence] = *found.last;
    } else {
      json[found.sequence] = -1;
    }
  }
  return text(json);
}

std::string page_json(const ticket::QueryResult& result) {
  nlohmann::ordered_json sequences = nlohmann::ordered_json::array();
  for (const ticket::Found& found : result.found) {
    sequences.push_back(
        {{"key", found.sequence}, {"last", std::to_string(found.last.value_or(0))}});
  }
  nlohmann::ordered_json next;
  if (result.more && !result.found.empty()) {
    next = result.found.back().sequence;
  }
  return text(
      nlohmann::ordered_json{{"sequences", std::move(sequences)}, {"next", std::move(next)}});
}

}  // namespace ticketd::http
