#include "jepsen/run_facts.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "jepsen/fault_window.h"

namespace ticketd::jepsen {

namespace {

using Json = nlohmann::ordered_json;

/// JSON knows no infinity: null, for service that never came back.
Json milliseconds_of(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json summary_of(const FaultSummary& fault) {
  Json json = {{"fault", fault.fault},           {"count", fault.count},
               {"operations", fault.operations}, {"ok", fault.ok},
               {"unknown", fault.unknown},       {"recoveries_ms", Json::array()}};
  for (const double recovery : fault.recoveries_ms) {
    json["recoveries_ms"].push_back(milliseconds_of(recovery));
  }
  return json;
}

}  // namespace

Status write_run_facts(const std::filesystem::path& path, const RunFacts& facts,
                       const std::string& verdict, const std::vector<FaultSummary>& faults) {
  Json json = {
      {"verdict", verdict},           {"failures", facts.failures},
      {"command", facts.command},     {"election_timeout_ms", facts.election_timeout.count()},
      {"parameters", Json::object()}, {"faults", Json::array()}};
  for (const auto& [name, value] : facts.parameters) json["parameters"][name] = value;
  for (const FaultSummary& fault : faults) json["faults"].push_back(summary_of(fault));
  std::ofstream file(path, std::ios::trunc);
  // Failures quote what nodes said, whatever bytes that was.
  file << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  file.close();
  return file ? Status() : Error{"cannot write " + path.string()};
}

Result<RunFacts> read_run_facts(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return Error{path.string() + ": cannot be read"};
  try {
    const auto json = Json::parse(file);
    RunFacts facts;
    facts.command = json.at("command").get<std::string>();
    facts.election_timeout =
        std::chrono::milliseconds(json.at("election_timeout_ms").get<std::int64_t>());
    facts.failures = json.at("failures").get<std::vector<std::string>>();
    for (const auto& [name, value] : json.at("parameters").items()) {
      facts.parameters.emplace_back(name, value.get<std::string>());
    }
    return facts;
  } catch (const nlohmann::json::exception& error) {
    return Error{path.string() + ": " + error.what()};
  }
}

}  // namespace ticketd::jepsen
