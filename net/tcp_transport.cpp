#include "net/tcp_transport.h"

#include <utility>

#include "net/transport_core.h"

namespace ticketd::net {

namespace {

/// Handlers on the loop may know the core for longer than its owner does.
class CoreTransport : public TcpTransport {
 public:
  explicit CoreTransport(std::shared_ptr<TransportCore> core) : core_(std::move(core)) {}
  ~CoreTransport() override { core_->close(); }

  void start(TransportEvents& events) override { core_->start(events); }
  std::uint16_t port() const override { return core_->port(); }
  TransportCounters counters() const override { return core_->counters(); }
  void set_self(Hello prototype) override { core_->set_self(std::move(prototype)); }
  void set_peers(std::vector<Peer> peers) override { core_->set_peers(std::move(peers)); }
  void send(const raft::Envelope& envelope) override { core_->send(envelope); }
  void send(raft::MemberId to, const MemberStatus& status) override { core_->send(to, status); }
  void call(raft::MemberId to, Call call, raft::Micros timeout,
            std::function<void(CallResult)> done) override {
    core_->call(to, std::move(call), timeout, std::move(done));
  }
  void close() override { core_->close(); }

 private:
  std::shared_ptr<TransportCore> core_;
};

}  // namespace

Result<std::unique_ptr<TcpTransport>> TcpTransport::open(asio::io_context& loop,
                                                         TcpOptions options) {
  auto core = std::make_shared<TransportCore>(loop, std::move(options));
  if (Status status = core->listen(); !status) {
    return status.error();
  }
  return std::unique_ptr<TcpTransport>(std::make_unique<CoreTransport>(std::move(core)));
}

}  // namespace ticketd::net
