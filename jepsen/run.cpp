#include "jepsen/run.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"
#include "jepsen/fault_window.h"
#include "jepsen/node_client.h"
#include "jepsen/recorder.h"

namespace ticketd::jepsen {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kPatience(30);

/// A line for the terminal, once a second.
class Progress {
 public:
  Progress(const Workload& workload, Clock::time_point end) : workload_(workload), end_(end) {}

  /// Sleeps until then, and tells meanwhile.
  void wait_until(Clock::time_point moment, const std::string& fault, Recorder& recorder) {
    while (Clock::now() < moment) {
      std::this_thread::sleep_until(std::min(moment, next_));
      const auto now = Clock::now();
      if (now < next_) continue;
      tell(fault, now);
      next_ = now + std::chrono::seconds(1);
      recorder.flush();
    }
  }

 private:
  void tell(const std::string& fault, Clock::time_point moment) {
    const Tally now = workload_.tally();
    // Making a fault, and healing, may take longer than a second.
    const double passed_s = std::chrono::duration<double>(moment - told_).count();
    const auto rate = [&](std::uint64_t before, std::uint64_t after) {
      return static_cast<double>(after - before) / passed_s;
    };
    const double left_s = std::chrono::duration<double>(end_ - moment).count();
    std::printf("%5.0f s left  %6.0f ok/s  %5.0f failed/s  %6llu unknown in all  %s\n",
                std::max(0.0, left_s), rate(before_.ok, now.ok), rate(before_.failed, now.failed),
                static_cast<unsigned long long>(now.unknown), fault.c_str());
    before_ = now;
    told_ = moment;
  }

  const Workload& workload_;
  const Clock::time_point end_;
  Clock::time_point told_ = Clock::now(), next_ = told_ + std::chrono::seconds(1);
  Tally before_;
};

/// Which fault is next.
const Nemesis& next_nemesis(const RunOptions& options, std::size_t had, Random& random) {
  const std::size_t count = options.nemeses.size();
  return *options.nemeses[options.in_turn ? had % count
                                          : static_cast<std::size_t>(random.below(count))];
}

/// Faults one after the other, each with an end and some calm behind it, long enough to see service
/// come back. Where each has to have its turn they are shorter, for there are many.
Status hurt_and_heal(const RunOptions& options, Ground& ground, Recorder& recorder,
                     std::vector<std::string>& complaints) {
  const Clock::time_point end = Clock::now() + options.time;
  Progress progress(ground.workload, end);
  const auto timeouts = [&](unsigned low, unsigned high) {
    return Clock::now() +
           options.election_timeout * static_cast<int>(ground.random.between(low, high));
  };
  progress.wait_until(timeouts(2, 4), "calm", recorder);
  const std::size_t due = options.in_turn ? options.nemeses.size() : 0;
  for (std::size_t had = 0; !options.nemeses.empty() && (had < due || Clock::now() < end); ++had) {
    const Nemesis& nemesis = next_nemesis(options, had, ground.random);
    const std::string name(nemesis.name);
    recorder.fault(std::string(kBeginFault) + name, "");
    const std::string what = nemesis.hurt(ground);
    recorder.fault(name, what);
    const std::string turn =
        options.in_turn ? " (" + std::to_string(had + 1) + " of " + std::to_string(due) + ")" : "";
    progress.wait_until(timeouts(1, options.in_turn ? 4 : 8), name + ": " + what + turn, recorder);
    const auto healed = [&] { recorder.fault(std::string(kHealedFault) + name, what); };
    if (Status done = heal(ground, complaints, healed); !done.ok()) return done;
    recorder.fault(std::string(kEndFault) + name, what);
    progress.wait_until(options.in_turn ? timeouts(3, 5) : timeouts(4, 10), "calm", recorder);
  }
  progress.wait_until(end, "calm", recorder);
  return heal(ground, complaints, [] {});
}

/// Null on the loopback.
Result<std::unique_ptr<Network>> make_network(const RunOptions& options) {
  if (options.loopback) return std::unique_ptr<Network>();
  const Status allowed = allow_host_spaces();
  auto network = allowed.ok() ? Network::create(options.nodes + std::size_t{1}, options.seed)
                              : allowed.error();
  if (network.ok()) return network;
  return Error{network.error().message +
               "\n--network loopback runs without, with faults of processes alone"};
}

ClusterOptions cluster_options(const RunOptions& options) {
  ClusterOptions result;
  result.program = options.program;
  result.directory = options.directory;
  result.nodes = options.nodes;
  const auto timeout_ms = options.election_timeout.count();
  result.options = {
      "--election-timeout", std::to_string(timeout_ms), "--heartbeat",
      std::to_string(std::max<long>(1, timeout_ms / 10)),
      // Longer than any run with clocks that run ahead: keys are asked for at its end.
      "--idempotency-age", "30d"};
  if (std::ranges::any_of(options.nemeses, &Nemesis::needs_shim)) result.shim = options.shim;
  return result;
}

}  // namespace

Result<RunResult> run(const RunOptions& options) {
  auto network = make_network(options);
  if (!network.ok()) return network.error();
  std::error_code error;
  if (!std::filesystem::create_directories(options.directory, error)) {
    return Error{"cannot make " + options.directory.string() + ": " +
                 (error ? error.message() : "it is there already")};
  }
  Cluster cluster(cluster_options(options), network->get());
  if (Status begun = cluster.begin(kPatience); !begun.ok()) return begun.error();

  Recorder recorder(options.directory / "history.edn");
  Workload workload(
      options.workload, options.nodes,
      [&](asio::io_context& loop, std::size_t number) -> std::unique_ptr<TicketClient> {
        const bool redis = options.speaks == Speaks::kRedis ||
                           (options.speaks == Speaks::kBoth && number % 2 == 1);
        if (redis) return std::make_unique<NodeClient>(loop, kRedis, cluster.redis_addresses());
        return std::make_unique<NodeClient>(loop, kHttp, cluster.http_addresses());
      },
      [&network] { return *network ? (*network)->enter(Cluster::kClientHost) : Status(); },
      recorder);
  if (Status started = workload.start(); !started.ok()) return started.error();
  Random random(options.seed);
  Ground ground{cluster, network->get(), workload, random};
  ground.election_timeout = options.election_timeout;
  RunResult result;
  if (Status done = hurt_and_heal(options, ground, recorder, result.failures); !done.ok()) {
    return done.error();
  }

  const std::size_t left = workload.finish(kPatience);
  if (left > 0) {
    result.failures.push_back(std::to_string(left) +
                              " requests with a key stayed unknown after all was healed");
  }
  if (Status healed = heal(ground, result.failures, [] {}); !healed.ok()) return healed.error();
  if (Status equal = cluster.wait_equal(kPatience); !equal.ok()) {
    result.failures.push_back(equal.error().message);
  }
  for (const std::string& answer : workload.malformed()) {
    result.failures.push_back("an answer that ticketd never gives: " + answer);
  }
  auto history = recorder.finish();
  if (!history.ok()) return history.error();
  result.history = std::move(*history);
  result.verdict = check(result.history);
  if (auto slow = slow_recovery(fault_windows(result.history), options.election_timeout)) {
    result.failures.push_back(*std::move(slow));
  }
  return result;
}

}  // namespace ticketd::jepsen
