#include "server/admission.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <set>
#include <sstream>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "net/client.h"
#include "ticket/command.h"

namespace ticketd::server {

namespace {

/// For a first look at the members; without a leader the node asks for its admission all the same.
constexpr std::chrono::seconds kLookAround{2};

std::uint64_t random_number() {
  std::random_device device;
  std::uniform_int_distribution<std::uint64_t> any(1);
  return any(device);
}

std::vector<std::string> split_contacts(const std::string& contacts) {
  std::vector<std::string> addresses;
  std::istringstream in(contacts);
  for (std::string address; std::getline(in, address, ',');) addresses.push_back(address);
  return addresses;
}

std::string join_contacts(const raft::Configuration& configuration, raft::MemberId except) {
  std::string contacts;
  for (const raft::Member& member : configuration.members()) {
    if (member.id == except) continue;
    if (!contacts.empty()) contacts += ',';
    contacts += member.addresses.peer;
  }
  return contacts;
}

Error in_use(const std::string& path) {
  const auto holder = store::DirectoryLock::holder(path);
  const std::string by = holder ? "process " + std::to_string(holder->pid) : "another process";
  return {"the data directory " + path + " is in use by " + by +
          "; stop it, or choose another directory with --path"};
}

Result<store::DirectoryLock> take(const std::string& path) {
  auto lock = store::DirectoryLock::acquire(path, true);
  if (!lock) return lock.error();
  if (!*lock) return in_use(path);
  return std::move(**lock);
}

/// While a node asks, there is nothing yet to stop in good order: what was decided is on the disk,
/// and the next start goes on from there.
class QuickExit {
 public:
  QuickExit() {
    for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { std::_Exit(kExitOk); });
  }
  ~QuickExit() {
    for (const int number : {SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
  }
  QuickExit(const QuickExit&) = delete;
  QuickExit& operator=(const QuickExit&) = delete;
};

std::string number(raft::NodeId node) { return std::to_string(node.value); }

/// Where the others of all configurations that it knows of may be.
std::string addresses_of_others(const store::Opened& opened) {
  // It lost its very first entries: what it was told when it was admitted.
  if (opened.restored.last_index.value == 0) return opened.identity->contacts;
  std::set<std::string> addresses;
  const auto add = [&](const raft::Configuration& configuration) {
    for (const raft::Member& member : configuration.members()) {
      if (member.id.node != opened.identity->node) addresses.insert(member.addresses.peer);
    }
  };
  add(opened.applied.configuration.configuration);
  for (const raft::ConfigurationAt& at : opened.restored.configurations) add(at.configuration);
  std::string contacts;
  for (const std::string& address : addresses) contacts += (contacts.empty() ? "" : ",") + address;
  return contacts;
}

/// Was the node removed, or another one admitted under its id, while it was away? No, if its cluster
/// has no leader now. In another cluster it was not a member to be removed: a member that recovered
/// founds one.
bool was_removed(const store::Identity& before, const store::Identity& asking) {
  const QuickExit until_the_loop_runs;
  net::Client client{kLookAround};
  client.expect_cluster(before.cluster_id);
  const auto reply = client.call_leader(split_contacts(asking.contacts), net::MembersCall{});
  if (!reply) return false;
  const auto* members = std::get_if<net::MembersReply>(&*reply);
  if (members == nullptr) return false;
  const raft::Configuration& configuration = members->configuration.configuration;
  if (configuration.find({before.node, before.incarnation}) != nullptr) return false;
  const raft::Member* bearer = configuration.find_node(before.node);
  return bearer == nullptr || bearer->join_token != asking.join_token;
}

/// Asks until a member admits this node, or refuses it for good.
std::variant<net::JoinReply, Admission> wait_for_decision(const std::vector<std::string>& contacts,
                                                          const net::JoinCall& call) {
  net::Client client{std::chrono::seconds(5)};
  while (true) {
    auto reply = client.call_leader(contacts, call);
    if (!reply) {
      spdlog::warn("waiting to be admitted: {}", reply.error().message);
    } else if (auto* joined = std::get_if<net::JoinReply>(&*reply)) {
      return std::move(*joined);
    } else if (const auto* error = std::get_if<net::ErrorReply>(&*reply)) {
      if (error->code == net::ErrorReply::Code::kRefused) return Admission{error->message, false};
      spdlog::warn("waiting to be admitted: {}", error->message);
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

/// Until a member admits the asking one, which `store` is then told, or refuses it.
Result<Admission> ask(store::Identity asking, const raft::Addresses& addresses,
                      const RunAside& aside,
                      const std::function<Status(const store::Identity&)>& store) {
  net::JoinCall call;
  call.node = asking.node;
  call.join_token = asking.join_token;
  call.replace = asking.replace;
  call.addresses = addresses;
  call.command_version = ticket::kCommandVersion;
  spdlog::info("asking {} for admission", asking.contacts);
  const QuickExit until_the_loop_runs;
  std::variant<net::JoinReply, Admission> decision;
  aside([&] { decision = wait_for_decision(split_contacts(asking.contacts), call); });
  if (const auto* refused = std::get_if<Admission>(&decision)) return *refused;
  const auto& joined = std::get<net::JoinReply>(decision);
  asking.incarnation = joined.self.incarnation;
  asking.cluster_id = joined.cluster_id;
  asking.contacts = join_contacts(joined.configuration.configuration, joined.self);
  if (auto stored = store(asking); !stored) return stored.error();
  return Admission{};
}

}  // namespace

Result<store::DirectoryLock> take_directory(const std::string& path, const Begin& begin) {
  if (begin.how == Begin::How::kRejoin && !store::holds_data(path)) {
    return Error{"No database available. Please start or join a cluster."};
  }
  return take(path);
}

Result<store::DirectoryLock> begin_anew(store::DirectoryLock lock) {
  const std::string path = lock.path();
  spdlog::warn("--force: destroying what {} holds", path);
  if (auto destroyed = store::destroy(std::move(lock)); !destroyed) return destroyed.error();
  return take(path);
}

Status settle_identity(store::LmdbDisk& disk, const std::string& path, const Begin& begin,
                       const raft::Addresses& addresses) {
  const auto& held = disk.opened().identity;
  if (held) {
    if (begin.how == Begin::How::kRejoin) return {};
    if (held->node != begin.node) {
      return Error{"the data directory " + path + " holds node " + number(held->node) +
                   ", not node " + number(begin.node) +
                   ": choose another --path, or destroy that node's data with --force"};
    }
    spdlog::info("{} holds node {} already: it resumes, nothing is begun anew", path,
                 held->node.value);
    return {};
  }
  store::Identity identity;
  identity.node = begin.node;
  if (begin.how == Begin::How::kJoin) {
    identity.join_token = random_number();
    identity.replace = begin.replace;
    identity.contacts = begin.contact;
    return disk.set_identity(identity);
  }
  if (begin.how == Begin::How::kRejoin) {
    return Error{"No database available. Please start or join a cluster."};
  }
  identity.cluster_id = random_number();
  identity.incarnation = raft::Incarnation(1);  // the index of the entry that bootstrap() writes
  raft::Member self;
  self.id = {identity.node, identity.incarnation};
  self.voter = true;
  self.addresses = addresses;
  return disk.bootstrap(identity, raft::Configuration({self}));
}

bool needs_admission(const store::Opened& opened) {
  // Admitted, but without a single entry: nobody to dial is known yet, and the members may know an
  // address that is no longer ours. Asking again with the same token changes nothing else.
  return opened.identity->incarnation.value == 0 || opened.restored.last_index.value == 0;
}

Result<Admission> ask_for_admission(store::LmdbDisk& disk, const raft::Addresses& addresses,
                                    bool replace, const RunAside& aside) {
  store::Identity identity = *disk.opened().identity;
  identity.replace = identity.replace || replace;
  return ask(identity, addresses, aside,
             [&](const store::Identity& admitted) { return disk.set_identity(admitted); });
}

Result<Admission> ask_for_readmission(store::LmdbDisk& disk, const raft::Addresses& addresses,
                                      const RunAside& aside) {
  const store::Opened& opened = disk.opened();
  if (!opened.readmission) {
    store::Identity asking;
    asking.node = opened.identity->node;
    asking.join_token = random_number();
    asking.replace = true;
    asking.contacts = addresses_of_others(opened);
    if (asking.contacts.empty()) {
      return Error{
          "the power was cut or a flush failed, and this node, the only one, may have lost numbers "
          "that it gave: it does not go on by itself. 'ticketd recover' moves every sequence forward "
          "first"};
    }
    if (auto stored = disk.set_readmission(asking); !stored) return stored.error();
  }
  spdlog::warn(
      "the power was cut or a flush failed, and this node may have lost what it acknowledged: it takes "
      "no part until the others admit it anew, as another incarnation. Should most of them be in the "
      "same case, 'ticketd recover --help' says what to do");
  bool removed = false;
  aside([&] { removed = was_removed(*opened.identity, *opened.readmission); });
  if (removed) return Admission{"this node was removed from the cluster", true};
  return ask(*opened.readmission, addresses, aside,
             [&](const store::Identity& admitted) { return disk.begin_anew(admitted); });
}

}  // namespace ticketd::server
