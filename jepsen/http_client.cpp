#include "jepsen/http_client.h"

#include <array>
#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <string>
#include <utility>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

constexpr int kRedirectsMax = 5;

bool is_redirect(int status) { return status == 301 || status == 307 || status == 308; }

}  // namespace

/// A kept connection to one node, one request at a time. Handlers keep it alive; after close() they
/// do nothing.
class HttpClient::Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Failure {
    kNotSent,    ///< nothing of the request left this host
    kBroken,     ///< something of it may have left
    kMalformed,  ///< the answer is no HTTP
  };
  using Answered = std::function<void(const HttpAnswer&)>;
  using Failed = std::function<void(Failure, const std::string&)>;

  Connection(asio::io_context& loop, const Address& address)
      : socket_(loop),
        timer_(loop),
        endpoint_(asio::ip::make_address(address.host), address.port) {}

  void ask(std::string request, Clock::time_point deadline, Answered answered, Failed failed) {
    ENSURE(!failed_);
    request_ = std::move(request);
    answered_ = std::move(answered);
    failed_ = std::move(failed);
    timer_.expires_at(deadline);
    timer_.async_wait([self = shared_from_this(), this, round = round_](std::error_code error) {
      if (!error && round == round_) fail("no answer in time");
    });
    if (usable()) {
      send();
    } else {
      connect();
    }
  }

  /// What is under way is forgotten, without a word.
  void close() {
    ++round_;
    std::error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
    sent_ = false;
    input_.clear();
    answered_ = nullptr;
    failed_ = nullptr;
  }

  /// The other side does not see an orderly end.
  void cut() {
    std::error_code ignored;
    if (socket_.is_open()) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    if (failed_) {
      fail("cut by the client");
    } else {
      close();
    }
  }

 private:
  /// Kept, and the node has not closed it since.
  bool usable() {
    if (!socket_.is_open()) return false;
    char byte;
    std::error_code error;
    socket_.non_blocking(true, error);
    socket_.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error);
    if (error == asio::error::would_block) return true;
    socket_.close(error);
    return false;
  }

  void connect() {
    input_.clear();
    socket_.async_connect(endpoint_,
                          [self = shared_from_this(), this, round = round_](std::error_code error) {
                            if (round != round_) return;
                            if (error) return fail(error.message());
                            socket_.set_option(asio::ip::tcp::no_delay(true), error);
                            send();
                          });
  }

  void send() {
    sent_ = true;
    asio::async_write(
        socket_, asio::buffer(request_),
        [self = shared_from_this(), this, round = round_](std::error_code error, std::size_t) {
          if (round != round_) return;
          if (error) return fail(error.message());
          receive();
        });
  }

  void receive() {
    socket_.async_read_some(asio::buffer(block_), [self = shared_from_this(), this, round = round_](
                                                      std::error_code error, std::size_t bytes) {
      if (round != round_) return;
      if (error) return fail(error.message());
      input_.append(block_.data(), bytes);
      std::size_t length = 0;
      const auto answer = parse_answer(input_, length);
      if (!answer.ok()) return end(Failure::kMalformed, answer.error().message);
      if (!answer->has_value()) return receive();
      input_.erase(0, length);
      complete(**answer);
    });
  }

  void complete(const HttpAnswer& answer) {
    ++round_;
    timer_.cancel();
    sent_ = false;
    failed_ = nullptr;
    const Answered answered = std::exchange(answered_, nullptr);
    std::error_code ignored;
    // More than one answer to one request: not to be taken for that to the next.
    if (answer.close || !input_.empty()) socket_.close(ignored);
    answered(answer);
  }

  void fail(const std::string& why) { end(sent_ ? Failure::kBroken : Failure::kNotSent, why); }

  void end(Failure failure, const std::string& why) {
    const Failed failed = std::exchange(failed_, nullptr);
    close();
    failed(failure, why);
  }

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  const asio::ip::tcp::endpoint endpoint_;
  /// Handlers of an earlier round are too late.
  std::uint64_t round_ = 0;
  bool sent_ = false;
  std::string request_, input_;
  std::array<char, 4096> block_;
  Answered answered_;
  Failed failed_;
};

struct HttpClient::Attempt {
  Question question;
  Clock::time_point deadline;
  Callback told;
  int redirects = 0;
};

HttpClient::HttpClient(asio::io_context& loop, std::vector<Address> nodes)
    : loop_(loop), nodes_(std::move(nodes)), connections_(nodes_.size()) {}

HttpClient::~HttpClient() {
  for (const auto& connection : connections_) {
    if (connection) connection->close();
  }
}

void HttpClient::ask(std::uint32_t node, const Question& question, Clock::time_point deadline,
                     Callback told) {
  ENSURE(attempt_ == nullptr);
  attempt_.reset(new Attempt{question, deadline, std::move(told)});
  ask_node(node);
}

void HttpClient::cut() {
  // The attempt's end may ask for more, of connections that have been cut by then.
  const auto connections = connections_;
  for (const auto& connection : connections) {
    if (connection) connection->cut();
  }
}

void HttpClient::ask_node(std::uint32_t node) {
  ENSURE(node >= 1 && node <= nodes_.size());
  auto& connection = connections_[node - 1];
  if (!connection) connection = std::make_shared<Connection>(loop_, nodes_[node - 1]);
  connection->ask(
      request_text(attempt_->question, to_string(nodes_[node - 1])), attempt_->deadline,
      [this, node](const HttpAnswer& answer) { answered(node, answer); },
      [this](Connection::Failure failure, const std::string& why) {
        Reply reply;
        reply.type = failure == Connection::Failure::kNotSent ? EventType::kFail : EventType::kInfo;
        reply.malformed = failure == Connection::Failure::kMalformed;
        reply.error = why;
        finish(std::move(reply), 0);
      });
}

void HttpClient::answered(std::uint32_t node, const HttpAnswer& answer) {
  if (!is_redirect(answer.status)) return finish(meaning(attempt_->question, answer), node);
  // Who redirects has done nothing.
  const std::uint32_t next = node_at(answer.location);
  if (next != 0 && ++attempt_->redirects <= kRedirectsMax) return ask_node(next);
  Reply reply;
  reply.type = EventType::kFail;
  reply.error = next == 0 ? "redirected to " + answer.location : "redirected too often";
  finish(std::move(reply), node);
}

void HttpClient::finish(Reply reply, std::uint32_t node) {
  reply.node = node;
  const auto attempt = std::exchange(attempt_, nullptr);
  attempt->told(reply);
}

std::uint32_t HttpClient::node_at(const std::string& location) const {
  for (std::uint32_t node = 1; node <= nodes_.size(); ++node) {
    if (location.starts_with("http://" + to_string(nodes_[node - 1]) + "/")) return node;
  }
  return 0;
}

}  // namespace ticketd::jepsen
