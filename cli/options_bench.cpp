// The options of `ticketd bench`.
#include <algorithm>
#include <cctype>

#include "cli/option_values.h"

namespace ticketd::cli {
namespace {

constexpr const char* kDefaultNode = "127.0.0.1:8000";

load::Nanos seconds(OptionKey key, std::chrono::nanoseconds least, Values& values) {
  const auto time = parse_seconds(values.text(key), least, std::chrono::seconds(kBenchSecondsMax));
  return static_cast<load::Nanos>(values.parsed(key, time).count());
}

std::vector<std::string> nodes(OptionKey key, const Given& given, Values& values) {
  std::vector<std::string> all;
  for (const std::string& text : given.all(key)) {
    for (std::string& node : values.parsed(key, parse_peers(text))) {
      all.push_back(std::move(node));
    }
  }
  return all;
}

void require(const Given& given, OptionKey key, OptionKey needed, Values& values) {
  if (given.has(key) && !given.has(needed)) {
    values.wrong("--" + std::string(row_of(key).name) + " needs --" + row_of(needed).name);
  }
}

void exclude(const Given& given, OptionKey key, OptionKey other, Values& values) {
  if (given.has(key) && given.has(other)) {
    values.wrong("--" + std::string(row_of(key).name) + " does not go with --" +
                 row_of(other).name);
  }
}

void check_together(const Given& given, Values& values) {
  exclude(given, OptionKey::kHttp, OptionKey::kRedis, values);
  exclude(given, OptionKey::kTarget, OptionKey::kRedis, values);
  require(given, OptionKey::kCommand, OptionKey::kRedis, values);
  require(given, OptionKey::kMethod, OptionKey::kTarget, values);
  require(given, OptionKey::kBody, OptionKey::kTarget, values);
  require(given, OptionKey::kKeys, OptionKey::kSequence, values);
  const OptionKey general = given.has(OptionKey::kRedis) ? OptionKey::kCommand : OptionKey::kTarget;
  require(given, OptionKey::kExpect, general, values);
  exclude(given, general, OptionKey::kSequence, values);
  exclude(given, general, OptionKey::kCount, values);
  if (given.has(OptionKey::kRedis)) {
    // TICKET takes a count behind a key alone.
    require(given, OptionKey::kCount, OptionKey::kSequence, values);
  }
}

bool is_word(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::string target(const Given& given, Values& values) {
  std::string target = values.text(OptionKey::kTarget);
  if (given.has(OptionKey::kTarget) && (!is_word(target) || target.front() != '/')) {
    values.wrong("--target: must begin with '/' and have visible ASCII characters alone");
  }
  return target;
}

std::string method(Values& values) {
  std::string method = values.text(OptionKey::kMethod);
  const bool upper = std::all_of(method.begin(), method.end(),
                                 [](unsigned char c) { return std::isupper(c) != 0; });
  // What follows an answer to HEAD cannot be known without knowing the request.
  if (!upper || method == "HEAD" || method == "CONNECT") {
    values.wrong("--method: must be a method in capitals other than HEAD and CONNECT");
  }
  return method;
}

load::Work work(const Given& given, Values& values) {
  load::Work work;
  work.protocol = given.has(OptionKey::kRedis) ? load::Protocol::kRedis : load::Protocol::kHttp;
  work.sequence = values.text(OptionKey::kSequence);
  if (given.has(OptionKey::kSequence) &&
      work.sequence.size() + 1 + load::kKeyDigits > ticket::kMaxNameBytes) {
    values.wrong("--sequence: is longer than " +
                 std::to_string(ticket::kMaxNameBytes - 1 - load::kKeyDigits) + " bytes");
  }
  work.keys = values.number(OptionKey::kKeys, 1, load::kKeysMax);
  if (given.has(OptionKey::kCount)) {
    work.count = values.number(OptionKey::kCount, 1, kCountMax);
  }
  work.command = values.text(OptionKey::kCommand);
  if (given.has(OptionKey::kCommand) &&
      work.command.find_first_not_of(" \t\r\n") == std::string::npos) {
    values.wrong("--command: is empty");
  }
  work.target = target(given, values);
  work.method = method(values);
  work.body = values.text(OptionKey::kBody);
  work.expect = values.text(OptionKey::kExpect);
  return work;
}

}  // namespace

BenchCommand bench_command(const Given& given, Values& values) {
  BenchCommand command;
  check_together(given, values);
  load::Options& load = command.load;
  load.work = work(given, values);
  load.nodes =
      nodes(given.has(OptionKey::kRedis) ? OptionKey::kRedis : OptionKey::kHttp, given, values);
  if (load.nodes.empty()) {
    load.nodes = {kDefaultNode};
  }
  load.clients = values.number(OptionKey::kClients, 1, load::kClientsMax);
  load.pipeline = values.number(OptionKey::kPipeline, 1, load::kPipelineMax);
  if (given.has(OptionKey::kRate)) {
    load.rate = values.number(OptionKey::kRate, 1, load::kRateMax);
  }
  load.warm_up = seconds(OptionKey::kWarmup, std::chrono::nanoseconds(0), values);
  load.time = seconds(OptionKey::kTime, std::chrono::milliseconds(1), values);
  if (given.has(OptionKey::kRequests)) {
    load.requests = values.number(OptionKey::kRequests, 1, kBenchRequestsMax);
    load.time = given.has(OptionKey::kTime) ? load.time : 0;
  }
  load.patience = static_cast<load::Nanos>(values.timeout().count()) * load::kMillisecond;
  command.json = values.is_json();
  return command;
}

}  // namespace ticketd::cli
