// After the faults: each kind of request once at each healthy member, whoever leads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sim/audit.h"
#include "sim/plan.h"
#include "ticket/service.h"

namespace ticketd::sim {

class Process;
class Simulation;

class Probes {
 public:
  explicit Probes(Simulation& simulation);

  /// Throws a Violation when one of them gets no answer of use within the bound. Whoever is refused
  /// for the moment asks again.
  void run();

 private:
  using Answer = std::variant<ticket::Answer, ticket::QueryAnswer>;
  struct Probe {
    Process* process = nullptr;
    std::string what;
    std::variant<Asked, AskedQuery> asked;
    /// Of the last attempt; null: none is under way.
    std::shared_ptr<std::optional<Answer>> answer;
    Micros again_at = 0;
    std::string refusal;
    bool done = false;
  };

  void add(Process& process, std::string what, ticket::Request request);
  void add(Process& process, std::string what, ticket::Query query, bool stale);
  void go_on(Probe& probe);
  void ask(Probe& probe);
  void heard(Probe& probe, const Answer& answer);
  bool all_done();

  Simulation& simulation_;
  std::vector<Probe> probes_;
};

}  // namespace ticketd::sim
