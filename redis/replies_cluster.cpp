#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/check.h"
#include "redis/replies.h"

namespace ticketd::redis {

namespace {

/// A member that speaks this protocol, as clients are told of it.
struct Place {
  const Member* member = nullptr;
  Address address;
  std::string name;
  bool leads = false;
};

/// The leader first, if it is among them.
std::vector<Place> places(const NodeView& view) {
  std::vector<Place> result;
  for (const Member& member : view.members) {
    if (auto address = parse_address(member.redis)) {
      result.push_back({&member, std::move(*address), node_name(view.cluster_id, member.id),
                        view.leader == member.id});
    }
  }
  std::stable_partition(result.begin(), result.end(),
                        [](const Place& place) { return place.leads; });
  return result;
}

bool is_led(const std::vector<Place>& all) { return !all.empty() && all.front().leads; }

// --- SLOTS, SHARDS, NODES ------------------------------------------------------------------------

void reply_slots(const std::vector<Place>& all, ReplyWriter& reply) {
  reply.array(1);
  reply.array(2 + all.size());
  reply.integer(0);
  reply.integer(kSlots - 1);
  for (const Place& place : all) {
    reply.array(4);
    reply.bulk(place.address.host);
    reply.integer(place.address.port);
    reply.bulk(place.name);
    reply.array(0);
  }
}

void reply_shard_node(const Place& place, ReplyWriter& reply) {
  reply.map(7);
  reply.bulk("id");
  reply.bulk(place.name);
  reply.bulk("port");
  reply.integer(place.address.port);
  reply.bulk("ip");
  reply.bulk(place.address.host);
  reply.bulk("endpoint");
  reply.bulk(place.address.host);
  reply.bulk("role");
  reply.bulk(place.leads ? "master" : "replica");
  reply.bulk("replication-offset");
  reply.number(place.member->applied_index);
  reply.bulk("health");
  reply.bulk(place.member->alive ? "online" : "fail");
}

void reply_shards(const std::vector<Place>& all, ReplyWriter& reply) {
  reply.array(1);
  reply.map(2);
  reply.bulk("slots");
  reply.array(2);
  reply.integer(0);
  reply.integer(kSlots - 1);
  reply.bulk("nodes");
  reply.array(all.size());
  for (const Place& place : all) {
    reply_shard_node(place, reply);
  }
}

/// ID HOST:PORT@PEERPORT FLAGS MASTER PING PONG EPOCH LINK SLOTS
std::string node_line(const NodeView& view, const Place& place, const std::string& master) {
  const auto peer = parse_address(place.member->peer);
  std::string flags = place.member->id == view.self ? "myself," : "";
  flags += place.leads ? "master" : "slave";
  flags += place.member->alive ? "" : ",fail";
  std::string line = place.name + " " + redirect_address(place.address) + "@" +
                     std::to_string(peer ? peer->port : 0) + " " + flags + " ";
  line += place.leads || master.empty() ? "-" : master;
  line += " 0 0 " + std::to_string(view.term);
  line += place.member->alive ? " connected" : " disconnected";
  return line + (place.leads ? " 0-" + std::to_string(kSlots - 1) : "") + "\n";
}

std::string node_lines(const NodeView& view, const std::vector<Place>& all) {
  const std::string master = is_led(all) ? all.front().name : std::string();
  std::string lines;
  for (const Place& place : all) {
    lines += node_line(view, place, master);
  }
  return lines;
}

// --- INFO ----------------------------------------------------------------------------------------

std::string cluster_info(const NodeView& view) {
  const std::vector<Place> all = places(view);
  const bool led = is_led(all);
  const std::string slots = std::to_string(led ? kSlots : 0);
  const std::string term = std::to_string(view.term);
  return std::string("cluster_state:") + (led ? "ok" : "fail") +
         "\r\ncluster_slots_assigned:" + slots + "\r\ncluster_slots_ok:" + slots +
         "\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:" +
         std::to_string(all.size()) + "\r\ncluster_size:" + (led ? "1" : "0") +
         "\r\ncluster_current_epoch:" + term + "\r\ncluster_my_epoch:" + term + "\r\n";
}

/// CRC-16/XMODEM.
std::uint16_t crc16(std::string_view bytes) {
  unsigned crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = ((crc & 0x8000u) != 0 ? (crc << 1) ^ 0x1021u : crc << 1) & 0xffffu;
    }
  }
  return static_cast<std::uint16_t>(crc);
}

}  // namespace

const Member* NodeView::find(MemberId id) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const Member& member) { return member.id == id; });
  return found == members.end() ? nullptr : &*found;
}

std::string node_name(std::uint64_t cluster_id, MemberId member) {
  std::array<char, 41> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx%08llx",
                static_cast<unsigned long long>(member.node),
                static_cast<unsigned long long>(member.incarnation),
                static_cast<unsigned long long>(cluster_id >> 32));
  return text.data();
}

std::string redirect_address(const Address& address) {
  return address.host + ":" + std::to_string(address.port);
}

std::uint16_t key_slot(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  return crc16(key) % kSlots;
}

std::variant<std::monostate, ClusterView> reply_cluster(Arguments arguments,
                                                        const Surroundings& around,
                                                        ReplyWriter& reply) {
  struct Subcommand {
    std::string_view name;
    std::size_t arguments;
  };
  static constexpr Subcommand kSubcommands[] = {{"SLOTS", 2}, {"SHARDS", 2}, {"NODES", 2},
                                                {"INFO", 2},  {"MYID", 2},   {"KEYSLOT", 3}};
  const auto found = std::find_if(
      std::begin(kSubcommands), std::end(kSubcommands),
      [&](const Subcommand& known) { return equals_ignoring_case(arguments[1], known.name); });
  if (found == std::end(kSubcommands)) {
    reply.error(unknown_subcommand(arguments[1]));
  } else if (arguments.size() != found->arguments) {
    reply.error(kWrongArguments);
  } else if (found->name == "SLOTS") {
    return ClusterView::kSlots;
  } else if (found->name == "SHARDS") {
    return ClusterView::kShards;
  } else if (found->name == "NODES") {
    return ClusterView::kNodes;
  } else if (found->name == "INFO") {
    reply.text(cluster_info(around.operations.view()));
  } else if (found->name == "MYID") {
    const NodeView view = around.operations.view();
    reply.bulk(node_name(view.cluster_id, view.self));
  } else {
    reply.integer(key_slot(arguments[2]));
  }
  return std::monostate{};
}

void reply_cluster_view(ClusterView asked, const NodeView& view, ReplyWriter& reply) {
  const std::vector<Place> all = places(view);
  if (asked == ClusterView::kNodes) {
    return reply.text(node_lines(view, all));
  }
  if (!is_led(all)) {
    return reply.error(kNoLeader);
  }
  asked == ClusterView::kSlots ? reply_slots(all, reply) : reply_shards(all, reply);
}

}  // namespace ticketd::redis
