// Clients of every kind: they ask any node, through its front end or its peer port, follow
// redirects, try again under a key, give up, and check what they are told.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "sim/audit.h"
#include "sim/plan.h"
#include "ticket/service.h"

namespace ticketd::sim {

class Process;
class Simulation;

class Clients {
 public:
  explicit Clients(Simulation& simulation);

  void begin();
  /// A client's next step is due.
  void wake(std::uint32_t client);
  /// That process does not answer any more.
  void process_died(std::uint32_t process, std::uint32_t life);
  /// What was answered in the event that is now over.
  void look_at_answers() {
    if (!answers_.empty()) check_answers();
  }
  /// Nobody waits longer than was promised.
  void check_deadlines() const;

  /// Requests that were done, of all clients.
  std::uint64_t done() const { return done_; }
  bool enough() const { return done_ >= wanted_; }
  /// From now on each client asks until so many more of its requests are done.
  void ask_each_for(std::uint64_t more);
  bool all_satisfied() const;
  /// No client begins anything new.
  void rest() { resting_ = true; }
  bool anybody_waits() const { return !attempts_.empty(); }
  std::string unsatisfied() const;

 private:
  using Answer = std::variant<ticket::Answer, ticket::QueryAnswer>;
  /// One request on its way: to one process, answered once.
  struct Attempt {
    std::uint32_t client = 0;
    std::uint32_t process = 0, life = 0;
    Micros started = 0;
    raft::Time started_local;
    bool reached = false;
    std::variant<Asked, AskedQuery> asked;
    /// A replica was asked to do it; until then its front end looks for the leader.
    bool asked_for = false;
    /// At a peer port: the client's connection.
    std::optional<std::uint32_t> session{};
  };
  struct Client {
    std::uint32_t process = 0;
    /// What it waits for; 0: nothing.
    std::uint64_t attempt = 0;
    /// A request under a key, to be made until it is answered for good.
    std::optional<ticket::Request> keyed;
    /// A sequence that it changed and will look up next.
    std::optional<std::string> read_back;
    bool failed = false;  // the last one: better somewhere else
    std::uint64_t keys = 0;
    std::uint64_t done = 0, wanted = 0;
    /// The time of the event that is in the queue for it, and what it waits for.
    Micros wakes_at = 0;
    Micros give_up_at = 0;
  };

  void ask(std::uint32_t client);
  Process* choose_process(Client& client);
  Process& choose_reader(Process& usual);
  ticket::Request draw_request(std::uint32_t client);
  ticket::Request draw_plain_request();
  ticket::Request draw_known_key();
  ticket::Query draw_query();
  std::string sequence_name(std::uint64_t number) const;
  void ask_change(std::uint32_t client, Process& process, ticket::Request request);
  void ask_query(std::uint32_t client, Process& process, ticket::Query query, bool stale);
  std::uint64_t begin_attempt(std::uint32_t client, Process& process,
                              std::variant<Asked, AskedQuery> asked);
  void reached(const Process& process, std::uint64_t attempt);
  void at_front_end(Process& process, std::uint64_t attempt, ticket::Request request);
  void at_front_end(Process& process, std::uint64_t attempt, ticket::Query query);
  void at_peer_port(Process& process, std::uint64_t attempt, ticket::Request request);
  void at_peer_port(Process& process, std::uint64_t attempt, ticket::Query query, bool stale);
  bool redirected(const Process& process, std::uint64_t attempt, const std::string& http_address);
  void note(std::uint64_t attempt, Answer answer);
  void check_answers();
  void settle(std::uint64_t id, const Answer& answer);
  void check_run(const Asked& asked, const ticket::Answer& answer);
  void check_permission(const ticket::Request& request, const ticket::Answer& answer) const;
  void follow_key(Client& client, const ticket::Request& request, const ticket::Answer& answer,
                  bool done);
  void follow(Client& client, std::uint32_t number, const Asked& asked,
              const ticket::Answer& answer);
  void no_reply(std::uint64_t attempt, std::uint32_t process, std::uint32_t life, Micros since);
  void note_lost(std::uint64_t attempt, const char* why);
  void sleep(std::uint32_t client, Micros span);

  Simulation& simulation_;
  Random& random_;
  std::vector<Client> clients_;
  std::unordered_map<std::uint64_t, Attempt> attempts_;
  std::uint64_t last_attempt_ = 0;
  /// Requests under keys that were answered for good, some of them long ago.
  std::vector<ticket::Request> keyed_before_;
  std::uint64_t distinct_ = 0;  // counts that nobody else asks for
  std::vector<std::pair<std::uint64_t, Answer>> answers_;
  std::uint64_t done_ = 0;
  std::uint64_t wanted_ = 0;
  bool resting_ = false;
};

}  // namespace ticketd::sim
