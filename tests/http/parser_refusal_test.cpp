// Everything that must not be taken for a request, at every cut.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/http/parse_all.h"

namespace ticketd::http {
namespace {

std::string post(const std::string& headers, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n" + body;
}

/// Refused with this status, however it is cut, and nothing before it was taken for a request.
void check_refused(const std::string& bytes, const std::string& status, const MessageLimits& limits = {}) {
  CAPTURE(bytes);
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
    CAPTURE(cut);
    for (const std::size_t piece : {bytes.size(), std::size_t{1}}) {
      const std::vector<std::string> said = parse_all(bytes, cut, piece, limits);
      REQUIRE(said.size() == 1);
      CHECK(said[0].substr(0, 4) == status + " ");
    }
  }
}

TEST_CASE("malformed request lines are refused") {
  for (const char* line : {"POST / HTTP/1.1 ",
                           "POST  / HTTP/1.1",
                           "POST /  HTTP/1.1",
                           " POST / HTTP/1.1",
                           "POST /",
                           "POST",
                           "POST / http/1.1",
                           "POST / HTTP/1.10",
                           "POST / HTTP/1",
                           "POST / RTSP/1.0",
                           "POST / ICE/1.0",
                           "POST /\ta HTTP/1.1",
                           "POST /\xc3\xa4 HTTP/1.1",
                           "POST /#a HTTP/1.1",
                           "POST a HTTP/1.1",
                           "POST ftp://h/ HTTP/1.1",
                           "POST http:///a HTTP/1.1",
                           "PO(ST / HTTP/1.1",
                           "POST http://a@b/ HTTP/1.1",
                           "POST h:80 HTTP/1.1",
                           "POST / HTTP/1.1\x01",
                           "PO\x80 / HTTP/1.1",
                           "GET /"}) {
    check_refused(std::string(line) + "\r\nHost: h\r\n\r\n", "400");
  }
}

TEST_CASE("other versions of the protocol are refused as such") {
  check_refused("POST / HTTP/2.0\r\nHost: h\r\n\r\n", "505");
  check_refused("POST / HTTP/0.9\r\nHost: h\r\n\r\n", "505");
  check_refused("POST / HTTP/1.2\r\nHost: h\r\n\r\n", "505");
  check_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505");
}

TEST_CASE("unknown methods are refused as such") {
  for (const char* method : {"FOO", "post", "POSTX", "POS", "DESCRIBE", "G", "CONNECT"}) {
    check_refused(std::string(method) + " / HTTP/1.1\r\nHost: h\r\n\r\n", "501");
  }
  check_refused("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "501");
}

TEST_CASE("line ends that others may read differently are refused") {
  check_refused("POST / HTTP/1.1\nHost: h\r\n\r\n", "400");
  check_refused("POST / HTTP/1.1\r\nHost: h\n\r\n", "400");
  check_refused("POST / HTTP/1.1\r\nHost: h\r\n\n", "400");
  check_refused("POST / HTTP/1.1\rHost: h\r\n\r\n", "400");
  check_refused(post("A: b\rContent-Length: 5\r\n"), "400");
  check_refused(post("A: b\nContent-Length: 5\r\n"), "400");
  check_refused("\nPOST / HTTP/1.1\r\nHost: h\r\n\r\n", "400");
  check_refused("\rPOST / HTTP/1.1\r\nHost: h\r\n\r\n", "400");
}

TEST_CASE("malformed headers are refused") {
  check_refused(post("A : b\r\n"), "400");
  check_refused(post("A\t: b\r\n"), "400");
  check_refused(post("A b: c\r\n"), "400");
  check_refused(post(": b\r\n"), "400");
  check_refused(post("A\r\n"), "400");
  check_refused(post("A(: b\r\n"), "400");
  check_refused(post("A\x80: b\r\n"), "400");
  check_refused(post("A: b\r\n c\r\n"), "400");
  check_refused(post("A:\r\n b\r\n"), "400");
  check_refused(post(std::string("A: b\0c\r\n", 8)), "400");
  check_refused("POST / HTTP/1.1\r\n Host: h\r\n\r\n", "400");
}

TEST_CASE("a missing, repeated or malformed Host is refused") {
  check_refused("POST / HTTP/1.1\r\n\r\n", "400");
  check_refused("POST / HTTP/1.1\r\nA: b\r\n\r\n", "400");
  check_refused(post("Host: h\r\n"), "400");
  check_refused("POST / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", "400");
  check_refused("POST / HTTP/1.1\r\nHost: a b\r\n\r\n", "400");
  check_refused("POST / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400");
  check_refused("POST http://h/ HTTP/1.1\r\nA: b\r\n\r\n", "400");
}

TEST_CASE("a body of uncertain length is refused") {
  for (const char* headers :
       {"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n", "Content-Length: +5\r\n", "Content-Length: -5\r\n",
        "Content-Length: 5x\r\n", "Content-Length: 0x5\r\n", "Content-Length:\r\n",
        "Content-Length: \r\n", "Content-Length: 5 5\r\n",
        "Content-Length: 18446744073709551621\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n", "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding:\r\n", "Transfer-Encoding: ,chunked\r\n"}) {
    check_refused(post(headers, "0\r\n\r\n"), "400");
  }
  check_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400");
}

TEST_CASE("unknown transfer codings are refused as such") {
  for (const char* coding : {"gzip", "gzip, chunked", "identity", "xchunked", "chunkedx",
                             "chunked;q=1", "\"chunked\""}) {
    check_refused(post(std::string("Transfer-Encoding: ") + coding + "\r\n"), "501");
  }
}

TEST_CASE("malformed chunks are refused") {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  for (const char* body : {"x\r\n",
                           "0x5\r\nhello\r\n0\r\n\r\n",
                           "5\nhello\r\n0\r\n\r\n",
                           "5\rXhello\r\n0\r\n\r\n",
                           "5 \r\nhello\r\n0\r\n\r\n",
                           " 5\r\nhello\r\n0\r\n\r\n",
                           "-5\r\n",
                           "+5\r\n",
                           "\r\n",
                           "5\r\nhelloXX0\r\n\r\n",
                           "5\r\nhello\n0\r\n\r\n",
                           "5\r\nhello\rX0\r\n\r\n",
                           "5\r\nhello\r\n\r\n0\r\n\r\n",
                           "5\r\nhello0\r\n\r\n\r\n",
                           "5;\x01\r\nhello\r\n0\r\n\r\n",
                           "5;a\nb\r\nhello\r\n0\r\n\r\n",
                           "0\r\nA: b\n\r\n",
                           "0\r\nA b: c\r\n\r\n",
                           "0\r\n A: b\r\n\r\n",
                           "0\r\nA: b\r\n c\r\n\r\n",
                           "0\r\n: b\r\n\r\n",
                           "0\r\nA: b\rX\r\n\r\n",
                           "0\r\n\rX",
                           "0\n\r\n",
                           "0\r\nA\r\n\r\n"}) {
    check_refused(post(chunked, body), "400");
  }
  for (const char* size : {"10000000000000000", "fffffffffffffffff"}) {
    check_refused(post(chunked, std::string(size) + "\r\n"), "400");
  }
}

TEST_CASE("an unknown expectation is refused") { check_refused(post("Expect: tea\r\n"), "417"); }

TEST_CASE("a head of the limit is read, and one byte more is refused") {
  const std::string head = post("A: 0123456789\r\n");
  check_every_cut(head, {"POST / host=h keep"}, {.header_bytes = head.size()});
  check_refused(head, "431", {.header_bytes = head.size() - 1});
  check_refused("POST /" + std::string(100, 'a'), "431", {.header_bytes = 100});
}

TEST_CASE("a body of the limit is read, and one byte more is refused") {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const MessageLimits limits{.body_bytes = 10};
  check_every_cut(post("Content-Length: 10\r\n", "0123456789"), {"POST / host=h keep"}, limits);
  check_refused(post("Content-Length: 11\r\n"), "413", limits);
  check_every_cut(post(chunked, "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"), {"POST / host=h keep"},
                  limits);
  check_refused(post(chunked, "5\r\n01234\r\n6\r\n"), "413", limits);
  check_refused(post(chunked, "ffffffffffffffff\r\n"), "413", limits);
}

TEST_CASE("what stands between chunks is limited as a head is") {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const MessageLimits limits{.header_bytes = 100};
  check_refused(post(chunked, "5;" + std::string(200, 'a')), "431", limits);
  check_refused(post(chunked, "0\r\nA: " + std::string(200, 'a')), "431", limits);
}

TEST_CASE("another protocol is refused at its first control character") {
  CHECK(parse_whole("\x16\x03\x01\x02").at(0).substr(0, 3) == "400");
}

}  // namespace
}  // namespace ticketd::http
