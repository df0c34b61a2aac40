#include "raft/configuration.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace ticketd::raft {

namespace {

constexpr std::uint8_t kVersion = 1;

enum Flags : std::uint8_t { kVoter = 1, kPromote = 2, kReplaces = 4, kAllFlags = 7 };

bool id_below(const Member& member, MemberId id) { return member.id < id; }

void write_id(ByteWriter& out, MemberId id) {
  out.varint(id.node.value);
  out.varint(id.incarnation.value);
}

MemberId read_id(ByteReader& in) {
  const NodeId node(in.varint());
  const Incarnation incarnation(in.varint());
  return {node, incarnation};
}

void write_member(ByteWriter& out, const Member& member) {
  write_id(out, member.id);
  out.u8(static_cast<std::uint8_t>((member.voter ? kVoter : 0) | (member.promote ? kPromote : 0) |
                                   (member.replaces ? kReplaces : 0)));
  if (member.replaces) {
    write_id(out, *member.replaces);
  }
  out.u64(member.join_token);
  out.string(member.addresses.peer);
  out.string(member.addresses.http);
  out.string(member.addresses.redis);
}

Member read_member(ByteReader& in) {
  Member member;
  member.id = read_id(in);
  const std::uint8_t flags = in.u8();
  if ((flags & ~kAllFlags) != 0) {
    in.fail();
  }
  member.voter = (flags & kVoter) != 0;
  member.promote = (flags & kPromote) != 0;
  if ((flags & kReplaces) != 0) {
    member.replaces = read_id(in);
  }
  member.join_token = in.u64();
  member.addresses.peer = in.string(Configuration::kMaxAddressBytes);
  member.addresses.http = in.string(Configuration::kMaxAddressBytes);
  member.addresses.redis = in.string(Configuration::kMaxAddressBytes);
  return member;
}

}  // namespace

Configuration::Configuration(std::vector<Member> members) {
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return a.id < b.id; });
  const auto twin =
      std::adjacent_find(members.begin(), members.end(),
                         [](const Member& a, const Member& b) { return a.id == b.id; });
  ENSURE_MSG(twin == members.end(), "two members of one id");
  voter_count_ = static_cast<std::size_t>(std::count_if(
      members.begin(), members.end(), [](const Member& member) { return member.voter; }));
  if (!members.empty()) {
    members_ = std::make_shared<const std::vector<Member>>(std::move(members));
  }
}

const std::vector<Member>& Configuration::members() const {
  static const std::vector<Member> none;
  return members_ ? *members_ : none;
}

const Member* Configuration::find(MemberId id) const {
  const std::vector<Member>& all = members();
  const auto found = std::lower_bound(all.begin(), all.end(), id, id_below);
  return found != all.end() && found->id == id ? &*found : nullptr;
}

const Member* Configuration::find_node(NodeId node) const {
  const Member* newest = nullptr;
  for (const Member& member : members()) {
    if (member.id.node == node) {
      newest = &member;
    }
  }
  return newest;
}

bool Configuration::is_voter(MemberId id) const {
  const Member* member = find(id);
  return member != nullptr && member->voter;
}

Configuration Configuration::with(Member member) const {
  std::vector<Member> changed = without(member.id).members();
  changed.push_back(std::move(member));
  return Configuration(std::move(changed));
}

Configuration Configuration::without(MemberId id) const {
  std::vector<Member> changed = members();
  std::erase_if(changed, [id](const Member& member) { return member.id == id; });
  return Configuration(std::move(changed));
}

std::string Configuration::encode() const {
  ENSURE_LE(members().size(), kMaxMembers);
  ByteWriter out;
  out.u8(kVersion);
  out.varint(members().size());
  for (const Member& member : members()) {
    write_member(out, member);
  }
  return out.take();
}

Result<Configuration> Configuration::decode(std::string_view bytes) {
  ByteReader in(bytes);
  const std::uint8_t version = in.u8();
  if (in.ok() && version != kVersion) {
    return Error{"a configuration of version " + std::to_string(version) +
                 "; this program knows version " + std::to_string(kVersion)};
  }
  const std::uint64_t count = in.varint();
  if (count > kMaxMembers) {
    return Error{"a configuration of " + std::to_string(count) + " members; the most is " +
                 std::to_string(kMaxMembers)};
  }
  std::vector<Member> members;
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) {
    members.push_back(read_member(in));
  }
  if (!in.at_end()) {
    return Error{"a configuration that is cut short or malformed"};
  }
  const bool ordered = std::adjacent_find(members.begin(), members.end(),
                                          [](const Member& a, const Member& b) {
                                            return a.id >= b.id;
                                          }) == members.end();
  if (!ordered) {
    return Error{"a configuration whose members are not in order of id"};
  }
  Configuration configuration(std::move(members));
  if (!configuration.empty() && configuration.voter_count() == 0) {
    return Error{"a configuration without a voter"};
  }
  return configuration;
}

}  // namespace ticketd::raft
