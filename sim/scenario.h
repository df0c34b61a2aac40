// A scenario: a calm cluster that does what its commands say, and nothing by chance; what the nodes
// did, in lines. The oracle and the audit watch as in any run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "net/message.h"
#include "sim/audit.h"
#include "sim/plan.h"
#include "sim/scenario_script.h"
#include "sim/witness.h"
#include "ticket/service.h"

namespace ticketd::sim {

class Simulation;

class Scenario : public Witness {
 public:
  Scenario();
  ~Scenario() override;

  /// Runs the block's commands and returns what they gave. Throws a ScriptError when a command is
  /// wrong, a Violation when something does not hold that must, or was expected.
  std::string run(const Block& block);
  /// What the block gave before it failed, and the nodes as they stand.
  std::string describe() const;
  /// Behind the last block: what is held against the whole of a history.
  void finish();

  /// A line for each command: what it takes, two spaces or more, what it does.
  static std::string commands();

  // --- Witness ----------------------------------------------------------------------------------
  void told(const Process& process, const std::string& line) override;
  void settled(const Process& process) override;
  void went_down(const Process& process, std::uint32_t life) override;
  void saves(std::uint32_t process, const raft::Save& save) override;
  void installs(std::uint32_t process, raft::SnapshotMark mark) override;
  bool takes(std::uint32_t slot, std::uint32_t from, std::uint32_t to, Lane lane,
             const std::string& frame, bool cut) override;

 private:
  struct Command {
    const char* usage;
    const char* what;
    void (Scenario::*carry_out)(Arguments& arguments);
  };
  static const std::vector<Command>& table();

  /// What was last told of a process.
  struct Shown {
    raft::Role role = raft::Role::kFollower;
    raft::Term term;
    raft::Index compacted;
    raft::Index configuration;
    /// The last one that it rehearsed for: attempts in a row are told once.
    raft::Term rehearsed;
    /// It has been seen in this life.
    bool known = false;
  };
  /// A request of a client.
  struct Asking {
    std::uint32_t process = 0, life = 0;
    std::variant<Asked, AskedQuery> asked;
    std::optional<std::string> outcome;
  };
  /// Whose frames, and which; empty: all.
  struct Route {
    std::vector<std::uint32_t> from, to;
    std::vector<std::string> kinds;
    bool quiet = false;
    bool operator==(const Route&) const = default;
    bool covers(std::uint32_t sender, std::uint32_t receiver, const std::string& kind) const;
  };
  struct Held {
    std::uint32_t slot = 0, from = 0, to = 0;
    std::string kind, text;
  };
  /// Empty: it holds. Otherwise what is instead.
  using Condition = std::function<std::string()>;

  // scenario.cpp
  template <class... Parts>
  void say(const Parts&... parts);
  void execute(std::size_t line, const std::string& text);
  Simulation& simulation();
  Process& node(const Arguments& arguments, const std::string& name);
  /// As a node of this cluster is called, or "3.1" when it is none (any more).
  std::string name_of(raft::MemberId member) const;
  static std::string name_of(const Process& process);
  void narrate(const Process& process, Shown& shown);
  std::string text_of_members(const raft::Configuration& configuration) const;

  // scenario_nodes.cpp: the cluster, its nodes, disks and clocks, and its operators
  void cluster(Arguments& arguments);
  void run_for(Arguments& arguments);
  void elect(Arguments& arguments);
  void campaign(Arguments& arguments);
  void crash(Arguments& arguments);
  void stop(Arguments& arguments);
  void start(Arguments& arguments);
  void wipe(Arguments& arguments);
  void pause(Arguments& arguments);
  void clock(Arguments& arguments);
  void hang(Arguments& arguments);
  void fail_disk(Arguments& arguments);
  void space(Arguments& arguments);
  void keep(Arguments& arguments);
  void join(Arguments& arguments);
  void remove(Arguments& arguments);
  void transfer(Arguments& arguments);
  /// Asks on an operator's behalf, and tells the answer.
  void command(Process& asked, const net::Call& call, bool nowait, const std::string& name);
  void make_due(Process& process);
  Process* followed_leader(const Process& process);
  Process& asked_by_operator(Arguments& arguments);

  // scenario_post.cpp: who reaches whom, frames held back, and forged ones
  void cut(Arguments& arguments);
  void cut_path(std::uint32_t from, std::uint32_t to);
  void mend_path(std::uint32_t from, std::uint32_t to);
  void isolate(Arguments& arguments);
  void heal(Arguments& arguments);
  void watch(Arguments& arguments);
  void hold(Arguments& arguments);
  void let(Arguments& arguments);
  void release(Arguments& arguments);
  void drop(Arguments& arguments);
  void inject(Arguments& arguments);
  void greet(Arguments& arguments);
  void stops(Arguments& arguments);
  std::vector<std::uint32_t> nodes(const Arguments& arguments, const std::string& names);
  Route route(Arguments& arguments);
  std::vector<Held> take_held(Arguments& arguments, const Route& route);
  raft::MemberId member(const Arguments& arguments, const std::string& text);

  // scenario_requests.cpp: clients
  void take(Arguments& arguments);
  void advance(Arguments& arguments);
  void read(Arguments& arguments);
  void begin(Arguments& arguments);
  void ask(Arguments& arguments, const std::string& kind, const std::string& label);
  void ask_change(Process& process, const std::string& label, bool direct, ticket::Request request);
  void ask_query(Process& process, const std::string& label, bool stale, ticket::Query query);
  void answer_to(const std::string& label);
  void note(const std::string& label, std::variant<ticket::Answer, ticket::QueryAnswer> answer);
  void look_at_answers();

  // scenario_expect.cpp
  void expect(Arguments& arguments);
  void await(Arguments& arguments);
  void status(Arguments& arguments);
  void log(Arguments& arguments);
  Condition condition(Arguments& arguments);
  Condition node_condition(Arguments& arguments, const std::string& name);
  std::string field(const Process& process, const std::string& name) const;
  std::string apart() const;

  std::string transcript_;
  bool silent_ = false;
  std::vector<Shown> shown_;  // by process
  raft::Index configuration_;
  std::map<std::string, Asking> askings_;  // by label
  Asking last_;                            // that was waited for
  std::vector<std::pair<std::string, std::variant<ticket::Answer, ticket::QueryAnswer>>> answers_;
  std::vector<Route> watched_, holds_;
  std::vector<Held> held_;
  /// Last, and so the first to go: it refers to all of the above.
  std::unique_ptr<Simulation> simulation_;
};

}  // namespace ticketd::sim
