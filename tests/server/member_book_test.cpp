#include "server/member_book.h"

#include <doctest/doctest.h>

namespace ticketd::server {
namespace {

raft::MemberId id(std::uint64_t node, std::uint64_t incarnation) {
  return {raft::NodeId(node), raft::Incarnation(incarnation)};
}

raft::Member voter(raft::MemberId member, const std::string& peer) {
  raft::Member made;
  made.id = member;
  made.voter = true;
  made.addresses.peer = peer;
  return made;
}

raft::ConfigurationAt configuration(std::uint64_t index, std::vector<raft::Member> members) {
  return {raft::Index(index), raft::Configuration(std::move(members))};
}

net::Hello hello(raft::MemberId from, raft::MemberId to, std::uint64_t cluster = 7) {
  net::Hello made;
  made.cluster_id = cluster;
  made.from = from;
  made.to = to;
  made.addresses.peer = "host:1";
  return made;
}

TEST_CASE("a handshake is judged by cluster, addressee and membership") {
  const auto committed = configuration(9, {voter(id(1, 1), "a:1"), voter(id(2, 4), "b:1")});
  const auto judge = [&](const net::Hello& h) {
    return judge_hello(h, 7, id(1, 1), committed, committed);
  };
  using Reason = net::Refused::Reason;
  CHECK_FALSE(judge(hello(id(2, 4), id(1, 1))));
  CHECK(judge(hello(id(2, 4), id(1, 1), 8))->reason == Reason::kWrongCluster);
  CHECK(judge(hello(id(2, 4), id(1, 3)))->reason == Reason::kWrongMember);
  // Gone from a configuration that is newer than its admission.
  CHECK(judge(hello(id(3, 5), id(1, 1)))->reason == Reason::kRemoved);
  CHECK(judge(hello(id(2, 3), id(1, 1)))->configuration_index == raft::Index(9));
  for (const char* bad : {"", "host", "host:1\r\nX: y"}) {
    net::Hello nonsense = hello(id(2, 4), id(1, 1));
    nonsense.addresses.peer = bad;
    CHECK(judge(nonsense)->reason == Reason::kUnknownMember);
  }
  net::Hello split = hello(id(2, 4), id(1, 1));
  split.addresses.http = "h:1\r\nSet-Cookie: a=b";
  CHECK(judge(split)->reason == Reason::kUnknownMember);
  // Admitted by an entry that this node has not got yet.
  CHECK_FALSE(judge(hello(id(3, 10), id(1, 1))));
}

TEST_CASE("a joiner that knows no configuration welcomes its cluster") {
  CHECK_FALSE(judge_hello(hello(id(1, 1), id(3, 8)), 7, id(3, 8), {}, {}));
}

TEST_CASE("announced addresses win over the configuration's, and are reported as moved") {
  const auto known = configuration(9, {voter(id(1, 1), "a:1"), voter(id(2, 4), "b:1")});
  MemberBook book(id(1, 1), {"a:1", "", ""});
  CHECK_FALSE(book.moved(known.configuration));
  CHECK(book.announced(id(2, 4), {"c:1", "", ""}));
  CHECK_FALSE(book.announced(id(2, 4), {"c:1", "", ""}));
  CHECK(book.peers(known.configuration, known.configuration) == std::vector<net::Peer>{{id(2, 4), "c:1"}});
  CHECK(book.moved(known.configuration) == id(2, 4));
  MemberBook moved(id(1, 1), {"z:1", "", ""});
  CHECK(moved.moved(known.configuration) == id(1, 1));
}

TEST_CASE("members that the log does not know yet are reached, removed ones are forgotten") {
  const auto known = configuration(9, {voter(id(1, 1), "a:1")});
  MemberBook book(id(1, 1), {"a:1", "", ""});
  book.announced(id(2, 4), {"old:1", "", ""});
  book.announced(id(3, 12), {"new:1", "", ""});
  book.committed(known);
  CHECK(book.peers(known.configuration, known.configuration) == std::vector<net::Peer>{{id(3, 12), "new:1"}});
}

TEST_CASE("where other members say that members are counts until it is forgotten") {
  const auto known = configuration(9, {voter(id(1, 1), "a:1"), voter(id(2, 4), "b:1")});
  MemberBook book(id(1, 1), {"a:1", "", ""});
  book.committed(known);
  const auto peers = [&] { return book.peers(known.configuration, known.configuration); };
  CHECK(book.told_of(raft::Index(12), {{id(1, 1), "was:1"}, {id(2, 4), "moved:1"}}));
  CHECK_FALSE(book.told_of(raft::Index(12), {{id(2, 4), "moved:1"}}));
  CHECK(peers() == std::vector<net::Peer>{{id(2, 4), "moved:1"}});
  SUBCASE("they add to each other, unless one is behind") {
    CHECK(book.told_of(raft::Index(12), {{id(3, 8), "new:1"}}));
    CHECK_FALSE(book.told_of(raft::Index(11), {{id(2, 4), "before:1"}}));
    CHECK(peers() == std::vector<net::Peer>{{id(2, 4), "moved:1"}, {id(3, 8), "new:1"}});
    CHECK(book.told_of(raft::Index(13), {{id(3, 8), "newer:1"}}));
    CHECK(peers() == std::vector<net::Peer>{{id(2, 4), "b:1"}, {id(3, 8), "newer:1"}});
  }
  SUBCASE("what a member says of itself counts more") {
    book.announced(id(2, 4), {"itself:1", "", ""});
    CHECK(peers() == std::vector<net::Peer>{{id(2, 4), "itself:1"}});
  }
  SUBCASE("forgotten") {
    CHECK(book.forget_told());
    CHECK_FALSE(book.forget_told());
    CHECK(peers() == std::vector<net::Peer>{{id(2, 4), "b:1"}});
    CHECK(book.told_of(raft::Index(1), {{id(2, 4), "c:1"}}));
  }
}

TEST_CASE("a report says where its member is, whatever was heard or committed before") {
  const auto known = configuration(9, {voter(id(1, 1), "a:1"), voter(id(2, 4), "b:1")});
  MemberBook book(id(1, 1), {"a:1", "", ""});
  book.committed(known);
  net::MemberStatus report;
  report.applied_index = raft::Index(9);
  report.addresses = {"second:1", "", ""};
  book.announced(id(2, 4), report.addresses, raft::Index(9));
  const auto first = configuration(10, {voter(id(1, 1), "a:1"), voter(id(2, 4), "first:1")});
  book.committed(first);  // its first move, of which it has not heard
  CHECK_FALSE(book.moved(first.configuration));
  CHECK(book.reported(id(2, 4), report, raft::Time(100)));
  CHECK_FALSE(book.reported(id(2, 4), report, raft::Time(200)));
  CHECK(book.moved(first.configuration) == id(2, 4));
  report.addresses.peer = "no address";
  CHECK_FALSE(book.reported(id(2, 4), report, raft::Time(300)));
  CHECK(book.addresses(*first.configuration.find(id(2, 4))).peer == "second:1");
  CHECK_FALSE(book.reported(id(7, 7), report, raft::Time(300)));
}

TEST_CASE("an address that was announced before a committed change does not win over it") {
  MemberBook book(id(1, 1), {"a:1", "", ""});
  book.committed(configuration(9, {voter(id(1, 1), "a:1"), voter(id(2, 4), "b:1")}));
  book.announced(id(2, 4), {"b:1", "", ""});
  const auto moved = configuration(12, {voter(id(1, 1), "a:1"), voter(id(2, 4), "c:1")});
  book.committed(moved);
  CHECK_FALSE(book.moved(moved.configuration));
  CHECK(book.peers(moved.configuration, moved.configuration) ==
        std::vector<net::Peer>{{id(2, 4), "c:1"}});
}

TEST_CASE("an address that was announced wins over older changes that are caught up with later") {
  MemberBook book(id(1, 1), {"a:1", "", ""});
  book.announced(id(2, 4), {"now:1", "", ""}, raft::Index(30));
  book.committed(configuration(9, {voter(id(1, 1), "a:1"), voter(id(2, 4), "first:1")}));
  const auto moved =
      configuration(20, {voter(id(1, 1), "a:1"), voter(id(2, 4), "then:1")});
  book.committed(moved);
  CHECK(book.addresses(*moved.configuration.find(id(2, 4))).peer == "now:1");
}

TEST_CASE("a voter that is low on space counts, a learner or an old report does not") {
  raft::Member learner = voter(id(3, 6), "c:1");
  learner.voter = false;
  const auto known = configuration(9, {voter(id(2, 4), "b:1"), learner});
  MemberBook book(id(1, 1), {});
  book.committed(known);
  net::MemberStatus low;
  low.space_low = true;
  book.reported(id(3, 6), low, raft::Time(100));
  CHECK_FALSE(book.voter_low_on_space(known.configuration, raft::Time(100), 10));
  book.reported(id(2, 4), low, raft::Time(100));
  CHECK(book.voter_low_on_space(known.configuration, raft::Time(110), 10) == id(2, 4));
  CHECK_FALSE(book.voter_low_on_space(known.configuration, raft::Time(111), 10));
}

TEST_CASE("digests are compared at indexes that are remembered, and nowhere else") {
  DigestHistory history;
  history.applied(raft::Index(5), 50);
  history.applied(raft::Index(6), 60);
  CHECK(history.agrees(raft::Index(5), 50) == true);
  CHECK(history.agrees(raft::Index(6), 61) == false);
  CHECK(history.agrees(raft::Index(7), 70) == std::nullopt);
  CHECK(history.agrees(raft::Index(4), 40) == std::nullopt);
  history.applied(raft::Index(20), 200);  // after a snapshot
  CHECK(history.agrees(raft::Index(6), 61) == std::nullopt);
  CHECK(history.agrees(raft::Index(20), 200) == true);
}

}  // namespace
}  // namespace ticketd::server
