#include "jepsen/cluster.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <utility>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

constexpr std::uint16_t kRaftPort = 9000, kHttpPort = 8000, kRedisPort = 7000;
constexpr std::chrono::milliseconds kBetweenQuestions(10);

/// A port of the loopback that nobody has, two of them never the same.
std::uint16_t free_port(std::vector<Descriptor>& held) {
  held.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ENSURE_EQ(::bind(held.back().get(), generic, size), 0);
  ENSURE_EQ(::getsockname(held.back().get(), generic, &size), 0);
  return ntohs(address.sin_port);
}

std::string file_text(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

/// Asks until it is so, or the deadline has passed.
template <class Ready>
bool wait_until(Ready ready, Cluster::Clock::time_point deadline) {
  while (!ready()) {
    if (Cluster::Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kBetweenQuestions);
  }
  return true;
}

}  // namespace

Cluster::Cluster(ClusterOptions options, const Network* network)
    : options_(std::move(options)), network_(network), nodes_(options_.nodes) {
  ENSURE(network == nullptr || network->size() > nodes_.size());
  // The shim compares paths as they are.
  options_.directory = std::filesystem::canonical(options_.directory);
  std::vector<Descriptor> held;
  for (std::uint32_t number = 1; number <= size(); ++number) {
    Node& here = node(number);
    here.address = network ? network->address(number) : "127.0.0.1";
    here.raft_port = network ? kRaftPort : free_port(held);
    here.http_port = network ? kHttpPort : free_port(held);
    here.redis_port = network ? kRedisPort : free_port(held);
  }
}

Cluster::Node& Cluster::node(std::uint32_t number) {
  ENSURE(number >= 1 && number <= size());
  return nodes_[number - 1];
}

const Cluster::Node& Cluster::node(std::uint32_t number) const {
  ENSURE(number >= 1 && number <= size());
  return nodes_[number - 1];
}

Address Cluster::http(std::uint32_t number) const {
  return {node(number).address, node(number).http_port};
}

Address Cluster::redis(std::uint32_t number) const {
  return {node(number).address, node(number).redis_port};
}

Address Cluster::peer(std::uint32_t number) const {
  return {node(number).address, node(number).raft_port};
}

std::vector<Address> Cluster::http_addresses() const {
  std::vector<Address> addresses;
  for (std::uint32_t number = 1; number <= size(); ++number) addresses.push_back(http(number));
  return addresses;
}

std::vector<Address> Cluster::redis_addresses() const {
  std::vector<Address> addresses;
  for (std::uint32_t number = 1; number <= size(); ++number) addresses.push_back(redis(number));
  return addresses;
}

std::filesystem::path Cluster::data(std::uint32_t number) const {
  return options_.directory / ("node" + std::to_string(number));
}

std::filesystem::path Cluster::log(std::uint32_t number) const {
  return options_.directory / ("node" + std::to_string(number) + ".log");
}

Status Cluster::begin(Duration patience) {
  const auto deadline = Clock::now() + patience;
  for (std::uint32_t number = 1; number <= size(); ++number) {
    const Status done = number == 1 ? run(1, {"start", "--id", "1"}) : join(number, 1);
    if (!done.ok()) return done;
    if (!wait_voters(number, deadline)) {
      return Error{"node " + std::to_string(number) + " did not become a voter; see " +
                   log(number).string()};
    }
  }
  return wait_all_voters(patience);
}

Status Cluster::start(std::uint32_t number) { return run(number, node(number).joining); }

Status Cluster::join(std::uint32_t number, std::uint32_t contact,
                     const std::vector<std::string>& more) {
  std::vector<std::string>& joining = node(number).joining;
  joining = {"join", to_string(peer(contact)), "--id", std::to_string(number)};
  joining.insert(joining.end(), more.begin(), more.end());
  node(number).removal_asked = false;
  return run(number, joining);
}

bool Cluster::remove(std::uint32_t number, Duration patience) {
  node(number).removal_asked = true;
  const auto done =
      command({"remove", std::to_string(number), "--peer", to_string(peer(number))}, patience);
  return done.ok() && done->ending == Ending{};
}

bool Cluster::leave(std::uint32_t number, Duration patience) {
  node(number).removal_asked = true;
  const auto done =
      command({"leave", "--path", data(number).string(), "--host", node(number).address,
               "--raft-port", std::to_string(node(number).raft_port)},
              patience);
  return done.ok() && done->ending == Ending{};
}

bool Cluster::removal_asked(std::uint32_t number) const { return node(number).removal_asked; }

void Cluster::wipe(std::uint32_t number) {
  kill(number);
  std::filesystem::remove_all(data(number));
  if (NodeShim* const machine = shim(number)) machine->forget();
}

Status Cluster::wait_all_voters(Duration patience) {
  if (!wait_voters(size(), Clock::now() + patience)) {
    return Error{"not all nodes became voters again"};
  }
  for (Node& each : nodes_) each.joining.clear();
  return {};
}

Status Cluster::run(std::uint32_t number, std::vector<std::string> arguments) {
  ENSURE(!running(number));
  Node& here = node(number);
  Launch launch;
  launch.command = std::move(arguments);
  launch.command.insert(launch.command.begin(), options_.program.string());
  for (const std::string& argument :
       {std::string("--path"), data(number).string(), std::string("--host"), here.address,
        std::string("--raft-port"), std::to_string(here.raft_port), std::string("--http-port"),
        std::to_string(here.http_port), std::string("--redis-port"),
        std::to_string(here.redis_port)}) {
    launch.command.push_back(argument);
  }
  launch.command.insert(launch.command.end(), options_.options.begin(), options_.options.end());
  launch.environment = options_.environment;
  if (!options_.shim.empty()) {
    if (Status made = make_shim(number); !made.ok()) return made;
    const auto preload = here.shim->environment();
    launch.environment.insert(launch.environment.end(), preload.begin(), preload.end());
  }
  launch.log = log(number);
  launch.network_space = network_ ? network_->space(number) : -1;
  auto process = Process::start(launch);
  if (!process.ok()) return process.error();
  here.process.emplace(std::move(*process));
  here.ending.reset();
  here.paused = false;
  return {};
}

Status Cluster::make_shim(std::uint32_t number) {
  std::unique_ptr<NodeShim>& machine = node(number).shim;
  if (machine) return {};
  const std::string name = "node" + std::to_string(number) + ".shim";
  auto made = NodeShim::create(options_.shim, options_.directory / name, data(number));
  if (!made.ok()) return made.error();
  machine = std::move(*made);
  return {};
}

void Cluster::kill(std::uint32_t number) {
  Node& here = node(number);
  if (!here.process) return;
  here.ending = here.process->kill();
  here.process.reset();
  here.paused = false;
}

std::optional<Ending> Cluster::stop(std::uint32_t number, Duration patience) {
  if (!running(number)) return std::nullopt;
  resume(number);
  Node& here = node(number);
  here.process->signal(SIGTERM);
  here.process->wait(patience);
  kill(number);
  return here.ending;
}

void Cluster::pause(std::uint32_t number) {
  if (!running(number)) return;
  node(number).process->signal(SIGSTOP);
  node(number).paused = true;
}

void Cluster::resume(std::uint32_t number) {
  if (!node(number).paused) return;
  node(number).process->signal(SIGCONT);
  node(number).paused = false;
}

bool Cluster::running(std::uint32_t number) {
  Node& here = node(number);
  if (here.process && !here.process->running()) kill(number);
  return here.process.has_value();
}

bool Cluster::paused(std::uint32_t number) const { return node(number).paused; }

std::optional<Ending> Cluster::ending(std::uint32_t number) const { return node(number).ending; }

std::optional<NodeStatus> Cluster::status(std::uint32_t number, Duration patience) {
  if (!running(number) || paused(number)) return std::nullopt;
  const auto done = command({"status", "-o", "json", "--peer", to_string(peer(number))}, patience);
  return done.ok() && done->ending == Ending{} ? parse_status(done->output) : std::nullopt;
}

std::uint32_t Cluster::leader(Duration patience) {
  std::uint32_t leader = 0;
  std::uint64_t newest = 0;
  for (std::uint32_t number = 1; number <= size(); ++number) {
    const auto said = status(number, patience);
    if (!said || !said->leads || said->term <= newest) continue;
    leader = number;
    newest = said->term;
  }
  return leader;
}

Result<Cluster::CommandResult> Cluster::command(const std::vector<std::string>& arguments,
                                                Duration patience) {
  const std::filesystem::path output = options_.directory / "command.out";
  std::filesystem::remove(output);
  Launch launch;
  launch.command = arguments;
  launch.command.insert(launch.command.begin(), options_.program.string());
  launch.log = output;
  launch.network_space = network_ ? network_->space(kClientHost) : -1;
  auto process = Process::start(launch);
  if (!process.ok()) return process.error();
  CommandResult result;
  result.ending = process->wait(patience);
  process->kill();
  result.output = file_text(output);
  std::filesystem::remove(output);
  return result;
}

bool Cluster::wait_voters(std::uint32_t count, Clock::time_point deadline) {
  const auto arrived = [&] {
    const std::uint32_t leading = leader();
    const auto said = leading != 0 ? status(leading) : std::nullopt;
    return said && said->members.size() == count &&
           std::ranges::all_of(said->members, &MemberStatus::voter);
  };
  return wait_until(arrived, deadline);
}

Status Cluster::wait_equal(Duration patience) {
  std::string seen;
  const auto equal = [&] {
    seen.clear();
    std::optional<NodeStatus> first;
    bool same = true;
    for (std::uint32_t number = 1; number <= size(); ++number) {
      const auto said = status(number);
      seen += "node " + std::to_string(number) + ": ";
      seen += said ? std::to_string(said->applied_index) + " " + said->digest + "; " : "silent; ";
      if (!first) first = said;
      same = same && said && said->applied_index == first->applied_index &&
             said->digest == first->digest;
    }
    return same;
  };
  if (wait_until(equal, Clock::now() + patience)) return {};
  return Error{"the nodes did not come to one state: " + seen};
}

}  // namespace ticketd::jepsen
