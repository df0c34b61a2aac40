#include "net/session.h"

#include <spdlog/spdlog.h>

#include <sstream>

#include "base/check.h"

namespace ticketd::net {

namespace {

constexpr std::size_t kMemberReadBytes = 64 << 10;
constexpr std::size_t kClientReadBytes = 4 << 10;
/// How long a refused dialer has to read why.
constexpr std::chrono::seconds kGoodbye{1};

}  // namespace

Session::Session(std::shared_ptr<TransportCore> core, asio::ip::tcp::socket socket)
    : core_(std::move(core)),
      connection_(std::make_shared<Connection>(std::move(socket), Hearing::kGreeting, kClientStall,
                                               core_->warnings())),
      accepted_at_(Clock::now()) {}

void Session::on_frame(Frame frame) {
  if (core_->events() != nullptr) {
    std::visit([this](auto&& each) { take(std::forward<decltype(each)>(each)); }, std::move(frame));
  }
}

void Session::on_broken(const std::string& reason) {
  spdlog::debug("the connection from {} ended: {}", connection_->remote(), reason);
  core_->ended(shared_from_this());
}

void Session::make_room() {
  end(stage_ == Stage::kSilent ? "it did not introduce itself before too many others came"
                               : "it did not close after it was refused");
}

void Session::end(const std::string& reason) {
  core_->warnings()->warn(reason,
                          "closed the connection from " + connection_->remote() + ": " + reason);
  connection_->close();
  core_->ended(shared_from_this());
}

void Session::sweep(Clock::time_point now) {
  if (!connection_->is_open()) {
    return;
  }
  if (stage_ == Stage::kSilent && now - accepted_at_ >= core_->election_timeout()) {
    return end("it did not introduce itself in time");
  }
  // Members speak several times a second.
  if (requests_ == 0 &&
      now - connection_->last_heard() >= to_duration(core_->options().idle_timeout)) {
    return end("nothing was heard for a long time");
  }
  connection_->sweep(now);
}

// --- Handshake -----------------------------------------------------------------------------------

void Session::take(Hello hello) {
  if (!core_->has_room_for(hello)) {
    return refuse({Refused::Reason::kTooManyConnections, 0, {}, "too many connections"});
  }
  if (core_->self() == nullptr) {
    return refuse({Refused::Reason::kStarting, 0, {}, "this node is starting"});
  }
  const std::optional<Refused> refused = core_->events()->judge(hello);
  if (!connection_->is_open()) {
    return;  // closed by whoever judged
  }
  if (refused) {
    std::ostringstream dialer;
    dialer << hello.from;
    const std::string name = "refused member " + dialer.str();
    core_->warnings()->warn(name + ": " + refused->message,
                            name + " at " + connection_->remote() + ": " + refused->message);
    return refuse(*refused);
  }
  member_ = Member{hello.from, hello.to, hello.lane};
  break_when_unacknowledged(connection_->socket(), core_->election_timeout());
  connection_->set_stall_limit(core_->election_timeout());
  welcome(hello.lane == Lane::kBulk ? Hearing::kBulk : Hearing::kControl, kMemberReadBytes);
  core_->welcomed(shared_from_this());
}

void Session::take(const ClientHello&) {
  if (!core_->has_room_for_client()) {
    return refuse({Refused::Reason::kTooManyConnections, 0, {}, "too many connections"});
  }
  if (core_->self() == nullptr) {
    return refuse({Refused::Reason::kStarting, 0, {}, "this node is starting"});
  }
  is_client_ = true;
  welcome(Hearing::kRequests, kClientReadBytes);
}

void Session::welcome(Hearing hearing, std::size_t read_bytes) {
  stage_ = Stage::kWelcome;
  connection_->hear(hearing, read_bytes);
  const Hello& self = *core_->self();
  connection_->send(
      Welcome{self.cluster_id, self.from, self.command_version, self.configuration_index},
      kUnreadBytesMax);
}

void Session::refuse(Refused refused) {
  stage_ = Stage::kRefused;
  if (const Hello* self = core_->self(); self != nullptr && refused.cluster_id == 0) {
    refused.cluster_id = self->cluster_id;
    refused.configuration_index = self->configuration_index;
  }
  connection_->send(refused, kUnreadBytesMax);
  connection_->finish(Clock::now() + kGoodbye);
}

// --- Afterwards ----------------------------------------------------------------------------------

void Session::take(raft::Message message) {
  core_->events()->on_message({member_->id, member_->to, std::move(message)});
}

void Session::take(const MemberStatus& status) { core_->events()->on_status(member_->id, status); }

void Session::take(Request request) {
  if (requests_ >= kRequestsMax) {
    return respond(request.id, ErrorReply{ErrorReply::Code::kBusy,
                                          "too many requests wait on this connection", ""});
  }
  ++requests_;
  core_->events()->on_request(std::move(request.call),
                              [session = weak_from_this(), id = request.id](Reply reply) {
                                if (const std::shared_ptr<Session> self = session.lock()) {
                                  ENSURE_GT(self->requests_, 0);
                                  --self->requests_;
                                  self->respond(id, std::move(reply));
                                }
                              });
}

void Session::refused_by_decoder() { UNREACHABLE("a frame that the decoder should have refused"); }

void Session::respond(std::uint64_t id, Reply reply) {
  if (!connection_->is_open()) {
    return;
  }
  const bool long_one = std::holds_alternative<QueryReply>(reply);
  const std::size_t room = kUnreadBytesMax + (long_one ? std::size_t{0} : kShortAnswersReserve);
  if (connection_->send(Response{id, std::move(reply)}, room)) {
    return;
  }
  if (long_one) {
    return respond(id, ErrorReply{ErrorReply::Code::kBusy, "too many answers wait to be read", ""});
  }
  end("it does not read the answers to its requests");
}

}  // namespace ticketd::net
