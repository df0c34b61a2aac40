#include "cli/status_view.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/escaped.h"

namespace ticketd::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string hex(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

std::string number(std::uint64_t value) { return std::to_string(value); }

template <class Kind>
std::string number(raft::Number<Kind> value) {
  return number(value.value);
}

const net::MemberView* find_member(const net::StatusReply& reply, raft::MemberId id) {
  const auto found =
      std::find_if(reply.members.begin(), reply.members.end(),
                   [&](const net::MemberView& view) { return view.member.id == id; });
  return found == reply.members.end() ? nullptr : &*found;
}

/// Takes over what `view` knows and `row` does not.
void fill(MemberRow& row, const net::MemberView& view) {
  if (!row.match_index) row.match_index = view.match_index;
  if (!row.last_heard_us) row.last_heard_us = view.last_heard_us;
  if (view.status && !row.applied_index) {
    row.applied_index = view.status->applied_index;
    row.digest = view.status->digest;
  }
  if (view.status && !row.durability) row.durability = view.status->durability;
}

}  // namespace

std::string role_name(const net::StatusReply& node) {
  switch (node.role) {
    case raft::Role::kLeader:
      return "leader";
    case raft::Role::kPreCandidate:
    case raft::Role::kCandidate:
      return "candidate";
    case raft::Role::kFollower:
      break;
  }
  const net::MemberView* self = find_member(node, node.self);
  return self != nullptr && self->member.voter ? "follower" : "learner";
}

std::vector<MemberRow> merged_members(const StatusView& view) {
  std::vector<MemberRow> rows;
  for (const net::MemberView& seen : view.node.members) {
    MemberRow row;
    row.member = seen.member;
    if (seen.member.id == view.node.self) {
      // Applied index and digest belong together, and nobody knows them better than the node.
      row.applied_index = view.node.applied_index;
      row.digest = view.node.digest;
    }
    const net::MemberView* led = view.leader ? find_member(*view.leader, row.member.id) : nullptr;
    if (led != nullptr) {
      fill(row, *led);
    }
    fill(row, seen);
    if (view.leader && row.match_index) {
      const std::uint64_t last = view.leader->last_index.value;
      row.lag = last - std::min(last, row.match_index->value);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// --- JSON ----------------------------------------------------------------------------------------

namespace {

template <class T, class Convert>
Json or_null(const std::optional<T>& value, Convert convert) {
  return value ? Json(convert(*value)) : Json(nullptr);
}

Json member_json(const MemberRow& row) {
  const auto index = [](raft::Index value) { return value.value; };
  const auto same = [](std::uint64_t value) { return value; };
  Json json;
  json["id"] = row.member.id.node.value;
  json["incarnation"] = row.member.id.incarnation.value;
  json["suffrage"] = row.member.voter ? "voter" : "learner";
  json["peer"] = row.member.addresses.peer;
  json["http"] = row.member.addresses.http;
  json["redis"] = row.member.addresses.redis;
  json["match_index"] = or_null(row.match_index, index);
  json["lag"] = or_null(row.lag, same);
  json["last_heard_ms"] =
      or_null(row.last_heard_us, [](std::uint64_t microseconds) { return microseconds / 1000; });
  json["applied_index"] = or_null(row.applied_index, index);
  json["digest"] = or_null(row.digest, hex);
  json["durability"] = or_null(row.durability, [](Durability level) { return to_string(level); });
  return json;
}

Json space_json(const net::StatusReply& node) {
  Json json;
  json["map_bytes"] = node.map_bytes;
  json["used_bytes"] = node.used_bytes;
  json["free_bytes"] = node.free_bytes;
  json["low"] = node.space_low;
  return json;
}

Json disk_json(const net::StatusReply& node) {
  Json json;
  json["journal_flushes"] = node.journal_flushes;
  json["checkpoints"] = node.checkpoints;
  json["checkpoint_bytes"] = node.checkpoint_bytes;
  json["last_checkpoint_bytes"] = node.last_checkpoint_bytes;
  json["snapshots_made"] = node.snapshots_made;
  json["snapshots_installed"] = node.snapshots_installed;
  return json;
}

}  // namespace

std::string status_json(const StatusView& view) {
  const net::StatusReply& node = view.node;
  Json json;
  json["cluster_id"] = hex(node.cluster_id);
  json["id"] = node.self.node.value;
  json["incarnation"] = node.self.incarnation.value;
  json["role"] = role_name(node);
  json["term"] = node.term.value;
  json["leader"] = or_null(node.leader, [](raft::MemberId id) { return id.node.value; });
  json["commit_index"] = node.commit_index.value;
  json["applied_index"] = node.applied_index.value;
  json["last_index"] = node.last_index.value;
  json["compacted_index"] = node.compacted_index.value;
  json["configuration_index"] = node.configuration_index.value;
  json["digest"] = hex(node.digest);
  json["sequences"] = node.sequences;
  json["keys"] = node.keys;
  json["beginning"] = node.beginning;
  json["space"] = space_json(node);
  json["disk"] = disk_json(node);
  json["version"] = node.version;
  json["members"] = Json::array();
  for (const MemberRow& row : merged_members(view)) {
    json["members"].push_back(member_json(row));
  }
  // A byte that is not UTF-8, from a broken peer, must not cost the whole answer.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// --- Text ----------------------------------------------------------------------------------------

namespace {

using Cells = std::vector<std::string>;

std::string mebibytes(std::uint64_t bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f MiB", static_cast<double>(bytes) / (1 << 20));
  return text.data();
}

template <class T>
std::string or_dash(const std::optional<T>& value) {
  return value ? number(*value) : "-";
}

std::string address_or_dash(const std::string& address) {
  return address.empty() ? "-" : escaped(address);
}

std::string heard(const std::optional<std::uint64_t>& microseconds) {
  if (!microseconds) return "-";
  const std::uint64_t ms = *microseconds / 1000;
  return ms < 10'000 ? number(ms) + " ms" : number(ms / 1000) + " s";
}

std::optional<raft::MemberId> leader_of(const StatusView& view) {
  return view.leader ? std::optional(view.leader->self) : view.node.leader;
}

std::string row_role(const StatusView& view, const raft::Member& member) {
  if (member.id == leader_of(view)) return "leader";
  if (member.id == view.node.self && view.node.role != raft::Role::kLeader) {
    return role_name(view.node);
  }
  return member.voter ? "follower" : "learner";
}

/// Columns two blanks apart; the first `texts` columns flush left, the others, numbers, right.
std::string table(const std::vector<Cells>& rows, std::size_t texts) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Cells& cells : rows) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], cells[i].size());
    }
  }
  std::string out;
  for (const Cells& cells : rows) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string gap(widths[i] - cells[i].size(), ' ');
      line += (i == 0 ? "" : "  ") + (i < texts ? cells[i] + gap : gap + cells[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string header(const StatusView& view) {
  const net::StatusReply& node = view.node;
  const std::vector<Cells> lines = {
      {"cluster", hex(node.cluster_id)},
      {"node", number(node.self.node) + ", incarnation " + number(node.self.incarnation) +
                   ", ticketd " + escaped(node.version)},
      {"role", role_name(node) + " in term " + number(node.term)},
      {"leader", node.leader ? "node " + number(node.leader->node) : "none known"},
      {"log", "commit " + number(node.commit_index) + ", applied " + number(node.applied_index) +
                  ", last " + number(node.last_index) + ", compacted " +
                  number(node.compacted_index) + ", configuration " +
                  number(node.configuration_index)},
      {"state", number(node.sequences) + (node.sequences == 1 ? " sequence, " : " sequences, ") +
                    (node.beginning == 0 ? ""
                                         : "new ones begin at " + number(node.beginning) + ", ") +
                    number(node.keys) +
                    (node.keys == 1 ? " idempotency key, digest " : " idempotency keys, digest ") +
                    hex(node.digest)},
      {"space", mebibytes(node.used_bytes) + " of " + mebibytes(node.map_bytes) + " used, " +
                    mebibytes(node.free_bytes) + " free" +
                    (node.space_low ? ", LOW: what grows state is refused" : "")},
      {"disk", number(node.journal_flushes) + " flushes, " + number(node.checkpoints) +
                   " checkpoints (" + mebibytes(node.checkpoint_bytes) + ", the last " +
                   mebibytes(node.last_checkpoint_bytes) +
                   "), snapshots: " + number(node.snapshots_made) + " made, " +
                   number(node.snapshots_installed) + " installed"},
  };
  return table(lines, 2);
}

std::string note(const StatusView& view) {
  if (view.leader) return "";
  if (view.node.leader) {
    return "\nThe leader, node " + number(view.node.leader->node) +
           ", did not answer: what only a leader knows is not shown.\n";
  }
  return "\nNo leader is known to this node: what only a leader knows is not shown.\n";
}

}  // namespace

std::string status_text(const StatusView& view) {
  std::vector<Cells> rows = {
      {"ID", "ROLE", "SUFFRAGE", "PEER", "HTTP", "REDIS", "DURABILITY", "MATCH", "LAG",
       "LAST HEARD", "APPLIED"}};
  for (const MemberRow& row : merged_members(view)) {
    const bool asked = row.member.id == view.node.self;
    rows.push_back({number(row.member.id.node) + (asked ? "*" : ""), row_role(view, row.member),
                    row.member.voter ? "voter" : "learner", escaped(row.member.addresses.peer),
                    escaped(row.member.addresses.http), address_or_dash(row.member.addresses.redis),
                    row.durability ? to_string(*row.durability) : "-", or_dash(row.match_index),
                    or_dash(row.lag), heard(row.last_heard_us), or_dash(row.applied_index)});
  }
  return header(view) + "\n" + table(rows, 7) + note(view);
}

}  // namespace ticketd::cli
