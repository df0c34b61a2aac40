// How commands speak to members: the seam behind which the network stands, and a script in tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/client.h"

namespace ticketd::cli {

class Caller {
 public:
  virtual ~Caller() = default;
  // See net::Client.
  virtual void expect_cluster(std::uint64_t cluster_id) = 0;
  virtual Result<net::Reply> call(const std::string& address, const net::Call& call) = 0;
  virtual Result<net::Reply> call_leader(const std::vector<std::string>& addresses,
                                         const net::Call& call) = 0;
  /// Between two looks at something that takes its time.
  virtual void pause(std::chrono::milliseconds time) = 0;
};

class PeerCaller : public Caller {
 public:
  explicit PeerCaller(std::chrono::milliseconds timeout) : client_(timeout) {}

  void expect_cluster(std::uint64_t cluster_id) override { client_.expect_cluster(cluster_id); }
  Result<net::Reply> call(const std::string& address, const net::Call& call) override;
  Result<net::Reply> call_leader(const std::vector<std::string>& addresses,
                                 const net::Call& call) override;
  void pause(std::chrono::milliseconds time) override;

 private:
  net::Client client_;
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

}  // namespace ticketd::cli
