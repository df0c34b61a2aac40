#include "sim/scenario.h"

#include <algorithm>
#include <sstream>

#include "sim/scenario_say.h"
#include "sim/scenario_text.h"
#include "sim/simulation.h"

namespace ticketd::sim {

Scenario::Scenario() = default;
Scenario::~Scenario() = default;

const std::vector<Scenario::Command>& Scenario::table() {
  static const std::vector<Command> kTable = {
      {"cluster voters=N ...",
       "makes it; `keep=` `chunk=` `append-bytes=` `inflight=` `patience=` "
       "`ids=extreme` `clocks=near-wrap`",
       &Scenario::cluster},
      {"run SPAN", "lets time pass: `100us`, `500ms`, `2s`", &Scenario::run_for},
      {"elect N [unready]",
       "makes N's election time-outs end until it leads and may serve, or leads "
       "at all",
       &Scenario::elect},
      {"campaign N [every=SPAN for=SPAN]", "makes N's election time-out end now, or now and again",
       &Scenario::campaign},
      {"crash N [keep-write|lose-write|tear-write]",
       "its power fails; a write under way is there, gone, or there but for its last sector",
       &Scenario::crash},
      {"stop N", "stops it in good order", &Scenario::stop},
      {"start N", "starts it from its disk", &Scenario::start},
      {"wipe N", "kills it, and gives it an empty disk", &Scenario::wipe},
      {"pause N SPAN", "N does nothing for so long; its disk goes on", &Scenario::pause},
      {"clock N SPAN", "N's clock jumps ahead", &Scenario::clock},
      {"hang N SPAN", "no write of N's disk ends for so long", &Scenario::hang},
      {"fail-disk N [write|flush]",
       "what N's disk does next fails; of the journal, its flush or a "
       "write",
       &Scenario::fail_disk},
      {"space N low|full|enough", "what N's disk says of its space", &Scenario::space},
      {"keep ENTRIES", "checkpoints compact logs to so many entries", &Scenario::keep},
      {"join N [replace] [at=M]", "N, with an empty disk, asks for its admission and starts",
       &Scenario::join},
      {"remove N [nowait] [at=M]", "asks M, or the leader, to remove N", &Scenario::remove},
      {"transfer [to=N] [nowait] [at=M]", "asks M, or the leader, to hand leadership over",
       &Scenario::transfer},
      {"cut A B / cut A->B", "nothing goes between them, or from A to B; both may be lists, or `*`",
       &Scenario::cut},
      {"isolate N", "nothing goes from N or to it", &Scenario::isolate},
      {"heal [A B / A->B]", "mends these, or everything", &Scenario::heal},
      {"watch KIND,... / watch nothing", "tells which messages of these kinds are sent",
       &Scenario::watch},
      {"hold A->B [KIND,...] [quiet]", "keeps such messages back when they are sent",
       &Scenario::hold},
      {"let A->B [KIND,...] [quiet]", "ends that hold, and sends what it kept back",
       &Scenario::let},
      {"release A->B [KIND,...] [first=N] [last=N] [copy] [reversed] [quiet]",
       "sends what is kept "
       "back, or copies of it; the hold goes on",
       &Scenario::release},
      {"drop A->B [KIND,...] [first=N] [last=N]", "loses what is kept back", &Scenario::drop},
      {"inject A->B KIND FIELD=... [as=ID] [for=ID]", "B hears a forged message",
       &Scenario::inject},
      {"greet N from=ID [to=ID] [cluster=other]", "somebody dials N and says who it is",
       &Scenario::greet},
      {"stops N COMMAND ...", "the command must make N's process end, in a copy of the cluster",
       &Scenario::stops},
      {"take [NAME] [count=C] [key=K] [times=T] [direct] at=N",
       "takes numbers at N, and waits for "
       "the answer",
       &Scenario::take},
      {"advance [NAME] value=V [key=K] at=N", "moves a sequence forward", &Scenario::advance},
      {"read [NAME] [stale] at=N", "asks for the last number", &Scenario::read},
      {"begin LABEL take|advance|read ...", "asks, and does not wait", &Scenario::begin},
      {"expect CONDITION",
       "it holds now: `leader=N|any|none`, `N role=R term=T last=L commit=C ...`, "
       "`answer LABEL TEXT`, `equal`",
       &Scenario::expect},
      {"await CONDITION [within=SPAN]", "time passes until it holds", &Scenario::await},
      {"status", "a line for each node", &Scenario::status},
      {"log N", "the entries on N's disk", &Scenario::log},
  };
  return kTable;
}

std::string Scenario::commands() {
  std::string text;
  for (const Command& command : table()) {
    text += std::string(command.usage) + "  " + command.what + '\n';
  }
  return text;
}

// --- Running
// --------------------------------------------------------------------------------------

std::string Scenario::run(const Block& block) {
  transcript_.clear();
  for (std::size_t i = 0; i < block.lines.size(); ++i) {
    if (!block.lines[i].starts_with('#')) execute(block.line + i, block.lines[i]);
  }
  return std::exchange(transcript_, {});
}

void Scenario::execute(std::size_t line, const std::string& text) {
  Arguments arguments(line, text);
  for (const Command& command : table()) {
    if (split(command.usage, ' ').front() != arguments.command()) continue;
    (this->*command.carry_out)(arguments);
    arguments.finish();
    return;
  }
  throw ScriptError(line, "there is no command \"" + arguments.command() + "\"");
}

void Scenario::finish() {
  if (!simulation_) return;
  // Who still waits does not learn it here.
  for (const auto& [label, asking] : askings_) {
    const auto* asked = std::get_if<Asked>(&asking.asked);
    if (asking.outcome || asked == nullptr) continue;
    simulation_->oracle.audit.answered(*asked, ticket::Answer(ticket::Unknown{"the end"}));
  }
  simulation_->oracle.scan();
  simulation_->oracle.audit.finish();
}

std::string Scenario::describe() const {
  return transcript_ + (simulation_ ? simulation_->describe() : "");
}

Simulation& Scenario::simulation() {
  require(simulation_ != nullptr, "there is no cluster yet");
  return *simulation_;
}

Process& Scenario::node(const Arguments& arguments, const std::string& name) {
  const std::uint64_t number = arguments.as_number(name);
  if (number == 0 || number > simulation().processes().size()) {
    arguments.wrong("there is no node " + name);
  }
  return simulation_->process(static_cast<std::uint32_t>(number - 1));
}

std::string Scenario::name_of(const Process& process) {
  return std::to_string(process.index() + 1);
}

std::string Scenario::name_of(raft::MemberId member) const {
  for (const auto& process : simulation_->processes()) {
    if (process->platter().member() == member) return name_of(*process);
  }
  return (std::ostringstream() << member).str();
}

std::string Scenario::text_of_members(const raft::Configuration& configuration) const {
  return text_of(configuration, [this](raft::MemberId member) { return name_of(member); });
}

// --- Narration
// ------------------------------------------------------------------------------------

void Scenario::told(const Process& process, const std::string& line) {
  if (simulation_ != nullptr) say(name_of(process), ' ', line);
}

void Scenario::settled(const Process& process) {
  if (simulation_ == nullptr) return;
  look_at_answers();
  shown_.resize(std::max<std::size_t>(shown_.size(), process.index() + 1));
  narrate(process, shown_[process.index()]);
  const Golden& golden = simulation_->oracle.golden;
  const raft::ConfigurationAt& committed = golden.configuration(golden.last());
  if (std::exchange(configuration_, committed.index) != committed.index) {
    say("committed at ", committed.index, ": members ", text_of_members(committed.configuration));
  }
}

void Scenario::narrate(const Process& process, Shown& shown) {
  const raft::Node& node = process.replica().node();
  const Shown before =
      std::exchange(shown, {node.role(), node.current_term(), node.compacted_mark().index,
                            node.configuration().index, shown.rehearsed, true});
  if (before.role != shown.role ||
      (before.term != shown.term && shown.role != raft::Role::kFollower)) {
    if (before.role == raft::Role::kLeader) say(name_of(process), " leads no more");
    if (shown.role == raft::Role::kPreCandidate) {
      const raft::Term next = shown.term + 1;
      if (std::exchange(shown.rehearsed, next) != next) {
        say(name_of(process), " rehearses for term ", next);
      }
    } else if (shown.role == raft::Role::kCandidate) {
      say(name_of(process), " campaigns in term ", shown.term);
    } else if (shown.role == raft::Role::kLeader) {
      say(name_of(process), " leads in term ", shown.term);
    }
  }
  if (before.configuration != shown.configuration && shown.role == raft::Role::kLeader) {
    say(name_of(process), " proposes members ",
        text_of_members(node.configuration().configuration));
  }
  // At first it is what the disk held.
  if (before.known && before.compacted < shown.compacted) {
    say(name_of(process), " has compacted its log up to ", shown.compacted);
  }
}

void Scenario::went_down(const Process& process, std::uint32_t life) {
  if (simulation_ == nullptr) return;
  if (process.index() < shown_.size()) shown_[process.index()] = {};
  look_at_answers();
  for (auto& [label, asking] : askings_) {
    if (asking.outcome || asking.process != process.index() || asking.life != life) continue;
    if (std::holds_alternative<Asked>(asking.asked)) {
      note(label, ticket::Answer(ticket::Unknown{"the node died"}));
    } else {
      note(label, ticket::QueryAnswer(ticket::NotDone{ticket::NotDone::Why::kNoLeader, "died"}));
    }
  }
  look_at_answers();
}

void Scenario::saves(std::uint32_t index, const raft::Save& save) {
  if (simulation_ == nullptr) return;
  const Process& process = simulation_->process(index);
  const Platter& platter = process.platter();
  const raft::HardState& before = platter.hard_state;
  if (const auto& hard = save.hard_state; hard && hard->has_voted) {
    const bool news = !before.has_voted || before.current_term != hard->current_term;
    if (news && hard->voted_for != platter.member()) {
      say(name_of(process), " votes for ", name_of(hard->voted_for), " in term ",
          hard->current_term);
    }
  }
  if (!save.entries.empty() && save.entries.front().index <= platter.last_index()) {
    say(name_of(process), " cuts entries ", save.entries.front().index, "..", platter.last_index(),
        " of its log");
  }
}

void Scenario::installs(std::uint32_t index, raft::SnapshotMark mark) {
  if (simulation_ == nullptr) return;
  say(name_of(simulation_->process(index)), " puts the snapshot of ", mark.index, '/', mark.term,
      " in force");
  if (index < shown_.size()) shown_[index].compacted = mark.index;
}

}  // namespace ticketd::sim
