#include "sim/scenario_text.h"

#include <sstream>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace ticketd::sim {

namespace {

template <class... Parts>
std::string joined(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

std::string place(raft::Index index, raft::Term term) { return joined(index, '/', term); }

std::string place(raft::SnapshotMark mark) { return place(mark.index, mark.term); }

std::string text(const raft::VoteRequest& request) {
  return joined("VoteRequest term ", request.term, " last ",
                place(request.last_log_index, request.last_log_term),
                request.pre_vote ? " pre" : "", request.leadership_transfer ? " transfer" : "");
}

std::string text(const raft::VoteResponse& response) {
  return joined("VoteResponse term ", response.term, response.granted ? " granted" : " refused",
                response.pre_vote ? " pre" : "");
}

std::string text(const raft::AppendRequest& request) {
  std::string line = joined("AppendRequest term ", request.term, " prev ",
                            place(request.prev_log_index, request.prev_log_term), " commit ",
                            request.commit_index);
  if (request.entries.empty()) return line;
  const raft::Entry& first = request.entries.front();
  const raft::Entry& last = request.entries.back();
  line += " entries " + place(first.index, first.term);
  return request.entries.size() == 1 ? line : line + ".." + place(last.index, last.term);
}

std::string text(const raft::AppendResponse& response) {
  if (response.success) {
    return joined("AppendResponse term ", response.term, " holds ", response.index);
  }
  return joined("AppendResponse term ", response.term, " refuses ", response.index, " has ",
                place(response.conflict_index, response.conflict_term));
}

std::string text(const raft::HeartbeatRequest& request) {
  return joined("HeartbeatRequest term ", request.term, " commit ", request.commit_index, " round ",
                request.round);
}

std::string text(const raft::HeartbeatResponse& response) {
  return joined("HeartbeatResponse term ", response.term, " round ", response.round);
}

std::string text(const raft::SnapshotRequest& request) {
  const raft::SnapshotChunk& chunk = request.chunk;
  return joined("SnapshotRequest term ", request.term, " of ", place(chunk.mark), " bytes ",
                chunk.offset, "..", chunk.offset + chunk.data.size(), " of ", chunk.total_bytes);
}

std::string text(const raft::SnapshotResponse& response) {
  return joined(
      "SnapshotResponse term ", response.term, " of ", place(response.mark),
      response.installed ? std::string(" installed") : joined(" next ", response.next_offset));
}

std::string text(const raft::TimeoutNowRequest& request) {
  return joined("TimeoutNowRequest term ", request.term);
}

const char* reason_of(ticket::NotDone::Why why) {
  using Why = ticket::NotDone::Why;
  switch (why) {
    case Why::kNoLeader:
      return "no leader";
    case Why::kBusy:
      return "busy";
    case Why::kNoSpace:
      return "no space";
    case Why::kOverflow:
      return "overflow";
    case Why::kBehind:
      return "behind";
    case Why::kKeyReused:
      return "key reused";
    case Why::kKeysFull:
      return "keys full";
    case Why::kForbidden:
      return "forbidden";
  }
  UNREACHABLE("a reason that is none");
}

std::string name_of(ticket::Kind kind) {
  switch (kind) {
    case ticket::Kind::kTake:
      return "take";
    case ticket::Kind::kAdvance:
      return "advance";
    case ticket::Kind::kRemove:
      return "remove";
    case ticket::Kind::kRaiseBeginning:
      return "raise beginning";
  }
  UNREACHABLE("a kind that is none");
}

std::string text_of(const ticket::Operation& operation) {
  std::string line = name_of(operation.kind);
  for (const std::uint64_t value : operation.values) line += ' ' + std::to_string(value);
  if (!operation.sequence.empty()) line += " of " + operation.sequence;
  if (!operation.key.empty()) line += " key " + operation.key;
  return line;
}

}  // namespace

// --- Frames
// ---------------------------------------------------------------------------------------

const char* name_of(const net::Frame& frame) {
  if (const auto* message = std::get_if<raft::Message>(&frame)) {
    constexpr const char* kNames[] = {"VoteRequest",     "VoteResponse",     "AppendRequest",
                                      "AppendResponse",  "HeartbeatRequest", "HeartbeatResponse",
                                      "SnapshotRequest", "SnapshotResponse", "TimeoutNowRequest"};
    static_assert(std::size(kNames) == std::variant_size_v<raft::Message>);
    return kNames[message->index()];
  }
  constexpr const char* kNames[] = {"Hello",   "ClientHello",  "Welcome", "Refused",
                                    "Message", "MemberStatus", "Request", "Response"};
  static_assert(std::size(kNames) == std::variant_size_v<net::Frame>);
  return kNames[frame.index()];
}

std::string text_of(const net::Frame& frame) {
  if (const auto* message = std::get_if<raft::Message>(&frame)) {
    return std::visit([](const auto& typed) { return text(typed); }, *message);
  }
  return name_of(frame);
}

std::optional<net::Frame> frame_of(const std::string& bytes, Lane lane) {
  using net::Hearing;
  const std::vector<Hearing> answers = {Hearing::kResponses, Hearing::kGreetingAnswer};
  const std::vector<Hearing> control = {Hearing::kControl, Hearing::kGreeting};
  const std::vector<Hearing> bulk = {Hearing::kBulk};
  for (const Hearing hearing : lane == Lane::kAnswers ? answers
                               : lane == Lane::kBulk  ? bulk
                                                      : control) {
    net::FrameDecoder decoder(hearing);
    decoder.feed(bytes);
    auto frame = decoder.next();
    if (frame && frame->has_value()) return std::move(**frame);
  }
  return std::nullopt;
}

// --- Answers
// --------------------------------------------------------------------------------------

std::string text_of(const ticket::Answer& answer) {
  if (const auto* refused = std::get_if<ticket::NotDone>(&answer)) {
    return joined("refused: ", reason_of(refused->why), refused->replayed ? ", again" : "");
  }
  const auto* done = std::get_if<ticket::Done>(&answer);
  if (done == nullptr) return "unknown";
  std::string line = joined("done ", done->first);
  if (done->count > 1) line += joined("..", done->first + (done->count - 1));
  return done->replayed ? line + " again" : line;
}

std::string text_of(const ticket::QueryAnswer& answer) {
  if (const auto* refused = std::get_if<ticket::NotDone>(&answer)) {
    return joined("refused: ", reason_of(refused->why));
  }
  std::string line;
  for (const ticket::Found& found : std::get<ticket::QueryResult>(answer).found) {
    if (!line.empty()) line += ", ";
    line += found.sequence.empty() ? "last" : found.sequence;
    line += found.last ? joined(" is ", *found.last) : " is none";
  }
  return line;
}

std::string text_of(const std::optional<net::Reply>& reply) {
  if (!reply) return "no answer";
  if (const auto* error = std::get_if<net::ErrorReply>(&*reply)) {
    const bool not_done = error->code != net::ErrorReply::Code::kUnknown;
    return (not_done ? "refused: " : "unknown: ") + error->message;
  }
  if (const auto* done = std::get_if<net::DoneReply>(&*reply)) return "done: " + done->message;
  if (const auto* joined_as = std::get_if<net::JoinReply>(&*reply)) {
    return joined("admitted as ", joined_as->self);
  }
  return "answered";
}

// --- Logs
// -----------------------------------------------------------------------------------------

std::string text_of(const raft::Configuration& configuration,
                    const std::function<std::string(raft::MemberId)>& name) {
  std::string line;
  for (const raft::Member& member : configuration.members()) {
    if (!line.empty()) line += ' ';
    line += name(member.id) + (member.voter ? "" : member.promote ? "?" : "-");
  }
  return line;
}

std::string text_of(const raft::Entry& entry,
                    const std::function<std::string(raft::MemberId)>& name) {
  std::string line = place(entry.index, entry.term);
  if (entry.type == raft::EntryType::kNoop) return line + " no-op";
  if (entry.type == raft::EntryType::kConfiguration) {
    return line + " members " +
           text_of(raft::Configuration::decode(entry.payload.view()).value(), name);
  }
  const auto batch = ticket::decode_batch(entry.payload.view());
  if (!batch) return line + " not understood";
  for (const ticket::Operation& operation : batch->operations) {
    line += (&operation == &batch->operations.front() ? " " : ", ") + text_of(operation);
  }
  return line;
}

// --- Forged messages
// ------------------------------------------------------------------------------

namespace {

std::pair<raft::Index, raft::Term> as_place(const Arguments& arguments, const std::string& text) {
  const std::vector<std::string> parts = split(text, '/');
  if (parts.size() != 2) arguments.wrong("\"" + text + "\" is not INDEX/TERM");
  return {raft::Index(arguments.as_number(parts[0])), raft::Term(arguments.as_number(parts[1]))};
}

raft::Message append_of(Arguments& arguments, raft::Term term) {
  raft::AppendRequest request;
  request.term = term;
  std::tie(request.prev_log_index, request.prev_log_term) =
      as_place(arguments, arguments.option("prev"));
  request.commit_index = raft::Index(arguments.number("commit", 0));
  if (arguments.has("entries")) {
    for (const std::string& each : split(arguments.option("entries"), ',')) {
      const auto [index, of_term] = as_place(arguments, each);
      request.entries.push_back({index, of_term, raft::EntryType::kNoop, {}});
    }
  }
  return request;
}

raft::Message vote_of(Arguments& arguments, raft::Term term) {
  raft::VoteRequest request;
  request.term = term;
  std::tie(request.last_log_index, request.last_log_term) =
      as_place(arguments, arguments.option("last"));
  request.pre_vote = arguments.takes("pre");
  request.leadership_transfer = arguments.takes("transfer");
  return request;
}

}  // namespace

raft::Message message_of(Arguments& arguments) {
  const std::string kind = arguments.word("the kind of message");
  const raft::Term term(arguments.as_number(arguments.option("term")));
  if (kind == "AppendRequest") return append_of(arguments, term);
  if (kind == "VoteRequest") return vote_of(arguments, term);
  if (kind == "VoteResponse") {
    const bool granted = arguments.takes("granted");
    return raft::VoteResponse{term, arguments.takes("pre"), granted};
  }
  if (kind == "AppendResponse") {
    return raft::AppendResponse{
        term, true, raft::Index(arguments.as_number(arguments.option("holds"))), {}, {}};
  }
  if (kind == "HeartbeatRequest") {
    return raft::HeartbeatRequest{term, raft::Index(arguments.number("commit", 0)),
                                  arguments.number("round", 0)};
  }
  if (kind == "HeartbeatResponse") {
    return raft::HeartbeatResponse{term, arguments.number("round", 0)};
  }
  if (kind == "SnapshotRequest") {
    const auto [index, of_term] = as_place(arguments, arguments.option("of"));
    return raft::SnapshotRequest{term, {{index, of_term}, 1, 1, 0, raft::Payload("x")}};
  }
  if (kind == "TimeoutNowRequest") return raft::TimeoutNowRequest{term};
  arguments.wrong("no message \"" + kind + "\" can be forged");
}

}  // namespace ticketd::sim
