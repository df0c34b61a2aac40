#include "redis/connection.h"

#include <asio/error_code.hpp>
#include <asio/ip/address.hpp>
#include <utility>
#include <variant>

#include "base/check.h"
#include "redis/replies.h"

namespace ticketd::redis {

namespace {

/// A web page can have a browser send a request to any port of its machine, with a body that reads
/// as commands. Its first lines give it away.
bool is_http(std::string_view word) {
  return equals_ignoring_case(word, "POST") || equals_ignoring_case(word, "HOST:");
}

bool is_loopback(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  }
  return address.is_loopback();
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, serve::Connection::Owner& server, Owner& owner)
    : serve::Connection(std::move(socket), server),
      owner_(owner),
      parser_(owner.options().request) {
  session_.id = owner.count_connection();
}

void Connection::take(std::string_view& input) {
  const Parsed parsed = parser_.next(input);
  if (const auto* arguments = std::get_if<Arguments>(&parsed)) {
    begin(*arguments, input);
  } else if (const auto* error = std::get_if<ProtocolError>(&parsed)) {
    push_last("ERR Protocol error: " + error->message);
    end_input();
  }
}

void Connection::begin(Arguments arguments, std::string_view& input) {
  note_request();
  owner_.count_commands(1);
  const Command* command = find_command(arguments.front());
  if (command == nullptr) {
    if (is_http(arguments.front())) {
      push_last("ERR Protocol error: this port does not speak HTTP");
      return end_input();
    }
    return reply_error(unknown_command(arguments.front()));
  }
  if (arguments.size() < command->least || arguments.size() > command->most) {
    return reply_error(kWrongArguments);
  }
  if (command->admin && !may_administer()) {
    return reply_error("NOPERM " + std::string(command->name) +
                       " is for clients on this machine, unless the node runs with --redis_admin");
  }
  carry_out(*command, arguments, input);
}

void Connection::carry_out(const Command& command, Arguments arguments, std::string_view& input) {
  switch (command.verb) {
    case Verb::kTicket:
    case Verb::kTicketGet:
    case Verb::kRaftAddVoter:
    case Verb::kRaftRemoveServer: {
      auto asked = understand(command.verb, arguments);
      if (!asked) return reply_error(asked.error().message);
      if (auto* request = std::get_if<ticket::Request>(&asked->what)) {
        take_repeats(*request, input);
      }
      return ask(std::move(*asked));
    }
    case Verb::kRaftSnapshot:
      return make_snapshot();
    case Verb::kQuit:
      return quit();
    default:
      return reply_at_once(command, arguments);
  }
}

/// A pipeline mostly says the same over and over: that is understood once, and asked for at once.
void Connection::take_repeats(ticket::Request& request, std::string_view& input) {
  if (!request.key.empty()) {
    return;  // each is to be the answer of the one before
  }
  // What stands for them is a number each, however many they are: of output_bytes they may take
  // that much more.
  const std::size_t room = std::min<std::size_t>(limits().pipeline - waiting(), ticket::kMaxTimes);
  const std::size_t repeats = parser_.take_repeats(input, room - 1);
  request.times += static_cast<std::uint32_t>(repeats);
  owner_.count_commands(repeats);
}

void Connection::reply_at_once(const Command& command, Arguments arguments) {
  const auto with = [&](auto write) { reply(write); };
  switch (command.verb) {
    case Verb::kPing:
      return with([&](ReplyWriter& writer) { reply_ping(arguments, writer); });
    case Verb::kEcho:
      return with([&](ReplyWriter& writer) { writer.bulk(arguments[1]); });
    case Verb::kAuth:
      return with([&](ReplyWriter& writer) { reply_auth(arguments, writer); });
    case Verb::kInfo:
      return with(
          [&](ReplyWriter& writer) { reply_info(arguments, owner_.surroundings(), writer); });
    case Verb::kCommand:
      return with([&](ReplyWriter& writer) { reply_command(arguments, writer); });
    case Verb::kClient:
      return with([&](ReplyWriter& writer) { reply_client(arguments, session_, writer); });
    case Verb::kConfig:
      return with(
          [&](ReplyWriter& writer) { reply_config(arguments, owner_.surroundings(), writer); });
    case Verb::kSelect:
      return with([&](ReplyWriter& writer) { reply_select(arguments, writer); });
    case Verb::kReadOnly:  // reads are linearizable all the same: others send them to the leader
    case Verb::kReadWrite:
      return with([](ReplyWriter& writer) { writer.ok(); });
    case Verb::kTime:
      return with([&](ReplyWriter& writer) { reply_time(writer); });
    case Verb::kHello: {
      std::string bytes;
      reply_hello(arguments, owner_.surroundings(), session_, bytes);
      return pipeline_.push_written(std::move(bytes));
    }
    case Verb::kCluster: {
      std::string bytes;
      ReplyWriter writer(bytes, session_.protocol);
      const auto view = reply_cluster(arguments, owner_.surroundings(), writer);
      if (const auto* asked = std::get_if<ClusterView>(&view)) return ask(Asked{*asked});
      return pipeline_.push_written(std::move(bytes));
    }
    default:
      return with([&](ReplyWriter& writer) {
        reply_raft(command.verb, owner_.surroundings().operations.view(), writer);
      });
  }
}

bool Connection::may_administer() const {
  if (owner_.options().remote_admin) {
    return true;
  }
  return is_loopback(client().address());
}

void Connection::quit() {
  pipeline_.push_written("+OK\r\n", true);
  end_input();
}

void Connection::reply_error(std::string_view text) {
  reply([&](ReplyWriter& writer) { writer.error(text); });
}

void Connection::push_last(std::string_view error) {
  std::string bytes;
  ReplyWriter(bytes, session_.protocol).error(error);
  pipeline_.push_written(std::move(bytes), true);
}

void Connection::say_too_slow() {
  push_last("ERR Protocol error: the request did not arrive whole within " +
            std::to_string(limits().request_time.count()) + " ms");
}

void Connection::say_cut_short() {
  push_last("ERR Protocol error: the connection ended in the middle of a request");
}

void Connection::say_too_many(std::size_t) { push_last("ERR max number of clients reached"); }
void Connection::say_not_yet() { push_last(kNoLeader); }

}  // namespace ticketd::redis
