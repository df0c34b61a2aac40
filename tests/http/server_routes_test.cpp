// Each endpoint over a real socket: at the leader, at another node that redirects or proxies, and
// without a leader.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/http/server_fixture.h"

namespace ticketd::http {
namespace {

using ticket::NotDone;

const ticket::LeaderThere kThere{"10.0.0.1:8080", ""};

/// "200 OK: body".
std::string brief(const std::string& answer) { return status_of(answer) + ": " + body_of(answer); }

struct Routes : ServerFixture {
  std::string ask(const std::string& method_and_target, const std::string& headers = "",
                  const std::string& body = "") {
    return exchange(last_request(method_and_target, headers, body));
  }
};

/// One request of each route that has the service asked.
struct Sample {
  std::string request, body, redirect;
  bool reads = false;
};
const std::vector<Sample> kSamples{
    {"POST /", "", "301 Moved Permanently"},
    {"PUT /", "5", "307 Temporary Redirect"},
    {"POST /seq/a", "", "301 Moved Permanently"},
    {"PUT /seq/a", "5", "307 Temporary Redirect"},
    {"DELETE /seq/a", "", "307 Temporary Redirect"},
    {"GET /seq/a", "", "307 Temporary Redirect", true},
    {"HEAD /seq/a", "", "307 Temporary Redirect", true},
    {"GET /seq/?key=a", "", "307 Temporary Redirect", true},
    {"HEAD /seq/?key=a", "", "307 Temporary Redirect", true},
    {"POST /seq/", "key=a", "301 Moved Permanently", true},
    {"GET /seq", "", "307 Temporary Redirect", true},
    {"HEAD /seq", "", "307 Temporary Redirect", true},
};

TEST_CASE_FIXTURE(Routes, "a sequence begins at 0 and grows by one") {
  start();
  const std::string answer = ask("POST /seq/a%2Fb");
  CHECK(answer.ends_with("\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n0"));
  CHECK(service.changed->sequence == "a/b");
  CHECK(brief(ask("POST /seq/a%2Fb")) == "200 OK: 1");
  CHECK(brief(ask("POST /seq/other")) == "200 OK: 0");
  CHECK(service.last == 0);
}

TEST_CASE_FIXTURE(Routes, "a sequence is read, and -1 where there is none") {
  service.sequences = {{"a", 7}, {"b", 18446744073709551615u}};
  start();
  const std::string answer = ask("GET /seq/a");
  CHECK(brief(answer) == "200 OK: 7");
  CHECK(header(answer, "Content-Type") == "text/plain");
  CHECK(header(answer, "Ticketd-Applied-Index") == "77");
  CHECK(brief(ask("GET /seq/c")) == "200 OK: -1");
  const std::string head = ask("HEAD /seq/b");
  CHECK(brief(head) == "200 OK: ");
  CHECK(header(head, "Content-Length") == "20");
  CHECK(header(head, "Ticketd-Applied-Index") == "77");
  CHECK_FALSE(service.changed);
}

TEST_CASE_FIXTURE(Routes, "several sequences are read by a query and by a form") {
  service.sequences = {{"a", 7}, {"\"", 0}};
  start();
  for (const std::string& answer :
       {ask("GET /seq/?key=a&key=b&key=%22&key=a&"),
        ask("POST /seq/", "Content-Type: application/x-www-form-urlencoded\r\n",
            "key=a&key=b&key=%22&key=a&"),
        ask("POST /seq/", "", "key=a&key=b&key=%22"),
        exchange("POST /seq/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n"
                 "9\r\nkey=a&key\r\n9\r\n=b&key=%2\r\n1\r\n2\r\n0\r\n\r\n")}) {
    CHECK(brief(answer) == R"(200 OK: {"\"":0,"a":7,"b":-1})");
    CHECK(header(answer, "Content-Type") == "application/json");
    CHECK(header(answer, "Ticketd-Applied-Index") == "77");
  }
  CHECK(brief(ask("GET /seq/")) == "400 Bad Request: Cannot query an empty list of sequences");
  CHECK(status_of(ask("POST /seq/", "Content-Type: application/json\r\n", "[\"a\"]")) ==
        "415 Unsupported Media Type");
  CHECK_FALSE(service.changed);
}

TEST_CASE_FIXTURE(Routes, "numbers are taken in ranges, plain and as JSON") {
  start();
  CHECK(brief(ask("POST /?count=3")) == "200 OK: 1-3");
  CHECK(brief(ask("POST /?count=1")) == "200 OK: 4-4");
  CHECK(brief(ask("POST /seq/a?count=1000000")) == "200 OK: 0-999999");
  const std::string json = ask("POST /?count=2", "Accept: application/json\r\n");
  CHECK(brief(json) == R"(200 OK: {"first":"5","last":"6","count":2})");
  CHECK(header(json, "Content-Type") == "application/json");
  CHECK(brief(ask("POST /", "Accept: application/json\r\n")) ==
        R"(200 OK: {"first":"7","last":"7","count":1})");
  CHECK(brief(ask("POST /", "Accept: */*\r\n")) == "200 OK: 8");
  CHECK(status_of(ask("POST /?count=0")) == "400 Bad Request");
  CHECK(service.last == 8);
}

TEST_CASE_FIXTURE(Routes, "a sequence is moved forward to the number in the body") {
  start();
  CHECK(brief(ask("PUT /seq/a", "", " 41\n")) == "200 OK: 41");
  CHECK(service.changed->kind == ticket::Kind::kAdvance);
  CHECK(brief(ask("POST /seq/a")) == "200 OK: 42");
  CHECK(brief(ask("PUT /", "", "99")) == "200 OK: 99");
  CHECK(service.last == 99);
  service.answer = NotDone{NotDone::Why::kBehind, "it is at 99"};
  CHECK(brief(ask("PUT /", "", "5")) == "409 Conflict: it is at 99\n");
}

TEST_CASE_FIXTURE(Routes, "a sequence is removed where that is allowed") {
  service.sequences = {{"a", 7}};
  start();
  CHECK(status_of(ask("DELETE /seq/a")) == "403 Forbidden");
  CHECK_FALSE(service.changed);
  CHECK(service.leader_questions == 0);
  start({.allow_delete = true});
  CHECK(brief(ask("DELETE /seq/a")) == "200 OK: 7");
  CHECK(status_of(ask("DELETE /seq/a")) == "404 Not Found");
  service.answer = NotDone{NotDone::Why::kForbidden, "not at the leader"};
  CHECK(brief(ask("DELETE /seq/a")) == "403 Forbidden: not at the leader\n");
}

TEST_CASE_FIXTURE(Routes, "a retry with the same idempotency key is told to be one") {
  start();
  const std::string headers = "Idempotency-Key: k-1\r\n";
  const std::string first = ask("POST /", headers);
  CHECK(service.changed->key == "k-1");
  CHECK(header(first, "Idempotency-Replayed") == "");
  service.answer = ticket::Done{.first = 1, .count = 1, .replayed = true};
  for (const std::string request : {"POST /", "POST /seq/a", "PUT /seq/a"}) {
    const std::string again = ask(request, headers, "1");
    CHECK(brief(again) == "200 OK: 1");
    CHECK(header(again, "Idempotency-Replayed") == "true");
  }
  service.answer = NotDone{NotDone::Why::kOverflow, "used up", true};
  CHECK(header(ask("POST /", headers), "Idempotency-Replayed") == "true");
  CHECK(status_of(ask("POST /", headers + headers)) == "400 Bad Request");
}

TEST_CASE_FIXTURE(Routes, "an idempotency key that cannot be taken is answered by its reason") {
  start();
  service.answer = NotDone{NotDone::Why::kKeyReused, "another request"};
  CHECK(brief(ask("POST /", "Idempotency-Key: k\r\n")) ==
        "422 Unprocessable Content: another request\n");
  service.answer = NotDone{NotDone::Why::kKeysFull, "too many keys"};
  const std::string full = ask("POST /", "Idempotency-Key: k\r\n");
  CHECK(brief(full) == "503 Service Unavailable: Nothing was done: too many keys\n");
  CHECK(header(full, "Retry-After") == "1");
}

TEST_CASE_FIXTURE(Routes, "sequences are listed page by page") {
  service.sequences = {{"a1", 1}, {"a2", 2}, {"a3", 3}, {"b", 4}};
  start();
  const std::string first = ask("GET /seq?prefix=a&limit=2");
  CHECK(brief(first) == R"(200 OK: {"sequences":[{"key":"a1","last":"1"},)"
                        R"({"key":"a2","last":"2"}],"next":"a2"})");
  CHECK(header(first, "Ticketd-Applied-Index") == "77");
  CHECK(brief(ask("GET /seq?prefix=a&limit=2&after=a2")) ==
        R"(200 OK: {"sequences":[{"key":"a3","last":"3"}],"next":null})");
  const std::string head = ask("HEAD /seq?limit=1");
  CHECK(brief(head) == "200 OK: ");
  CHECK(header(head, "Content-Type") == "application/json");
  CHECK(std::get<ticket::Listing>(*service.asked).limit == 1);
}

TEST_CASE_FIXTURE(Routes, "a stale read is answered at once, whoever leads and whatever the mode") {
  service.sequences = {{"a", 7}};
  for (const ticket::LeaderView& leader :
       std::vector<ticket::LeaderView>{ticket::LeaderHere{}, kThere, ticket::NoLeader{}}) {
    service.leader = leader;
    start({.redirect_sequences = RedirectMode::k307});
    CHECK(brief(ask("GET /seq/a?consistency=stale")) == "200 OK: 7");
    CHECK(brief(ask("GET /seq/?key=a&consistency=stale")) == R"(200 OK: {"a":7})");
    CHECK(header(ask("GET /seq?consistency=stale"), "Ticketd-Applied-Index") == "77");
  }
  CHECK(service.stale_reads == 9);
  CHECK(service.leader_questions == 0);
}

TEST_CASE_FIXTURE(Routes, "the interface's description is there at any node") {
  service.leader = kThere;
  start({.redirect_sequences = RedirectMode::k307});
  const std::string answer = ask("GET /openapi.json");
  CHECK(status_of(answer) == "200 OK");
  CHECK(header(answer, "Content-Type") == "application/json");
  CHECK(body_of(answer).find("\"openapi\"") != std::string::npos);
  const std::string head = ask("HEAD /openapi.json");
  CHECK(body_of(head) == "");
  CHECK(header(head, "Content-Length") == header(answer, "Content-Length"));
  CHECK(service.leader_questions == 0);
}

TEST_CASE_FIXTURE(Routes, "another node proxies sequences and redirects the rest, by default") {
  service.leader = kThere;
  start({.allow_delete = true});
  for (const Sample& sample : kSamples) {
    CAPTURE(sample.request);
    const std::size_t before = service.forwarded;
    const bool unnamed = sample.request.ends_with(" /");
    const std::string answer = ask(sample.request, "", sample.body);
    CHECK(status_of(answer) == (unnamed ? sample.redirect : "200 OK"));
    CHECK(service.forwarded == before + (unnamed ? 0 : 1));
  }
}

TEST_CASE_FIXTURE(Routes, "another node redirects what its mode says, with path and query") {
  service.leader = kThere;
  start({.redirect_sequences = RedirectMode::k301, .allow_delete = true});
  for (const Sample& sample : kSamples) {
    CAPTURE(sample.request);
    const std::string query = sample.request.find('?') == std::string::npos ? "?x=%20" : "&x=%20";
    const std::string answer = ask(sample.request + query, "", sample.body);
    CHECK(status_of(answer) == sample.redirect);
    CHECK(header(answer, "Location") ==
          "http://10.0.0.1:8080" + sample.request.substr(sample.request.find('/')) + query);
    CHECK(header(answer, "Cache-Control") == "no-store");
  }
  start({.redirect_sequences = RedirectMode::k308, .allow_delete = true});
  CHECK(status_of(ask("PUT /seq/a", "", "1")) == "308 Permanent Redirect");
  CHECK(status_of(ask("DELETE /seq/a")) == "308 Permanent Redirect");
  CHECK(status_of(ask("GET /seq/a")) == "307 Temporary Redirect");
  CHECK(service.forwarded == 0);
  CHECK_FALSE(service.changed);
}

TEST_CASE_FIXTURE(Routes, "without a leader nothing is done, and the answer says so") {
  service.leader = ticket::NoLeader{};
  start({.allow_delete = true});
  for (const Sample& sample : kSamples) {
    const std::string answer = ask(sample.request, "", sample.body);
    CHECK(status_of(answer) == "503 Leader unavailable");
    CHECK(header(answer, "Retry-After") == "1");
  }
  CHECK_FALSE(service.changed);
  CHECK_FALSE(service.asked);
}

TEST_CASE_FIXTURE(Routes, "what the leader could not do or find is told through a proxy, too") {
  service.leader = kThere;
  start();
  service.answer = ticket::Unknown{"the leader changed."};
  const std::string unknown = ask("POST /seq/a");
  CHECK(status_of(unknown) == "504 Gateway Timeout");
  CHECK(body_of(unknown).find("same Idempotency-Key") != std::string::npos);
  service.answer = NotDone{NotDone::Why::kOverflow, "used up"};
  CHECK(brief(ask("POST /seq/a?count=5")) == "409 Conflict: used up\n");
  service.query_answer = NotDone{NotDone::Why::kBusy, "too many queries wait"};
  CHECK(brief(ask("GET /seq/a")) ==
        "503 Service Unavailable: Nothing was done: too many queries wait\n");
}

TEST_CASE_FIXTURE(Routes, "a malformed request is told so at every node without asking") {
  service.leader = kThere;
  start({.redirect_sequences = RedirectMode::k307});
  const std::vector<std::vector<std::string>> requests{{"POST /seq/%zz"},
                                                       {"POST /?count=x"},
                                                       {"PUT /", "", "x"},
                                                       {"GET /seq?limit=0"},
                                                       {"GET /seq/a?consistency=no"},
                                                       {"POST /", "Idempotency-Key:\r\n"}};
  for (const std::vector<std::string>& request : requests) {
    const std::string answer =
        ask(request[0], request.size() > 1 ? request[1] : "", request.size() > 2 ? request[2] : "");
    CAPTURE(request[0]);
    CHECK(status_of(answer) == "400 Bad Request");
    CHECK(body_of(answer).ends_with("\n"));
  }
  CHECK(status_of(ask("PATCH /seq/a")) == "405 Method Not Allowed");
  CHECK(service.leader_questions == 0);
}

TEST_CASE_FIXTURE(Routes, "different requests of one pipeline are answered in their order") {
  service.sequences = {{"a", 7}};
  start();
  auto client = connect();
  const std::string rest = " HTTP/1.1\r\nHost: h\r\n";
  client->send("POST /" + rest + "\r\n" + "PUT /seq/b" + rest + "Content-Length: 2\r\n\r\n41" +
               "GET /seq/a" + rest + "\r\n" + "HEAD /seq/a" + rest + "\r\n" + "POST /?count=2" +
               rest + "\r\n" + "GET /nowhere" + rest + "\r\n" + last_request("GET /seq/?key=b"));
  REQUIRE(client->wait_for_end());
  std::string bodies;
  for (const std::string body : {"\r\n\r\n1HTTP", "\r\n\r\n41HTTP", "\r\n\r\n7HTTP", "\r\n\r\nHTTP",
                                 "\r\n\r\n2-3HTTP", " 404 ", "\r\n\r\n{\"b\":41}"}) {
    const std::size_t at = client->received.find(body);
    CAPTURE(body);
    REQUIRE(at != std::string::npos);
    client->received.erase(0, at + 4);
  }
}

TEST_CASE_FIXTURE(Routes, "requests for long answers wait for room, and all are answered") {
  service.sequences = {{"a", 7}};
  service.hold = true;
  start();
  auto client = connect();
  std::string many;
  for (int i = 0; i < 20; ++i) {
    many += "GET /seq?limit=1000 HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  client->send(many);
  std::size_t answered = 0;
  while (answered < 20) {
    REQUIRE(until([&] { return !service.queries_waiting.empty(); }));
    loop.poll();
    // The longest page fills the room of a connection alone.
    REQUIRE(service.queries_waiting.size() == 1);
    ++answered;
    std::exchange(service.queries_waiting, {})[0](ticket::QueryResult{});
  }
  CHECK(until([&] { return client->count("\"next\":null}") == 20; }));
}

}  // namespace
}  // namespace ticketd::http
