#include "redis/reply.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <string>

namespace ticketd::redis {
namespace {

using Write = std::function<void(ReplyWriter&)>;

std::string in(Protocol protocol, const Write& write) {
  std::string out;
  ReplyWriter reply(out, protocol);
  write(reply);
  return out;
}

void check_both(const Write& write, const std::string& expected) {
  CHECK(in(Protocol::kResp2, write) == expected);
  CHECK(in(Protocol::kResp3, write) == expected);
}

TEST_CASE("what both protocols write alike") {
  check_both([](ReplyWriter& reply) { reply.ok(); }, "+OK\r\n");
  check_both([](ReplyWriter& reply) { reply.simple("a b"); }, "+a b\r\n");
  check_both([](ReplyWriter& reply) { reply.error("ERR x"); }, "-ERR x\r\n");
  check_both([](ReplyWriter& reply) { reply.simple_number(17); }, "+17\r\n");
  check_both([](ReplyWriter& reply) { reply.integer(-1); }, ":-1\r\n");
  check_both([](ReplyWriter& reply) { reply.bulk(""); }, "$0\r\n\r\n");
  check_both([](ReplyWriter& reply) { reply.bulk("a\r\nb"); }, "$4\r\na\r\nb\r\n");
  check_both([](ReplyWriter& reply) { reply.array(12); }, "*12\r\n");
}

TEST_CASE("RESP3 has types of its own") {
  const auto check = [](const Write& write, const std::string& two, const std::string& three) {
    CHECK(in(Protocol::kResp2, write) == two);
    CHECK(in(Protocol::kResp3, write) == three);
  };
  check([](ReplyWriter& reply) { reply.null(); }, "$-1\r\n", "_\r\n");
  check([](ReplyWriter& reply) { reply.map(3); }, "*6\r\n", "%3\r\n");
  check([](ReplyWriter& reply) { reply.set(3); }, "*3\r\n", "~3\r\n");
  check([](ReplyWriter& reply) { reply.text("hello"); }, "$5\r\nhello\r\n", "=9\r\ntxt:hello\r\n");
}

TEST_CASE("a number is an integer as long as clients have one for it") {
  const auto number = [](std::uint64_t value) {
    return [value](ReplyWriter& reply) { reply.number(value); };
  };
  check_both(number(0), ":0\r\n");
  check_both(number(9223372036854775807u), ":9223372036854775807\r\n");
  check_both(number(9223372036854775808u), "$19\r\n9223372036854775808\r\n");
  check_both(number(18446744073709551615u), "$20\r\n18446744073709551615\r\n");
  check_both([](ReplyWriter& reply) { reply.simple_number(18446744073709551615u); },
             "+18446744073709551615\r\n");
}

TEST_CASE("a line stays one whatever is put into it") {
  check_both([](ReplyWriter& reply) { reply.error("ERR a\r\n+b\x01\x7f"); }, "-ERR a  +b  \r\n");
  check_both([](ReplyWriter& reply) { reply.simple("a\nb"); }, "+a b\r\n");
}

}  // namespace
}  // namespace ticketd::redis
