#include "tests/raft/cluster_run.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "tests/raft/cluster_faults.h"
#include "tests/raft/cluster_load.h"

namespace ticketd::raft::cluster {
namespace {

std::string g_plan;  // of the run that an abort would end
void (*g_next_handler)(int) = SIG_DFL;

void write_plan(int signal) {
  // Only what is safe in a signal handler; the text was made before.
  const ssize_t written = write(STDERR_FILENO, g_plan.data(), g_plan.size());
  static_cast<void>(written);
  if (g_next_handler != SIG_DFL && g_next_handler != SIG_IGN) {
    g_next_handler(signal);
  }
}

class Run {
 public:
  explicit Run(const Plan& plan)
      : simulation_(plan), faults_(simulation_), operators_(simulation_), load_(simulation_) {}

  Outcome play() {
    faults_.begin();
    operators_.begin();
    load_.begin();
    simulation_.run_for(Micros{simulation_.plan.duration_ms} * 1000);
    simulation_.heal();
    require(simulation_.run_until([this] { return led(); }, 20 * timeout()),
            "no leader within 20 election time-outs after the faults");
    require(simulation_.run_until([this] { return mended() && converged(); }, 150 * timeout()),
            "membership changes do not end, or the members do not agree, within 150 election "
            "time-outs");
    require(load_.propose(*simulation_.leader()), "a leader that serves takes no proposal");
    require(simulation_.run_until([this] { return converged(); }, 5 * timeout()),
            "a proposal is not committed everywhere within 5 election time-outs");
    check_stable();
    return {counts(), simulation_.trace_hash()};
  }

  std::string describe() const { return simulation_.describe(); }

 private:
  Micros timeout() const { return simulation_.knobs.options.election_timeout_max; }

  void require(bool holds, const std::string& what) const {
    if (!holds) {
      throw Violation(what);
    }
  }

  bool led() {
    const Server* leader = simulation_.leader();
    return leader != nullptr && leader->node().ready_to_serve();
  }

  bool mended() {
    Server* leader = simulation_.leader();
    return leader != nullptr && leader->node().ready_to_serve() && operators_.mend(*leader) &&
           leader->node().configuration() == leader->node().committed_configuration();
  }

  bool converged() {
    Server* leader = simulation_.leader();
    if (leader == nullptr || leader->node().last_index() != simulation_.invariants.golden_last()) {
      return false;
    }
    for (const raft::Member& member : leader->newest_configuration().members()) {
      Server* server = simulation_.find(member.id);
      if (server == nullptr || !server->up() || !agrees(*server, *leader)) {
        return false;
      }
    }
    return std::none_of(simulation_.servers().begin(), simulation_.servers().end(),
                        [this](const auto& server) {
                          return simulation_.invariants.pending_reads(server->self()) > 0;
                        });
  }

  // Equal applied indexes are equal states: that is checked at every apply.
  static bool agrees(const Server& server, const Server& leader) {
    const Node& node = server.node();
    const Index last = leader.node().last_index();
    return node.current_term() == leader.node().current_term() && node.last_index() == last &&
           node.commit_index() == last && node.applied_index() == last &&
           server.disk().last_index() == last && node.leader() == leader.self();
  }

  // Nobody deposes a leader that works: not a member that was removed, nor one that was cut off.
  void check_stable() {
    simulation_.run_for(timeout());  // The last messages of old leaders arrive.
    require(converged(), "the members do not agree any more");
    const MemberId leader = simulation_.leader()->self();
    const Term term = simulation_.leader()->node().current_term();
    simulation_.run_for(10 * timeout());
    require(converged(), "the members do not agree any more");
    require(simulation_.leader()->self() == leader &&
                simulation_.leader()->node().current_term() == term,
            "a leader that works was deposed");
  }

  Counts counts() const {
    Counts counts = simulation_.counts;
    counts.steps = simulation_.events.steps();
    counts.elections = simulation_.invariants.leaders_elected();
    counts.committed = simulation_.invariants.golden_last().value;
    counts.truncations = simulation_.invariants.truncations();
    return counts;
  }

  Simulation simulation_;
  Faults faults_;
  Operators operators_;
  Load load_;
};

}  // namespace

PlanOnAbort::PlanOnAbort(const Plan& plan) {
  std::ostringstream out;
  out << "aborted in the run of " << plan << '\n';
  g_plan = out.str();
  g_next_handler = std::signal(SIGABRT, write_plan);
}

PlanOnAbort::~PlanOnAbort() { std::signal(SIGABRT, g_next_handler); }

Outcome run(const Plan& plan) {
  const PlanOnAbort plan_on_abort(plan);
  Run one(plan);
  try {
    return one.play();
  } catch (const Violation& violation) {
    throw Violation(std::string(violation.what()) + "\n" + one.describe());
  }
}

}  // namespace ticketd::raft::cluster
