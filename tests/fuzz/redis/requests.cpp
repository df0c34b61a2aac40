// A libFuzzer target: bytes of a connection through the Redis protocol's parser and what is made of
// a request, as a connection would drive them, checking what must hold of any bytes.
//
// The first byte of an input says how the rest is cut.
#include "redis/requests.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/check.h"
#include "base/utf8.h"
#include "redis/commands.h"
#include "redis/parser.h"
#include "redis/replies.h"

namespace ticketd::redis {
namespace {

/// Small, so that the fuzzer meets them.
constexpr RequestLimits kLimits{.arguments = 8, .argument_bytes = 300, .request_bytes = 600};

void check_name(const std::string& name) {
  ENSURE(!name.empty());
  ENSURE_LE(name.size(), ticket::kMaxNameBytes);
  ENSURE(is_utf8(name));
}

std::string described(const ticket::Request& request) {
  ENSURE(request.kind == ticket::Kind::kTake);
  ENSURE(request.value >= 1 && request.value <= ticket::kMaxCount);
  ENSURE(request.key.empty() || ticket::is_key(request.key));
  if (!request.sequence.empty()) {
    check_name(request.sequence);
  }
  return request.sequence + " " + std::to_string(request.value) + " " + request.key;
}

std::string described(const ticket::Query& query) {
  const auto& lookup = std::get<ticket::Lookup>(query);
  ENSURE_EQ(lookup.sequences.size(), 1);
  check_name(lookup.sequences[0]);
  return lookup.sequences[0];
}

template <class Change>
std::string described_change(const Change& change) {
  ENSURE(change.address.empty() || parse_address(change.address).ok());
  return std::to_string(change.node) + " " + change.address + " " +
         std::to_string(change.previous_index);
}

std::string described(const AddVoter& change) { return described_change(change); }
std::string described(const RemoveServer& change) { return described_change(change); }
std::string described(ClusterView) { UNREACHABLE("asked for by CLUSTER alone"); }

std::string understood(const Command& command, Arguments arguments) {
  const bool asks = command.verb == Verb::kTicket || command.verb == Verb::kTicketGet ||
                    command.verb == Verb::kRaftAddVoter || command.verb == Verb::kRaftRemoveServer;
  if (!asks) {
    return std::string(command.name);
  }
  const auto asked = understand(command.verb, arguments);
  if (!asked) {
    ENSURE(asked.error().message.starts_with("ERR "));
    return asked.error().message;
  }
  ENSURE_LE(bytes_at_most(*asked), 1024);
  return std::visit([](const auto& what) { return described(what); }, asked->what) + " " +
         std::to_string(static_cast<int>(asked->shape));
}

/// What a request leads to; with the replies that need nothing but its words, which must be frames.
std::string described(Arguments arguments) {
  ENSURE(!arguments.empty() && arguments.size() <= kLimits.arguments);
  std::string all;
  for (const std::string_view argument : arguments) {
    ENSURE_LE(argument.size(), kLimits.request_bytes);
    all += std::string(argument) + "|";
  }
  const Command* command = find_command(arguments[0]);
  if (command == nullptr) {
    std::string out;
    ReplyWriter(out, Protocol::kResp2).error(unknown_command(arguments[0]));
    ENSURE_EQ(out.find('\n'), out.size() - 1);
    return all + out;
  }
  if (arguments.size() < command->least || arguments.size() > command->most) {
    return all + "arity";
  }
  std::string out;
  ReplyWriter writer(out, Protocol::kResp3);
  Session session;
  if (command->verb == Verb::kClient) {
    reply_client(arguments, session, writer);
  } else if (command->verb == Verb::kCommand) {
    reply_command(arguments, writer);
  }
  return all + out + understood(*command, arguments);
}

/// What came of these bytes, in pieces of `size`; 0: in one. Of the repeats of a request so many
/// are taken at once at most; 0: each is parsed by itself.
std::vector<std::string> read_in_pieces(std::string_view bytes, std::size_t size,
                                        std::size_t repeats) {
  Parser parser(kLimits);
  std::vector<std::string> result;
  while (!bytes.empty()) {
    // A copy of its own: reading beyond a piece is seen by the address sanitizer, and a view that
    // outlived it, too.
    const std::string_view piece = bytes.substr(0, size == 0 ? bytes.size() : size);
    const std::vector<char> copy(piece.begin(), piece.end());
    bytes.remove_prefix(piece.size());
    std::string_view input(copy.data(), copy.size());
    while (!input.empty()) {
      const Parsed parsed = parser.next(input);
      if (const auto* arguments = std::get_if<Arguments>(&parsed)) {
        const std::string what = described(*arguments);
        const std::size_t taken = parser.take_repeats(input, repeats);
        ENSURE_LE(taken, repeats);
        ENSURE(!parser.in_request());
        result.insert(result.end(), 1 + taken, what);
      } else if (const auto* error = std::get_if<ProtocolError>(&parsed)) {
        result.push_back("!" + error->message);
        return result;
      } else {
        ENSURE(input.empty());
      }
    }
  }
  result.push_back(parser.in_request() ? "more" : "end");
  return result;
}

}  // namespace
}  // namespace ticketd::redis

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ticketd::redis;
  if (size == 0) {
    return 0;
  }
  const std::string bytes(data + 1, data + size);
  const auto whole = read_in_pieces(bytes, 0, 0);
  ENSURE(read_in_pieces(bytes, 1, 0) == whole);
  ENSURE(read_in_pieces(bytes, 2 + data[0], 0) == whole);
  // Repeats: all that there are, a few at a time, and cut at any byte.
  ENSURE(read_in_pieces(bytes, 0, bytes.size()) == whole);
  ENSURE(read_in_pieces(bytes, 0, 2) == whole);
  ENSURE(read_in_pieces(bytes, 2 + data[0], 2) == whole);
  return 0;
}
