// docs/redis-api.md says what the program does.
#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "redis/commands.h"
#include "redis/options.h"
#include "redis/replies.h"
#include "ticket/command.h"

namespace ticketd::redis {
namespace {

std::string page() {
  std::ifstream file(TICKETD_REDIS_PAGE);
  REQUIRE(file.good());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The value in the table of limits; empty: there is no such row.
std::string limit(const std::string& text, const std::string& name) {
  const std::string begin = "\n| " + name + " | ";
  const std::size_t at = text.find(begin);
  if (at == std::string::npos) {
    return "";
  }
  return text.substr(at + begin.size(), text.find(" |", at + begin.size()) - at - begin.size());
}

std::string bytes(std::size_t count) { return std::to_string(count) + " bytes"; }
std::string seconds(std::chrono::milliseconds time) {
  CHECK(time.count() % 1000 == 0);
  return std::to_string(time.count() / 1000) + " s";
}

TEST_CASE("the page's table names every command, and no other") {
  const std::string text = page();
  const std::size_t begin = text.find("\n## Commands");
  const std::string table = text.substr(begin, text.find("\n## ", begin + 1) - begin);
  std::set<std::string> named;
  for (std::size_t at = table.find("\n| `"); at != std::string::npos;
       at = table.find("\n| `", at + 1)) {
    const std::string cell = table.substr(at + 3, table.find(" | ", at + 3) - at - 3);
    for (std::size_t tick = cell.find('`'); tick != std::string::npos;) {
      const std::size_t end = cell.find('`', tick + 1);
      const std::string command = cell.substr(tick + 1, end - tick - 1);
      named.insert(command.substr(0, command.find(' ')));
      tick = cell.find('`', end + 1);
    }
  }
  std::set<std::string> known;
  for (const Command& command : commands()) {
    known.emplace(command.name);
  }
  CHECK(named == known);
}

TEST_CASE("the page has the words that clients look for") {
  const std::string text = page();
  for (const std::string_view words :
       {kWrongArguments, kNoLeader, std::string_view("MOVED SLOT HOST:PORT"),
        std::string_view("UNKNOWN outcome unknown: "), std::string_view("NOPERM "),
        std::string_view("ERR max number of clients reached"),
        std::string_view("ERR unknown command 'x'"), std::string_view("ERR Protocol error: ")}) {
    CAPTURE(words);
    CHECK(text.find("`-" + std::string(words)) != std::string::npos);
  }
}

TEST_CASE("the page names every limit with its value") {
  const std::string text = page();
  const Options options;
  const serve::Limits& limits = options.limits;
  CHECK(limit(text, "no such limit") == "");
  CHECK(limit(text, "arguments of a request, its command included") ==
        std::to_string(options.request.arguments));
  CHECK(limit(text, "an argument") == bytes(options.request.argument_bytes));
  CHECK(limit(text, "a request, with what frames its arguments") ==
        bytes(options.request.request_bytes));
  CHECK(limit(text, "a key") == bytes(ticket::kMaxNameBytes));
  CHECK(limit(text, "numbers taken at once") == std::to_string(ticket::kMaxCount));
  CHECK(limit(text, "an idempotency token") == bytes(ticket::kMaxKeyBytes));
  CHECK(limit(text, "a request's arrival, from its first byte to its last") ==
        seconds(limits.request_time));
  CHECK(limit(text, "without a request") == seconds(limits.idle_time));
  CHECK(limit(text, "without the client taking a byte of a reply") == seconds(limits.stalled_time));
  CHECK(limit(text, "open connections") == std::to_string(limits.connections));
  CHECK(limit(text, "requests of one connection that wait for a reply") ==
        std::to_string(limits.pipeline));
  CHECK(limit(text, "bytes of replies that one connection has not taken") ==
        bytes(limits.output_bytes));
  CHECK(limit(text, "reading on after the last reply, so that the client sees it") ==
        seconds(limits.linger_time) + ", " + bytes(limits.linger_bytes));
  CHECK(limit(text, "answering what is under way when the node shuts down") ==
        seconds(limits.close_time));
}

}  // namespace
}  // namespace ticketd::redis
