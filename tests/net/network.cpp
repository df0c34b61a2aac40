#include "tests/net/network.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <asio/write.hpp>
#include <stdexcept>

#include "base/address.h"

namespace ticketd::net {

using asio::ip::tcp;

std::uint64_t number_of(const raft::Envelope& envelope) {
  return std::get<raft::HeartbeatRequest>(envelope.message).round;
}

raft::Message large(std::size_t bytes, std::uint64_t index) {
  raft::AppendRequest request;
  request.term = raft::Term(1);
  request.prev_log_index = raft::Index(index - 1);
  request.prev_log_term = raft::Term(index > 1 ? 1 : 0);
  request.entries = {{raft::Index(index), raft::Term(1), raft::EntryType::kCommand,
                      raft::Payload(std::string(bytes, 'x'))}};
  return request;
}

raft::Message chunk(std::uint64_t offset, std::size_t bytes) {
  return raft::SnapshotRequest{raft::Term(1),
                               {{raft::Index(1), raft::Term(1)},
                                7,
                                offset + bytes + 1,
                                offset,
                                raft::Payload(std::string(bytes, 'y'))}};
}

bool run_until(asio::io_context& loop, const std::function<bool()>& condition) {
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (Clock::now() > deadline) {
      return false;
    }
    loop.restart();
    loop.run_one_for(std::chrono::milliseconds(1));
  }
  return true;
}

void run_for(asio::io_context& loop, Clock::duration span) {
  const Clock::time_point end = Clock::now() + span;
  run_until(loop, [end] { return Clock::now() >= end; });
}

std::string address_of(std::uint16_t port, const std::string& host) {
  return to_string(Address{host, port});
}

// --- TestNode ------------------------------------------------------------------------------------

TcpOptions TestNode::defaults() {
  TcpOptions options;
  options.host = "127.0.0.1";
  options.election_timeout = kElectionTimeout;
  return options;
}

TestNode::TestNode(asio::io_context& loop, std::uint64_t node, TcpOptions options)
    : id_(member(node)) {
  options.seed = node;
  auto opened = TcpTransport::open(loop, options);
  if (!opened) {
    throw std::runtime_error(opened.error().message);
  }
  transport_ = std::move(*opened);
  transport_->set_self(hello());
  transport_->start(*this);
}

Hello TestNode::hello() const {
  Hello hello;
  hello.cluster_id = kCluster;
  hello.from = id_;
  hello.addresses.peer = address_of(transport_->port());
  hello.command_version = 3;
  hello.configuration_index = raft::Index(17);
  return hello;
}

void TestNode::on_message(raft::Envelope envelope) {
  messages.push_back(std::move(envelope));
  on_event();
}
void TestNode::on_status(raft::MemberId from, const MemberStatus& status) {
  statuses.emplace_back(from, status);
  on_event();
}
void TestNode::on_unreachable(raft::MemberId peer) {
  unreachable.push_back(peer);
  on_event();
}
void TestNode::on_request(Call call, Responder respond) {
  if (answer) {
    respond(answer(call));
  } else {
    requests.emplace_back(std::move(call), std::move(respond));
  }
  on_event();
}
std::optional<Refused> TestNode::judge(const Hello& hello) {
  judged.push_back(hello);
  on_event();
  return verdict;
}
void TestNode::on_refused(raft::MemberId, const Refused& refused) {
  refusals.push_back(refused);
  on_event();
}

// --- Bare sockets --------------------------------------------------------------------------------

BareSocket::BareSocket(tcp::socket socket, Hearing hearing)
    : socket_(std::move(socket)), decoder_(hearing) {
  socket_.non_blocking(true);
}

BareSocket BareSocket::dial(asio::io_context& loop, std::uint16_t port) {
  tcp::socket socket(loop);
  socket.connect({asio::ip::address_v4::loopback(), port});
  return BareSocket(std::move(socket));
}

void BareSocket::write(std::string_view bytes) {
  asio::error_code error;  // a peer that closed meanwhile is what the test waits for
  socket_.non_blocking(false);
  asio::write(socket_, asio::buffer(bytes), error);
  socket_.non_blocking(true);
}

void BareSocket::write(const Frame& frame) {
  std::string bytes;
  encode(frame, bytes);
  write(bytes);
}

void BareSocket::read(std::size_t max) {
  if (closed_) {
    return;
  }
  asio::error_code error;
  const FrameDecoder::Space space = decoder_.prepare(max);
  const std::size_t count = socket_.read_some(asio::buffer(space.data, max), error);
  decoder_.commit(count);
  bytes_read_ += count;
  closed_ = error && error != asio::error::would_block;
}

std::optional<Frame> BareSocket::next() {
  read();
  auto next = decoder_.next();
  return next ? std::move(*next) : std::nullopt;
}

bool BareSocket::is_closed() {
  read();
  return closed_;
}

BareListener::BareListener(asio::io_context& loop, int receive_bytes)
    : acceptor_(loop, {asio::ip::address_v4::loopback(), 0}),
      port_(acceptor_.local_endpoint().port()) {
  acceptor_.non_blocking(true);
  if (receive_bytes > 0) {
    // Inherited by accepted sockets, in time for their windows to be small. Loopback's huge
    // segments would make them open in few large steps.
    acceptor_.set_option(asio::socket_base::receive_buffer_size(receive_bytes));
    const int segment_bytes = 1000;
    ::setsockopt(acceptor_.native_handle(), IPPROTO_TCP, TCP_MAXSEG, &segment_bytes,
                 sizeof segment_bytes);
  }
}

std::optional<BareSocket> BareListener::accept() {
  asio::error_code error;
  tcp::socket socket(acceptor_.get_executor());
  acceptor_.accept(socket, error);
  if (error) {
    return std::nullopt;
  }
  return BareSocket(std::move(socket), Hearing::kGreeting);
}

std::optional<BareSocket> BareListener::welcome(asio::io_context& loop, const Welcome& welcome) {
  std::optional<BareSocket> accepted;
  const bool greeted = run_until(loop, [&] {
    if (!accepted) {
      accepted = accept();
    }
    return accepted && accepted->next().has_value();
  });
  if (!greeted) {
    return std::nullopt;
  }
  accepted->hear(Hearing::kControl);
  accepted->write(welcome);
  return accepted;
}

}  // namespace ticketd::net
