#include <doctest/doctest.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "jepsen/history_file.h"

namespace ticketd::jepsen {
namespace {

Event client_event(EventType type, Function function, std::int64_t time_ns,
                   std::string_view sequence) {
  Event event;
  event.type = type;
  event.function = function;
  event.time_ns = time_ns;
  event.value = sequence;
  return event;
}

std::string line_of(const Event& event) {
  std::string line;
  append_line(line, event);
  return line;
}

std::string error_of(std::string_view text) {
  const auto history = parse_history(text, "h");
  return history.ok() ? "" : history.error().message;
}

/// A file's name that is free, and is free again at the end.
struct TemporaryFile {
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("ticketd-history-" + std::to_string(::getpid()) + ".edn");
};

TEST_CASE("events are written as the format's description shows them") {
  Event take = client_event(EventType::kInvoke, Function::kTake, 1200, "orders");
  take.count = 3;
  take.key = "a1";
  CHECK(line_of(take) ==
        "{:process 0, :type :invoke, :f :take, :value [\"orders\" {:count 3, :key \"a1\"}], "
        ":time 1200}\n");
  take.type = EventType::kOk;
  take.begin = 4, take.end = 7, take.time_ns = 3400, take.node = 2;
  CHECK(line_of(take) ==
        "{:process 0, :type :ok, :f :take, :value [\"orders\" {:count 3, :key \"a1\", :first 4, "
        ":last 6}], :time 3400, :node 2}\n");
  Event piped = client_event(EventType::kInvoke, Function::kTake, 4, "");
  piped.pipeline = 8;
  CHECK(line_of(piped) ==
        "{:process 0, :type :invoke, :f :take, :value [\"\" {:pipeline 8}], :time 4}\n");
  Event read = client_event(EventType::kOk, Function::kRead, 5, "o");
  read.process = 1;
  CHECK(line_of(read) == "{:process 1, :type :ok, :f :read, :value [\"o\" {:last -1}], :time 5}\n");
  Event unknown = client_event(EventType::kInfo, Function::kTake, 6, "");
  unknown.error = "timed out";
  CHECK(line_of(unknown) ==
        "{:process 0, :type :info, :f :take, :value [\"\" {}], :time 6, :error \"timed out\"}\n");
  Event fault = client_event(EventType::kInfo, Function::kFault, 7, "node 1");
  fault.process = kNemesis;
  fault.fault = "kill";
  CHECK(line_of(fault) ==
        "{:process :nemesis, :type :info, :f :kill, :value \"node 1\", :time 7}\n");
}

TEST_CASE("numbers beyond 2^63 - 1 are marked as EDN wants it") {
  Event read = client_event(EventType::kOk, Function::kRead, 0, "s");
  read.end = std::uint64_t{1} << 63;
  CHECK(line_of(read).find(":last 9223372036854775807}") != std::string::npos);
  read.end += 1;
  CHECK(line_of(read).find(":last 9223372036854775808N}") != std::string::npos);
}

TEST_CASE("random events come back as they were written") {
  Random random(7);
  const std::string_view texts[] = {
      "orders", "", "a \"b\" \\c\\", "line\nend\r\t", "\x01\x7f", "s\xc3\xa9quence", "{:f [}"};
  LineParser parser;
  for (int round = 0; round < 20'000; ++round) {
    Event event;
    event.type = static_cast<EventType>(random.below(4));
    event.process = static_cast<std::uint32_t>(random.below(kNemesis));
    event.time_ns = static_cast<std::int64_t>(random.next() >> random.between(2, 63));
    event.value = texts[random.below(std::size(texts))];
    event.node = static_cast<std::uint32_t>(random.below(4));
    event.error = texts[random.below(std::size(texts))];
    switch (random.below(3)) {
      case 0:
        event.function = Function::kFault;
        event.process = kNemesis;
        event.type = EventType::kInfo;
        event.fault = "power-cut";
        break;
      case 1:
        event.function = Function::kRead;
        event.pipeline = static_cast<std::uint32_t>(random.below(3));
        if (event.type == EventType::kOk) event.end = random.next() >> random.between(1, 63);
        break;
      default:
        event.count = random.between(1, 1'000'000);
        event.key = texts[random.below(std::size(texts))];
        event.pipeline = static_cast<std::uint32_t>(random.next() >> random.between(32, 63));
        if (event.type == EventType::kOk) {
          event.begin = random.next() >> random.between(1, 63);
          event.end = event.begin + event.count;
        }
    }
    std::string line = line_of(event);
    REQUIRE(line.back() == '\n');
    line.pop_back();
    const auto back = parser.parse(line);
    INFO(line);
    REQUIRE_MESSAGE(back.ok(), back.error().message);
    REQUIRE(*back == event);
  }
}

TEST_CASE("operations are made of invocations and completions") {
  const auto history = parse_history(
      "{:process 0, :type :invoke, :f :take, :value [\"s\" {:count 2}], :time 10}\n"
      "{:process 1, :type :invoke, :f :read, :value [\"s\" {}], :time 20}\n"
      "{:process :nemesis, :type :info, :f :kill, :value \"node 1\", :time 25}\n"
      "{:process 0, :type :ok, :f :take, :value [\"s\" {:count 2, :first 0, :last 1}], :time 30}\n"
      "{:process 1, :type :ok, :f :read, :value [\"s\" {:last -1}], :time 40, :node 3}\n"
      "{:process 0, :type :invoke, :f :take, :value [\"t\" {:key \"k\"}], :time 50}\n"
      "{:process 1, :type :invoke, :f :take, :value [\"s\" {}], :time 60}\n"
      "{:process 1, :type :fail, :f :take, :value [\"s\" {}], :time 70, :error \"503\"}\n"
      "{:time 80 :type :info :f :take :value [\"t\" {:key \"k\"}] :process 0 :error \"cut\"}\n"
      "{:process 2, :type :invoke, :f :take, :value [\"s\" {}], :time 90}\n",
      "h");
  REQUIRE_MESSAGE(history.ok(), history.error().message);
  REQUIRE(history->operations.size() == 5);
  const auto& operations = history->operations;
  CHECK(describe(*history, operations[0]) ==
        "process 0 took 0-1 of \"s\" from 0.000000010 to 0.000000030 s (line 1)");
  CHECK(describe(*history, operations[1]) ==
        "process 1 read -1 of \"s\" from 0.000000020 to 0.000000040 s (line 2)");
  CHECK(operations[1].node == 3);
  CHECK(describe(*history, operations[2]) ==
        "process 0 asked for 1 of \"t\" as k at 0.000000050 s, outcome unknown (line 6)");
  CHECK(history->errors.text(operations[2].error) == "cut");
  CHECK(describe(*history, operations[3]) ==
        "process 1 asked for 1 of \"s\" from 0.000000060 to 0.000000070 s, which failed (line 7)");
  CHECK(operations[4].outcome == Outcome::kUnknown);
  REQUIRE(history->faults.size() == 1);
  CHECK(history->faults[0].fault == "kill");
}

TEST_CASE("what is no history is refused with its line") {
  const std::string invoke = "{:process 0, :type :invoke, :f :take, :value [\"s\" {}], :time 5}\n";
  CHECK(error_of(invoke) == "");
  CHECK(error_of(invoke + "{:process 0") ==
        "h:2: the last line has no end; the file was cut short");
  CHECK(error_of(invoke + invoke) ==
        "h:2: process 0 goes on although its operation of line 1 did not end");
  CHECK(error_of("\n") == "h:1: byte 1: expected {");
  CHECK(error_of(
            "{:process 1, :type :ok, :f :take, :value [\"s\" {:first 1, :last 1}], :time 5}\n") ==
        "h:1: process 1 completes what it did not begin");
  CHECK(error_of(invoke + "{:process 0, :type :fail, :f :take, :value [\"t\" {}], :time 6}\n") ==
        "h:2: process 0 completes another operation than that of line 1");
  CHECK(error_of(invoke + "{:process 0, :type :fail, :f :take, :value [\"s\" {}], :time 4}\n") ==
        "h:2: the time goes back from 5 to 4");
  const std::string info = "{:process 0, :type :info, :f :take, :value [\"s\" {}], :time 6}\n";
  CHECK(error_of(invoke + info) == "");
  CHECK(error_of(invoke + info + info) == "h:3: process 0 completes what it did not begin");
  CHECK(error_of(invoke + info +
                 "{:process 0, :type :invoke, :f :take, :value [\"s\" {}], :time 7}\n") ==
        "h:3: process 0 goes on although its operation of line 1 did not end");
}

TEST_CASE("a line that is not of the format is refused") {
  const auto refused = [](std::string_view line) {
    LineParser parser;
    const auto event = parser.parse(line);
    return event.ok() ? "" : event.error().message;
  };
  const std::string head = "{:process 0, :type :ok, :f :take, :value ", tail = ", :time 5}";
  CHECK(refused(head + "[\"s\" {:first 1, :last 1}]" + tail) == "");
  CHECK(refused(head + "[\"s\" {:first 1}]" + tail).find("has a :last") != std::string::npos);
  CHECK(refused(head + "[\"s\" {:last 1}]" + tail).find("has a :first") != std::string::npos);
  CHECK(refused(head + "[\"s\" {:first 1, :last -1}]" + tail).find("at least 0") !=
        std::string::npos);
  CHECK(refused(head + "[\"s\" {:first 1, :first 1, :last 1}]" + tail).find("twice") !=
        std::string::npos);
  CHECK(refused(head + "[\"s\" {:first 01, :last 1}]" + tail).find("leading zero") !=
        std::string::npos);
  CHECK(refused(head + "[\"s\" {:first 1, :last 18446744073709551615}]" + tail).find("above") !=
        std::string::npos);
  CHECK(refused(head + "[\"s\" {:first 1, :last 18446744073709551616}]" + tail).find("too large") !=
        std::string::npos);
  CHECK(refused(head + "[\"s\" {:first 1, :last -2}]" + tail).find("-1") != std::string::npos);
  CHECK(refused(head + "[\"s" + tail).find("without its end") != std::string::npos);
  CHECK(refused(head + "[\"\\x\" {}]" + tail).find("unknown escape") != std::string::npos);
  CHECK(refused(head + "[\"s\" {:first 1, :last 1, :more 1}]" + tail).find("no :more") !=
        std::string::npos);
  CHECK(refused(head + "\"s\"" + tail).find("pair") != std::string::npos);
  CHECK(refused(head + "[\"s\" {:first 1, :last 1}]" + tail + "{}").find("more behind") !=
        std::string::npos);
  CHECK(refused("{:process 0, :f :take, :value [\"s\" {}], :time 5}").find("no :type") !=
        std::string::npos);
  CHECK(refused("{:process 0, :type :fail, :f :steal, :value [\"s\" {}], :time 5}").find(":take") !=
        std::string::npos);
  CHECK(refused("{:process 0, :type :fail, :f :read, :value [\"s\" {:count 2}], :time 5}")
            .find("no :count") != std::string::npos);
  CHECK(refused("{:process :nemesis, :type :ok, :f :kill, :value \"a\", :time 5}").find(":info") !=
        std::string::npos);
  CHECK(
      refused("{:process :clock, :type :info, :f :kill, :value \"a\", :time 5}").find(":nemesis") !=
      std::string::npos);
}

TEST_CASE("a long history goes through a file, block by block") {
  constexpr int kOperations = 200'000;
  const TemporaryFile file;
  const std::clock_t began = std::clock();
  {
    HistoryWriter writer(file.path);
    for (int n = 0; n < kOperations; ++n) {
      const std::string key = "run-" + std::to_string(n);
      Event event = client_event(EventType::kInvoke, Function::kTake, n * 1000, "orders");
      event.key = key;
      REQUIRE(writer.append(event).ok());
      event.type = EventType::kOk;
      event.time_ns += 700;
      event.begin = static_cast<std::uint64_t>(n);
      event.end = event.begin + 1;
      REQUIRE(writer.append(event).ok());
    }
    REQUIRE(writer.close().ok());
  }
  const auto written = std::clock();
  const auto history = read_history(file.path);
  const auto read = std::clock();
  REQUIRE_MESSAGE(history.ok(), history.error().message);
  REQUIRE(history->operations.size() == kOperations);
  CHECK(history->operations.back().end == kOperations);
  CHECK(history->keys.text(history->operations.back().key) ==
        "run-" + std::to_string(kOperations - 1));
  const auto rate = [](std::clock_t time) {
    return double{kOperations} * CLOCKS_PER_SEC / static_cast<double>(time);
  };
  // Told and not judged: what is right does not depend on the machine.
  MESSAGE("operations a second of processor time: written ", rate(written - began), ", read ",
          rate(read - written));
}

TEST_CASE("a file that cannot be written or read is told by its name") {
  HistoryWriter writer("/nowhere/history.edn");
  CHECK(writer.append(Event{}).error().message.find("/nowhere/history.edn") != std::string::npos);
  CHECK(writer.close().error().message.find("cannot create") != std::string::npos);
  CHECK(read_history("/nowhere/history.edn").error().message.find("cannot open") == 0);
}

}  // namespace
}  // namespace ticketd::jepsen
