#include "redis/commands.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace ticketd::redis {
namespace {

TEST_CASE("a command is found whatever case it is written in") {
  for (const char* name : {"TICKET", "ticket", "tIcKeT"}) {
    REQUIRE(find_command(name) != nullptr);
    CHECK(find_command(name)->verb == Verb::kTicket);
  }
  CHECK(find_command("raft.removeserver")->verb == Verb::kRaftRemoveServer);
  for (const char* name : {"", "TICKE", "TICKETS", "TICKET ", "GET"}) {
    CHECK(find_command(name) == nullptr);
  }
}

TEST_CASE("the table has each name and verb once, in capitals") {
  std::set<std::string> names;
  std::set<Verb> verbs;
  for (const Command& command : commands()) {
    CAPTURE(command.name);
    CHECK(equals_ignoring_case(command.name, command.name));
    CHECK(names.emplace(command.name).second);
    CHECK(verbs.insert(command.verb).second);
    CHECK(command.least >= 1);
    CHECK(command.least <= command.most);
    CHECK(command.key < command.most);
  }
}

TEST_CASE("what changes the cluster, and nothing else, is for administrators") {
  std::set<Verb> admin;
  for (const Command& command : commands()) {
    if (command.admin) {
      admin.insert(command.verb);
    }
  }
  CHECK(admin == std::set{Verb::kRaftAddVoter, Verb::kRaftRemoveServer, Verb::kRaftSnapshot});
}

}  // namespace
}  // namespace ticketd::redis
