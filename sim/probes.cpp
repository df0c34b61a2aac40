#include "sim/probes.h"

#include <algorithm>
#include <utility>

#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {

using ticket::NotDone;

namespace {

constexpr Micros kAgain = 20'000;
/// That a voter is low on space is believed for so long, and no change is taken meanwhile.
constexpr Micros kOldReport = 10'000'000;

}  // namespace

Probes::Probes(Simulation& simulation) : simulation_(simulation) {
  for (const auto& process : simulation.processes()) {
    if (!simulation.is_member(*process) || simulation.minority.holds(*process)) continue;
    if (process->up() && !simulation.is_found(*process)) continue;
    const std::string key = "probe-" + std::to_string(process->index());
    add(*process, "ticket", ticket::Request{});
    add(*process, "keyed", {ticket::Kind::kTake, "probe", 2, key});
    add(*process, "read", ticket::Lookup{{"probe", ""}}, false);
    add(*process, "stale read", ticket::Lookup{{"probe"}}, true);
    add(*process, "list", ticket::Listing{"", "", 4}, false);
  }
}

void Probes::add(Process& process, std::string what, ticket::Request request) {
  Probe& probe = probes_.emplace_back();
  probe.process = &process;
  probe.what = std::move(what);
  probe.asked = Asked{std::move(request), {}};
}

void Probes::add(Process& process, std::string what, ticket::Query query, bool stale) {
  Probe& probe = probes_.emplace_back();
  probe.process = &process;
  probe.what = std::move(what);
  probe.asked = AskedQuery{std::move(query), stale, {}};
}

void Probes::run() {
  // One that was lost with a leader, and one more. Of 300 runs the longest took 2.2 s.
  const Micros bound = kOldReport + 2 * simulation_.knobs.request_timeout;
  const bool done = simulation_.run_until([this] { return all_done(); }, bound);
  simulation_.statistics.probes += probes_.size();
  if (done) return;
  std::string text;
  for (const Probe& probe : probes_) {
    if (probe.done) continue;
    text += " " + probe.what + " at process " + std::to_string(probe.process->index()) + ": " +
            probe.refusal + ";";
  }
  fail("after the faults requests are not carried out:", text);
}

bool Probes::all_done() {
  for (Probe& probe : probes_) go_on(probe);
  return std::all_of(probes_.begin(), probes_.end(), [](const Probe& each) { return each.done; });
}

void Probes::go_on(Probe& probe) {
  if (probe.done) return;
  if (probe.answer != nullptr) {
    if (!probe.answer->has_value()) return;
    const auto answer = std::exchange(probe.answer, nullptr);
    heard(probe, **answer);
  } else if (probe.again_at <= simulation_.events.now()) {
    ask(probe);
  }
}

/// As a front end does it that forwards and never redirects.
void Probes::ask(Probe& probe) {
  Process& process = *probe.process;
  if (!process.up()) fail("process ", process.index(), " is down, after all had come to one state");
  probe.answer = std::make_shared<std::optional<Answer>>();
  const auto note = [answer = probe.answer](auto told) { *answer = Answer(std::move(told)); };
  std::visit([&](auto& asked) { asked.golden_last = simulation_.oracle.golden.last(); },
             probe.asked);
  process.on_loop([&process, asked = probe.asked, note] {
    server::Replica& replica = process.replica();
    const auto* query = std::get_if<AskedQuery>(&asked);
    if (query != nullptr && query->stale) return replica.read_stale(query->query, note);
    replica.find_leader([&replica, asked, note](const ticket::LeaderView& view) {
      const bool here = std::holds_alternative<ticket::LeaderHere>(view);
      if (const auto* change = std::get_if<Asked>(&asked)) {
        return here ? replica.change(change->request, note)
                    : replica.forward(change->request, note);
      }
      const ticket::Query& read = std::get<AskedQuery>(asked).query;
      here ? replica.read(read, note) : replica.forward(read, note);
    });
  });
}

void Probes::heard(Probe& probe, const Answer& answer) {
  probe.again_at = simulation_.events.now() + kAgain;
  Audit& audit = simulation_.oracle.audit;
  if (const auto* asked = std::get_if<Asked>(&probe.asked)) {
    const auto& told = std::get<ticket::Answer>(answer);
    audit.answered(*asked, told);
    const auto* refused = std::get_if<NotDone>(&told);
    // A small table of keys may be full, and the numbers may have come to their end: that is what
    // the machine has decided, and an answer.
    const bool decided = refused != nullptr && (refused->why == NotDone::Why::kKeysFull ||
                                                refused->why == NotDone::Why::kOverflow);
    probe.done = std::holds_alternative<ticket::Done>(told) || decided;
    probe.refusal = refused != nullptr ? refused->message : "unknown";
    return;
  }
  const auto& told = std::get<ticket::QueryAnswer>(answer);
  audit.answered(std::get<AskedQuery>(probe.asked), told);
  probe.done = std::holds_alternative<ticket::QueryResult>(told);
  if (!probe.done) probe.refusal = std::get<NotDone>(told).message;
}

}  // namespace ticketd::sim
