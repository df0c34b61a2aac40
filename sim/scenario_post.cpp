// Who reaches whom in a scenario; frames that are held back; and messages that no member sent.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <functional>

#include "sim/scenario_say.h"
#include "sim/scenario_text.h"
#include "sim/simulation.h"

namespace ticketd::sim {

namespace {

template <class T>
bool among(const std::vector<T>& all, const T& one) {
  return all.empty() || std::find(all.begin(), all.end(), one) != all.end();
}

/// "A->B" as its two sides.
std::optional<std::pair<std::string, std::string>> sides_of(const std::string& text) {
  const std::size_t arrow = text.find("->");
  if (arrow == std::string::npos) return std::nullopt;
  return std::pair(text.substr(0, arrow), text.substr(arrow + 2));
}

constexpr const char* kKinds[] = {"VoteRequest",     "VoteResponse",     "AppendRequest",
                                  "AppendResponse",  "HeartbeatRequest", "HeartbeatResponse",
                                  "SnapshotRequest", "SnapshotResponse", "TimeoutNowRequest",
                                  "MemberStatus",    "Request",          "Response",
                                  "Hello",           "Welcome",          "Refused"};

std::vector<std::string> kinds_of(const Arguments& arguments, const std::string& text) {
  std::vector<std::string> kinds = split(text, ',');
  for (const std::string& kind : kinds) {
    if (std::find(std::begin(kKinds), std::end(kKinds), kind) == std::end(kKinds)) {
      arguments.wrong("there is no message \"" + kind + "\"");
    }
  }
  return kinds;
}

}  // namespace

bool Scenario::Route::covers(std::uint32_t sender, std::uint32_t receiver,
                             const std::string& kind) const {
  return among(from, sender) && among(to, receiver) && among(kinds, kind);
}

/// "1,3" or "*", as the indexes of their processes, which need not be there yet.
std::vector<std::uint32_t> Scenario::nodes(const Arguments& arguments, const std::string& names) {
  std::vector<std::uint32_t> indexes;
  if (names == "*") {
    for (const auto& process : simulation().processes()) indexes.push_back(process->index());
  } else {
    for (const std::string& name : split(names, ',')) {
      const std::uint64_t number = arguments.as_number(name);
      if (number == 0 || number > kProcessesMax) arguments.wrong("there is no node " + name);
      indexes.push_back(static_cast<std::uint32_t>(number - 1));
    }
  }
  return indexes;
}

// --- Links
// ----------------------------------------------------------------------------------------

/// A path is cut or not: what is said twice counts once.
void Scenario::cut_path(std::uint32_t from, std::uint32_t to) {
  if (!simulation().network.is_cut(from, to)) simulation().network.cut(from, to);
}

void Scenario::mend_path(std::uint32_t from, std::uint32_t to) {
  if (simulation().network.is_cut(from, to)) simulation().network.mend(from, to);
}

void Scenario::cut(Arguments& arguments) {
  const std::string first = arguments.word("who");
  const auto sides = sides_of(first);
  const auto from = nodes(arguments, sides ? sides->first : first);
  const auto to = nodes(arguments, sides ? sides->second : arguments.word("from whom"));
  for (const std::uint32_t a : from) {
    for (const std::uint32_t b : to) {
      if (a == b) continue;
      cut_path(a, b);
      if (!sides) cut_path(b, a);
    }
  }
}

void Scenario::isolate(Arguments& arguments) {
  const std::uint32_t one = node(arguments, arguments.word("a node")).index();
  for (const auto& other : simulation().processes()) {
    if (other->index() == one) continue;
    cut_path(one, other->index());
    cut_path(other->index(), one);
  }
}

void Scenario::heal(Arguments& arguments) {
  if (!arguments.has_word()) return simulation().network.mend_all();
  const std::string first = arguments.word("who");
  const auto sides = sides_of(first);
  const auto from = nodes(arguments, sides ? sides->first : first);
  const auto to = nodes(arguments, sides ? sides->second : arguments.word("from whom"));
  for (const std::uint32_t a : from) {
    for (const std::uint32_t b : to) {
      mend_path(a, b);
      if (!sides) mend_path(b, a);
    }
  }
}

// --- Frames that are held back
// --------------------------------------------------------------------

bool Scenario::takes(std::uint32_t slot, std::uint32_t from, std::uint32_t to, Lane lane,
                     const std::string& bytes, bool cut) {
  if (watched_.empty() && holds_.empty()) return false;
  const auto frame = frame_of(bytes, lane);
  require(frame.has_value(), "a frame that no lane carries");
  const std::string kind = sim::name_of(*frame);
  const std::string text =
      std::to_string(from + 1) + "->" + std::to_string(to + 1) + ' ' + text_of(*frame);
  for (const Route& hold : holds_) {
    if (cut || !hold.covers(from, to, kind)) continue;
    const bool repeated = std::any_of(held_.begin(), held_.end(),
                                      [&](const Held& held) { return held.text == text; });
    if (!hold.quiet && !repeated) say("held: ", text);
    held_.push_back({slot, from, to, kind, text});
    return true;
  }
  const bool watched = std::any_of(watched_.begin(), watched_.end(), [&](const Route& route) {
    return route.covers(from, to, kind);
  });
  if (watched) say(text, cut ? " (cut off)" : "");
  return false;
}

Scenario::Route Scenario::route(Arguments& arguments) {
  const auto sides = sides_of(arguments.word("A->B"));
  if (!sides) arguments.wrong("who to whom is said as A->B");
  // "*" is everybody, also who joins later.
  Route route;
  if (sides->first != "*") route.from = nodes(arguments, sides->first);
  if (sides->second != "*") route.to = nodes(arguments, sides->second);
  route.quiet = arguments.takes("quiet");
  static const std::vector<std::string> kFlags = {"copy", "reversed"};
  if (!route.quiet && arguments.has_word() && !arguments.next_is_one_of(kFlags)) {
    route.kinds = kinds_of(arguments, arguments.word("kinds"));
  }
  return route;
}

/// All that goes that way, or the first= or last= of them.
std::vector<Scenario::Held> Scenario::take_held(Arguments& arguments, const Route& route) {
  const auto covers = [&](const Held& held) { return route.covers(held.from, held.to, held.kind); };
  const auto all = static_cast<std::uint64_t>(std::count_if(held_.begin(), held_.end(), covers));
  const std::uint64_t last = arguments.number("last", all);
  const std::uint64_t begin = all - std::min(all, last);
  const std::uint64_t end = begin + arguments.number("first", all);
  std::vector<Held> taken;
  std::uint64_t number = 0;
  std::erase_if(held_, [&](const Held& held) {
    if (!covers(held)) return false;
    const bool chosen = number >= begin && number < end;
    ++number;
    if (chosen) taken.push_back(held);
    return chosen;
  });
  return taken;
}

void Scenario::watch(Arguments& arguments) {
  if (arguments.takes("nothing")) return watched_.clear();
  watched_.push_back({{}, {}, kinds_of(arguments, arguments.word("kinds")), false});
}

void Scenario::hold(Arguments& arguments) {
  Route hold = route(arguments);
  hold.quiet |= arguments.takes("quiet");
  holds_.push_back(std::move(hold));
}

void Scenario::let(Arguments& arguments) {
  const Route ended = route(arguments);
  const bool quiet = arguments.takes("quiet") || ended.quiet;
  const std::size_t count = std::erase_if(holds_, [&](const Route& hold) {
    return hold.from == ended.from && hold.to == ended.to && hold.kinds == ended.kinds;
  });
  if (count == 0) arguments.wrong("there is no such hold");
  for (const Held& held : take_held(arguments, ended)) {
    if (!quiet) say("sent: ", held.text);
    simulation().network.release(held.slot);
  }
}

void Scenario::release(Arguments& arguments) {
  const Route which = route(arguments);
  const bool copy = arguments.takes("copy");
  const bool reversed = arguments.takes("reversed");
  const bool quiet = arguments.takes("quiet") || which.quiet;
  std::vector<Held> taken = take_held(arguments, which);
  if (taken.empty()) arguments.wrong("nothing of that is kept back");
  if (copy) held_.insert(held_.end(), taken.begin(), taken.end());
  if (reversed) std::reverse(taken.begin(), taken.end());
  for (const Held& held : taken) {
    if (!quiet) say("sent: ", held.text);
    Network& network = simulation().network;
    network.release(copy ? network.copy(held.slot) : held.slot);
  }
}

void Scenario::drop(Arguments& arguments) {
  const std::vector<Held> taken = take_held(arguments, route(arguments));
  if (taken.empty()) arguments.wrong("nothing of that is kept back");
  for (const Held& held : taken) simulation().network.drop(held.slot);
}

// --- What no member sent
// --------------------------------------------------------------------------

/// A node's name, or a member id as in "3.1".
raft::MemberId Scenario::member(const Arguments& arguments, const std::string& text) {
  const std::vector<std::string> parts = split(text, '.');
  if (parts.size() == 1) return node(arguments, text).platter().member();
  return {raft::NodeId(arguments.as_number(parts[0])),
          raft::Incarnation(arguments.as_number(parts[1]))};
}

void Scenario::inject(Arguments& arguments) {
  const auto sides = sides_of(arguments.word("A->B"));
  if (!sides) arguments.wrong("who to whom is said as A->B");
  Process& receiver = node(arguments, sides->second);
  if (!receiver.up()) arguments.wrong("node " + sides->second + " is down");
  const raft::MemberId from = arguments.has("as")
                                  ? member(arguments, arguments.option("as"))
                                  : node(arguments, sides->first).platter().member();
  const raft::MemberId to = arguments.has("for") ? member(arguments, arguments.option("for"))
                                                 : receiver.platter().member();
  raft::Envelope envelope{from, to, message_of(arguments)};
  receiver.on_loop([&receiver, envelope = std::move(envelope)]() mutable {
    receiver.transport().events().on_message(std::move(envelope));
  });
}

void Scenario::greet(Arguments& arguments) {
  Process& listener = node(arguments, arguments.word("a node"));
  if (!listener.up()) arguments.wrong("it is down");
  net::Hello hello;
  hello.cluster_id = simulation().cluster_id;
  if (const std::string cluster = arguments.option("cluster", "this"); cluster == "other") {
    ++hello.cluster_id;
  } else if (cluster != "this") {
    arguments.wrong("cluster= is this or other");
  }
  hello.from = member(arguments, arguments.option("from"));
  hello.to =
      arguments.has("to") ? member(arguments, arguments.option("to")) : listener.platter().member();
  hello.addresses = {"10.9.9.9:9000", "", ""};
  hello.command_version = ticket::kCommandVersion;
  if (listener.paused()) arguments.wrong("it is paused");
  listener.on_loop([&] {
    const auto refused = listener.transport().events().judge(hello);
    say("greet ", name_of(listener), ": ", refused ? "refused: " + refused->message : "welcome");
  });
}

// --- Processes that must end
// ----------------------------------------------------------------------

namespace {

/// "file:line: ENSURE failed: expression (detail)": the detail, or else the expression.
std::string reason_in(const std::string& words) {
  const std::string line = words.substr(0, words.find('\n'));
  const std::size_t open = line.rfind(" (");
  if (open != std::string::npos && line.ends_with(')')) {
    return line.substr(open + 2, line.size() - open - 3);
  }
  const std::size_t colon = line.rfind(": ");
  return colon == std::string::npos ? line : line.substr(colon + 2);
}

constexpr Micros kToItsEnd = 100'000;

struct End {
  bool aborted = false;
  /// What it wrote to standard error.
  std::string words;
};

/// Runs it in a child, whose end is no end of this process. What it throws is what it says.
End run_in_child(const std::function<void()>& action) {
  int ends[2];
  require(pipe(ends) == 0, "no pipe can be had");
  const pid_t child = fork();
  require(child >= 0, "no process can be had");
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    std::signal(SIGABRT, SIG_DFL);
    try {
      action();
    } catch (const std::exception& error) {
      (void)!write(STDERR_FILENO, error.what(), std::strlen(error.what()));
    }
    _exit(0);
  }
  close(ends[1]);
  End end;
  char buffer[512];
  for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    end.words.append(buffer, static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  end.aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  return end;
}

}  // namespace

/// A process that ends by an assertion takes the simulator along, and one that ends in order, but
/// was not removed, is a breach: both are what is wanted here, and happen in a child.
void Scenario::stops(Arguments& arguments) {
  const std::string name = arguments.word("a node");
  node(arguments, name);
  std::string command;
  for (const std::string& word : arguments.rest()) command += word + ' ';
  for (const auto& [option, value] : arguments.all_options()) command += option + '=' + value + ' ';
  if (command.empty()) arguments.wrong("a command is missing");
  const End end = run_in_child([&] {
    execute(arguments.line(), command);
    simulation().run_for(kToItsEnd);
  });
  const std::string ends = " ends: ";
  const std::size_t at = end.words.find(ends);
  require(end.aborted || at != std::string::npos, "node ", name, " goes on, and must not; ",
          end.words);
  say(name, " stops: ", end.aborted ? reason_in(end.words) : end.words.substr(at + ends.size()));
}

}  // namespace ticketd::sim
