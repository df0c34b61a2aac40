#include "sim/scenario.h"

#include <doctest/doctest.h>

#include <string>

#include "sim/scenario_script.h"
#include "sim/violation.h"

namespace ticketd::sim {
namespace {

const std::string kText =
    "# 1 A title\n"
    "# and what it is about\n"
    "\n"
    "cluster voters=1\n"
    "# a comment\n"
    "elect 1\n"
    "----\n"
    "1 campaigns in term 2\n"
    "1 leads in term 2\n"
    "\n"
    "run 1ms\n";

/// What one block of these commands gives.
std::string play(const std::string& commands) {
  Scenario scenario;
  std::string transcript;
  for (const Block& block : parse_script(commands).blocks) transcript += scenario.run(block);
  scenario.finish();
  return transcript;
}

std::string error_of(const std::string& text) {
  try {
    play(text);
  } catch (const ScriptError& error) {
    return error.what();
  }
  return {};
}

TEST_CASE("a scenario is its header and blocks, and its text again") {
  const Script script = parse_script(kText);
  CHECK(script.header.size() == 2);
  REQUIRE(script.blocks.size() == 2);
  CHECK(script.blocks[0].line == 4);
  CHECK(script.blocks[0].lines.size() == 3);
  CHECK(script.blocks[0].expected == "1 campaigns in term 2\n1 leads in term 2\n");
  CHECK(script.blocks[1].expected.empty());
  CHECK(text_of(script) == kText);
  CHECK(text_of(parse_script("")).empty());
}

TEST_CASE("a scenario that is wrong says where and why") {
  CHECK(error_of("\n----\n") == "line 2: ---- with no command before it");
  CHECK(error_of("\nrun 1s\n----\n") == "line 2: nothing stands behind the ---- of this block");
  const std::string one = "cluster voters=1\n";
  CHECK(error_of(one + "jump 1\n") == "line 2: there is no command \"jump\"");
  CHECK(error_of(one + "run 5\n") == "line 2: run: \"5\" is no span: 100us, 500ms, 2s");
  CHECK(error_of(one + "run\n") == "line 2: run: a span is missing");
  CHECK(error_of(one + "elect 2\n") == "line 2: elect: there is no node 2");
  CHECK(error_of(one + "elect one\n") == "line 2: elect: \"one\" is not a number");
  CHECK(error_of(one + "elect 1 now\n") == "line 2: elect: \"now\" means nothing here");
  CHECK(error_of(one + "elect 1 at=2\n") == "line 2: elect: at= means nothing here");
  CHECK(error_of(one + "crash 1\ntake at=1\n") == "line 3: take: node 1 is down");
  CHECK(error_of(one + "take at=1 at=1\n") == "line 2: take: \"at=1\" says something twice");
  CHECK(error_of(one + "expect 1 mood=bad\n") == "line 2: expect: nodes have no mood");
  CHECK(error_of(one + "hold 1->2 Greeting\n") == "line 2: hold: there is no message \"Greeting\"");
  CHECK(error_of(one + "cluster voters=1\n") == "line 2: cluster: there is one already");
}

TEST_CASE("a difference keeps what both say") {
  CHECK(difference("a\nb\n", "a\nb\n").empty());
  CHECK(difference("a\nb\nc\n", "a\nx\nc\n") == "  a\n- b\n+ x\n  c\n");
  CHECK(difference("", "a\n") == "+ a\n");
  CHECK(difference("a\nb\n", "b\n") == "- a\n  b\n");
}

TEST_CASE("a scenario played twice gives one transcript") {
  const std::string commands =
      "cluster voters=3\nelect 1\nbegin a take count=3 at=2\ncrash 1\nawait leader=any\n"
      "start 1\ntake key=k at=1\nawait equal\nstatus\n";
  const std::string transcript = play(commands);
  CHECK(!transcript.empty());
  CHECK(play(commands) == transcript);
}

TEST_CASE("what was expected and is not, and a process that must end and does not, are breaches") {
  const std::string elected = "cluster voters=3\nelect 1\n";
  CHECK_THROWS_AS(play(elected + "expect leader=2\n"), Violation);
  CHECK_THROWS_AS(play(elected + "await 1 commit=9 within=1s\n"), Violation);
  CHECK_THROWS_AS(play(elected + "stops 1 run 1ms\n"), Violation);
  CHECK_THROWS_AS(play("run 1ms\n"), Violation);
}

TEST_CASE("the oracle watches scenarios, too") {
  // A follower's answer that nobody gave makes the leader commit what it holds alone.
  CHECK_THROWS_AS(play("cluster voters=3\nelect 1\ncut 1 2,3\nbegin a take at=1\nrun 5ms\n"
                       "inject 2->1 AppendResponse term=2 holds=3\nrun 1ms\n"),
                  Violation);
}

}  // namespace
}  // namespace ticketd::sim
