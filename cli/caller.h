// How commands speak to members: the seam behind which the network stands, and a script in tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/client.h"
#include "net/clock.h"

namespace ticketd::cli {

/// A command's calls, within one time for all of them.
class Caller {
 public:
  virtual ~Caller() = default;
  // See net::Client.
  virtual void expect_cluster(std::uint64_t cluster_id) = 0;
  /// Waits for a part of the time that is left, the `parts`th (1: all of it).
  virtual Result<net::Reply> call(const std::string& address, const net::Call& call,
                                  std::size_t parts) = 0;
  virtual Result<net::Reply> call_leader(const std::vector<std::string>& addresses,
                                         const net::Call& call) = 0;
  /// Between two looks at something that takes its time.
  virtual void pause(std::chrono::milliseconds time) = 0;
  /// The time is used up, and no call would be answered any more.
  virtual bool is_over() const = 0;
  /// From now on there is as much time as in the beginning.
  virtual void renew() = 0;
};

class PeerCaller : public Caller {
 public:
  explicit PeerCaller(std::chrono::milliseconds time) : time_(time) { renew(); }

  void expect_cluster(std::uint64_t cluster_id) override { cluster_id_ = cluster_id; }
  Result<net::Reply> call(const std::string& address, const net::Call& call,
                          std::size_t parts) override;
  Result<net::Reply> call_leader(const std::vector<std::string>& addresses,
                                 const net::Call& call) override;
  void pause(std::chrono::milliseconds time) override;
  bool is_over() const override { return left() <= std::chrono::milliseconds(0); }
  void renew() override { deadline_ = net::Clock::now() + time_; }

 private:
  std::chrono::milliseconds left() const;
  net::Client client(std::chrono::milliseconds time) const;
  /// What to say when nothing can be asked for want of time.
  Error over() const;

  const std::chrono::milliseconds time_;
  net::Clock::time_point deadline_;
  std::optional<std::uint64_t> cluster_id_;
};

/// An error reply in words, with what to do next where the member did not say.
std::string words(const net::ErrorReply& error);

/// The reply of type T; an error reply, another type and a failed call are errors.
template <class T>
Result<T> expect(Result<net::Reply> reply) {
  if (!reply) {
    return std::move(reply).error();
  }
  if (T* wanted = std::get_if<T>(&*reply)) {
    return std::move(*wanted);
  }
  if (const auto* error = std::get_if<net::ErrorReply>(&*reply)) {
    return Error{words(*error)};
  }
  return Error{"the member gave an answer that does not fit; do all run the same version?"};
}

/// What the first of them says that has an answer of type T. Each has its share of the time.
template <class T>
Result<T> first_answer(Caller& caller, const std::vector<std::string>& contacts,
                       const net::Call& call) {
  std::string failures;
  for (std::size_t i = 0; i < contacts.size(); ++i) {
    Result<T> answer = expect<T>(caller.call(contacts[i], call, contacts.size() - i));
    if (answer) {
      return answer;
    }
    failures += (failures.empty() ? "" : "; ") + answer.error().message;
  }
  return Error{"no member answers: " + failures + "; --peer HOST:PORT names another member"};
}

}  // namespace ticketd::cli
