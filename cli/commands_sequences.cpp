// next, get, list: commands for what a cluster counts.
#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/escaped.h"
#include "cli/local_node.h"
#include "server/run.h"

namespace ticketd::cli {
namespace {

int fail(const Error& error) {
  print_error(error.message);
  return server::kExitError;
}

int print(const std::string& text) {
  const Status printed = print_result(text);
  return printed ? server::kExitOk : fail(printed.error());
}

std::uint64_t timeout_us(const Target& target) {
  return static_cast<std::uint64_t>(target.timeout.count()) * 1000;
}

bool is_unknown(const Result<net::Reply>& reply) {
  const auto* error = reply ? std::get_if<net::ErrorReply>(&*reply) : nullptr;
  return error != nullptr && error->code == net::ErrorReply::Code::kUnknown;
}

/// One page after the other, until `take` has seen all there are, or an error.
Status for_each_page(const ListCommand& command, const Addresses& contacts, Caller& caller,
                     const std::function<Status(const net::QueryReply&, bool last)>& take) {
  ticket::Listing listing{command.prefix, command.after, 0};
  std::uint64_t left = command.limit.value_or(~std::uint64_t{0});
  while (true) {
    listing.limit = static_cast<std::size_t>(std::min<std::uint64_t>(left, ticket::kMaxListed));
    caller.renew();
    const Result<net::QueryReply> page = expect<net::QueryReply>(
        caller.call_leader(contacts, net::QueryCall{listing, false, timeout_us(command.target)}));
    if (!page) {
      return page.error();
    }
    left -= std::min<std::uint64_t>(left, page->found.size());
    const bool last = !page->more || page->found.empty() || left == 0;
    if (Status taken = take(*page, last); !taken || last) {
      return taken;
    }
    listing.after = page->found.back().sequence;
  }
}

std::string text_page(const net::QueryReply& page) {
  std::string text;
  for (const ticket::Found& found : page.found) {
    text += escaped(found.sequence) + "\t" + std::to_string(found.last.value_or(0)) + "\n";
  }
  return text;
}

std::string json_page(const net::QueryReply& page, bool& first) {
  std::string text;
  for (const ticket::Found& found : page.found) {
    nlohmann::ordered_json json;
    json["key"] = found.sequence;
    json["last"] = found.last.value_or(0);
    text += first ? "\n  " : ",\n  ";
    text += json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    first = false;
  }
  return text;
}

}  // namespace

int next(const NextCommand& command, Caller& caller) {
  const Result<Addresses> contacts = contacts_of(command.target);
  if (!contacts) {
    return fail(contacts.error());
  }
  const net::ChangeCall call{ticket::Kind::kTake, command.sequence, command.count,
                             command.idempotency_key, timeout_us(command.target)};
  const Result<net::Reply> reply = caller.call_leader(*contacts, call);
  const Result<net::ChangeReply> taken = expect<net::ChangeReply>(reply);
  if (!taken && is_unknown(reply) && !command.idempotency_key.empty()) {
    return fail(Error{taken.error().message +
                      "; the same command with the same --idempotency-key takes no more"});
  }
  if (!taken) {
    return fail(taken.error());
  }
  std::string text = std::to_string(taken->first);
  if (command.count > 1) {
    text += "-" + std::to_string(taken->first + taken->count - 1);
  }
  return print(text + "\n");
}

int get(const GetCommand& command, Caller& caller) {
  const Result<Addresses> contacts = contacts_of(command.target);
  if (!contacts) {
    return fail(contacts.error());
  }
  const net::QueryCall call{ticket::Lookup{{command.sequence}}, command.stale,
                            timeout_us(command.target)};
  const Result<net::QueryReply> reply =
      command.stale ? first_answer<net::QueryReply>(caller, *contacts, call)
                    : expect<net::QueryReply>(caller.call_leader(*contacts, call));
  if (!reply) {
    return fail(reply.error());
  }
  if (reply->found.size() != 1) {
    return fail(Error{"the member answered for " + std::to_string(reply->found.size()) +
                      " sequences instead of one; do all run the same version?"});
  }
  const std::optional<std::uint64_t>& last = reply->found.front().last;
  const char* none = command.sequence.empty() ? "0" : "-1";
  return print((last ? std::to_string(*last) : none) + "\n");
}

int list(const ListCommand& command, Caller& caller) {
  const Result<Addresses> contacts = contacts_of(command.target);
  if (!contacts) {
    return fail(contacts.error());
  }
  bool began = false;
  bool first = true;
  const Status listed = for_each_page(
      command, *contacts, caller, [&](const net::QueryReply& page, bool last) -> Status {
        if (!command.json) {
          return print_result(text_page(page));
        }
        std::string text = began ? "" : "{\"sequences\": [";
        began = true;
        text += json_page(page, first);
        if (last) {
          text += std::string(first ? "" : "\n") +
                  "], \"more\": " + (page.more ? "true" : "false") + "}\n";
        }
        return print_result(text);
      });
  return listed ? server::kExitOk : fail(listed.error());
}

}  // namespace ticketd::cli
