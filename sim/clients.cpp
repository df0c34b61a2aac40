#include "sim/clients.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "server/translate.h"
#include "sim/simulation.h"
#include "sim/violation.h"

namespace ticketd::sim {

using ticket::Kind;
using ticket::NotDone;

namespace {

/// A process's answer may be late by what its loop is.
constexpr Micros kSlack = 50'000;
constexpr Micros kRetryMax = 300'000;
/// Requests under keys that are kept, to be made again.
constexpr std::size_t kKeyedBeforeMax = 200;

}  // namespace

Clients::Clients(Simulation& simulation) : simulation_(simulation), random_(simulation.load_random) {}

void Clients::begin() {
  wanted_ = simulation_.plan.operations;
  clients_.resize(simulation_.plan.clients);
  for (std::uint32_t client = 0; client < clients_.size(); ++client) {
    clients_[client].wanted = std::numeric_limits<std::uint64_t>::max();
    sleep(client, random_.below(simulation_.knobs.think_max + 1));
  }
}

void Clients::sleep(std::uint32_t client, Micros span) {
  clients_[client].wakes_at = simulation_.events.now() + span;
  simulation_.events.push({.at = clients_[client].wakes_at,
                           .process = kNobody,
                           .life = 0,
                           .slot = client,
                           .kind = EventKind::kClient});
}

/// One event a client is meant at a time: its next request, or giving up on this one.
void Clients::wake(std::uint32_t number) {
  Client& client = clients_[number];
  const Micros now = simulation_.events.now();
  if (client.wakes_at != now) return;
  if (client.attempt != 0) {
    if (client.give_up_at == 0 || now < client.give_up_at) return;
    // It is gone; the node does not know, and what it answers is looked at all the same.
    ++simulation_.statistics.given_up;
    client.attempt = 0;
    client.give_up_at = 0;
  }
  ++simulation_.statistics.requests;
  ask(number);
}

Process* Clients::choose_process(Client& client) {
  const auto& processes = simulation_.processes();
  for (int i = 0; i < 8; ++i) {
    Process& process = *processes[client.process];
    if (process.up()) return &process;
    client.process = static_cast<std::uint32_t>(random_.below(processes.size()));
  }
  return nullptr;
}

/// Whoever was the leader until now must not answer any more, and is asked for a moment only by
/// those who happen to be there.
Process& Clients::choose_reader(Process& usual) {
  if (!simulation_.plan.faults.has(Fault::kUsurpers)) return usual;
  Process* former = simulation_.former_leader();
  return former != nullptr && random_.chance(1, 2) ? *former : usual;
}

void Clients::ask(std::uint32_t number) {
  Client& client = clients_[number];
  const bool goes_on = client.keyed.has_value();
  if ((resting_ || client.done >= client.wanted) && !goes_on) return;
  if (random_.chance(1, client.failed ? 3 : 20)) {
    client.process = static_cast<std::uint32_t>(random_.below(simulation_.processes().size()));
  }
  Process* process = choose_process(client);
  if (process == nullptr) return sleep(number, 1'000 + random_.below(kRetryMax));
  if (goes_on) {
    ++simulation_.statistics.retries;
    ask_change(number, *process, *client.keyed);
  } else if (const auto sequence = std::exchange(client.read_back, std::nullopt)) {
    ask_query(number, choose_reader(*process), ticket::Lookup{{*sequence}}, false);
  } else if (random_.chance(simulation_.knobs.read_permille, 1'000)) {
    ask_query(number, choose_reader(*process), draw_query(), random_.chance(1, 4));
  } else {
    ask_change(number, *process, draw_request(number));
  }
}

// --- How it is asked ------------------------------------------------------------------------------

std::uint64_t Clients::begin_attempt(std::uint32_t number, Process& process,
                                     std::variant<Asked, AskedQuery> asked) {
  const std::uint64_t id = ++last_attempt_;
  attempts_.emplace(id, Attempt{number, process.index(), process.life(), simulation_.events.now(),
                                process.local_now(), false, std::move(asked)});
  Client& client = clients_[number];
  client.attempt = id;
  client.give_up_at = 0;
  const Knobs& knobs = simulation_.knobs;
  if (!simulation_.healed() && knobs.give_up_permille > 0 &&
      random_.chance(knobs.give_up_permille, 1'000)) {
    // Often at once: a leader that is cut off appends request after request.
    client.give_up_at = simulation_.events.now() + log_uniform(random_, 1'000, knobs.request_timeout);
    sleep(number, client.give_up_at - simulation_.events.now());
  }
  return id;
}

void Clients::ask_change(std::uint32_t number, Process& process, ticket::Request request) {
  const std::uint64_t id =
      begin_attempt(number, process, Asked{request, simulation_.oracle.golden.last()});
  // There are no pipelines on the peer port.
  if (!simulation_.plan.calm && request.times == 1 && random_.chance(1, 6)) {
    return at_peer_port(process, id, std::move(request));
  }
  process.on_loop([this, &process, id, request = std::move(request)]() mutable {
    reached(process, id);
    at_front_end(process, id, std::move(request));
  });
}

void Clients::ask_query(std::uint32_t number, Process& process, ticket::Query query, bool stale) {
  const std::uint64_t id =
      begin_attempt(number, process, AskedQuery{query, stale, simulation_.oracle.golden.last()});
  if (!simulation_.plan.calm && random_.chance(1, 6)) {
    return at_peer_port(process, id, std::move(query), stale);
  }
  process.on_loop([this, &process, id, stale, query = std::move(query)]() mutable {
    reached(process, id);
    if (!stale) return at_front_end(process, id, std::move(query));
    process.replica().read_stale(std::move(query), [this, id](ticket::QueryAnswer answer) {
      note(id, std::move(answer));
    });
  });
}

/// From now on its time runs: until now it waited for a process that was paused.
void Clients::reached(const Process& process, std::uint64_t id) {
  Attempt& attempt = attempts_.at(id);
  attempt.reached = true;
  attempt.started = simulation_.events.now();
  attempt.started_local = process.local_now();
}

/// As http/ does it: the leader first, then the request here, or there.
void Clients::at_front_end(Process& process, std::uint64_t id, ticket::Request request) {
  server::Replica& replica = process.replica();
  replica.find_leader([this, &process, &replica, id,
                       request = std::move(request)](const ticket::LeaderView& view) {
    const auto done = [this, id](ticket::Answer answer) { note(id, std::move(answer)); };
    const auto* there = std::get_if<ticket::LeaderThere>(&view);
    const bool here = std::holds_alternative<ticket::LeaderHere>(view);
    if (!here && there == nullptr) return done(NotDone{NotDone::Why::kNoLeader, "no leader"});
    // redis/ redirects always, and only it asks for runs.
    const bool redirects = !here && (request.times > 1 || random_.chance(1, 2));
    if (redirects && redirected(process, id, there->http_address)) {
      return done(NotDone{NotDone::Why::kNoLeader, "redirected"});
    }
    if (!here && request.times > 1) return done(NotDone{NotDone::Why::kNoLeader, "gone"});
    attempts_.at(id).asked_for = true;
    here ? replica.change(request, done) : replica.forward(request, done);
  });
}

void Clients::at_front_end(Process& process, std::uint64_t id, ticket::Query query) {
  server::Replica& replica = process.replica();
  replica.find_leader([this, &process, &replica, id,
                       query = std::move(query)](const ticket::LeaderView& view) {
    const auto done = [this, id](ticket::QueryAnswer answer) { note(id, std::move(answer)); };
    if (std::holds_alternative<ticket::LeaderHere>(view)) return replica.read(query, done);
    const auto* there = std::get_if<ticket::LeaderThere>(&view);
    if (there == nullptr) return done(NotDone{NotDone::Why::kNoLeader, "no leader"});
    if (random_.chance(1, 2) && redirected(process, id, there->http_address)) {
      return done(NotDone{NotDone::Why::kNoLeader, "redirected"});
    }
    replica.forward(query, done);
  });
}

/// The client asks that node next time.
bool Clients::redirected(const Process& process, std::uint64_t id,
                         const std::string& http_address) {
  const auto attempt = attempts_.find(id);
  if (attempt == attempts_.end()) return false;
  for (const auto& other : simulation_.processes()) {
    if (other.get() == &process || other->addresses().http != http_address) continue;
    clients_[attempt->second.client].process = other->index();
    ++simulation_.statistics.redirected;
    return true;
  }
  return false;
}

void Clients::at_peer_port(Process& process, std::uint64_t id, ticket::Request request) {
  const Micros patience = simulation_.knobs.request_timeout;
  const net::ChangeCall call{request.kind, std::move(request.sequence), request.value,
                             std::move(request.key), patience};
  attempts_.at(id).session = simulation_.network.client_call(
      process, call, patience + kSlack + kSlack,
      [this, id, process = process.index(), life = process.life(),
       since = simulation_.events.now()](std::optional<net::Reply> reply) {
        if (!reply) return no_reply(id, process, life, since);
        note(id, server::to_answer(*reply));
        look_at_answers();
      });
}

void Clients::at_peer_port(Process& process, std::uint64_t id, ticket::Query query, bool stale) {
  const Micros patience = simulation_.knobs.request_timeout;
  const net::QueryCall call{std::move(query), stale, patience};
  simulation_.network.client_call(
      process, call, patience + kSlack + kSlack,
      [this, id, process = process.index(), life = process.life(),
       since = simulation_.events.now()](std::optional<net::Reply> reply) {
        if (!reply) return no_reply(id, process, life, since);
        note(id, server::to_query_answer(*reply));
        look_at_answers();
      });
}

// --- What is answered -----------------------------------------------------------------------------

void Clients::no_reply(std::uint64_t id, std::uint32_t process, std::uint32_t life, Micros since) {
  const auto attempt = attempts_.find(id);
  if (attempt == attempts_.end()) return;  // its process died
  const Process& asked = simulation_.process(process);
  require(!asked.up() || asked.life() != life || asked.resumed_at() > since, "process ", process,
          " did not answer a request on its peer port in time");
  note_lost(id, "no reply");
  look_at_answers();
}

/// There will be no answer. What no replica was ever asked for was certainly not done.
void Clients::note_lost(std::uint64_t id, const char* why) {
  const Attempt& attempt = attempts_.at(id);
  const NotDone not_done{NotDone::Why::kNoLeader, why};
  if (std::holds_alternative<AskedQuery>(attempt.asked)) {
    return note(id, ticket::QueryAnswer(not_done));
  }
  const bool heard =
      attempt.asked_for ||
      (attempt.session && simulation_.network.session(*attempt.session).heard);
  if (heard) return note(id, ticket::Answer(ticket::Unknown{why}));
  ++simulation_.statistics.unheard;
  note(id, ticket::Answer(not_done));
}

void Clients::note(std::uint64_t id, Answer answer) {
  require(attempts_.contains(id), "a request is answered that does not wait (any more)");
  answers_.emplace_back(id, std::move(answer));
}

void Clients::check_answers() {
  for (const auto& [id, answer] : std::exchange(answers_, {})) settle(id, answer);
}

void Clients::settle(std::uint64_t id, const Answer& answer) {
  const auto found = attempts_.find(id);
  require(found != attempts_.end(), "a request is answered twice");
  const Attempt attempt = std::move(found->second);
  attempts_.erase(found);
  Client& client = clients_[attempt.client];
  const bool waits = client.attempt == id;
  if (waits) client.attempt = 0;
  Audit& audit = simulation_.oracle.audit;
  if (const auto* asked = std::get_if<Asked>(&attempt.asked)) {
    const auto& told = std::get<ticket::Answer>(answer);
    check_run(*asked, told);
    check_permission(asked->request, told);
    if (waits) follow(client, attempt.client, *asked, told);
    return;
  }
  const auto& told = std::get<ticket::QueryAnswer>(answer);
  const auto& asked = std::get<AskedQuery>(attempt.asked);
  audit.answered(asked, told);
  const bool done = std::holds_alternative<ticket::QueryResult>(told);
  ++(done ? simulation_.statistics.reads : simulation_.statistics.refused);
  if (!waits) return;
  client.failed = !done;
  done_ += done;
  client.done += done;
  sleep(attempt.client, done ? random_.below(simulation_.knobs.think_max + 1)
                             : 1'000 + random_.below(kRetryMax));
}

/// Each request of a run has an answer of its own, and an effect of its own in the log.
void Clients::check_run(const Asked& asked, const ticket::Answer& answer) {
  const auto* done = std::get_if<ticket::Done>(&answer);
  require(done == nullptr || (done->times >= 1 && done->times <= asked.request.times), "of ",
          asked.request.times, " requests ", done == nullptr ? 0 : done->times, " were done");
  for (std::uint32_t i = 0; i < asked.request.times; ++i) {
    ticket::Answer each = answer;
    if (done != nullptr && i < done->times) {
      std::get<ticket::Done>(each).first += i * done->count;
    } else if (done != nullptr) {
      each = NotDone{NotDone::Why::kOverflow, {}};
    }
    simulation_.oracle.audit.answered(asked, each);
  }
}

/// What may be removed where, the options say.
void Clients::check_permission(const ticket::Request& request,
                               const ticket::Answer& answer) const {
  const bool allowed = request.kind != Kind::kRemove || simulation_.knobs.allow_delete;
  const auto* refused = std::get_if<NotDone>(&answer);
  const bool forbidden = refused != nullptr && refused->why == NotDone::Why::kForbidden;
  require(!(forbidden && allowed), "a client is forbidden what is allowed");
  require(allowed || !std::holds_alternative<ticket::Done>(answer),
          "a sequence is removed where that is not allowed");
}

void Clients::follow_key(Client& client, const ticket::Request& request,
                         const ticket::Answer& answer, bool done) {
  const auto* refused = std::get_if<NotDone>(&answer);
  const bool full = refused != nullptr && refused->why == NotDone::Why::kKeysFull;
  const bool reused = refused != nullptr && refused->why == NotDone::Why::kKeyReused;
  simulation_.statistics.keys_full += full;
  simulation_.statistics.keys_reused += reused;
  // Asking again after an answer must change nothing.
  if (!full && (!done || random_.chance(1, 16))) return;
  client.keyed.reset();
  if (keyed_before_.size() < kKeyedBeforeMax) {
    keyed_before_.push_back(request);
  } else {
    keyed_before_[random_.below(kKeyedBeforeMax)] = request;
  }
}

void Clients::follow(Client& client, std::uint32_t number, const Asked& asked,
                     const ticket::Answer& answer) {
  Statistics& statistics = simulation_.statistics;
  const auto* refused = std::get_if<NotDone>(&answer);
  const bool for_good = refused != nullptr && (refused->why == NotDone::Why::kOverflow ||
                                               refused->why == NotDone::Why::kBehind ||
                                               refused->why == NotDone::Why::kKeyReused);
  const bool done = std::holds_alternative<ticket::Done>(answer) || for_good;
  ++(done ? statistics.changes : refused != nullptr ? statistics.refused : statistics.unknown);
  if (done && std::get_if<ticket::Done>(&answer) != nullptr &&
      std::get<ticket::Done>(answer).replayed) {
    ++statistics.replayed;
  }
  if (!asked.request.key.empty()) follow_key(client, asked.request, answer, done);
  if (done && random_.chance(simulation_.knobs.read_back_permille, 1'000)) {
    client.read_back = asked.request.sequence;
  }
  done_ += done;
  client.done += done;
  const bool told_where = refused != nullptr && refused->message == "redirected";
  client.failed = !done && !told_where;
  sleep(number, done         ? random_.below(simulation_.knobs.think_max + 1)
                : told_where ? 100
                             : 1'000 + random_.below(kRetryMax));
}

void Clients::process_died(std::uint32_t process, std::uint32_t life) {
  std::vector<std::uint64_t> lost;
  for (const auto& [id, attempt] : attempts_) {
    if (attempt.process == process && attempt.life == life) lost.push_back(id);
  }
  std::sort(lost.begin(), lost.end());
  for (const std::uint64_t id : lost) note_lost(id, "the node died");
  look_at_answers();
}

void Clients::check_deadlines() const {
  const Micros now = simulation_.events.now();
  const Micros allowed = simulation_.knobs.request_timeout + kSlack + kSlack +
                         4 * simulation_.knobs.turn_delay_max;
  for (const auto& [id, attempt] : attempts_) {
    const Process& process = simulation_.process(attempt.process);
    const bool reached = attempt.reached || attempt.started >= process.resumed_at();
    if (!reached || process.paused()) continue;
    // A request may be asked for anew within the node, of a leader that it waited for: the time for
    // that begins after the pause.
    const Micros since = std::max(attempt.started, process.resumed_at());
    const bool late = now - since > allowed &&
                      process.local_now() > attempt.started_local + allowed;
    require(!late, "a client of process ", attempt.process, " waits for ",
            now - attempt.started, " us");
  }
}

void Clients::ask_each_for(std::uint64_t more) {
  for (std::uint32_t number = 0; number < clients_.size(); ++number) {
    clients_[number].wanted = clients_[number].done + more;
    if (clients_[number].attempt == 0) sleep(number, 1 + random_.below(10'000));
  }
}

bool Clients::all_satisfied() const {
  return std::all_of(clients_.begin(), clients_.end(), [](const Client& client) {
    return client.done >= client.wanted && !client.keyed && client.attempt == 0;
  });
}

std::string Clients::unsatisfied() const {
  std::string text;
  for (std::uint32_t number = 0; number < clients_.size(); ++number) {
    const Client& client = clients_[number];
    if (client.done >= client.wanted && !client.keyed && client.attempt == 0) continue;
    text += " client " + std::to_string(number) + " at process " + std::to_string(client.process) +
            (client.attempt != 0 ? " waits" : " asks") + (client.keyed ? " under a key;" : ";");
  }
  return text;
}

}  // namespace ticketd::sim
