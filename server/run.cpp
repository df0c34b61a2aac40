#include "server/run.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "base/address.h"
#include "base/version.h"
#include "http/server.h"
#include "net/tcp_transport.h"
#include "redis/server.h"
#include "serve/limits.h"
#include "server/admission.h"
#include "server/asio_loop.h"
#include "server/loop_writer.h"
#include "server/redis_operations.h"
#include "server/replica.h"
#include "store/lmdb_disk.h"
#include "store/worker.h"

namespace ticketd::server {

namespace {

/// For peers, files, and some to spare.
constexpr rlim_t kOwnDescriptors = 2'000;
constexpr auto kProgressInterval = std::chrono::seconds(1);

/// How many descriptors this process may have now, up to `needed`.
rlim_t raise_descriptor_limit(rlim_t needed) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return needed;
  // Root may raise the hard limit too.
  const rlimit wanted{needed, std::max(limit.rlim_max, needed)};
  if (setrlimit(RLIMIT_NOFILE, &wanted) == 0) return needed;
  const rlimit most{limit.rlim_max, limit.rlim_max};
  return setrlimit(RLIMIT_NOFILE, &most) == 0 ? limit.rlim_max : limit.rlim_cur;
}

/// Of each of the front ends: their clients must not take the descriptors that peers and files
/// need.
std::size_t connection_limit(rlim_t front_ends) {
  const rlim_t needed = kOwnDescriptors + front_ends * serve::kConnectionsMax;
  const rlim_t descriptors = raise_descriptor_limit(needed);
  if (descriptors >= needed) return serve::kConnectionsMax;
  const rlim_t others = std::min<rlim_t>(kOwnDescriptors, descriptors / 2);
  const rlim_t each = (descriptors - others) / front_ends;
  spdlog::warn("only {} open files are allowed (ulimit -n), so no more than {} {}connections",
               descriptors, each, front_ends > 1 ? "HTTP and as many Redis " : "HTTP ");
  return each;
}

bool is_any_address(const std::string& host) {
  asio::error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  return !error && address.is_unspecified();
}

int exit_code(End why) { return why == End::kRemoved ? kExitRemoved : kExitError; }

/// A node from its listeners to its exit code. One thread at a time runs the loop: that of open() and
/// run(), or who relieves it while it waits for the disk.
class NodeProcess {
 public:
  NodeProcess(const NodeOptions& options, const Begin& begin, std::function<void()> serving)
      : options_(options), begin_(begin), serving_(std::move(serving)) {}

  /// On an error code() is what to end with.
  Status open();
  int run();
  int code() const { return exit_code_; }

 private:
  Status listen();
  Status listen_for_clients(const std::string& told);
  Status open_disk();
  Status be_readmitted();
  void turn_clients_away_during(const std::function<void()>& job);
  void forget_refused_join();
  void make_replica();
  void watch_signals();
  void show_progress();
  void note_voting();
  void end(End why, const std::string& message);
  void stop(int code);
  void close_front_ends();
  void finish();

  const NodeOptions& options_;
  const Begin& begin_;
  std::function<void()> serving_;

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  AsioLoop loop_{context_};
  asio::signal_set signals_{context_};
  asio::steady_timer progress_timer_{context_};

  std::optional<store::DirectoryLock> lock_;
  std::unique_ptr<net::TcpTransport> transport_;
  std::unique_ptr<http::Server> http_;
  /// Null: this node does not speak the Redis protocol.
  std::unique_ptr<redis::Server> redis_;
  std::unique_ptr<store::LmdbDisk> disk_;
  std::unique_ptr<Replica> replica_;
  std::optional<RedisOperations> redis_operations_;
  raft::Addresses addresses_;
  const RunAside aside_ = [this](const std::function<void()>& job) {
    turn_clients_away_during(job);
  };
  bool turning_away_ = false;
  bool joining_ = false;
  bool stopping_ = false;
  /// Front ends that have still to close.
  int closing_ = 0;
  int exit_code_ = kExitError;
};

Status NodeProcess::open() {
  auto lock = take_directory(options_.path, begin_);
  if (!lock) return lock.error();
  lock_ = std::move(*lock);
  if (auto listening = listen(); !listening) return listening;
  // Only now, when nothing else can fail for a wrong option.
  if (begin_.force) {
    lock = begin_anew(std::move(*lock_));
    if (!lock) return lock.error();
    lock_ = std::move(*lock);
  }
  if (auto announced = lock_->announce(addresses_.peer); !announced) return announced;
  return open_disk();
}

Status NodeProcess::listen() {
  const std::string& told = options_.advertise.empty() ? options_.host : options_.advertise;
  if (is_any_address(told)) {
    return Error{"peers cannot reach " + told + ": say with --advertise HOST what they should use"};
  }
  net::TcpOptions peer_options;
  peer_options.host = options_.host;
  peer_options.port = options_.raft_port;
  peer_options.election_timeout = options_.election_timeout;
  peer_options.seed = std::random_device{}();
  auto transport = net::TcpTransport::open(context_, peer_options);
  if (!transport) return transport.error();
  transport_ = std::move(*transport);
  addresses_.peer = to_string(Address{told, transport_->port()});
  return listen_for_clients(told);
}

Status NodeProcess::listen_for_clients(const std::string& told) {
  const std::size_t connections = connection_limit(options_.redis_port ? 2 : 1);
  http::Options http_options;
  http_options.host = options_.host;
  http_options.port = options_.http_port;
  http_options.redirect = options_.redirect;
  http_options.redirect_sequences = options_.redirect_sequences;
  http_options.allow_delete = options_.allow_delete;
  http_options.limits.connections = connections;
  auto server = http::Server::open(context_, http_options);
  if (!server) return server.error();
  http_ = std::move(*server);
  addresses_.http = to_string(Address{told, http_->port()});
  if (!options_.redis_port) return {};
  redis::Options redis_options;
  redis_options.host = options_.host;
  redis_options.port = *options_.redis_port;
  redis_options.remote_admin = options_.redis_admin;
  redis_options.limits.connections = connections;
  auto redis_server = redis::Server::open(context_, redis_options);
  if (!redis_server) return redis_server.error();
  redis_ = std::move(*redis_server);
  addresses_.redis = to_string(Address{told, redis_->port()});
  return {};
}

Status NodeProcess::open_disk() {
  store::DiskOptions disk_options;
  disk_options.path = options_.path;
  disk_options.map_bytes = options_.map_bytes;
  disk_options.durability = options_.durability;
  const auto post = [this](std::function<void()> job) { asio::post(context_, std::move(job)); };
  // Below high hardly any save is flushed at once, and a flush then has much to write.
  store::LmdbDisk::MakeWriter make_writer;
  if (options_.durability == Durability::kHigh) {
    make_writer = [this] { return std::make_unique<LoopWriter>(context_); };
  }
  auto disk = store::LmdbDisk::open(std::move(*lock_), disk_options, post, make_writer);
  lock_.reset();
  if (!disk) return disk.error();
  disk_ = std::move(*disk);
  if (disk_->opened().doubtful) return be_readmitted();
  if (auto settled = settle_identity(*disk_, options_.path, begin_, addresses_); !settled) {
    return settled;
  }
  joining_ = begin_.how == Begin::How::kJoin || needs_admission(disk_->opened());
  if (!needs_admission(disk_->opened())) return {};
  auto admission = ask_for_admission(*disk_, addresses_, begin_.replace, aside_);
  if (!admission) return admission.error();
  if (admission->refusal.empty()) return {};
  if (disk_->opened().identity->incarnation.value == 0) forget_refused_join();
  return Error{admission->refusal};
}

/// As another incarnation, for nobody knows what this one has promised. Then opens the disk again.
Status NodeProcess::be_readmitted() {
  auto admission = ask_for_readmission(*disk_, addresses_, aside_);
  if (!admission) return admission.error();
  if (!admission->refusal.empty()) {
    if (admission->removed) exit_code_ = kExitRemoved;
    return Error{admission->refusal};
  }
  disk_->close();
  disk_.reset();
  auto lock = take_directory(options_.path, Begin{});
  if (!lock) return lock.error();
  lock_ = std::move(*lock);
  if (auto announced = lock_->announce(addresses_.peer); !announced) return announced;
  return open_disk();
}

/// Does the job on a thread of its own, and runs the loop meanwhile.
void NodeProcess::turn_clients_away_during(const std::function<void()>& job) {
  if (!std::exchange(turning_away_, true)) {
    http_->turn_away();
    if (redis_) redis_->turn_away();
  }
  bool done = false;
  std::exception_ptr failure;
  std::thread thread([&] {
    try {
      job();
    } catch (...) {
      failure = std::current_exception();
    }
    asio::post(context_, [&done] { done = true; });
  });
  while (!done) store::do_or_end([this] { context_.run_one(); });
  thread.join();
  if (failure) std::rethrow_exception(failure);
}

/// A refused joiner is nobody: what it wrote would only be in the way of the next try.
void NodeProcess::forget_refused_join() {
  disk_->close();
  disk_.reset();
  auto lock = store::DirectoryLock::acquire(options_.path, false);
  if (!lock || !*lock) return;
  if (auto destroyed = store::destroy(std::move(**lock)); !destroyed) {
    spdlog::warn("{}", destroyed.error().message);
  }
}

void NodeProcess::make_replica() {
  const store::Opened& opened = disk_->opened();
  ReplicaOptions replica_options;
  replica_options.raft.self = {opened.identity->node, opened.identity->incarnation};
  replica_options.raft.seed = std::random_device{}();
  replica_options.raft.election_timeout_min = options_.election_timeout / 2;
  replica_options.raft.election_timeout_max = options_.election_timeout;
  replica_options.raft.heartbeat_interval = options_.heartbeat;
  replica_options.cluster_id = opened.identity->cluster_id;
  replica_options.addresses = addresses_;
  replica_options.request_timeout = options_.request_timeout;
  replica_options.key_limits = {options_.idempotency_age, options_.idempotency_keys};
  replica_options.allow_delete = options_.allow_delete;
  replica_options.durability = options_.durability;
  replica_options.version = version();
  ReplicaCallbacks callbacks;
  callbacks.voting = [this] { note_voting(); };
  callbacks.ended = [this](End why, const std::string& message) { end(why, message); };
  replica_ = std::make_unique<Replica>(std::move(replica_options), opened, loop_, *disk_,
                                       *transport_, std::move(callbacks));
}

int NodeProcess::run() {
  make_replica();
  watch_signals();
  transport_->start(*replica_);
  replica_->start();
  http_->start(*replica_);
  if (redis_) redis_->start(*replica_, redis_operations_.emplace(*replica_));
  spdlog::info("serving: http {} peer {}{}{}", addresses_.http, addresses_.peer,
               redis_ ? " redis " : "", addresses_.redis);
  if (joining_) {
    show_progress();
  } else if (serving_) {
    serving_();
  }
  exit_code_ = kExitOk;
  context_.run();
  disk_->close();
  return exit_code_;
}

void NodeProcess::note_voting() {
  progress_timer_.cancel();
  if (!std::exchange(joining_, false)) return;
  spdlog::info("this node is a voter of the cluster");
  if (serving_) serving_();
}

void NodeProcess::show_progress() {
  if (!joining_ || stopping_) return;
  spdlog::info("{}", replica_->progress());
  progress_timer_.expires_after(kProgressInterval);
  progress_timer_.async_wait([this](asio::error_code error) {
    if (!error) show_progress();
  });
}

void NodeProcess::watch_signals() {
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  signals_.async_wait([this](asio::error_code error, int number) {
    if (error) return;
    spdlog::info("signal {}: stopping", number);
    stop(kExitOk);
  });
}

void NodeProcess::end(End why, const std::string& message) {
  const bool expected = why == End::kRemoved && replica_->leaving();
  if (expected) {
    spdlog::info("{}", message);
  } else {
    spdlog::critical("{}", message);
  }
  // Not from inside the replica's turn.
  asio::post(context_, [this, code = expected ? kExitOk : exit_code(why)] { stop(code); });
}

void NodeProcess::stop(int code) {
  if (std::exchange(stopping_, true)) return;
  exit_code_ = code;
  signals_.cancel();
  std::signal(SIGINT, SIG_DFL);  // a second one ends the process at once
  std::signal(SIGTERM, SIG_DFL);
  progress_timer_.cancel();
  // While the last requests come in the replica still knows who leads now.
  replica_->shut_down([this] { close_front_ends(); });
}

void NodeProcess::close_front_ends() {
  closing_ = redis_ ? 2 : 1;
  const auto closed = [this] {
    if (--closing_ == 0) finish();
  };
  http_->close(closed);
  if (redis_) redis_->close(closed);
}

void NodeProcess::finish() {
  replica_->close();
  transport_->close();
  work_.reset();
  context_.stop();
}

}  // namespace

int run_node(const NodeOptions& options, const Begin& begin, std::function<void()> serving) {
  NodeProcess process(options, begin, std::move(serving));
  if (auto opened = process.open(); !opened) {
    spdlog::error("{}", opened.error().message);
    return process.code();
  }
  return process.run();
}

}  // namespace ticketd::server
