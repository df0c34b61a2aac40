#include "cli/local_node.h"

#include <algorithm>
#include <sstream>
#include <thread>

#include "cli/console.h"
#include "store/lmdb_disk.h"

namespace ticketd::cli {
namespace {

constexpr std::chrono::milliseconds kBetweenGlances{20};

void add(Addresses& addresses, const std::string& address) {
  if (!address.empty() &&
      std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
    addresses.push_back(address);
  }
}

std::string in_use(const std::string& path) {
  return "the data directory '" + path + "' is in use";
}

}  // namespace

std::optional<store::Holder> running_node(const std::string& path,
                                          std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    std::optional<store::Holder> holder = store::DirectoryLock::holder(path);
    if (!holder || !holder->peer_address.empty() || std::chrono::steady_clock::now() >= deadline) {
      return holder;
    }
    std::this_thread::sleep_for(kBetweenGlances);
  }
}

StoredNode stored_node(const store::Opened& opened) {
  StoredNode node;
  node.identity = opened.identity;
  std::vector<raft::ConfigurationAt> configurations = opened.restored.configurations;
  configurations.insert(configurations.begin(), opened.applied.configuration);
  // Older ones too: a change that was never committed may have been undone by those it left out.
  for (auto at = configurations.rbegin(); at != configurations.rend(); ++at) {
    for (const raft::Member& member : at->configuration.members()) {
      if (node.identity && member.id.node == node.identity->node) {
        if (node.own.empty()) node.own = member.addresses.peer;
      } else {
        add(node.others, member.addresses.peer);
      }
    }
  }
  if (node.identity) {
    std::istringstream contacts(node.identity->contacts);
    for (std::string contact; std::getline(contacts, contact, ',');) {
      add(node.others, contact);
    }
  }
  return node;
}

Result<std::optional<StoredNode>> read_stored_node(const Directory& directory) {
  Result<std::optional<store::DirectoryLock>> lock =
      store::DirectoryLock::acquire(directory.path, false);
  if (!lock) {
    return lock.error();
  }
  if (!*lock) {
    return std::optional<StoredNode>();
  }
  store::DiskOptions options;
  options.path = directory.path;
  options.map_bytes = directory.map_bytes;
  // Nothing is asked of the disk that would be answered later.
  const auto no_loop = [](const std::function<void()>&) {};
  auto disk = store::LmdbDisk::open(std::move(**lock), options, no_loop);
  if (!disk) {
    return disk.error();
  }
  StoredNode node = stored_node((*disk)->opened());
  (*disk)->close();
  return std::optional(std::move(node));
}

Result<Addresses> contacts_of(const Target& target) {
  if (!target.peers.empty()) {
    return target.peers;
  }
  const std::string& path = target.directory.path;
  if (const auto holder = running_node(path, target.timeout)) {
    if (holder->peer_address.empty()) {
      return Error{in_use(path) + " by process " + std::to_string(holder->pid) +
                   ", which does not say where it is reached; is it still starting? --peer names "
                   "another member"};
    }
    return Addresses{holder->peer_address};
  }
  if (store::holds_data(path)) {
    const Result<std::optional<StoredNode>> stored = read_stored_node(target.directory);
    if (!stored) {
      print_note("'" + path + "' does not tell whom to ask: " + stored.error().message);
    } else if (*stored) {
      Addresses contacts = (*stored)->others;
      add(contacts, (*stored)->own);
      if (!contacts.empty()) {
        return contacts;
      }
    }
  }
  if (target.raft_port == 0) {
    return Error{"whom to ask is not known: name a member with --peer HOST:PORT"};
  }
  return Addresses{"127.0.0.1:" + std::to_string(target.raft_port)};
}

}  // namespace ticketd::cli
