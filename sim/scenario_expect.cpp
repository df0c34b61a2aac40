// What a scenario sees of its cluster, and what it expects.
#include <algorithm>

#include "sim/scenario_say.h"
#include "sim/scenario_text.h"
#include "sim/simulation.h"

namespace ticketd::sim {

namespace {

constexpr const char* kWithin = "10s";

template <class T>
std::string text(const T& value) {
  return (std::ostringstream() << value).str();
}

}  // namespace

void Scenario::expect(Arguments& arguments) {
  const std::string instead = condition(arguments)();
  require(instead.empty(), "expected otherwise: ", instead);
}

void Scenario::await(Arguments& arguments) {
  const Micros span = arguments.as_span(arguments.option("within", kWithin));
  const Condition wanted = condition(arguments);
  // Looked at after each event: scenarios go on at the very moment.
  const bool came = simulation().run_until([&] { return wanted().empty(); }, span, 1);
  require(came, "did not come: ", wanted());
}

Scenario::Condition Scenario::condition(Arguments& arguments) {
  if (arguments.has("leader")) {
    const std::string wanted = arguments.option("leader");
    if (wanted != "none" && wanted != "any") node(arguments, wanted);
    return [this, wanted] {
      const Process* leader = simulation().leader();
      const std::string name = leader == nullptr ? "none" : name_of(*leader);
      const bool holds = wanted == "any"
                             ? leader != nullptr && leader->replica().node().ready_to_serve()
                             : name == wanted;
      return holds ? std::string() : "leader=" + name;
    };
  }
  if (arguments.takes("equal")) return [this] { return apart(); };
  if (arguments.takes("answer")) {
    const std::string label = arguments.word("a label");
    if (!askings_.contains(label)) arguments.wrong("nothing was asked under that label");
    std::string wanted;
    for (const std::string& word : arguments.rest()) wanted += (wanted.empty() ? "" : " ") + word;
    if (wanted.empty()) arguments.wrong("the answer is missing; \"none\", if it is not there yet");
    return [this, label, wanted] {
      const std::string told = askings_.at(label).outcome.value_or("none");
      return told == wanted ? std::string() : label + " is answered: " + told;
    };
  }
  return node_condition(arguments, arguments.word("leader=, equal, answer or a node"));
}

Scenario::Condition Scenario::node_condition(Arguments& arguments, const std::string& name) {
  const Process& process = node(arguments, name);
  auto wanted = arguments.all_options();
  std::erase_if(wanted, [](const auto& option) { return option.first == "within"; });
  if (wanted.empty()) arguments.wrong("nothing is said of node " + name);
  for (const auto& [key, value] : wanted) {
    if (field(process, key).empty()) arguments.wrong("nodes have no " + key);
  }
  return [this, &process, wanted] {
    std::string instead;
    for (const auto& [key, value] : wanted) {
      const std::string is = field(process, key);
      if (is != value) instead += (instead.empty() ? "" : " ") + key + '=' + is;
    }
    return instead.empty() ? instead : "node " + name_of(process) + ' ' + instead;
  };
}

/// Empty: there is no such field. What is on the disk a node that is down has, too.
std::string Scenario::field(const Process& process, const std::string& name) const {
  const Platter& platter = process.platter();
  const bool up = process.up();
  const raft::Node* node = up ? &process.replica().node() : nullptr;
  if (name == "role") {
    return up ? to_string(node->role()) : process.removed() ? "removed" : "down";
  }
  if (name == "term") return text(up ? node->current_term() : platter.hard_state.current_term);
  if (name == "last") return text(up ? node->last_index() : platter.last_index());
  if (name == "last-term") {
    return text(platter.term_at(platter.last_index()).value_or(raft::Term()));
  }
  if (name == "commit") return text(up ? node->commit_index() : platter.hard_state.commit_index);
  if (name == "applied") {
    return text(up ? process.replica().summary().applied_index
                   : platter.applied.summary.applied_index);
  }
  if (name == "compacted") return text(platter.compacted.index);
  if (name == "durable-term") return text(platter.hard_state.current_term);
  if (name == "durable-last") return text(platter.last_index());
  if (name == "vote") {
    const raft::HardState& hard = platter.hard_state;
    return hard.has_voted ? name_of(hard.voted_for) : "none";
  }
  if (name == "id") return text(platter.member());
  return {};
}

/// Empty: every member runs, and has applied all there is. (The oracle compares what they applied.)
std::string Scenario::apart() const {
  const raft::Index last = simulation_->oracle.golden.last();
  for (const auto& process : simulation_->processes()) {
    if (!simulation_->is_member(*process)) continue;
    if (!process->up()) return "node " + name_of(*process) + " is down";
    const raft::Index applied = process->replica().summary().applied_index;
    const raft::Index held = process->replica().node().last_index();
    if (applied != last || held != last) {
      return "node " + name_of(*process) + " has applied " + text(applied) + " and holds " +
             text(held) + ", where " + text(last) + " is committed";
    }
  }
  return {};
}

void Scenario::status(Arguments&) {
  for (const auto& process : simulation().processes()) {
    const auto of = [&](const char* name) { return field(*process, name); };
    const raft::Configuration configuration =
        process->up() ? process->replica().node().configuration().configuration
                      : process->platter().newest_configuration();
    say(name_of(*process), "  ", of("id"), ' ', of("role"), " term ", of("term"), " vote ",
        of("vote"), " log (", of("compacted"), ", ", of("last"), "] commit ", of("commit"),
        " applied ", of("applied"), "  members ", text_of_members(configuration));
  }
}

void Scenario::log(Arguments& arguments) {
  const Process& process = node(arguments, arguments.word("a node"));
  for (const StoredEntry& stored : process.platter().log) {
    say(name_of(process), "  ",
        text_of(stored.entry, [this](raft::MemberId member) { return name_of(member); }));
  }
}

}  // namespace ticketd::sim
