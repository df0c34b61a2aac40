#include "load/request.h"

#include <doctest/doctest.h>

#include <set>

namespace ticketd::load {
namespace {

std::string request(const Work& work) {
  std::string out;
  RequestWriter(work, "h:1").append_to(out);
  return out;
}

Work redis() {
  Work work;
  work.protocol = Protocol::kRedis;
  return work;
}

TEST_CASE("tickets over HTTP") {
  Work work;
  CHECK(request(work) == "POST / HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n");
  work.sequence = "a/b";
  work.count = 10;
  CHECK(request(work) ==
        "POST /seq/a%2Fb?count=10 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("anything over HTTP") {
  Work work;
  work.target = "/x?y";
  CHECK(request(work) == "GET /x?y HTTP/1.1\r\nHost: h:1\r\n\r\n");
  work.method = "POST";
  work.body = "{}";
  CHECK(request(work) == "POST /x?y HTTP/1.1\r\nHost: h:1\r\nContent-Length: 2\r\n\r\n{}");
}

TEST_CASE("tickets and commands over the Redis protocol") {
  Work work = redis();
  CHECK(request(work) == "*1\r\n$6\r\nTICKET\r\n");
  work.sequence = "k";
  work.count = 7;
  CHECK(request(work) == "*4\r\n$6\r\nTICKET\r\n$1\r\nk\r\n$5\r\nCOUNT\r\n$1\r\n7\r\n");
  work = redis();
  work.command = " INCR  k ";
  CHECK(request(work) == "*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n");
}

TEST_CASE("several keys are all visited before one comes again, in either protocol") {
  for (const Protocol protocol : {Protocol::kHttp, Protocol::kRedis}) {
    for (const std::uint64_t keys : {2u, 3u, 10u, 618u, 1000u}) {
      CAPTURE(keys);
      Work work;
      work.protocol = protocol;
      work.sequence = "s-00000000";  // looks like a number of a key itself
      work.keys = keys;
      RequestWriter writer(work, "h:1");
      std::set<std::string> names;
      for (std::uint64_t i = 0; i < keys; ++i) {
        std::string out;
        writer.append_to(out);
        const std::size_t at = out.find("s-00000000-");
        REQUIRE(at != std::string::npos);
        names.insert(out.substr(at + 11, kKeyDigits));
      }
      CHECK(names.size() == keys);
      CHECK(*names.begin() == "00000000");
      CHECK(std::stoull(*names.rbegin()) == keys - 1);
    }
  }
}

TEST_CASE("requests are written one behind the other") {
  std::string out;
  RequestWriter writer(redis(), "h:1");
  writer.append_to(out);
  writer.append_to(out);
  CHECK(out == "*1\r\n$6\r\nTICKET\r\n*1\r\n$6\r\nTICKET\r\n");
}

TEST_CASE("the leader is probed for where the work's own requests are answered by any node") {
  Work work;
  CHECK(leader_probe(work, "h:1").empty());
  CHECK(leader_probe(redis(), "h:1").empty());
  work.sequence = "k";
  CHECK(leader_probe(work, "h:1") == "PUT / HTTP/1.1\r\nHost: h:1\r\nContent-Length: 1\r\n\r\n0");
}

}  // namespace
}  // namespace ticketd::load
