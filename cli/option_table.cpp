#include "cli/option_table.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace ticketd::cli {
namespace {

constexpr const char* kMembership = "Membership";
constexpr const char* kNode = "Node (every command takes these, so that one set serves all)";
constexpr const char* kProcess = "Process";
constexpr const char* kClient = "Client commands";
constexpr const char* kBenchmark = "Benchmark";
constexpr const char* kGeneral = "General";

constexpr CommandSet kBench = only(CommandName::kBench);

constexpr std::array<OptionRow, kOptionCount> kOptions{{
    {OptionKey::kId, 'I', "id", "ID", nullptr, only(CommandName::kStart) | only(CommandName::kJoin),
     kMembership,
     "number of this node, any from 0 to 2^64-1 that no other node of the cluster has"},
    {OptionKey::kPath, 'P', "path", "DIR", "store", kEveryCommand, kNode, "data directory"},
    {OptionKey::kHost, 'H', "host", "HOST", "127.0.0.1", kEveryCommand, kNode,
     "name or address to listen on"},
    {OptionKey::kAdvertise, 0, "advertise", "HOST", nullptr, kEveryCommand, kNode,
     "what peers and redirected clients are told instead of --host"},
    {OptionKey::kRaftPort, 'p', "raft_port", "PORT", "9000", kEveryCommand, kNode,
     "port for the other members and for the client commands; 0: any free one"},
    {OptionKey::kHttpPort, 't', "http_port", "PORT", "8000", kEveryCommand, kNode,
     "port for HTTP; 0: any free one"},
    {OptionKey::kRedisPort, 0, "redis_port", "PORT", nullptr, kEveryCommand, kNode,
     "port for the Redis protocol, which is not spoken unless this is given; 0: any free one"},
    {OptionKey::kRedisAdmin, 0, "redis_admin", nullptr, nullptr, kEveryCommand, kNode,
     "let Redis clients that are not on this machine change the cluster, too"},
    {OptionKey::kDbSize, 's', "db_size", "MB", "1000", kEveryCommand, kNode,
     "the most that log and tickets may take"},
    {OptionKey::kDurability, 0, "durability", "LEVEL", "high", kEveryCommand, kNode,
     "when a number may be given: high, after it is flushed to the disk; medium, 200 ms before it "
     "is; low, before a checkpoint. Nodes that a power cut took with them rejoin anew below high"},
    {OptionKey::kElectionTimeout, 0, "election_timeout", "MS", "500", kEveryCommand, kNode,
     "upper end of the random silence after which a new leader is elected; the lower end is half"},
    {OptionKey::kHeartbeat, 0, "heartbeat", "MS", "50", kEveryCommand, kNode,
     "how often the leader shows that it lives; at most a third of --election-timeout"},
    {OptionKey::kRequestTimeout, 0, "request_timeout", "MS", "5000", kEveryCommand, kNode,
     "within this every request is answered; client commands wait as long"},
    {OptionKey::kRedirect, 0, "redirect", "HOW", nullptr, kEveryCommand, kNode,
     "what a follower does with a request that the leader must answer: 301, 307, 308, or proxy "
     "(asks the leader itself) [301 for /, proxy for /seq]"},
    {OptionKey::kIdempotencyAge, 0, "idempotency_age", "TIME", "1h", kEveryCommand, kNode,
     "how long an idempotency key is remembered at least: seconds, or with s, m, h or d behind"},
    {OptionKey::kIdempotencyKeys, 0, "idempotency_keys", "N", "1000000", kEveryCommand, kNode,
     "idempotency keys remembered at most; 0: requests with a key are refused"},
    {OptionKey::kAllowDelete, 0, "allow_delete", nullptr, nullptr, kEveryCommand, kNode,
     "let clients delete sequences, which then begin anew: numbers come twice"},
    {OptionKey::kDaemonize, 'd', "daemonize", nullptr, nullptr, kEveryCommand, kProcess,
     "go to the background once the node serves; logs to DIR/ticketd.log"},
    {OptionKey::kPidFile, 'i', "pid_file", "FILE", nullptr, kEveryCommand, kProcess,
     "file that holds the process id while the node serves"},
    {OptionKey::kForce, 0, "force", nullptr, nullptr,
     only(CommandName::kStart) | only(CommandName::kJoin), kMembership,
     "destroy the data that the directory holds, and begin anew"},
    {OptionKey::kReplace, 0, "replace", nullptr, nullptr, only(CommandName::kJoin), kMembership,
     "take over the id of a member whose data is lost for good"},
    {OptionKey::kYes, 0, "yes", nullptr, nullptr, only(CommandName::kDrop) | only(CommandName::kRecover),
     kMembership, "go ahead without asking"},
    {OptionKey::kForward, 0, "forward", "N", "1000000", only(CommandName::kRecover), kMembership,
     "by how much every sequence moves: more than may have been lost"},
    {OptionKey::kPeer, 0, "peer", "HOST:PORT", nullptr, kClientCommands, kClient,
     "peer address of a member to ask; may be repeated, or hold several with commas between"},
    {OptionKey::kCount, 0, "count", "N", "1", only(CommandName::kNext) | kBench, kClient,
     "take N tickets in a row, up to 1000000, and print FIRST-LAST"},
    {OptionKey::kIdempotencyKey, 0, "idempotency_key", "K", nullptr, only(CommandName::kNext),
     kClient,
     "1 to 64 visible ASCII characters: with the same one again the same tickets are printed, and "
     "none are taken"},
    {OptionKey::kStale, 0, "stale", nullptr, nullptr, only(CommandName::kGet), kClient,
     "let any member answer from what it has, which may be old"},
    {OptionKey::kPrefix, 0, "prefix", "P", nullptr, only(CommandName::kList), kClient,
     "keys that begin with P"},
    {OptionKey::kAfter, 0, "after", "A", nullptr, only(CommandName::kList), kClient,
     "keys behind A in the order of their bytes"},
    {OptionKey::kLimit, 0, "limit", "N", nullptr, only(CommandName::kList), kClient,
     "at most N of them"},
    {OptionKey::kOutput, 'o', "output", "FORMAT", "text",
     only(CommandName::kList) | only(CommandName::kStatus) | kBench, kClient, "text or json"},
    {OptionKey::kHttp, 0, "http", "HOST:PORT", nullptr, kBench, kBenchmark,
     "HTTP address of a node; may be repeated, or hold several with commas between "
     "[127.0.0.1:8000]"},
    {OptionKey::kRedis, 0, "redis", "HOST:PORT", nullptr, kBench, kBenchmark,
     "the same of Redis protocol addresses, instead of HTTP"},
    {OptionKey::kClients, 0, "clients", "N", "1", kBench, kBenchmark, "connections, up to 20000"},
    {OptionKey::kPipeline, 0, "pipeline", "N", "1", kBench, kBenchmark,
     "requests of a connection that may wait for an answer, up to 10000"},
    {OptionKey::kTime, 0, "time", "S", "10", kBench, kBenchmark,
     "seconds to measure, 0.001 to 86400; with --requests alone there is no such end"},
    {OptionKey::kRequests, 0, "requests", "N", nullptr, kBench, kBenchmark,
     "requests to measure; with --time, whichever ends first"},
    {OptionKey::kRate, 0, "rate", "R", nullptr, kBench, kBenchmark,
     "send R requests a second on a schedule, whether or not answers come, and count latency from "
     "when a request was due [each answer makes room for the next request]"},
    {OptionKey::kWarmup, 0, "warmup", "S", "1", kBench, kBenchmark,
     "seconds before the measurement, 0 to 86400, that count in nothing"},
    {OptionKey::kSequence, 0, "sequence", "KEY", nullptr, kBench, kBenchmark,
     "take numbers of that sequence instead of the unnamed one"},
    {OptionKey::kKeys, 0, "keys", "N", "1", kBench, kBenchmark,
     "spread the requests over N sequences, KEY-00000000 and so on, up to 100000000"},
    {OptionKey::kCommand, 0, "command", "WORDS", nullptr, kBench, kBenchmark,
     "with --redis: send this command to any server, such as \"INCR k\""},
    {OptionKey::kTarget, 0, "target", "PATH", nullptr, kBench, kBenchmark,
     "with --http: ask any server for this path, with --method and --body"},
    {OptionKey::kMethod, 0, "method", "NAME", "GET", kBench, kBenchmark, "with --target"},
    {OptionKey::kBody, 0, "body", "TEXT", nullptr, kBench, kBenchmark, "with --target"},
    {OptionKey::kExpect, 0, "expect", "TEXT", nullptr, kBench, kBenchmark,
     "with --command or --target: what a good answer holds [anything that is no error]"},
    {OptionKey::kDebug, 'g', "debug", nullptr, nullptr, kEveryCommand, kGeneral, "log everything"},
    {OptionKey::kVersion, 'v', "version", nullptr, nullptr, kEveryCommand, kGeneral,
     "print the version"},
    {OptionKey::kHelp, 'h', "help", nullptr, nullptr, kEveryCommand, kGeneral,
     "print this help, or that of the command it stands with"},
}};

constexpr std::array<CommandRow, 13> kCommands{{
    {CommandName::kRejoin, "", "", "run the node that the data directory holds",
     "Runs the node whose data --path holds, as what it was: it finds its cluster again by what "
     "is\n"
     "written there, also after its own address changed.\n"},
    {CommandName::kStart, "start", "", "start a new cluster with this node as its only member",
     "Starts a new cluster, of which this node is the first member, and runs the node. Over data\n"
     "of the same id it goes on with that data; over data of another id it refuses. --force\n"
     "destroys the data first.\n"
     "\n"
     "  ticketd start --id 1\n"
     "  ticketd start --id 1 --host 0.0.0.0 --advertise tickets-1.example --path "
     "/var/lib/ticketd\n"},
    {CommandName::kJoin, "join", "HOST:PORT", "join a cluster through any of its members",
     "Asks the member whose peer address is HOST:PORT for admission, catches up, becomes a voter\n"
     "and runs on. When it is interrupted, the same command takes it up again. A member that lost\n"
     "its data for good comes back under its id with --replace.\n"
     "\n"
     "  ticketd join 127.0.0.1:9000 --id 2 -p 9001 -t 8001 -P store2\n"
     "  ticketd join tickets-1.example:9000 --id 2 --replace\n"},
    {CommandName::kLeave, "leave", "", "remove this node from its cluster, then destroy its data",
     "Removes the node of --path from its cluster and, once the cluster confirms that it is gone,\n"
     "destroys its data. It may run or be stopped: a running one ends. When no leader can be\n"
     "reached nothing is changed. The last voter cannot leave: see drop.\n"
     "\n"
     "  ticketd leave --path store2\n"},
    {CommandName::kDrop, "drop", "", "destroy this node's data, without telling its cluster",
     "Destroys the data in --path. The node must not run. Its cluster is not told: it goes on\n"
     "counting this node as a member until it is removed (ticketd remove ID), so use leave while\n"
     "the cluster lives.\n"
     "\n"
     "  ticketd drop --path store2 --yes\n"},
    {CommandName::kRecover, "recover", "", "go on after most nodes lost numbers that they gave",
     "For a cluster that runs with --durability medium or low, when a power cut took most nodes at\n"
     "once: none of them takes part before a majority admits it anew, and there is no majority. It\n"
     "makes the node of --path, which must not run, the only member of a new cluster, counts all\n"
     "of its log as given, and moves every sequence forward by --forward, or to its end when that\n"
     "is nearer. First it says what it will do and asks. Recover the one node whose log is the\n"
     "longest (the greater term, then the greater index), and only that; then start it. Nodes that\n"
     "wait to be admitted anew join it by themselves; any other is to be stopped and to join with\n"
     "--force:\n"
     "\n"
     "  ticketd recover --path store2 --forward 1000000\n"
     "  ticketd --path store2\n"
     "  ticketd join tickets-2.example:9000 --id 1 --path store1 --force\n"
     "\n"
     "Named sequences that the node does not know, whose first numbers may have been lost, begin\n"
     "at --forward from then on, and each further recovery adds its own. Brand-new ones do so, too.\n"
     "Idempotency keys of requests that were lost count as new.\n"},
    {CommandName::kNext, "next", "[KEY]", "take the next ticket, or several, and print it",
     "Takes tickets of the sequence KEY (without it, of the unnamed one) at the leader and prints\n"
     "the number, or FIRST-LAST for more than one. The first of a named sequence is 0, that of "
     "the\n"
     "unnamed one is 1. When the answer is lost on its way the message says \"outcome unknown\":\n"
     "the tickets may or may not have been taken. They are never handed out again. With an\n"
     "idempotency key the command asks again by itself, and may be given again: whatever was\n"
     "taken for that key is printed, and no more is taken.\n"
     "\n"
     "  ticketd next\n"
     "  ticketd next orders --idempotency-key 7f3a-1\n"
     "  ticketd next --count 100 --peer 127.0.0.1:9000,127.0.0.1:9001\n"},
    {CommandName::kGet, "get", "[KEY]", "print the last number given",
     "Prints the last number given of the sequence KEY, or -1 if there is no such sequence;\n"
     "without KEY that of the unnamed sequence, or 0 if none was given. It is asked of the\n"
     "leader, or with --stale of any member, whose answer may be old.\n"
     "\n"
     "  ticketd get orders\n"
     "  ticketd get --stale --peer 127.0.0.1:9001\n"},
    {CommandName::kList, "list", "", "list the named sequences",
     "Prints a line for every named sequence: its key, a tab, and the last number given, in the\n"
     "order of the keys' bytes. Control characters, backslashes and what is not UTF-8 come as\n"
     "\\xHH. Each page of 1000 is asked of the leader by itself: what changes meanwhile may show "
     "in\n"
     "one and not in the other.\n"
     "\n"
     "  ticketd list --prefix orders/ --limit 10\n"
     "  ticketd list --after orders/1000 -o json\n"},
    {CommandName::kStatus, "status", "", "show a node and its cluster",
     "Asks one member how it sees itself and its cluster, and the leader how far the others are.\n"
     "\n"
     "  ticketd status\n"
     "  ticketd status --peer tickets-1.example:9000 -o json\n"},
    {CommandName::kRemove, "remove", "ID", "remove a member from the cluster",
     "Removes the member with that id and waits until the cluster confirms it. The process of the\n"
     "removed node ends by itself with exit code 3 when it hears of it; its data stays.\n"
     "\n"
     "  ticketd remove 3 --peer 127.0.0.1:9000\n"},
    {CommandName::kTransfer, "transfer", "ID", "hand leadership to a member",
     "Has the leader hand over to the voter with that id, and waits until it leads.\n"
     "\n"
     "  ticketd transfer 2\n"},
    {CommandName::kBench, "bench", "", "load a cluster and measure it",
     "Takes tickets over many connections, at the node that leads, and prints how many a second\n"
     "and how long they took. When the leader goes it finds the next one and goes on. The tickets\n"
     "are used up. Progress goes to standard error. Answers are checked on the way: when the\n"
     "tickets of a connection do not grow, or nobody answers, it ends with 1. Any other server is\n"
     "measured with --command or --target.\n"
     "\n"
     "  ticketd bench --clients 64\n"
     "  ticketd bench --clients 64 --rate 20000 --time 60 --sequence orders -o json\n"
     "  ticketd bench --redis 127.0.0.1:6379 --command \"INCR k\" --clients 64 --pipeline 64\n"},
}};

}  // namespace

std::span<const OptionRow> option_rows() { return kOptions; }

std::span<const CommandRow> command_rows() { return kCommands; }

const OptionRow& row_of(OptionKey key) {
  const OptionRow& row = kOptions[static_cast<std::size_t>(key)];
  ENSURE(row.key == key);
  return row;
}

const CommandRow& row_of(CommandName name) {
  const CommandRow& row = kCommands[static_cast<std::size_t>(name)];
  ENSURE(row.name == name);
  return row;
}

const OptionRow* find_option(std::string_view name) {
  const auto found = std::find_if(kOptions.begin(), kOptions.end(),
                                  [&](const OptionRow& row) { return name == row.name; });
  return found == kOptions.end() ? nullptr : &*found;
}

const OptionRow* find_option(char letter) {
  const auto found = std::find_if(kOptions.begin(), kOptions.end(), [&](const OptionRow& row) {
    return letter != 0 && letter == row.letter;
  });
  return found == kOptions.end() ? nullptr : &*found;
}

}  // namespace ticketd::cli
