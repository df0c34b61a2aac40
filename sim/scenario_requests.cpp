// The clients of a scenario.
#include <utility>

#include "sim/scenario_say.h"
#include "sim/scenario_text.h"
#include "sim/simulation.h"

namespace ticketd::sim {

namespace {

/// Beyond what a request is promised to take.
constexpr Micros kLate = 2'000'000;
/// Labels of requests that are waited for, each free again when it is answered.
constexpr const char* kTake = "take";
constexpr const char* kAdvance = "advance";
constexpr const char* kRead = "read";

bool is_waited_for(const std::string& label) {
  return label == kTake || label == kAdvance || label == kRead;
}

}  // namespace

void Scenario::take(Arguments& arguments) {
  const std::uint64_t times = arguments.number("times", 1);
  silent_ = times > 1;
  for (std::uint64_t i = 1; i <= times; ++i) {
    Arguments each = arguments;
    ask(i == times ? arguments : each, "take", kTake);
    answer_to(kTake);
    require(times == 1 || last_.outcome->starts_with("done"), "take number ", i, " of ", times,
            " is ", *last_.outcome);
  }
  if (std::exchange(silent_, false)) say("take: ", times, " times, the last ", *last_.outcome);
}

void Scenario::advance(Arguments& arguments) {
  ask(arguments, "advance", kAdvance);
  answer_to(kAdvance);
}

void Scenario::read(Arguments& arguments) {
  ask(arguments, "read", kRead);
  answer_to(kRead);
}

void Scenario::begin(Arguments& arguments) {
  const std::string label = arguments.word("a label");
  if (askings_.contains(label) || is_waited_for(label)) arguments.wrong("that label is taken");
  ask(arguments, arguments.word("take, advance or read"), label);
}

/// As clients do, it goes to the node's front end; `direct`: to the replica, whoever leads.
void Scenario::ask(Arguments& arguments, const std::string& kind, const std::string& label) {
  const bool stale = kind == "read" && arguments.takes("stale");
  std::string sequence;
  if (arguments.has_word() && !arguments.next_is_one_of({"direct", "stale"})) {
    sequence = arguments.word("a sequence");
  }
  Process& process = node(arguments, arguments.option("at"));
  if (!process.up()) arguments.wrong("node " + name_of(process) + " is down");
  if (kind == "read") {
    ask_query(process, label, stale || arguments.takes("stale"), ticket::Lookup{{sequence}});
    return;
  }
  ticket::Request request;
  request.sequence = sequence;
  if (kind == "take") {
    request.value = arguments.number("count", 1);
  } else if (kind == "advance") {
    request.kind = ticket::Kind::kAdvance;
    request.value = arguments.as_number(arguments.option("value"));
  } else {
    arguments.wrong("\"" + kind + "\" is not take, advance or read");
  }
  request.key = arguments.option("key", "");
  ask_change(process, label, arguments.takes("direct"), std::move(request));
}

void Scenario::ask_change(Process& process, const std::string& label, bool direct,
                          ticket::Request request) {
  askings_[label] = {process.index(), process.life(),
                     Asked{request, simulation().oracle.golden.last()}, std::nullopt};
  process.on_loop([this, &process, label, direct, request = std::move(request)]() mutable {
    server::Replica& replica = process.replica();
    const auto done = [this, label](ticket::Answer answer) { note(label, std::move(answer)); };
    if (direct) return replica.change(std::move(request), done);
    replica.find_leader([&replica, done, request](const ticket::LeaderView& view) {
      if (std::holds_alternative<ticket::LeaderHere>(view)) return replica.change(request, done);
      if (std::holds_alternative<ticket::LeaderThere>(view)) return replica.forward(request, done);
      done(ticket::NotDone{ticket::NotDone::Why::kNoLeader, "no leader"});
    });
  });
}

void Scenario::ask_query(Process& process, const std::string& label, bool stale,
                         ticket::Query query) {
  askings_[label] = {process.index(), process.life(),
                     AskedQuery{query, stale, simulation().oracle.golden.last()}, std::nullopt};
  process.on_loop([this, &process, label, stale, query = std::move(query)]() mutable {
    server::Replica& replica = process.replica();
    const auto done = [this, label](ticket::QueryAnswer answer) { note(label, std::move(answer)); };
    if (stale) return replica.read_stale(std::move(query), done);
    replica.find_leader([&replica, done, query](const ticket::LeaderView& view) {
      if (std::holds_alternative<ticket::LeaderHere>(view)) return replica.read(query, done);
      if (std::holds_alternative<ticket::LeaderThere>(view)) return replica.forward(query, done);
      done(ticket::NotDone{ticket::NotDone::Why::kNoLeader, "no leader"});
    });
  });
}

// --- Answers
// --------------------------------------------------------------------------------------

void Scenario::answer_to(const std::string& label) {
  const auto answered = [&] { return askings_.at(label).outcome.has_value(); };
  const Micros patience = simulation().knobs.request_timeout + kLate;
  require(simulation_->run_until(answered, patience, 1), label, " is not answered in time");
  last_ = askings_.extract(label).mapped();
}

void Scenario::note(const std::string& label,
                    std::variant<ticket::Answer, ticket::QueryAnswer> answer) {
  answers_.emplace_back(label, std::move(answer));
}

/// When the event is over: what it committed is in the golden log only then.
void Scenario::look_at_answers() {
  for (const auto& [label, answer] : std::exchange(answers_, {})) {
    Asking& asking = askings_.at(label);
    require(!asking.outcome, label, " is answered twice");
    Audit& audit = simulation().oracle.audit;
    if (const auto* asked = std::get_if<Asked>(&asking.asked)) {
      const auto& told = std::get<ticket::Answer>(answer);
      audit.answered(*asked, told);
      asking.outcome = text_of(told);
    } else {
      const auto& told = std::get<ticket::QueryAnswer>(answer);
      audit.answered(std::get<AskedQuery>(asking.asked), told);
      asking.outcome = text_of(told);
    }
    say(label, ": ", *asking.outcome);
  }
}

}  // namespace ticketd::sim
