// The load generator: many connections on one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "load/connection.h"
#include "load/nodes.h"
#include "load/options.h"
#include "load/request.h"
#include "load/schedule.h"
#include "load/tally.h"

namespace ticketd::load {

/// Called once a second, on the thread that runs.
using Watch = std::function<void(const Progress&)>;

/// Runs the load to its end. The error: a name cannot be resolved, there are not enough
/// descriptors, nobody ever answered, or tickets of one connection did not grow. Whatever else goes
/// wrong is in the report.
Result<Report> generate(const Options& options, const Watch& watch);

/// Asks a cluster, or any server, for something as fast as it is told to, and measures.
///
/// A run finds the leader with one connection, makes the others, warms up, measures, and waits for
/// what is still under way. When the leader goes, one connection at a time looks for the new one;
/// requests that had no answer by then count as such, and are not sent again.
///
/// epoll stands here without Asio, which would do: it was measured to make the same calls and to
/// take a tenth more of the processor. What decides is the open loop: here a wait ends to the
/// nanosecond when the next request is due, and no timer is set for it.
class Generator {
 public:
  /// `epoll`: an instance that nobody else uses, and that outlives this.
  Generator(const Options& options, Watch watch, Nodes nodes, int epoll);
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /// Runs to the end; once.
  Result<Report> run();

 private:
  enum class Phase : std::uint8_t { kFinding, kWarmingUp, kMeasuring, kEnding, kEnded };
  enum class ClientState : std::uint8_t { kClosed, kConnecting, kOpen, kDraining };

  struct Client {
    explicit Client(std::size_t waiting_max) : connection(waiting_max) {}

    Connection connection;
    ClientState state = ClientState::kClosed;
    /// Which of nodes_ it speaks to, or did.
    std::size_t node = 0;
    /// The request under way is the probe for the leader.
    bool probing = false;
    /// It had a connection at least once.
    bool was_open = false;
    /// What epoll was told to wait for.
    std::uint32_t interest = 0;
    /// Not before this time is the next connection made.
    Nanos retry_at = 0;
    /// When something last came, or was begun to be waited for.
    Nanos heard_at = 0;
    /// The newest ticket, over all its connections.
    std::optional<std::uint64_t> ticket;
  };

  // generator.cpp: the loop and the phases.
  void turn();
  void advance(Nanos at);
  void begin_warm_up(Nanos at);
  bool is_all_over(Nanos at) const;
  bool is_measured_enough(Nanos at) const;
  void tick(Nanos at);
  void report_progress(Nanos at);
  void end_what_is_left(Nanos at);
  void wait();
  bool may_send_on_schedule() const;
  void send_what_is_due(Nanos at);
  Client* next_with_room();

  // clients.cpp: one connection each.
  void connect_clients(Nanos at);
  void connect(Client& client, Nanos at);
  void on_event(Client& client, std::uint32_t events);
  void on_connected(Client& client, Nanos at);
  void note_no_connection(const Client& client, int fault);
  void on_bytes(Client& client);
  bool take_replies(Client& client, std::string_view& bytes, Nanos at);
  void take_reply(Client& client, const Reply& reply, Nanos at);
  void take_probe_reply(Client& client, const Reply& reply, Nanos at);
  void check_growth(Client& client, const Reply& reply);
  void found(Client& client);
  void search_elsewhere(Client& client, const Reply& reply, Nanos at);
  void fill(Client& client, Nanos at);
  std::uint64_t allowed(const Client& client) const;
  void ask(Client& client, Nanos due, Nanos at);
  void flush(Client& client, Nanos at);
  void watch_for(Client& client, std::uint32_t interest);
  void lose(Client& client, Outcome outcome, Nanos at);
  void drop(Client& client, Outcome outcome, Nanos at);
  void close_drained(Client& client, Nanos at);

  const Options options_;
  const Watch watch_;
  Nodes nodes_;
  int epoll_;
  std::vector<Client> clients_;
  RequestWriter writer_;
  const std::string probe_;
  Tally tally_;
  /// Bytes are read into this, by one client after the other.
  std::string room_;

  Phase phase_ = Phase::kFinding;
  /// Somebody answers at nodes_.current(); otherwise one client alone looks for it.
  bool found_ = false;
  /// Clients that have no connection, and those that never had one.
  std::size_t closed_ = 0;
  std::size_t never_open_ = 0;
  /// Of requests that count: how many there were.
  std::uint64_t asked_ = 0;
  std::optional<Schedule> schedule_;
  /// Where the search for a client that may send on schedule goes on.
  std::size_t turn_of_ = 0;
  /// The last search found none: something must come before the next one.
  bool no_room_ = false;
  /// Clients that were given something to send and did not try yet.
  std::vector<Client*> asked_clients_;

  Nanos begun_at_ = 0;
  Nanos warm_at_ = 0;
  Nanos end_at_ = 0;
  Nanos next_tick_ = 0;
  Nanos next_progress_ = 0;
  /// What the run ends with instead of a report.
  std::optional<Error> fault_;
};

}  // namespace ticketd::load
