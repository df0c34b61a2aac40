// The clients against a cluster that is a map, honest or not.
#include "jepsen/workload.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <asio/post.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "jepsen/nemesis.h"
#include "jepsen/run.h"
#include "tests/jepsen/histories.h"

namespace ticketd::jepsen {
namespace {

/// What a server may do wrong.
enum class Lie { kNone, kTwice, kSkip, kStale, kForgetKeys, kNoAnswer, kOutOfOrder };

/// Sequences and remembered keys, of the clients' thread alone.
struct Served {
  Lie lie = Lie::kNone;
  Random random{9};
  std::map<std::string, std::uint64_t> next;
  std::map<std::string, Reply> by_key;

  Reply answer(const Question& question) {
    std::uint64_t& number =
        next.try_emplace(question.sequence, question.sequence.empty()).first->second;
    const bool lies = random.chance(1, 10);
    Reply reply;
    reply.type = EventType::kOk;
    if (question.function == Function::kRead) {
      // Older than all that is under way at any time.
      reply.end = lies && lie == Lie::kStale && number > 50 ? number - 50 : number;
      return reply;
    }
    if (!question.key.empty() && !(lies && lie == Lie::kForgetKeys)) {
      const auto known = by_key.find(question.key);
      if (known != by_key.end()) return known->second;
    }
    if (lies && lie == Lie::kTwice && number > 1) --number;
    if (lies && lie == Lie::kSkip) ++number;
    reply.begin = number;
    reply.end = number += question.count;
    if (!question.key.empty()) by_key[question.key] = reply;
    return reply;
  }
};

/// Some requests fail, some are done or not and nobody is told.
class ServedClient : public TicketClient {
 public:
  ServedClient(asio::io_context& loop, Served& served) : loop_(loop), served_(served) {}

  void ask(std::uint32_t node, Questions questions, Clock::time_point, Callback told) override {
    std::vector<Reply> replies;
    for (const Question& question : questions) replies.push_back(reply_to(question, node));
    if (served_.lie == Lie::kOutOfOrder &&
        questions.front().function == questions.back().function) {
      std::swap(replies.front(), replies.back());
    }
    asio::post(loop_, [told = std::move(told), replies = std::move(replies)] {
      for (std::size_t which = 0; which < replies.size(); ++which) told(which, replies[which]);
    });
  }

  bool keeps_order() const override { return true; }

  void cut() override {}

 private:
  Reply reply_to(const Question& question, std::uint32_t node) {
    Reply reply;
    const std::uint64_t fate = served_.random.below(20);
    if (fate == 0) {
      reply.type = EventType::kFail;
      reply.error = "refused";
    } else if (fate != 1) {
      reply = served_.answer(question);
      reply.node = node;
    }
    if (fate <= 2 && reply.type != EventType::kFail) reply = {EventType::kInfo, 0, 0, 0, "lost"};
    reply.malformed = served_.lie == Lie::kNoAnswer && reply.type == EventType::kInfo;
    return reply;
  }

  asio::io_context& loop_;
  Served& served_;
};

struct Outcomes {
  Verdict verdict;
  std::string judged;
  std::size_t left = 0;
  Tally tally;
  std::vector<std::string> malformed;
};

Outcomes run_against(Lie lie, std::vector<WorkloadKind> kinds) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() /
                                     ("ticketd-workload-" + std::to_string(::getpid()) + ".edn");
  Served served;
  served.lie = lie;
  Outcomes outcomes;
  {
    Recorder recorder(file);
    WorkloadOptions options;
    options.kinds = std::move(kinds);
    options.rate = 100'000;
    Workload workload(
        options, 3,
        [&](asio::io_context& loop, std::size_t) {
          return std::make_unique<ServedClient>(loop, served);
        },
        [] { return Status(); }, recorder);
    REQUIRE(workload.start().ok());
    while (workload.tally().ok < 3000) std::this_thread::yield();
    outcomes.left = workload.finish(std::chrono::seconds(60));
    outcomes.tally = workload.tally();
    outcomes.malformed = workload.malformed();
    const auto history = recorder.finish();
    REQUIRE_MESSAGE(history.ok(), history.error().message);
    outcomes.verdict = check(*history);
    outcomes.judged = describe(*history, outcomes.verdict);
    // The file holds the same.
    const auto read = read_history(file);
    REQUIRE_MESSAGE(read.ok(), read.error().message);
    CHECK(read->operations.size() == history->operations.size());
    CHECK(describe(*read, check(*read)) == outcomes.judged);
  }
  std::filesystem::remove(file);
  return outcomes;
}

const std::vector<WorkloadKind> kAll = {WorkloadKind::kTickets, WorkloadKind::kSequences,
                                        WorkloadKind::kRanges, WorkloadKind::kRetries,
                                        WorkloadKind::kPipelines};

TEST_CASE("an honest server passes, and nothing with a key stays unknown") {
  const Outcomes outcomes = run_against(Lie::kNone, kAll);
  CHECK_MESSAGE(outcomes.verdict.decision == Decision::kValid, outcomes.judged);
  CHECK(outcomes.left == 0);
  CHECK(outcomes.tally.unknown > 100);
  CHECK(outcomes.tally.failed > 100);
  CHECK(outcomes.verdict.searched == 0);
  CHECK(outcomes.malformed.empty());
}

TEST_CASE("a server that hands out numbers twice is caught by every workload") {
  for (const WorkloadKind kind : kAll) {
    CHECK(run_against(Lie::kTwice, {kind}).judged.find("handed out twice") != std::string::npos);
  }
}

TEST_CASE("a server that skips numbers is caught where outcomes are known in the end") {
  for (const WorkloadKind kind : {WorkloadKind::kRanges, WorkloadKind::kRetries}) {
    CHECK(run_against(Lie::kSkip, {kind}).verdict.decision == Decision::kViolated);
  }
}

TEST_CASE("a server with stale reads is caught") {
  CHECK(run_against(Lie::kStale, {WorkloadKind::kSequences}).judged.find("returned before") !=
        std::string::npos);
}

TEST_CASE("a server that forgets keys is caught by retries") {
  CHECK(run_against(Lie::kForgetKeys, {WorkloadKind::kRetries}).verdict.decision ==
        Decision::kViolated);
}

TEST_CASE("a server that answers a pipeline out of order is caught by pipelines") {
  CHECK(run_against(Lie::kOutOfOrder, {WorkloadKind::kPipelines})
            .judged.find("not in the order of the requests") != std::string::npos);
}

TEST_CASE("answers that ticketd never gives are told") {
  CHECK_FALSE(run_against(Lie::kNoAnswer, {WorkloadKind::kTickets}).malformed.empty());
}

TEST_CASE("nemeses and workloads are found by their names") {
  CHECK(nemesis_named("kill") != nullptr);
  CHECK(nemesis_named("partition-ring")->needs_network);
  CHECK(nemesis_named("") == nullptr);
  CHECK(workload_named("ranges") == WorkloadKind::kRanges);
  CHECK_FALSE(workload_named("range").has_value());
}

}  // namespace
}  // namespace ticketd::jepsen
