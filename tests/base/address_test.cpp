#include "base/address.h"

#include <doctest/doctest.h>

namespace ticketd {
namespace {

TEST_CASE("an address is a name, an IPv4 or a bracketed IPv6 address, and a port") {
  CHECK(*parse_address("localhost:9000") == Address{"localhost", 9000});
  CHECK(*parse_address("node-1.example_x.com:1") == Address{"node-1.example_x.com", 1});
  CHECK(*parse_address("127.0.0.1:65535") == Address{"127.0.0.1", 65535});
  CHECK(*parse_address("[::1]:9000") == Address{"::1", 9000});
  CHECK(*parse_address("[fe80::1%eth0]:9000") == Address{"fe80::1%eth0", 9000});
}

TEST_CASE("what is wrong with an address is said") {
  const auto reason = [](std::string_view text) {
    const Result<Address> result = parse_address(text);
    return result ? std::string() : result.error().message;
  };
  CHECK(reason("") == "'' is not an address: the port is missing, write HOST:PORT");
  CHECK(reason("localhost").find("port is missing") != std::string::npos);
  CHECK(reason("[::1]").find("port is missing") != std::string::npos);
  CHECK(reason(":9000").find("host is missing") != std::string::npos);
  CHECK(reason("::1:9000").find("in brackets") != std::string::npos);
  CHECK(reason("[::1:9000").find("brackets must hold") != std::string::npos);
  CHECK(reason("[]:9000").find("brackets must hold") != std::string::npos);
  CHECK(reason("[:9000").find("brackets must hold") != std::string::npos);
  CHECK(reason("[127.0.0.1]:9000").find("brackets must hold") != std::string::npos);
  CHECK(reason("[fe80::1%]:9000").find("brackets must hold") != std::string::npos);
  CHECK(reason("256.1.1.1:9000").find("not an IPv4 address") != std::string::npos);
  CHECK(reason("a b:9000").find("only letters") != std::string::npos);
  CHECK(reason(std::string(254, 'a') + ":9000").find("longer than 253") != std::string::npos);
  for (const char* port : {"", "0", "65536", "-1", "+1", "1x", " 1", "99999999999"}) {
    CHECK(reason(std::string("host:") + port).find("from 1 to 65535") != std::string::npos);
  }
}

TEST_CASE("a host is taken with and without brackets, and never with a port") {
  CHECK(*parse_host("localhost") == "localhost");
  CHECK(*parse_host("10.0.0.1") == "10.0.0.1");
  CHECK(*parse_host("::") == "::");
  CHECK(*parse_host("[::1]") == "::1");
  for (const char* text : {"", "localhost:1", "[::1]:1", "[x]", "[", "1.2.3", "a/b"}) {
    CHECK_MESSAGE(!parse_host(text), text);
  }
}

TEST_CASE("an address is printed the way it is taken") {
  for (const char* text : {"localhost:9000", "127.0.0.1:1", "[::1]:65535"}) {
    CHECK(to_string(*parse_address(text)) == text);
  }
}

}  // namespace
}  // namespace ticketd
