#include "http/pipeline.h"

#include <doctest/doctest.h>

#include <string>

namespace ticketd::http {
namespace {

struct Fixture {
  Pipeline pipeline;
  ResponseWriter writer{"s"};

  std::uint64_t push(bool persistent = true) {
    return pipeline.push(kRoutes[0], "/target", {}, {.persistent = persistent});
  }
  std::string ready(bool last = false) {
    std::string out;
    CHECK(pipeline.take_ready(out, writer) == last);
    return out;
  }
};

TEST_CASE_FIXTURE(Fixture, "answers come out in the order of the requests") {
  const std::uint64_t a = push();
  const std::uint64_t b = push();
  const std::uint64_t c = push();
  pipeline.answer_written(c, "C");
  pipeline.answer_written(b, "B");
  CHECK(ready() == "");
  pipeline.answer_written(a, "A");
  CHECK(ready() == "ABC");
  CHECK(pipeline.empty());
  CHECK(pipeline.held_bytes() == 0);
}

TEST_CASE_FIXTURE(Fixture, "targets and answers that wait are counted") {
  const std::uint64_t a = push();
  CHECK(pipeline.target(a) == "/target");
  CHECK(pipeline.held_bytes() == 7);
  pipeline.push_written("1234567890", {.persistent = true});
  CHECK(pipeline.held_bytes() == 17);
  pipeline.answer_written(a, "ab");
  CHECK(pipeline.held_bytes() == 12);
  CHECK(ready() == "ab1234567890");
  CHECK(pipeline.held_bytes() == 0);
}

TEST_CASE_FIXTURE(Fixture, "what a request asks and may need for its answer counts until then") {
  const Asked keyed{.what = ticket::Request{.sequence = "name", .key = "key"}};
  const std::uint64_t a = pipeline.push(kRoutes[0], "/", keyed, {.persistent = true});
  CHECK(pipeline.held_bytes() == 8);
  const Asked page{.what = ticket::Query(ticket::Listing{}), .shape = Shape::kPage, .stale = true};
  const std::uint64_t b = pipeline.push(kRoutes[0], "/", page, {.persistent = true});
  CHECK(pipeline.held_bytes() == 8 + 1 + bytes_at_most(page));
  CHECK(pipeline.stale(b));
  CHECK(std::get<ticket::Request>(pipeline.take_asked(a)).sequence == "name");
  CHECK(pipeline.shape(b) == Shape::kPage);
  pipeline.answer_ticket(a, 1);
  CHECK(pipeline.held_bytes() == 1 + bytes_at_most(page));
  pipeline.answer_written(b, "page");
  CHECK(pipeline.held_bytes() == 4);
  CHECK(ready().ends_with("1page"));
  CHECK(pipeline.held_bytes() == 0);
}

TEST_CASE_FIXTURE(Fixture, "nothing comes out behind the connection's last answer") {
  pipeline.answer_written(push(false), "A");
  pipeline.push_written("B", {.persistent = true});
  CHECK(ready(true) == "A");
  CHECK(pipeline.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "the last answer can be made the connection's last") {
  const std::uint64_t a = push();
  pipeline.close_after_last();
  pipeline.answer_ticket(a, 7);
  const std::string out = ready(true);
  CHECK(out.find("Connection: close\r\n") != std::string::npos);
  CHECK(out.ends_with("\r\n\r\n7"));
}

TEST_CASE_FIXTURE(Fixture, "the ring grows while it is in use, wherever it begins") {
  std::uint64_t pushed = 0;
  std::uint64_t answered = 0;
  std::string out;
  std::string expected;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < round; ++i) {
      CHECK(push() == pushed++);
    }
    for (int i = 0; i < round - 1; ++i) {
      expected += std::to_string(answered) + ",";
      pipeline.answer_written(answered, std::to_string(answered) + ",");
      ++answered;
    }
    pipeline.take_ready(out, writer);
    REQUIRE(out == expected);
    REQUIRE(pipeline.size() == pushed - answered);
  }
}

}  // namespace
}  // namespace ticketd::http
