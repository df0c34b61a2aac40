// Real TCP and UDP through the router, between namespaces.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/jepsen/hosts.h"

namespace ticketd::jepsen {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::string file(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string noise(std::size_t bytes) {
  Random random(bytes);
  std::string text(bytes, '\0');
  for (char& byte : text) byte = static_cast<char>(random.below(256));
  return text;
}

/// Sends `bytes` over a connection, while the other end takes them.
std::string transfer(int from, int to, const std::string& bytes) {
  std::thread sender([&] { send_all(from, bytes); });
  std::string received = receive_all(to, bytes.size());
  sender.join();
  return received;
}

/// Two hosts with a datagram socket each.
struct Datagrams {
  explicit Datagrams(const Network& network)
      : to{endpoint(network.address(0), kPort), endpoint(network.address(1), kPort)} {
    for (std::size_t host : {0U, 1U}) {
      sockets.push_back(bound_socket(network, host, SOCK_DGRAM, kPort));
    }
  }

  void send(std::size_t from, std::uint32_t number) {
    const sockaddr_in& there = to[1 - from];
    REQUIRE(::sendto(sockets[from].get(), &number, sizeof number, 0,
                     reinterpret_cast<const sockaddr*>(&there), sizeof there) == sizeof number);
  }

  std::uint32_t receive(std::size_t host) {
    std::uint32_t number = 0;
    REQUIRE(::recv(sockets[host].get(), &number, sizeof number, 0) == sizeof number);
    return number;
  }

  static constexpr std::uint16_t kPort = 7000;
  std::vector<Descriptor> sockets;
  sockaddr_in to[2];
};

/// Gives way until it is so. What is waited for comes by itself; a test that waits in vain hangs,
/// and its time-out tells.
void wait_until(auto ready) {
  while (!ready()) std::this_thread::yield();
}

TEST_CASE("hosts exchange bytes over TCP, and the machine's own network stays as it is") {
  const std::string routes = file("/proc/self/net/route");
  {
    const auto network = network_or_skip(3);
    if (!network) return;
    CHECK(network->address(0) == "10.77.0.1");
    CHECK(network->address(2) == "10.77.0.3");
    const Connected ends = connect_hosts(*network, 0, 2);
    const std::string bytes = noise(1'000'000);
    CHECK(transfer(ends.first.get(), ends.second.get(), bytes) == bytes);
    CHECK(transfer(ends.second.get(), ends.first.get(), bytes) == bytes);
    CHECK(network->links().statistics(0, 2).delivered_bytes > bytes.size());
    CHECK(network->links().statistics(2, 0).delivered_bytes > bytes.size());
    CHECK(network->links().statistics(0, 1).sent == 0);
  }
  CHECK(file("/proc/self/net/route") == routes);
}

TEST_CASE("a link is cut in one direction") {
  const auto network = network_or_skip(2);
  if (!network) return;
  Datagrams datagrams(*network);
  LinkFaults cut;
  cut.cut = true;
  network->links().set_faults(0, 1, cut);
  datagrams.send(0, 1);
  datagrams.send(1, 2);
  CHECK(datagrams.receive(0) == 2);
  wait_until([&] { return network->links().statistics(0, 1).cut == 1; });
  network->heal();
  CHECK(network->links().faults(0, 1) == LinkFaults());
  datagrams.send(0, 3);
  CHECK(datagrams.receive(1) == 3);
}

TEST_CASE("a packet of one host is waited for") {
  const auto network = network_or_skip(2);
  if (!network) return;
  Datagrams datagrams(*network);
  const auto is_seven = [](const unsigned char* packet, std::size_t bytes) {
    return packet[bytes - sizeof(std::uint32_t)] == 7;
  };
  CHECK_FALSE(network->links().wait_for_packet(0, is_seven, milliseconds(1)));
  std::atomic<bool> seen = false;
  std::thread sender([&] {
    // The other host's, and other ones, are not it.
    for (std::uint32_t number = 0; !seen; ++number) {
      datagrams.send(1, 7);
      datagrams.send(0, number % 8);
      std::this_thread::yield();
    }
  });
  CHECK(network->links().wait_for_packet(0, is_seven, std::chrono::hours(1)));
  seen = true;
  sender.join();
}

TEST_CASE("TCP comes through a cut that is healed") {
  const auto network = network_or_skip(2);
  if (!network) return;
  const Connected ends = connect_hosts(*network, 0, 1);
  LinkFaults cut;
  cut.cut = true;
  network->links().set_faults(0, 1, cut);
  REQUIRE(send_all(ends.first.get(), "over"));
  wait_until([&] { return network->links().statistics(0, 1).cut >= 1; });
  network->heal();
  CHECK(receive_all(ends.second.get(), 4) == "over");
}

TEST_CASE("lost datagrams are counted, the others arrive") {
  const auto network = network_or_skip(2);
  if (!network) return;
  Datagrams datagrams(*network);
  LinkFaults faults;
  faults.loss = 0.5;
  network->links().set_faults(0, 1, faults);
  std::uint64_t received = 0;
  for (std::uint32_t number = 1; number <= 500; ++number) {
    const std::uint64_t lost = network->links().statistics(0, 1).lost;
    datagrams.send(0, number);
    wait_until([&] { return network->links().statistics(0, 1).sent == number; });
    if (network->links().statistics(0, 1).lost > lost) continue;
    CHECK(datagrams.receive(1) == number);
    ++received;
  }
  CHECK(received > 150);
  CHECK(received < 350);
}

TEST_CASE("duplicated datagrams come twice, held back ones later") {
  const auto network = network_or_skip(2);
  if (!network) return;
  Datagrams datagrams(*network);
  LinkFaults faults;
  faults.duplication = 1;
  network->links().set_faults(0, 1, faults);
  datagrams.send(0, 7);
  CHECK(datagrams.receive(1) == 7);
  CHECK(datagrams.receive(1) == 7);
  faults = {};
  faults.reordering = 0.5;
  network->links().set_faults(0, 1, faults);
  constexpr std::uint32_t kCount = 100;
  for (std::uint32_t number = 0; number < kCount; ++number) datagrams.send(0, number);
  std::uint32_t inversions = 0, latest = 0;
  std::vector<bool> seen(kCount);
  for (std::uint32_t left = kCount; left > 0; --left) {
    const std::uint32_t number = datagrams.receive(1);
    inversions += number < latest ? 1 : 0;
    latest = std::max(latest, number);
    seen.at(number) = true;
  }
  CHECK(inversions > 0);
  CHECK(std::ranges::count(seen, true) == kCount);
}

TEST_CASE("a delay is waited for in both directions") {
  const auto network = network_or_skip(2);
  if (!network) return;
  LinkFaults faults;
  faults.delay = milliseconds(40);
  network->links().set_faults(0, 1, faults);
  faults.delay = milliseconds(20);
  network->links().set_faults(1, 0, faults);
  Datagrams datagrams(*network);
  const auto began = Clock::now();
  datagrams.send(0, 1);
  CHECK(datagrams.receive(1) == 1);
  datagrams.send(1, 2);
  CHECK(datagrams.receive(0) == 2);
  CHECK(Clock::now() - began >= milliseconds(60));
}

TEST_CASE("a limited link takes its time") {
  const auto network = network_or_skip(2);
  if (!network) return;
  LinkFaults faults;
  faults.bytes_per_s = 2'000'000;
  const Connected ends = connect_hosts(*network, 0, 1);
  network->links().set_faults(0, 1, faults);
  const std::string bytes = noise(600'000);
  const auto began = Clock::now();
  CHECK(transfer(ends.first.get(), ends.second.get(), bytes) == bytes);
  CHECK(Clock::now() - began >= milliseconds(300));
}

TEST_CASE("the kernel sees flipped bits by TCP's checksum") {
  const auto network = network_or_skip(2);
  if (!network) return;
  const Connected ends = connect_hosts(*network, 0, 1);
  LinkFaults faults;
  faults.corruption = 0.05;
  network->links().set_faults(0, 1, faults);
  const std::string bytes = noise(300'000);
  CHECK(transfer(ends.first.get(), ends.second.get(), bytes) == bytes);
  CHECK(network->links().statistics(0, 1).corrupted > 0);
}

TEST_CASE("TCP works over a link that does all of it at once") {
  const auto network = network_or_skip(2);
  if (!network) return;
  const Connected ends = connect_hosts(*network, 0, 1);
  LinkFaults faults;
  faults.delay = milliseconds(1);
  faults.jitter = milliseconds(1);
  faults.loss = faults.duplication = faults.reordering = faults.corruption = 0.01;
  faults.reordering_delay = milliseconds(2);
  faults.bytes_per_s = 20'000'000;
  network->links().set_faults(0, 1, faults);
  network->links().set_faults(1, 0, faults);
  const std::string bytes = noise(200'000);
  CHECK(transfer(ends.first.get(), ends.second.get(), bytes) == bytes);
}

}  // namespace
}  // namespace ticketd::jepsen
