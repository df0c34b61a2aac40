// Clients that ask for tickets, at a pace, and report what they see.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "jepsen/recorder.h"
#include "jepsen/ticket_client.h"

namespace ticketd::jepsen {

enum class WorkloadKind : std::uint8_t {
  kTickets,    ///< single numbers of the unnamed sequence
  kSequences,  ///< single numbers and reads of a few named sequences
  kRanges,   ///< ranges of mixed sizes under idempotency keys, unknown ones asked again at the end
  kRetries,  ///< single numbers under idempotency keys, unknown ones asked again at once
  /// several single numbers and reads of one sequence together over one connection; also of the
  /// unnamed one
  kPipelines,
};

std::optional<WorkloadKind> workload_named(std::string_view name);

struct WorkloadOptions {
  std::vector<WorkloadKind> kinds;
  std::uint32_t clients = 10;
  /// Requests a second of all clients together; what is late is left out.
  double rate = 500;
  /// A client gives up after that.
  std::chrono::milliseconds timeout{3000};
  std::uint64_t seed = 1;
};

/// What has happened so far.
struct Tally {
  std::uint64_t ok = 0, failed = 0, unknown = 0;
};

/// One thread with all clients. Public functions are for another one.
class Workload {
 public:
  /// Of the clients, numbered from 0.
  using MakeClient = std::function<std::unique_ptr<TicketClient>(asio::io_context&, std::size_t)>;

  /// `prepare` is called in the clients' thread before anything else, to choose its network. Nodes
  /// are numbered from 1 to `nodes`.
  Workload(WorkloadOptions options, std::uint32_t nodes, MakeClient make_client,
           std::function<Status()> prepare, Recorder& recorder);
  ~Workload();

  Status start();

  /// Has the clients end what they do, and then ask every request with a key again whose outcome is
  /// unknown, until it is known or `patience` is over. How many stay unknown.
  std::size_t finish(std::chrono::milliseconds patience);

  Tally tally() const;

  /// Breaks the connections of about that share of the clients.
  void cut(double share);

  /// Answers that ticketd never gives, in words; empty when there were none.
  std::vector<std::string> malformed() const;

 private:
  class Caller;

  std::uint32_t new_process() { return processes_++; }
  void note(EventType type, const Reply& reply);
  void run(std::promise<Status> prepared);

  const WorkloadOptions options_;
  const std::uint32_t nodes_;
  const MakeClient make_client_;
  const std::function<Status()> prepare_;
  Recorder& recorder_;

  std::atomic<std::uint64_t> ok_ = 0, failed_ = 0, unknown_ = 0;
  mutable std::mutex mutex_;  // guards malformed_
  std::vector<std::string> malformed_;

  asio::io_context loop_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::thread thread_;

  // The thread's own.
  Random random_;
  std::uint32_t processes_ = 0;
  std::uint32_t pipelines_ = 0;
  std::uint64_t keys_ = 0;
  bool ending_ = false;
  TicketClient::Clock::time_point resolve_until_;
  std::deque<Question> unresolved_;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::size_t busy_ = 0;
  std::promise<std::size_t> finished_;
};

}  // namespace ticketd::jepsen
