// /openapi.json says what the program does.
#include "http/openapi.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "http/router.h"
#include "ticket/service.h"

namespace ticketd::http {
namespace {

using Json = nlohmann::json;

const Json& document() {
  static const Json json = Json::parse(openapi_json());
  return json;
}

/// Where a value stands that may be a reference.
const Json& resolved(const Json& json) {
  return json.contains("$ref")
             ? document().at(Json::json_pointer(json["$ref"].get<std::string>().substr(1)))
             : json;
}

template <class Visit>
void visit_all(const Json& json, const Visit& visit) {
  visit(json);
  if (json.is_structured()) {
    for (const Json& inner : json) {
      visit_all(inner, visit);
    }
  }
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

/// A parameter of an operation, by its place and name.
const Json& parameter(const Json& operation, const std::string& where, const std::string& name) {
  for (const Json& each : operation.at("parameters")) {
    if (resolved(each)["in"] == where && resolved(each)["name"] == name) {
      return resolved(each);
    }
  }
  static const Json none;
  return none;
}

TEST_CASE("the document is OpenAPI 3.0, and its references lead somewhere") {
  CHECK(document()["openapi"].get<std::string>().starts_with("3.0."));
  CHECK(document()["info"].contains("title"));
  CHECK(document()["info"].contains("version"));
  std::set<std::string> used;
  visit_all(document(), [&](const Json& json) {
    if (json.is_object() && json.contains("$ref")) {
      const auto target = json["$ref"].get<std::string>();
      CAPTURE(target);
      CHECK(target.starts_with("#/components/"));
      CHECK(document().contains(Json::json_pointer(target.substr(1))));
      used.insert(target);
    }
  });
  for (const auto& [kind, components] : document()["components"].items()) {
    for (const auto& [name, component] : components.items()) {
      CAPTURE(name);
      CHECK(used.contains("#/components/" + kind + "/" + name));
    }
  }
}

TEST_CASE("every route is in the document, and nothing else is") {
  std::set<std::string> routes;
  for (const Route& route : kRoutes) {
    routes.insert(lower(method_name(route.method)) + " " + std::string(route.path));
  }
  std::set<std::string> described;
  for (const auto& [path, operations] : document()["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      described.insert(method + " " + path);
    }
  }
  CHECK(routes == described);
}

TEST_CASE("every operation has a name of its own and answers with 200 and, if it asks, with 503") {
  std::set<std::string> names;
  for (const Route& route : kRoutes) {
    const Json& operation =
        document()["paths"][std::string(route.path)][lower(method_name(route.method))];
    CAPTURE(operation["operationId"]);
    CHECK(names.insert(operation["operationId"]).second);
    const Json& responses = operation["responses"];
    const bool asks = route.operation != Operation::kDescribe;
    const bool changes = route.operation == Operation::kTake ||
                         route.operation == Operation::kAdvance ||
                         route.operation == Operation::kRemove;
    CHECK(responses.contains("200"));
    CHECK(responses.contains("307") == asks);
    CHECK(responses.contains("400") == asks);
    CHECK(responses.contains("503") == asks);
    CHECK(responses.contains("504") == changes);
    CHECK(responses.contains("507") == changes);
    CHECK(responses.contains("301") == (route.method == Method::kPost));
    CHECK(responses.contains("308") ==
          (asks && route.method != Method::kGet && route.method != Method::kHead));
    for (const Json& response : responses) {
      CHECK(resolved(response).contains("description"));
    }
    CHECK(operation.contains("requestBody") ==
          wants_body({.method = route.method, .target = route.path}));
    if (route.path.ends_with("{key}")) {
      CHECK(parameter(operation, "path", "key")["required"] == true);
    }
  }
}

TEST_CASE("the limits of parameters are the program's") {
  const Json& take = document()["paths"]["/seq/{key}"]["post"];
  CHECK(parameter(take, "query", "count")["schema"]["maximum"] == ticket::kMaxCount);
  CHECK(parameter(take, "header", "Idempotency-Key")["schema"]["maxLength"] ==
        ticket::kMaxKeyBytes);
  CHECK(resolved(parameter(take, "path", "key")["schema"])["maxLength"] == ticket::kMaxNameBytes);
  const Json& list = document()["paths"]["/seq"]["get"];
  CHECK(parameter(list, "query", "limit")["schema"]["maximum"] == ticket::kMaxListed);
  CHECK(parameter(list, "query", "limit")["schema"]["default"] == ticket::Listing().limit);
  CHECK(parameter(list, "query", "after")["schema"]["maxLength"] == ticket::kMaxNameBytes);
  CHECK(parameter(list, "query", "count").is_null());
}

}  // namespace
}  // namespace ticketd::http
