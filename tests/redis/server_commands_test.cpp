// The commands that need no service.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "redis/commands.h"
#include "tests/redis/server_fixture.h"

namespace ticketd::redis {
namespace {

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

TEST_CASE_FIXTURE(ServerFixture, "PING and ECHO") {
  CHECK(exchange("PING\r\nping hello\r\nEcho \"a b\"\r\nECHO \"\"\r\n") ==
        "+PONG\r\n$5\r\nhello\r\n$3\r\na b\r\n$0\r\n\r\n");
  CHECK(exchange("PING a b\r\nECHO\r\n") == repeated("-ERR wrong number of arguments\r\n", 2));
}

TEST_CASE_FIXTURE(ServerFixture, "an unknown command is named, not to be mistaken for a reply") {
  CHECK(exchange("FOO a b\r\n") == "-ERR unknown command 'FOO'\r\n");
  CHECK(exchange("*1\r\n$5\r\nA\r\n+B\r\n") == "-ERR unknown command 'A  +B'\r\n");
  CHECK(exchange(std::string(1000, 'x') + "\r\n") ==
        "-ERR unknown command '" + std::string(128, 'x') + "'\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "HELLO tells of the server and chooses the protocol") {
  const auto fields = [](const std::string& proto, const std::string& id) {
    return bulk("server") + bulk("ticketd") + bulk("version") + bulk("test") + bulk("proto") + ":" +
           proto + "\r\n" + bulk("id") + ":" + id + "\r\n" + bulk("mode") + bulk("cluster") +
           bulk("role") + bulk("master") + bulk("modules") + "*0\r\n";
  };
  CHECK(exchange("HELLO\r\nCLIENT GETNAME\r\n") == "*14\r\n" + fields("2", "1") + "$-1\r\n");
  CHECK(exchange("HELLO 3\r\nCLIENT GETNAME\r\n") == "%7\r\n" + fields("3", "2") + "_\r\n");
  CHECK(exchange("hello 3 auth default x setname me\r\nHELLO 2\r\nCLIENT GETNAME\r\n") ==
        "%7\r\n" + fields("3", "3") + "*14\r\n" + fields("2", "3") + "$2\r\nme\r\n");
  operations.seen.leader = MemberId{2, 3};
  CHECK(exchange("HELLO\r\n").find(bulk("role") + bulk("replica")) != std::string::npos);
}

TEST_CASE_FIXTURE(ServerFixture, "a HELLO that is wrong changes nothing") {
  CHECK(exchange("HELLO 4\r\nHELLO x\r\nHELLO 3 FOO\r\nHELLO 3 AUTH default\r\n"
                 "HELLO 3 AUTH me x\r\nHELLO 3 SETNAME \"a b\"\r\nCLIENT GETNAME\r\n") ==
        "-NOPROTO unsupported protocol version\r\n"
        "-ERR Protocol version is not an integer or out of range\r\n"
        "-ERR Syntax error in HELLO option 'FOO'\r\n"
        "-ERR Syntax error in HELLO option 'AUTH'\r\n"
        "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
        "-ERR Client names cannot contain spaces, newlines or special characters, and has at most "
        "255 bytes.\r\n"
        "$-1\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "AUTH is answered as by a server without a password") {
  CHECK(exchange("AUTH x\r\nAUTH default x\r\nAUTH me x\r\n") ==
        "-ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?\r\n+OK\r\n"
        "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "a client may say who it is, and is numbered") {
  CHECK(exchange("CLIENT ID\r\nCLIENT SETNAME me\r\nCLIENT GETNAME\r\n"
                 "CLIENT SETINFO lib-name redis-x\r\nclient setinfo LIB-VER 1.0\r\n") ==
        ":1\r\n+OK\r\n$2\r\nme\r\n+OK\r\n+OK\r\n");
  CHECK(exchange("CLIENT ID\r\nCLIENT GETNAME\r\n") == ":2\r\n$-1\r\n");
  CHECK(exchange("CLIENT\r\nCLIENT SETNAME\r\nCLIENT ID x\r\nCLIENT KILL\r\n"
                 "CLIENT SETINFO X y\r\n") ==
        repeated("-ERR wrong number of arguments\r\n", 3) +
            "-ERR unknown subcommand 'KILL'\r\n-ERR Unrecognized option 'X'\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "there is one database") {
  CHECK(exchange("SELECT 0\r\nSELECT 1\r\nSELECT x\r\n") ==
        "+OK\r\n-ERR DB index is out of range\r\n-ERR value is not an integer or out of range\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "a client may say whether it would read from replicas") {
  CHECK(exchange("READONLY\r\nreadwrite\r\nREADONLY x\r\n") ==
        "+OK\r\n+OK\r\n-ERR wrong number of arguments\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "TIME is that of the clock on the wall") {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string reply = exchange("TIME\r\n");
  REQUIRE(reply.starts_with("*2\r\n$10\r\n"));
  const long long told = std::stoll(reply.substr(9, 10));
  CHECK(told - std::chrono::duration_cast<std::chrono::seconds>(now).count() <= 60);
}

TEST_CASE_FIXTURE(ServerFixture, "INFO tells what is asked of it") {
  const std::string all = exchange("INFO\r\n");
  for (const char* line :
       {"# Server\r\n", "redis_version:7.0.0\r\n", "ticketd_version:test\r\n", "# Clients\r\n",
        "connected_clients:1\r\n", "maxclients:10000\r\n", "# Stats\r\n",
        "total_commands_processed:1\r\n", "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n",
        "# Cluster\r\ncluster_enabled:1\r\n", "# Raft\r\nraft_applied_index:41\r\n"}) {
    CAPTURE(line);
    CHECK(all.find(line) != std::string::npos);
  }
  CHECK(exchange("info cluster\r\n") == bulk("# Cluster\r\ncluster_enabled:1\r\n"));
  CHECK(exchange("INFO cluster RAFT\r\n").find("# Server") == std::string::npos);
  CHECK(exchange("INFO everything\r\n").find("# Raft") != std::string::npos);
  CHECK(exchange("INFO none\r\n") == bulk(""));
  CHECK(exchange("HELLO 3\r\nINFO cluster\r\n")
            .ends_with("=34\r\ntxt:# Cluster\r\n"
                       "cluster_enabled:1\r\n\r\n"));
  operations.seen.leader = MemberId{2, 3};
  CHECK(exchange("INFO replication\r\n") ==
        bulk("# Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:7002\r\n"
             "master_link_status:up\r\n"));
  operations.seen.leader.reset();
  CHECK(exchange("INFO replication\r\n") ==
        bulk("# Replication\r\nrole:slave\r\nmaster_link_status:down\r\n"));
}

TEST_CASE_FIXTURE(ServerFixture, "COMMAND names the first key, so that cluster clients can route") {
  const std::string ticket =
      "*10\r\n$6\r\nticket\r\n:-1\r\n*3\r\n+write\r\n+denyoom\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
      "*0\r\n*0\r\n*0\r\n*0\r\n";
  const std::string count = std::to_string(commands().size());
  CHECK(exchange("COMMAND INFO TICKET none\r\n") == "*2\r\n" + ticket + "$-1\r\n");
  CHECK(exchange("COMMAND\r\n").starts_with("*" + count + "\r\n" + ticket));
  CHECK(exchange("COMMAND COUNT\r\n") == ":" + count + "\r\n");
  CHECK(exchange("COMMAND LIST\r\n").starts_with("*" + count + "\r\n$6\r\nticket\r\n"));
  CHECK(exchange("COMMAND DOCS\r\n") == "*0\r\n");
  CHECK(exchange("HELLO 3\r\nCOMMAND DOCS TICKET\r\n").ends_with("%0\r\n"));
  CHECK(exchange("COMMAND GETKEYS TICKET a COUNT 3\r\n") == "*1\r\n$1\r\na\r\n");
  CHECK(exchange("COMMAND GETKEYS TICKET\r\nCOMMAND GETKEYS PING\r\nCOMMAND GETKEYS NONE a\r\n"
                 "COMMAND GETKEYS TICKET.GET\r\nCOMMAND GETKEYS\r\nCOMMAND FOO\r\n") ==
        "-ERR The command has no key arguments\r\n-ERR The command has no key arguments\r\n"
        "-ERR Invalid command specified\r\n"
        "-ERR Invalid number of arguments specified for command\r\n"
        "-ERR wrong number of arguments\r\n-ERR unknown subcommand 'FOO'\r\n");
}

TEST_CASE_FIXTURE(ServerFixture, "CONFIG GET tells what programs ask for") {
  CHECK(exchange("CONFIG GET save\r\nCONFIG GET none\r\nconfig get APPENDONLY databases\r\n") ==
        "*2\r\n$4\r\nsave\r\n$0\r\n\r\n*0\r\n"
        "*4\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n$9\r\ndatabases\r\n$1\r\n1\r\n");
  CHECK(exchange("CONFIG SET save x\r\nCONFIG GET\r\n") ==
        "-ERR unknown subcommand 'SET'\r\n-ERR wrong number of arguments\r\n");
}

}  // namespace
}  // namespace ticketd::redis
