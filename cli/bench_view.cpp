#include "cli/bench_view.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

namespace ticketd::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Quantile {
  const char* text;
  const char* json;
  double part;
};
constexpr std::array<Quantile, 4> kQuantiles{
    {{"p50", "p50", 0.5}, {"p90", "p90", 0.9}, {"p99", "p99", 0.99}, {"p99.9", "p99_9", 0.999}}};

/// Nanoseconds in microseconds, to a tenth.
double micros(double nanos) { return std::round(nanos / 100) / 10; }
double micros(std::uint64_t nanos) { return micros(static_cast<double>(nanos)); }

double seconds(load::Nanos nanos) { return static_cast<double>(nanos) / 1e9; }

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

/// "1,234,567".
std::string grouped(double value) {
  std::string text = fixed(value, 0);
  for (std::size_t at = text.size(); at > 3; at -= 3) {
    text.insert(at - 3, ",");
  }
  return text;
}
std::string grouped(std::uint64_t value) { return grouped(static_cast<double>(value)); }

const char* protocol_name(load::Protocol protocol) {
  return protocol == load::Protocol::kHttp ? "http" : "redis";
}

std::string line(const std::string& name, const std::string& value, const std::string& more = "") {
  std::array<char, 512> text{};
  std::snprintf(text.data(), text.size(), "%-16s %14s  %s", name.c_str(), value.c_str(),
                more.c_str());
  std::string out = text.data();
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

}  // namespace

std::string bench_text(const load::Options& options, const load::Report& report) {
  std::string load = grouped(options.clients) + " clients, pipeline " + grouped(options.pipeline);
  if (options.rate != 0) {
    load += ", " + grouped(options.rate) + " requests a second";
  }
  std::string out = load + ", " + fixed(seconds(report.duration), 2) + " s over " +
                    protocol_name(options.work.protocol) + "\n\n";
  out += line("operations/s", grouped(report.done_per_second()));
  out += line("operations", grouped(report.done()));
  if (options.work.takes_tickets() && options.work.count > 1) {
    out += line("tickets/s",
                grouped(report.done_per_second() * static_cast<double>(options.work.count)));
  }
  for (std::size_t i = 1; i < load::kOutcomes; ++i) {
    if (report.outcomes[i] != 0) {
      out += line(load::kOutcomeNames[i], grouped(report.outcomes[i]));
    }
  }
  if (report.unsent != 0) {
    out += line("unsent", grouped(report.unsent));
  }
  if (!report.first_failure.empty()) {
    out += "first failure    " + report.first_failure + "\n";
  }
  out += "\nlatency\n" + line("  mean", fixed(micros(report.latency.mean()), 1), "us");
  for (const Quantile& quantile : kQuantiles) {
    out += line(std::string("  ") + quantile.text,
                fixed(micros(report.latency.at(quantile.part)), 1), "us");
  }
  out += line("  max", fixed(micros(report.latency.max()), 1), "us");
  out += line("longest silence", fixed(micros(report.longest_silence), 1), "us");
  return out;
}

std::string bench_json(const load::Options& options, const load::Report& report) {
  Json json;
  json["protocol"] = protocol_name(options.work.protocol);
  json["clients"] = options.clients;
  json["pipeline"] = options.pipeline;
  json["rate"] = options.rate == 0 ? Json(nullptr) : Json(options.rate);
  json["seconds"] = seconds(report.duration);
  json["operations"] = report.done();
  json["operations_per_second"] = std::round(report.done_per_second() * 10) / 10;
  json["failures"] = Json::object();
  for (std::size_t i = 1; i < load::kOutcomes; ++i) {
    json["failures"][load::kOutcomeNames[i]] = report.outcomes[i];
  }
  json["failures"]["unsent"] = report.unsent;
  json["first_failure"] = report.first_failure.empty() ? Json(nullptr) : Json(report.first_failure);
  json["connects"] = report.connects;
  json["longest_silence_us"] = micros(report.longest_silence);
  Json& latency = json["latency_us"];
  latency["mean"] = micros(report.latency.mean());
  for (const Quantile& quantile : kQuantiles) {
    latency[quantile.json] = micros(report.latency.at(quantile.part));
  }
  latency["max"] = micros(report.latency.max());
  json["histogram_us"] = Json::array();
  for (const load::Histogram::Bucket& bucket : report.latency.buckets()) {
    json["histogram_us"].push_back({micros(bucket.highest), bucket.count});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string progress_line(const load::Progress& progress) {
  std::string out = fixed(seconds(progress.elapsed), 0) + " s: " + grouped(progress.done) +
                    "/s, p50 " + fixed(micros(progress.p50), 1) + " us, p99 " +
                    fixed(micros(progress.p99), 1) + " us";
  if (progress.failed != 0) {
    out += ", not done " + grouped(progress.failed);
  }
  return out + (progress.warming_up ? " (warming up)" : "");
}

}  // namespace ticketd::cli
