#include "net/exchange.h"

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <future>
#include <memory>
#include <optional>

#include "net/frame_decoder.h"
#include "net/sockets.h"

namespace ticketd::net {

namespace {

constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::uint64_t kRequestId = 1;

Result<Endpoints> resolve_by(const Address& address, Clock::time_point deadline) {
  if (const auto literal = literal_endpoint(address)) {
    return Endpoints{*literal};
  }
  // Shared with the thread, which may well outlive the wait.
  const auto promise = std::make_shared<std::promise<Result<Endpoints>>>();
  std::future<Result<Endpoints>> found = promise->get_future();
  resolve_on_thread(address,
                    [promise](Result<Endpoints> each) { promise->set_value(std::move(each)); });
  if (found.wait_until(deadline) != std::future_status::ready) {
    return Error{"the host name '" + address.host + "' could not be resolved in time"};
  }
  return found.get();
}

class Exchange {
 public:
  explicit Exchange(std::string name) : name_(std::move(name)), socket_(loop_) {}

  Status connect(const asio::ip::tcp::endpoint& endpoint, Clock::time_point deadline) {
    const asio::error_code error =
        run(deadline, [&](auto&& done) { socket_.async_connect(endpoint, done); });
    if (error == asio::error::timed_out) {
      return Error{"no node answers at " + name_ +
                   " (no answer to the attempt to connect); is the host up and reachable?"};
    }
    if (error) {
      return Error{"no node answers at " + name_ + " (" + error.message() + "); is it running?"};
    }
    send_at_once(socket_);
    return {};
  }

  Status greet(std::optional<std::uint64_t> cluster_id, Clock::time_point deadline) {
    std::string bytes;
    encode(ClientHello{}, bytes);
    Result<Frame> answer = say(bytes, deadline);
    if (!answer) {
      return Error{"the node at " + name_ + " does not greet: " + answer.error().message +
                   "; is this its --raft_port? (A node that waits to be admitted does not greet.)"};
    }
    if (const auto* refused = std::get_if<Refused>(&*answer)) {
      return Error{"the node at " + name_ + " refuses the connection: " + refused->message};
    }
    const auto* welcome = std::get_if<Welcome>(&*answer);
    if (cluster_id && (welcome == nullptr || welcome->cluster_id != *cluster_id)) {
      return Error{"the node at " + name_ + " belongs to another cluster"};
    }
    decoder_.hear(Hearing::kResponses);
    return {};
  }

  Result<Reply> request(const Call& call, Clock::time_point deadline) {
    std::string bytes;
    encode(Request{kRequestId, call}, bytes);
    Result<Frame> answer = say(bytes, deadline);
    if (!answer) {
      return answer.error();
    }
    auto* response = std::get_if<Response>(&*answer);
    if (response == nullptr || response->id != kRequestId) {
      return Error{"it answered something else"};
    }
    return std::move(response->reply);
  }

 private:
  /// Runs one operation to its end; timed_out when the deadline comes first.
  template <class Operation>
  asio::error_code run(Clock::time_point deadline, Operation&& operation) {
    std::optional<asio::error_code> result;
    operation([&result](const asio::error_code& error) { result = error; });
    loop_.restart();
    while (!result && loop_.run_one_until(deadline) > 0) {
    }
    if (result) {
      return *result;
    }
    asio::error_code ignored;
    socket_.close(ignored);
    loop_.restart();
    loop_.run();  // the aborted operation refers to this frame of the stack
    return asio::error::timed_out;
  }

  /// Sends bytes and waits for one frame.
  Result<Frame> say(const std::string& bytes, Clock::time_point deadline) {
    const asio::error_code written = run(deadline, [&](auto&& done) {
      asio::async_write(socket_, asio::buffer(bytes),
                        [done](const asio::error_code& e, std::size_t) { done(e); });
    });
    if (written) {
      return Error{describe(written)};
    }
    while (true) {
      Result<std::optional<Frame>> next = decoder_.next();
      if (!next) {
        return next.error();
      }
      if (*next) {
        return std::move(**next);
      }
      const FrameDecoder::Space space = decoder_.prepare(kReadBytes);
      std::size_t count = 0;
      const asio::error_code read = run(deadline, [&](auto&& done) {
        socket_.async_read_some(asio::buffer(space.data, space.size),
                                [done, &count](const asio::error_code& e, std::size_t n) {
                                  count = n;
                                  done(e);
                                });
      });
      if (read) {
        return Error{describe(read)};
      }
      decoder_.commit(count);
    }
  }

  static std::string describe(const asio::error_code& error) {
    return error == asio::error::timed_out ? "no answer in time"
           : error == asio::error::eof     ? "it closed the connection"
                                           : error.message();
  }

  const std::string name_;
  asio::io_context loop_;
  asio::ip::tcp::socket socket_;
  FrameDecoder decoder_{Hearing::kGreetingAnswer};
};

Outcome request(Exchange& exchange, const std::string& name, const Call& call,
                Clock::time_point deadline) {
  Result<Reply> reply = exchange.request(call, deadline);
  if (!reply) {
    return {Error{"no reply from the node at " + name + " (" + reply.error().message +
                  "); the request may have been carried out"},
            true};
  }
  return {std::move(reply)};
}

}  // namespace

Outcome ask(const std::string& address, const Call& call, std::optional<std::uint64_t> cluster_id,
            Clock::time_point greet_by, Clock::time_point deadline) {
  const Result<Address> parsed = parse_address(address);
  if (!parsed) {
    return {parsed.error()};
  }
  const Result<Endpoints> endpoints = resolve_by(*parsed, greet_by);
  if (!endpoints) {
    return {endpoints.error()};
  }
  return ask(address, *endpoints, call, cluster_id, greet_by, deadline);
}

Outcome ask(const std::string& name, const Endpoints& endpoints, const Call& call,
            std::optional<std::uint64_t> cluster_id, Clock::time_point greet_by,
            Clock::time_point deadline) {
  Error failure{"the name of " + name + " has no address"};
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const Clock::time_point now = Clock::now();
    const auto left = static_cast<Clock::rep>(endpoints.size() - i);
    const Clock::time_point by = now + std::max(greet_by - now, Clock::duration(0)) / left;
    Exchange exchange(name);
    Status status = exchange.connect(endpoints[i], by);
    if (status) {
      status = exchange.greet(cluster_id, by);
    }
    if (status) {
      return request(exchange, name, call, deadline);
    }
    failure = status.error();
  }
  return {failure};
}

}  // namespace ticketd::net
