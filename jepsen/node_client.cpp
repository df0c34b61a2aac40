#include "jepsen/node_client.h"

#include <utility>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

constexpr int kRedirectsMax = 5;

Reply failure(std::string why, std::uint32_t node) {
  Reply reply;
  reply.type = EventType::kFail;
  reply.error = std::move(why);
  reply.node = node;
  return reply;
}

}  // namespace

struct NodeClient::Attempt {
  Questions questions;
  Clock::time_point deadline;
  Callback told;
  int redirects = 0;
  /// The first questions were answered or failed.
  std::size_t told_count = 0;
  /// The next ones were redirected, whither, by that node.
  std::vector<std::string> redirected;
  std::uint32_t redirected_by = 0;
};

NodeClient::NodeClient(asio::io_context& loop, const Protocol& protocol, std::vector<Address> nodes)
    : loop_(loop), protocol_(protocol), nodes_(std::move(nodes)), connections_(nodes_.size()) {}

NodeClient::~NodeClient() {
  for (const auto& connection : connections_) {
    if (connection) connection->close();
  }
}

void NodeClient::ask(std::uint32_t node, Questions questions, Clock::time_point deadline,
                     Callback told) {
  ENSURE(attempt_ == nullptr);
  ENSURE(!questions.empty());
  attempt_ = std::make_unique<Attempt>();
  attempt_->questions = std::move(questions);
  attempt_->deadline = deadline;
  attempt_->told = std::move(told);
  ask_node(node);
}

void NodeClient::cut() {
  // The attempt's end may ask for more, of connections that have been cut by then.
  const auto connections = connections_;
  for (const auto& connection : connections) {
    if (connection) connection->cut();
  }
}

void NodeClient::ask_node(std::uint32_t node) {
  ENSURE(node >= 1 && node <= nodes_.size());
  auto& connection = connections_[node - 1];
  if (!connection) connection = std::make_shared<Connection>(loop_, nodes_[node - 1]);
  Connection::Asked asked;
  for (const Question& question : attempt_->questions) {
    asked.requests += protocol_.request(question, nodes_[node - 1]);
  }
  asked.answers = attempt_->questions.size();
  asked.deadline = attempt_->deadline;
  asked.read = [this](std::size_t which, std::string_view bytes, std::size_t& length) {
    return protocol_.answer(attempt_->questions[which], bytes, length);
  };
  asked.answered = [this, node](std::size_t which, const Answer& answer) {
    answered(node, which, answer);
  };
  asked.failed = [this](Connection::Failure how, const std::string& why) { failed(how, why); };
  connection->ask(std::move(asked));
}

void NodeClient::answered(std::uint32_t node, std::size_t which, const Answer& answer) {
  Attempt& attempt = *attempt_;
  const bool last = which + 1 == attempt.questions.size();
  // Who redirects has done nothing.
  if (answer.redirect && attempt.told_count == 0) {
    attempt.redirected.push_back(*answer.redirect);
    attempt.redirected_by = node;
    if (last) follow(node);
    return;
  }
  give_up_redirected();
  Reply reply = answer.redirect ? failure("redirected to " + *answer.redirect, node) : answer.reply;
  reply.node = node;
  tell(which, reply);
}

void NodeClient::follow(std::uint32_t node) {
  const std::uint32_t next = node_at(attempt_->redirected.front());
  if (next != 0 && ++attempt_->redirects <= kRedirectsMax) {
    attempt_->redirected.clear();
    return ask_node(next);
  }
  if (next == 0) return give_up_redirected();
  for (std::size_t which = 0, count = attempt_->questions.size(); which < count; ++which) {
    tell(which, failure("redirected too often", node));
  }
}

void NodeClient::failed(Connection::Failure how, const std::string& why) {
  const std::size_t count = attempt_->questions.size();
  const std::size_t first = attempt_->told_count + attempt_->redirected.size();
  give_up_redirected();
  for (std::size_t which = first; which < count; ++which) {
    Reply reply;
    reply.type = how == Connection::Failure::kNotSent ? EventType::kFail : EventType::kInfo;
    reply.malformed = how == Connection::Failure::kMalformed && which == first;
    reply.error = why;
    tell(which, reply);
  }
}

void NodeClient::give_up_redirected() {
  const auto redirected = std::exchange(attempt_->redirected, {});
  const std::size_t first = attempt_->told_count;
  const std::uint32_t by = attempt_->redirected_by;
  for (std::size_t at = 0; at < redirected.size(); ++at) {
    tell(first + at, failure("redirected to " + redirected[at], by));
  }
}

void NodeClient::tell(std::size_t which, const Reply& reply) {
  ENSURE_EQ(which, attempt_->told_count);
  ++attempt_->told_count;
  if (attempt_->told_count < attempt_->questions.size()) return attempt_->told(which, reply);
  const auto attempt = std::move(attempt_);
  attempt->told(which, reply);
}

std::uint32_t NodeClient::node_at(const std::string& address) const {
  for (std::uint32_t node = 1; node <= nodes_.size(); ++node) {
    if (address == to_string(nodes_[node - 1])) return node;
  }
  return 0;
}

}  // namespace ticketd::jepsen
