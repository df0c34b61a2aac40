#include "jepsen/node_status.h"

#include <nlohmann/json.hpp>

namespace ticketd::jepsen {

std::optional<NodeStatus> parse_status(std::string_view json) {
  try {
    const auto root = nlohmann::json::parse(json);
    NodeStatus status;
    root.at("id").get_to(status.id);
    status.leads = root.at("role") == "leader";
    root.at("term").get_to(status.term);
    // null while there is none.
    if (root.at("leader").is_number()) root.at("leader").get_to(status.leader);
    root.at("applied_index").get_to(status.applied_index);
    root.at("digest").get_to(status.digest);
    for (const auto& member : root.at("members")) {
      status.members.push_back({member.at("id").get<std::uint64_t>(),
                                member.at("incarnation").get<std::uint64_t>(),
                                member.at("suffrage") == "voter"});
    }
    return status;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace ticketd::jepsen
