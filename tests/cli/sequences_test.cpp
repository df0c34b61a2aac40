// next, get and list.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/escaped.h"
#include "tests/cli/captured.h"
#include "tests/cli/scripted_cluster.h"

namespace ticketd::cli {
namespace {

using Calls = std::vector<std::string>;
using Code = net::ErrorReply::Code;

Target target() {
  Target target;
  target.peers = {"127.0.0.1:9001", "127.0.0.1:9002"};
  target.timeout = std::chrono::milliseconds(700);
  return target;
}

const std::vector<raft::Member> kTwo = {voter(1, 1), voter(2, 3)};

net::ErrorReply refusal(Code code, const std::string& message) {
  return {code, message, {}, false};
}

Answer run_next(ScriptedCluster& cluster, NextCommand command) {
  command.target = target();
  return captured([&] { return next(command, cluster); });
}

TEST_CASE("next prints a number, or the first and the last") {
  ScriptedCluster cluster(kTwo);
  cluster.change_answer = net::ChangeReply{41, 1, false};
  CHECK(run_next(cluster, {}).out == "41\n");
  cluster.change_answer = net::ChangeReply{42, 10, false};
  const Answer answer = run_next(cluster, {{}, 10, "", ""});
  CHECK(answer.code == 0);
  CHECK(answer.out == "42-51\n");
  CHECK(answer.err.empty());
  CHECK(cluster.changes[0] == net::ChangeCall{ticket::Kind::kTake, "", 1, "", 700'000});
  CHECK(cluster.changes[1] == net::ChangeCall{ticket::Kind::kTake, "", 10, "", 700'000});
}

TEST_CASE("next takes of a named sequence, and for an idempotency key") {
  ScriptedCluster cluster(kTwo);
  cluster.change_answer = net::ChangeReply{0, 1, true};
  CHECK(run_next(cluster, {{}, 1, "orders", "k-1"}).out == "0\n");
  CHECK(cluster.changes ==
        std::vector{net::ChangeCall{ticket::Kind::kTake, "orders", 1, "k-1", 700'000}});
}

TEST_CASE("next says when the outcome is unknown, and prints no number") {
  ScriptedCluster cluster(kTwo);
  cluster.change_answer = refusal(Code::kUnknown, "leadership was lost");
  const Answer answer = run_next(cluster, {});
  CHECK(answer.code == 1);
  CHECK(answer.out.empty());
  CHECK(answer.err == "ticketd: outcome unknown: leadership was lost\n");
  const Answer with_key = run_next(cluster, {{}, 1, "", "k"});
  CHECK(with_key.code == 1);
  CHECK(contains(with_key.err, "outcome unknown: leadership was lost; the same command with"));
}

TEST_CASE("next hands on why nothing was done") {
  ScriptedCluster cluster(kTwo);
  for (const Code code : {Code::kOverflow, Code::kKeyReused, Code::kKeysFull, Code::kNoSpace}) {
    cluster.change_answer = refusal(code, "for this reason");
    const Answer answer = run_next(cluster, {{}, 1, "", "k"});
    CHECK(answer.code == 1);
    CHECK(contains(answer.err, "for this reason"));
    CHECK_FALSE(contains(answer.err, "unknown"));
  }
}

TEST_CASE("a result that nobody can read is an error") {
  ScriptedCluster cluster(kTwo);
  cluster.change_answer = net::ChangeReply{41, 1, false};
  const Answer answer = captured([&] {
    const int full = ::open("/dev/full", O_WRONLY);
    ::dup2(full, STDOUT_FILENO);
    ::close(full);
    return next({target(), 1, "", ""}, cluster);
  });
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "cannot write"));
}

// --- get -----------------------------------------------------------------------------------------

Answer run_get(ScriptedCluster& cluster, const std::string& sequence,
               std::optional<std::uint64_t> last, bool stale = false) {
  cluster.query_answer = [=](const ticket::Query& query) {
    CHECK(std::get<ticket::Lookup>(query).sequences == std::vector{sequence});
    return net::QueryReply{raft::Index(7), {{sequence, last}}, false};
  };
  return captured([&] { return get({target(), sequence, stale}, cluster); });
}

TEST_CASE("get prints the last number given, and says when there is none") {
  ScriptedCluster cluster(kTwo);
  CHECK(run_get(cluster, "orders", 17).out == "17\n");
  CHECK(run_get(cluster, "orders", 0).out == "0\n");
  CHECK(run_get(cluster, "orders", ~0ull).out == "18446744073709551615\n");
  CHECK(run_get(cluster, "orders", {}).out == "-1\n");
  CHECK(run_get(cluster, "", {}).out == "0\n");
  CHECK(run_get(cluster, "", 3).out == "3\n");
  CHECK(run_get(cluster, "orders", {}).code == 0);
  CHECK(cluster.calls == Calls(7, "query"));
  CHECK_FALSE(cluster.queries.back().stale);
  CHECK(cluster.queries.back().timeout_us == 700'000);
}

TEST_CASE("get --stale takes the first member that answers") {
  ScriptedCluster cluster(kTwo);
  CHECK(run_get(cluster, "orders", 17, true).out == "17\n");
  CHECK(cluster.calls == Calls{"query 127.0.0.1:9001", "query 127.0.0.1:9002"});
  CHECK(cluster.queries.back().stale);
}

TEST_CASE("get hands on why there is no answer, or a wrong one") {
  ScriptedCluster cluster(kTwo);
  cluster.query_answer = [](const ticket::Query&) { return refusal(Code::kBusy, "a full queue"); };
  const auto run = [&](bool stale) {
    return captured([&] { return get({target(), "orders", stale}, cluster); });
  };
  CHECK(contains(run(false).err, "a full queue; nothing was done, try again"));
  CHECK(contains(run(true).err, "no member answers: no node answers at 127.0.0.1:9001; a full"));
  cluster.query_answer = [](const ticket::Query&) { return net::QueryReply{}; };
  CHECK(contains(run(false).err, "0 sequences instead of one"));
  CHECK(run(false).code == 1);
}

// --- list ----------------------------------------------------------------------------------------

/// Answers listings out of so many sequences, named by their place.
struct Sequences {
  explicit Sequences(ScriptedCluster& cluster, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string digits = std::to_string(i);
      names.push_back("s" + std::string(5 - digits.size(), '0') + digits);
    }
    cluster.query_answer = [this](const ticket::Query& query) { return page(query); };
  }

  net::Reply page(const ticket::Query& query) const {
    const auto& listing = std::get<ticket::Listing>(query);
    CHECK(listing.limit >= 1);
    CHECK(listing.limit <= ticket::kMaxListed);
    net::QueryReply reply;
    for (const std::string& name : names) {
      if (name <= listing.after || !name.starts_with(listing.prefix)) continue;
      if (reply.found.size() == listing.limit) {
        reply.more = true;
        break;
      }
      reply.found.push_back({name, name.size()});
    }
    return reply;
  }

  std::vector<std::string> names;
};

Answer run_list(ScriptedCluster& cluster, ListCommand command) {
  command.target = target();
  return captured([&] { return list(command, cluster); });
}

TEST_CASE("list prints a line for each, page by page") {
  ScriptedCluster cluster(kTwo);
  const Sequences sequences(cluster, 2500);
  const Answer answer = run_list(cluster, {});
  CHECK(answer.code == 0);
  std::string expected;
  for (const std::string& name : sequences.names) {
    expected += name + "\t6\n";
  }
  CHECK((answer.out == expected));
  CHECK(cluster.queries.size() == 3);
  CHECK(cluster.renewals == 3);  // a page has the time of a command
}

TEST_CASE("list ends at its limit, and asks for no more than that") {
  ScriptedCluster cluster(kTwo);
  const Sequences sequences(cluster, 2500);
  ListCommand command;
  command.limit = 2;
  CHECK(run_list(cluster, command).out == "s00000\t6\ns00001\t6\n");
  command.limit = 1500;
  const std::string out = run_list(cluster, command).out;
  CHECK(std::count(out.begin(), out.end(), '\n') == 1500);
  CHECK(cluster.queries.size() == 3);
  CHECK(std::get<ticket::Listing>(cluster.queries[2].query).limit == 500);
}

TEST_CASE("list hands prefix and after on") {
  ScriptedCluster cluster(kTwo);
  const Sequences sequences(cluster, 2500);
  ListCommand command;
  command.prefix = "s0001";
  command.after = "s00017";
  CHECK(run_list(cluster, command).out == "s00018\t6\ns00019\t6\n");
  command.prefix = "t";
  CHECK(run_list(cluster, command).out.empty());
}

TEST_CASE("list prints one JSON object, however many pages it took") {
  ScriptedCluster cluster(kTwo);
  const Sequences sequences(cluster, 2500);
  ListCommand command;
  command.json = true;
  auto json = nlohmann::json::parse(run_list(cluster, command).out);
  CHECK(json["sequences"].size() == 2500);
  CHECK(json["sequences"][2499] == nlohmann::json{{"key", "s02499"}, {"last", 6}});
  CHECK(json["more"] == false);
  command.limit = 1;
  CHECK(run_list(cluster, command).out ==
        "{\"sequences\": [\n  {\"key\":\"s00000\",\"last\":6}\n], \"more\": true}\n");
  command.prefix = "t";
  CHECK(run_list(cluster, command).out == "{\"sequences\": [], \"more\": false}\n");
}

TEST_CASE("names that no line can hold are escaped, in JSON as JSON does it") {
  ScriptedCluster cluster(kTwo);
  cluster.query_answer = [](const ticket::Query&) {
    return net::QueryReply{raft::Index(7), {{"a\tb\n\x1b[2J\xff", 1}}, false};
  };
  CHECK(run_list(cluster, {}).out == "a\\x09b\\x0a\\x1b[2J\\xff\t1\n");
  ListCommand command;
  command.json = true;
  const auto json = nlohmann::json::parse(run_list(cluster, command).out);
  CHECK(json["sequences"][0]["key"] == "a\tb\n\x1b[2J\xef\xbf\xbd");
}

TEST_CASE("a list that breaks off is an error") {
  ScriptedCluster cluster(kTwo);
  const Sequences sequences(cluster, 2500);
  cluster.query_answer = [&](const ticket::Query& query) -> net::Reply {
    if (cluster.queries.size() == 2) return refusal(Code::kNoLeader, "an election");
    return sequences.page(query);
  };
  const Answer answer = run_list(cluster, {});
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "an election"));
}

TEST_CASE("what is escaped stands for itself alone, and the rest stays") {
  CHECK(escaped("").empty());
  CHECK(escaped("orders/2024 \xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xab~") ==
        "orders/2024 \xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xab~");
  CHECK(escaped("\\") == "\\x5c");
  CHECK(escaped("\x7f") == "\\x7f");
  CHECK(escaped(std::string(1, '\0')) == "\\x00");
  CHECK(escaped("\xc2\x9b") == "\\xc2\\x9b");           // a control character of the second set
  CHECK(escaped("\xc2\xa0") == "\xc2\xa0");             // the first that is none
  CHECK(escaped("\xc0\x80") == "\\xc0\\x80");           // too long for what it says
  CHECK(escaped("\xe2\x82") == "\\xe2\\x82");           // cut short
  CHECK(escaped("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
  CHECK(escaped("\xf5\x80\x80\x80") == "\\xf5\\x80\\x80\\x80");
  CHECK(escaped("\x80z") == "\\x80z");
}

}  // namespace
}  // namespace ticketd::cli
