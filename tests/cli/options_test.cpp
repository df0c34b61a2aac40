#include "cli/options.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "cli/option_table.h"

namespace ticketd::cli {
namespace {

/// Words of a command line, split at blanks.
std::vector<std::string> split(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(word);
  }
  return words;
}

Result<Invocation> parse(const std::string& line) { return parse_arguments(split(line)); }

template <class T>
T parsed(const std::string& line) {
  CAPTURE(line);
  const Result<Invocation> invocation = parse(line);
  REQUIRE_MESSAGE(invocation.ok(), (invocation.ok() ? "" : invocation.error().message));
  REQUIRE(std::holds_alternative<T>(invocation->command));
  return std::get<T>(invocation->command);
}

std::string fault(const std::string& line) {
  CAPTURE(line);
  const Result<Invocation> invocation = parse(line);
  REQUIRE_FALSE(invocation.ok());
  return invocation.error().message;
}

TEST_CASE("without arguments a node rejoins, with the defaults that the help names") {
  const auto run = parsed<RunCommand>("");
  const server::NodeOptions defaults;
  CHECK(run.begin.how == server::Begin::How::kRejoin);
  CHECK(run.node.path == "store");
  CHECK(run.node.host == "127.0.0.1");
  CHECK(run.node.advertise.empty());
  CHECK(run.node.raft_port == 9000);
  CHECK(run.node.http_port == 8000);
  CHECK(run.node.map_bytes == 1000ull << 20);
  CHECK(run.node.election_timeout == defaults.election_timeout);
  CHECK(run.node.heartbeat == defaults.heartbeat);
  CHECK(run.node.request_timeout == defaults.request_timeout);
  CHECK(run.node.redirect == http::RedirectMode::k301);
  CHECK(run.node.redirect_sequences == http::RedirectMode::kProxy);
  CHECK(run.node.idempotency_age == defaults.idempotency_age);
  CHECK(run.node.idempotency_keys == defaults.idempotency_keys);
  CHECK_FALSE(run.node.allow_delete);
  CHECK_FALSE(run.node.redis_port);
  CHECK_FALSE(run.node.redis_admin);
  CHECK_FALSE(run.daemonize);
  CHECK(run.pid_file.empty());
}

TEST_CASE("start takes every option of a node, in long form") {
  const auto run = parsed<RunCommand>(
      "start --daemonize --id 7 --path p --host localhost --raft_port 1 --http_port 2 --db_size 10 "
      "--pid_file f --debug --advertise ::1 --election_timeout 1000 --heartbeat 300 "
      "--request_timeout 60000 --redirect proxy --force --idempotency_age 90m "
      "--idempotency_keys 100000000 --allow_delete --redis_port 3 --redis_admin");
  CHECK(run.begin.how == server::Begin::How::kStart);
  CHECK(run.begin.node == raft::NodeId(7));
  CHECK(run.begin.force);
  CHECK(run.daemonize);
  CHECK(run.pid_file == "f");
  CHECK(run.node.path == "p");
  CHECK(run.node.host == "localhost");
  CHECK(run.node.advertise == "::1");
  CHECK(run.node.raft_port == 1);
  CHECK(run.node.http_port == 2);
  CHECK(run.node.map_bytes == 10u << 20);
  CHECK(run.node.election_timeout == 1'000'000);
  CHECK(run.node.heartbeat == 300'000);
  CHECK(run.node.request_timeout == 60'000'000);
  CHECK(run.node.redirect == http::RedirectMode::kProxy);
  CHECK(run.node.redirect_sequences == http::RedirectMode::kProxy);
  CHECK(run.node.idempotency_age == 5'400'000'000);
  CHECK(run.node.idempotency_keys == 100'000'000);
  CHECK(run.node.allow_delete);
  CHECK(run.node.redis_port == 3);
  CHECK(run.node.redis_admin);
}

TEST_CASE("--redirect counts for all requests") {
  const auto run = parsed<RunCommand>("--redirect 308");
  CHECK(run.node.redirect == http::RedirectMode::k308);
  CHECK(run.node.redirect_sequences == http::RedirectMode::k308);
}

TEST_CASE("a duration is in seconds, or in what its last letter says") {
  const auto age = [](const std::string& text) {
    return parsed<RunCommand>("--idempotency-age " + text).node.idempotency_age / 1'000'000;
  };
  CHECK(age("1") == 1);
  CHECK(age("90") == 90);
  CHECK(age("90s") == 90);
  CHECK(age("2m") == 120);
  CHECK(age("3h") == 10'800);
  CHECK(age("3650d") == 315'360'000);
  CHECK(age("315360000") == 315'360'000);
}

TEST_CASE("letters stand alone, together, and with their values") {
  const auto run = parsed<RunCommand>("-dg -I 3 start -Pdir -H [::1] -p1 -t 2 -s 20 -if");
  CHECK(run.daemonize);
  CHECK(run.begin.node == raft::NodeId(3));
  CHECK(run.node.path == "dir");
  CHECK(run.node.host == "::1");
  CHECK(run.node.raft_port == 1);
  CHECK(run.node.http_port == 2);
  CHECK(run.node.map_bytes == 20u << 20);
  CHECK(run.pid_file == "f");
  CHECK(parse("-dg -I 3 start")->debug);
  CHECK_FALSE(parse("-d -I 3 start")->debug);
}

TEST_CASE("'-' and '_' are the same in long names, before and after the command") {
  for (const char* line :
       {"start --id 1 --db_size 50", "start --id 1 --db-size 50", "start --id=1 --db_size=50",
        "--db-size=50 start --id=1", "--db-size 50 --id 1 start", "--id 1 start --db_size=50"}) {
    CAPTURE(line);
    CHECK(parsed<RunCommand>(line).node.map_bytes == 50u << 20);
  }
}

TEST_CASE("values are never taken for names") {
  CHECK(parsed<RunCommand>("--path my-dir_x").node.path == "my-dir_x");
  CHECK(parsed<RunCommand>("--path=my-dir_x").node.path == "my-dir_x");
  CHECK(parsed<RunCommand>("--path=--db-size=5").node.path == "--db-size=5");
  CHECK(parsed<RunCommand>("--path --my-dir").node.path == "--my-dir");
  CHECK(parsed<RunCommand>("-P --my-dir").node.path == "--my-dir");
  CHECK(parsed<RunCommand>("-dP --my-dir").node.path == "--my-dir");
  CHECK(parsed<RunCommand>("--path start").node.path == "start");
  CHECK(parsed<RunCommand>("--path=a=b").node.path == "a=b");
}

TEST_CASE("join takes the address of a member") {
  const auto run = parsed<RunCommand>("join [::1]:9000 --id 18446744073709551615 --replace");
  CHECK(run.begin.how == server::Begin::How::kJoin);
  CHECK(run.begin.contact == "[::1]:9000");
  CHECK(run.begin.node == raft::NodeId(18446744073709551615u));
  CHECK(run.begin.replace);
  CHECK(parsed<RunCommand>("--id 0 join host.example:1").begin.contact == "host.example:1");
  CHECK(parsed<RunCommand>("join --id 0 host.example:1").begin.contact == "host.example:1");
}

TEST_CASE("recover moves sequences by a million unless told otherwise, and asks") {
  CHECK(parsed<RecoverCommand>("recover -P p").directory.path == "p");
  CHECK(parsed<RecoverCommand>("recover").forward == 1'000'000);
  CHECK_FALSE(parsed<RecoverCommand>("recover").yes);
  CHECK(parsed<RecoverCommand>("recover --forward 0 --yes").forward == 0);
  CHECK(parsed<RecoverCommand>("recover --forward 18446744073709551615").forward == ~0ull);
  CHECK(parsed<RecoverCommand>("recover --yes").yes);
}

TEST_CASE("durability is high unless told otherwise") {
  CHECK(parsed<RunCommand>("").node.durability == Durability::kHigh);
  for (const Durability level : {Durability::kHigh, Durability::kMedium, Durability::kLow}) {
    const std::string line = std::string("--durability ") + to_string(level);
    CHECK(parsed<RunCommand>(line).node.durability == level);
  }
}

TEST_CASE("leave and drop take the options of the node they mean") {
  CHECK(parsed<LeaveCommand>("leave -P p -p 9001 -s 64 --request-timeout 100").directory.path ==
        "p");
  CHECK(parsed<LeaveCommand>("leave -s 64").directory.map_bytes == 64u << 20);
  CHECK(parsed<LeaveCommand>("leave --request-timeout 100").timeout.count() == 100);
  CHECK(parsed<DropCommand>("drop -P p").path == "p");
  CHECK_FALSE(parsed<DropCommand>("drop").yes);
  CHECK(parsed<DropCommand>("drop --yes").yes);
  CHECK(parsed<DropCommand>("--yes drop").yes);
}

TEST_CASE("client commands take peers, repeated or with commas") {
  const auto next =
      parsed<NextCommand>("--peer a:1 next --peer b:2,[::1]:3 --count 1000000 -P p -p 9001");
  CHECK(next.target.peers == std::vector<std::string>{"a:1", "b:2", "[::1]:3"});
  CHECK(next.count == 1'000'000);
  CHECK(next.target.directory.path == "p");
  CHECK(next.target.raft_port == 9001);
  CHECK(next.sequence.empty());
  CHECK(next.idempotency_key.empty());
  CHECK(parsed<NextCommand>("next").count == 1);
  CHECK(parsed<NextCommand>("next").target.peers.empty());
  CHECK(parsed<NextCommand>("next").target.timeout.count() == 5000);
  CHECK_FALSE(parsed<StatusCommand>("status").json);
  CHECK_FALSE(parsed<StatusCommand>("status -o text").json);
  CHECK(parsed<StatusCommand>("status -o json").json);
  CHECK(parsed<StatusCommand>("-ojson status").json);
  CHECK(parsed<StatusCommand>("status --output=json").json);
  CHECK(parsed<RemoveCommand>("remove 0").node == raft::NodeId(0));
  CHECK(parsed<RemoveCommand>("remove --peer a:1 3").node == raft::NodeId(3));
  CHECK(parsed<TransferCommand>("transfer 18446744073709551615").node ==
        raft::NodeId(18446744073709551615u));
}

TEST_CASE("commands for sequences take a key, whatever it looks like") {
  const auto next = parsed<NextCommand>("next orders --idempotency-key k~1 --count 3");
  CHECK(next.sequence == "orders");
  CHECK(next.idempotency_key == "k~1");
  CHECK(next.count == 3);
  for (const std::string key : {"status", "next", "a/b", "1", "\xc3\xa9"}) {
    CHECK(parsed<NextCommand>("next " + key).sequence == key);
    CHECK(parsed<GetCommand>("get " + key).sequence == key);
  }
  for (const std::string key : {"--count", "-p", "--", "-"}) {
    CHECK(parsed<NextCommand>("next -- " + key).sequence == key);
    CHECK(parsed<NextCommand>("next --count 2 -- " + key).count == 2);
  }
  CHECK(parsed<GetCommand>("get").sequence.empty());
  CHECK_FALSE(parsed<GetCommand>("get").stale);
  CHECK(parsed<GetCommand>("get --stale orders").stale);
  const auto list =
      parsed<ListCommand>("list --prefix a --after ab --limit 18446744073709551615 -o json");
  CHECK(list.prefix == "a");
  CHECK(list.after == "ab");
  CHECK(list.limit == 18446744073709551615u);
  CHECK(list.json);
  CHECK_FALSE(parsed<ListCommand>("list").limit);
  CHECK_FALSE(parsed<ListCommand>("list").json);
}

TEST_CASE("help and version win over what is missing") {
  CHECK(parsed<HelpCommand>("-h").text == help());
  CHECK(parsed<HelpCommand>("--help").text == help());
  CHECK(parsed<HelpCommand>("join --help").text == help(CommandName::kJoin));
  CHECK(parsed<HelpCommand>("--help next --count 0").text == help(CommandName::kNext));
  parsed<VersionCommand>("-v");
  parsed<VersionCommand>("--version");
  parsed<VersionCommand>("start --version");
}

TEST_CASE("the help names every option and every command") {
  for (const OptionRow& row : option_rows()) {
    std::string name = "--" + std::string(row.name);
    std::replace(name.begin(), name.end(), '_', '-');
    CAPTURE(name);
    CHECK(help().find(name) != std::string::npos);
  }
  for (const CommandRow& row : command_rows()) {
    CHECK(help().find(row.text) != std::string::npos);
    CHECK(help(row.name).find("--path") != std::string::npos);
  }
  CHECK(help(CommandName::kNext).find("--count") != std::string::npos);
  CHECK(help(CommandName::kStart).find("--count") == std::string::npos);
}

TEST_CASE("no line of the help is wider than a hundred columns") {
  for (const CommandRow& row : command_rows()) {
    std::istringstream lines(help() + help(row.name));
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      CHECK(line.size() <= 100);
    }
  }
}

TEST_CASE("a default in the table is one that the option accepts") {
  for (const OptionRow& row : option_rows()) {
    if (row.fallback == nullptr || row.value == nullptr) {
      continue;
    }
    const std::string option = " --" + std::string(row.name) + " " + row.fallback;
    const std::string command = row.key == OptionKey::kCount                ? "next"
                                : row.key == OptionKey::kOutput             ? "list"
                                : row.key == OptionKey::kForward            ? "recover"
                                : row.key == OptionKey::kMethod             ? "bench --target /"
                                : row.commands == only(CommandName::kBench) ? "bench --sequence k"
                                                                            : "start --id 1";
    CAPTURE(option);
    CHECK(parse(command + option).ok());
  }
}

struct Bad {
  const char* line;
  /// What the message must hold.
  const char* message;
};

TEST_CASE("what is wrong is refused with its reason") {
  constexpr Bad kBad[] = {
      {"strat", "unknown command 'strat'; there are start, join"},
      {"start --id 1 now", "unexpected argument 'now' after 'start'"},
      {"remove 1 2", "unexpected argument '2' after 'remove'"},
      {"leave start", "unexpected argument 'start' after 'leave'"},
      {"start --id 1 -", "unexpected argument '-'"},
      {"--bogus", "unknown option '--bogus'"},
      {"--bog-us=3", "unknown option '--bog-us'"},
      {"-x", "unknown option '-x'"},
      {"-dx", "unknown option '-x'"},
      {"--debug=3", "--debug takes no value"},
      {"--path", "--path needs a value: DIR"},
      {"start --id", "--id needs a value: ID"},
      {"-dp", "--raft_port needs a value: PORT"},
      {"--path=", "--path needs a value: DIR"},
      {"--path a -P b", "--path is given more than once"},
      {"start", "start needs --id ID"},
      {"join a:1", "join needs --id ID"},
      {"join --id 1", "join needs the peer address"},
      {"join a --id 1", "join: 'a' is not an address: the port is missing"},
      {"join a:0 --id 1", "the port must be a number from 1 to 65535"},
      {"join ::1:9000 --id 1", "brackets"},
      {"start --id -1", "--id: must be a whole number from 0 to 18446744073709551615"},
      {"start --id 18446744073709551616", "--id: must be a whole number"},
      {"start --id 1x", "and is '1x'"},
      {"start --id 0x1", "--id: must be"},
      {"start --id +1", "--id: must be"},
      {"--id 1", "--id goes with 'start', 'join'"},
      {"leave --id 1", "--id goes with 'start', 'join', not with 'leave'"},
      {"start --id 1 --replace", "--replace goes with 'join', not with 'start'"},
      {"leave --force", "--force goes with"},
      {"leave --yes", "--yes goes with 'drop', 'recover', not with 'leave'"},
      {"start --id 1 --forward 5", "--forward goes with 'recover', not with 'start'"},
      {"recover --forward -1", "--forward: must be a whole number"},
      {"--durability lower", "--durability: must be high, medium or low, and is 'lower'"},
      {"start --id 1 --peer a:1",
       "--peer goes with 'next', 'get', 'list', 'status', 'remove', 'transfer'"},
      {"status --count 2", "--count goes with 'next'"},
      {"next -o json", "--output goes with 'list', 'status', 'bench', not with 'next'"},
      {"next --stale", "--stale goes with 'get', not with 'next'"},
      {"get --idempotency-key k", "--idempotency_key goes with 'next', not with 'get'"},
      {"get --limit 1", "--limit goes with 'list', not with 'get'"},
      {"next a -- b", "unexpected argument 'b' after 'next'"},
      {"list -- orders", "unexpected argument 'orders' after 'list'"},
      {"list orders", "unexpected argument 'orders' after 'list'"},
      {"get a b", "unexpected argument 'b' after 'get'"},
      {"list --limit 0", "--limit: must be a whole number from 1 to"},
      {"next --idempotency-key \xc3\xa9", "--idempotency_key: must be 1 to 64 visible ASCII"},
      {"--idempotency-age 0", "--idempotency_age: must be whole seconds, or a whole number with s"},
      {"--idempotency-age 0h", "from 1s to 3650d, and is '0h'"},
      {"--idempotency-age 3651d", "--idempotency_age: must be"},
      {"--idempotency-age 1w", "--idempotency_age: must be"},
      {"--idempotency-age h", "--idempotency_age: must be"},
      {"--idempotency-age 1ms", "--idempotency_age: must be"},
      {"--idempotency-keys 100000001", "--idempotency_keys: must be a whole number from 0 to"},
      {"next --idempotency-age x", "--idempotency_age: must be"},
      {"-p 65536", "--raft_port: must be a whole number from 0 to 65535"},
      {"-t -1", "--http_port: must be"},
      {"-p 9000 -t 9000", "--raft_port and --http_port are both 9000"},
      {"--redis_port 8000", "--http_port and --redis_port are both 8000"},
      {"--redis_port 7000 -p 7000", "--raft_port and --redis_port are both 7000"},
      {"--redis_port x", "--redis_port: must be"},
      {"--redis_admin", "--redis_admin is of no use without --redis_port"},
      {"-s 9", "--db_size: must be a whole number from 10 to 1048576"},
      {"-s 1048577", "--db_size: must be"},
      {"-s 10MB", "--db_size: must be"},
      {"-H a:1", "--host: 'a:1' is not an address"},
      {"-H 300.1.1.1", "--host: '300.1.1.1' is not an address"},
      {"--advertise [::]", "--advertise: nobody can reach ::"},
      {"--advertise 0.0.0.0", "--advertise: nobody can reach 0.0.0.0"},
      {"--advertise a_b:1", "--advertise: 'a_b:1' is not an address"},
      {"--election-timeout 9", "--election_timeout: must be a whole number from 10 to 600000"},
      {"--heartbeat 0", "--heartbeat: must be"},
      {"--heartbeat 251", "--heartbeat must be at most a third of --election_timeout: 251 ms"},
      {"--election_timeout 99", "--heartbeat must be at most a third"},
      {"--request-timeout 9", "--request_timeout: must be a whole number from 10 to 3600000"},
      {"--redirect 302", "--redirect: must be 301, 307, 308 or proxy, and is '302'"},
      {"next --count 0", "--count: must be a whole number from 1 to 1000000"},
      {"next --count 1000001", "--count: must be"},
      {"next --peer a", "--peer: 'a' is not an address"},
      {"next --peer a:1,", "--peer: '' is not an address"},
      {"status -o xml", "--output: must be text or json, and is 'xml'"},
      {"remove", "remove needs the id of a member"},
      {"transfer x", "transfer: the id must be a whole number"},
      {"leave -t x", "--http_port: must be"},
  };
  for (const Bad& bad : kBad) {
    const std::string message = fault(bad.line);
    const std::string line = bad.line;
    CAPTURE(line);
    CAPTURE(message);
    CHECK(message.find(bad.message) != std::string::npos);
  }
}

TEST_CASE("equal ports are fine when any free one is asked for, and so is a host for everywhere") {
  parsed<RunCommand>("-p 0 -t 0");
  parsed<RunCommand>("-H 0.0.0.0 --advertise tickets.example");
  parsed<RunCommand>("-H :: --advertise 10.0.0.1");
  parsed<RunCommand>("--election-timeout 99 --heartbeat 33");
}

TEST_CASE("an empty argument is not a command") {
  CHECK_FALSE(parse_arguments({""}).ok());
  CHECK_FALSE(parse_arguments({"remove", ""}).ok());
  // A variable of a script that was never set must not take from the unnamed sequence.
  for (const std::string command : {"next", "get"}) {
    const Result<Invocation> empty = parse_arguments({command, ""});
    REQUIRE_FALSE(empty.ok());
    CHECK(empty.error().message == command + ": a KEY is 1 to 255 bytes long, and this one is 0");
    CHECK(parse_arguments({command, std::string(255, 'x')}).ok());
    CHECK_FALSE(parse_arguments({command, std::string(256, 'x')}).ok());
  }
  CHECK_FALSE(parse_arguments({"list", "--prefix", std::string(256, 'x')}).ok());
  CHECK_FALSE(parse_arguments({"list", "--after", std::string(256, 'x')}).ok());
  CHECK_FALSE(parse_arguments({"--path", ""}).ok());
}

TEST_CASE("bench takes what a load is made of") {
  const auto bare = parsed<BenchCommand>("bench");
  CHECK(bare.load.nodes == std::vector<std::string>{"127.0.0.1:8000"});
  CHECK(bare.load.work.protocol == load::Protocol::kHttp);
  CHECK(bare.load.clients == 1);
  CHECK(bare.load.pipeline == 1);
  CHECK(bare.load.rate == 0);
  CHECK(bare.load.requests == 0);
  CHECK(bare.load.time == 10 * load::kSecond);
  CHECK(bare.load.warm_up == load::kSecond);
  CHECK(bare.load.patience == 5 * load::kSecond);
  CHECK(bare.load.work.count == 0);
  CHECK_FALSE(bare.json);
  const auto full = parsed<BenchCommand>(
      "bench --redis a:1,b:2 --redis [::1]:3 --clients 20000 --pipeline 64 --rate 5 --time 0.25 "
      "--requests 7 --warmup 0 --sequence k --keys 10 --count 3 -o json --request-timeout 100");
  CHECK(full.load.nodes == std::vector<std::string>{"a:1", "b:2", "[::1]:3"});
  CHECK(full.load.work.protocol == load::Protocol::kRedis);
  CHECK(full.load.work.sequence == "k");
  CHECK(full.load.work.keys == 10);
  CHECK(full.load.work.count == 3);
  CHECK(full.load.clients == 20'000);
  CHECK(full.load.time == 250 * load::kMillisecond);
  CHECK(full.load.requests == 7);
  CHECK(full.load.warm_up == 0);
  CHECK(full.load.patience == 100 * load::kMillisecond);
  CHECK(full.json);
  CHECK(parsed<BenchCommand>("bench --requests 7").load.time == 0);
  const Result<Invocation> other =
      parse_arguments({"bench", "--redis", "a:1", "--command", "INCR k", "--expect", ":"});
  REQUIRE(other.ok());
  CHECK(std::get<BenchCommand>(other->command).load.work.command == "INCR k");
  const auto page = parsed<BenchCommand>("bench --target /x?y --method POST --body {} --expect o");
  CHECK(page.load.work.target == "/x?y");
  CHECK(page.load.work.method == "POST");
}

TEST_CASE("bench refuses what makes no load") {
  const std::vector<std::pair<const char*, const char*>> lines{
      {"--http a:1 --redis b:1", "--http does not go with --redis"},
      {"--http a", "--http"},
      {"--clients 0", "--clients"},
      {"--clients 20001", "--clients"},
      {"--pipeline 10001", "--pipeline"},
      {"--rate 0", "--rate"},
      {"--time 0", "--time: must be seconds from 0.001 to 86400"},
      {"--time 1.", "--time"},
      {"--time .5", "--time"},
      {"--time 1e3", "--time"},
      {"--time -1", "--time"},
      {"--warmup 86401", "--warmup"},
      {"--warmup 0.0000000001", "--warmup"},
      {"--requests 0", "--requests"},
      {"--keys 2", "--keys needs --sequence"},
      {"--redis a:1 --count 2", "--count needs --sequence"},
      {"--command X", "--command needs --redis"},
      {"--redis a:1 --target /", "--target does not go with --redis"},
      {"--redis a:1 --command X --sequence k", "--command does not go with --sequence"},
      {"--target x", "--target"},
      {"--target / --method HEAD", "--method"},
      {"--target / --method get", "--method"},
      {"--method GET", "--method needs --target"},
      {"--body x", "--body needs --target"},
      {"--expect x", "--expect needs --target"},
      {"--target / --count 2", "--target does not go with --count"},
      {"-o xml", "--output"},
  };
  for (const auto& [line, expected] : lines) {
    CHECK(fault(std::string("bench ") + line).find(expected) != std::string::npos);
  }
  CHECK(fault("bench --sequence " + std::string(247, 'k')).find("246") != std::string::npos);
  CHECK(fault("next --clients 2").find("'bench'") != std::string::npos);
}

}  // namespace
}  // namespace ticketd::cli
