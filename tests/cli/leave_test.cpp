#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/stored_identity.h"
#include "store/lmdb_disk.h"
#include "tests/cli/captured.h"
#include "tests/cli/scripted_cluster.h"

namespace ticketd::cli {
namespace {

using Calls = std::vector<std::string>;

constexpr std::uint64_t kMapBytes = 16 << 20;

/// The data of node 2, incarnation 3, which knows the given members.
class NodeData {
 public:
  explicit NodeData(const std::vector<raft::Member>& members, std::uint64_t incarnation = 3) {
    make(members, incarnation);
  }

  void make(const std::vector<raft::Member>& members, std::uint64_t incarnation) const {
    store::DiskOptions options;
    options.path = path();
    options.map_bytes = kMapBytes;
    auto lock = store::DirectoryLock::acquire(path(), true);
    auto disk = store::LmdbDisk::open(std::move(**lock), options, [](const auto&) {});
    REQUIRE(disk.ok());
    store::Identity identity;
    identity.node = raft::NodeId(2);
    identity.incarnation = raft::Incarnation(incarnation);
    identity.cluster_id = 0xabc;
    if (members.empty()) {
      REQUIRE((*disk)->set_identity(identity).ok());
    } else {
      REQUIRE((*disk)->bootstrap(identity, raft::Configuration(members)).ok());
    }
    (*disk)->close();
  }

  std::string path() const { return directory_ / "node"; }
  bool is_there() const { return store::holds_data(path()); }

  /// As a process would that serves; until the result is destroyed.
  store::DirectoryLock run() const {
    auto lock = store::DirectoryLock::acquire(path(), false);
    REQUIRE((*lock)->announce("127.0.0.1:9002").ok());
    return std::move(**lock);
  }

  Answer leave(Caller& caller) const {
    return captured([&] {
      return cli::leave({{path(), kMapBytes}, std::chrono::milliseconds(50)}, caller);
    });
  }

 private:
  TemporaryDirectory directory_;
};

const std::vector<raft::Member> kThree = {voter(1, 1), voter(2, 3), voter(3, 5)};

net::Reply refusal(net::ErrorReply::Code code, const std::string& message) {
  return net::ErrorReply{code, message, {}, false};
}

TEST_CASE("a stopped node leaves: removed, seen gone, then destroyed") {
  const NodeData data(kThree);
  ScriptedCluster cluster(kThree);
  cluster.on_removed = [&] { CHECK(data.is_there()); };
  const Answer answer = data.leave(cluster);
  CHECK(answer.code == 0);
  CHECK(contains(answer.out, "node 2 has left its cluster"));
  CHECK(cluster.calls == Calls{"members", "remove 2.3", "members"});
  CHECK(cluster.contacts == Calls{"127.0.0.1:9001", "127.0.0.1:9003"});
  CHECK(cluster.expected_cluster == 0xabc);
  CHECK_FALSE(std::filesystem::exists(data.path()));
}

TEST_CASE("a running node is marked, removed, and destroyed when its process has ended") {
  const NodeData data(kThree);
  std::optional<store::DirectoryLock> process = data.run();
  ScriptedCluster cluster(kThree);
  cluster.on_pause = [&] {
    CHECK(data.is_there());
    if (cluster.pauses == 3) process.reset();
  };
  const Answer answer = data.leave(cluster);
  CHECK(answer.code == 0);
  CHECK(cluster.calls ==
        Calls{"status 127.0.0.1:9002", "members", "leave 127.0.0.1:9002", "remove 2.3", "members"});
  CHECK(cluster.contacts == Calls{"127.0.0.1:9001", "127.0.0.1:9003", "127.0.0.1:9002"});
  CHECK(cluster.pauses == 3);
  CHECK_FALSE(data.is_there());
}

TEST_CASE("who answers at the node's address must be the node itself") {
  const NodeData data(kThree);
  const store::DirectoryLock process = data.run();
  net::StatusReply other;
  other.cluster_id = 0xabc;
  other.self = kThree[1].id;
  for (const std::string wrong : {"node", "incarnation", "cluster"}) {
    CAPTURE(wrong);
    ScriptedCluster cluster(kThree);
    cluster.impostor = other;
    if (wrong == "node") cluster.impostor->self.node = raft::NodeId(3);
    if (wrong == "incarnation") cluster.impostor->self.incarnation = raft::Incarnation(4);
    if (wrong == "cluster") cluster.impostor->cluster_id = 0xabd;
    const Answer answer = data.leave(cluster);
    CHECK(answer.code == 1);
    CHECK(contains(answer.err, "is that of node 2, and at 127.0.0.1:9002"));
    CHECK(contains(answer.err, "Nothing was changed"));
    CHECK(cluster.calls == Calls{"status 127.0.0.1:9002"});
    CHECK(data.is_there());
  }
}

TEST_CASE("whose data it is can be read beside the process that works on it") {
  const NodeData data(kThree);
  int ready[2];
  int done[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(done) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(done[1]);
    store::DiskOptions options;
    options.path = data.path();
    options.map_bytes = kMapBytes;
    auto disk = store::LmdbDisk::open(data.run(), options, [](const auto&) {});
    char byte = disk.ok() ? 'y' : 'n';
    byte = ::write(ready[1], &byte, 1) == 1 ? byte : 'n';
    while (::read(done[0], &byte, 1) > 0) {
    }
    ::_exit(0);
  }
  ::close(ready[1]);
  char opened = 0;
  CHECK(::read(ready[0], &opened, 1) == 1);
  CHECK(opened == 'y');
  const Result<store::Identity> identity = read_identity(data.path());
  REQUIRE_MESSAGE(identity.ok(), (identity ? "" : identity.error().message));
  CHECK(identity->node == raft::NodeId(2));
  CHECK(identity->incarnation == raft::Incarnation(3));
  CHECK(identity->cluster_id == 0xabc);
  ::close(done[1]);
  ::waitpid(child, nullptr, 0);
  for (const int end : {ready[0], done[0]}) {
    ::close(end);
  }

  const TemporaryDirectory nothing;
  CHECK(contains(read_identity(nothing / "").error().message, "cannot be read"));
}

TEST_CASE("data that became another node's meanwhile is not destroyed") {
  const NodeData data(kThree);
  std::optional<store::DirectoryLock> process = data.run();
  ScriptedCluster cluster(kThree);
  cluster.on_pause = [&] {
    if (!process) return;
    REQUIRE(store::destroy(*std::exchange(process, std::nullopt)).ok());
    data.make(kThree, 77);
  };
  const Answer answer = data.leave(cluster);
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "another node by now, node 2, incarnation 77"));
  CHECK(data.is_there());
}

TEST_CASE("without a leader nothing is changed, and the command says so") {
  const NodeData data(kThree);
  for (const bool runs : {false, true}) {
    CAPTURE(runs);
    std::optional<store::DirectoryLock> process;
    if (runs) process = data.run();
    ScriptedCluster cluster(kThree);
    cluster.leader_reachable = false;
    const Answer answer = data.leave(cluster);
    CHECK(answer.code == 1);
    CHECK(contains(answer.err, "nothing was changed"));
    CHECK(cluster.calls.back() == "members");
    CHECK(data.is_there());
  }
}

TEST_CASE("a refused removal leaves the data") {
  const NodeData data(kThree);
  ScriptedCluster cluster(kThree);
  cluster.removes = false;
  cluster.removal_answer = refusal(net::ErrorReply::Code::kRefused, "no live majority");
  const Answer answer = data.leave(cluster);
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "no live majority. No data was destroyed"));
  CHECK(cluster.calls == Calls{"members", "remove 2.3", "members"});
  CHECK(data.is_there());
}

TEST_CASE("a removal whose answer was lost counts when the cluster shows it") {
  const NodeData data(kThree);
  ScriptedCluster cluster(kThree);
  cluster.removal_answer = Result<net::Reply>(Error{"no reply; it may have been done"});
  CHECK(data.leave(cluster).code == 0);
  CHECK_FALSE(data.is_there());
}

TEST_CASE("a removal that is not seen to be done leaves the data") {
  const NodeData data(kThree);
  for (const bool answered : {false, true}) {
    ScriptedCluster cluster(kThree);
    cluster.removes = false;
    if (!answered) {
      cluster.removal_answer = Result<net::Reply>(Error{"no reply; it may have been done"});
    }
    const Answer answer = data.leave(cluster);
    CHECK(answer.code == 1);
    CHECK(contains(answer.err, answered ? "not confirmed" : "may have been done"));
    CHECK(data.is_there());
  }
}

TEST_CASE("a node that is out already has its data destroyed") {
  const NodeData data(kThree);
  // Its id is in use again by a later incarnation, which is none of its business.
  ScriptedCluster cluster({voter(1, 1), voter(2, 8)});
  CHECK(data.leave(cluster).code == 0);
  CHECK(cluster.calls == Calls{"members"});
  CHECK_FALSE(data.is_there());
}

TEST_CASE("the last voter is refused and told of drop") {
  const std::vector<raft::Member> one = {voter(2, 3)};
  SUBCASE("stopped: its data says so") {
    const NodeData data(one);
    ScriptedCluster cluster(one);
    const Answer answer = data.leave(cluster);
    CHECK(answer.code == 1);
    CHECK(contains(answer.err, "ticketd drop"));
    CHECK(cluster.calls.empty());
    CHECK(data.is_there());
  }
  SUBCASE("running: its cluster says so, and it is not marked") {
    const NodeData data(one);
    const store::DirectoryLock process = data.run();
    ScriptedCluster cluster(one);
    const Answer answer = data.leave(cluster);
    CHECK(answer.code == 1);
    CHECK(contains(answer.err, "ticketd drop"));
    CHECK(cluster.calls == Calls{"status 127.0.0.1:9002", "members"});
    CHECK(data.is_there());
  }
}

TEST_CASE("a process that does not end keeps its data") {
  const NodeData data(kThree);
  const store::DirectoryLock process = data.run();
  ScriptedCluster cluster(kThree);
  const Answer answer = data.leave(cluster);
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "process " + std::to_string(::getpid()) + " still runs"));
  CHECK(data.is_there());
}

TEST_CASE("a node that was never admitted is sent to drop") {
  const NodeData data({}, 0);
  ScriptedCluster cluster(kThree);
  const Answer answer = data.leave(cluster);
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "ticketd drop"));
  CHECK(cluster.calls.empty());
  CHECK(data.is_there());
}

TEST_CASE("where there is no node there is none to leave or to drop") {
  const TemporaryDirectory directory;
  ScriptedCluster cluster(kThree);
  const Answer left = captured([&] {
    return leave({{directory / "none", kMapBytes}, std::chrono::milliseconds(50)}, cluster);
  });
  CHECK(left.code == 1);
  CHECK(contains(left.err, "No database available"));
  const Answer dropped = captured([&] { return drop({directory / "none", true}); });
  CHECK(dropped.code == 1);
  CHECK(contains(dropped.err, "No database available"));
  CHECK_FALSE(std::filesystem::exists(directory / "none"));
}

TEST_CASE("drop destroys with --yes only, where nobody can be asked, and never under a process") {
  const NodeData data(kThree);
  const Answer unasked = captured([&] { return drop({data.path(), false}); });
  CHECK(unasked.code == 1);
  CHECK(contains(unasked.err, "--yes"));
  CHECK(data.is_there());
  {
    const store::DirectoryLock process = data.run();
    const Answer running = captured([&] { return drop({data.path(), true}); });
    CHECK(running.code == 1);
    CHECK(contains(running.err, "pid " + std::to_string(::getpid())));
    CHECK(data.is_there());
  }
  CHECK(captured([&] { return drop({data.path(), true}); }).code == 0);
  CHECK_FALSE(std::filesystem::exists(data.path()));
}

}  // namespace
}  // namespace ticketd::cli
