// One link, without any network.
#include "jepsen/link.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <vector>

namespace ticketd::jepsen {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kMillisecond = 1'000'000;

LinkFaults with(auto change) {
  LinkFaults faults;
  change(faults);
  return faults;
}

TEST_CASE("a link without faults hands on every packet at once") {
  Random random(1);
  Link link;
  for (std::int64_t now = 0; now < 100; ++now) {
    const auto& arrivals = link.send(now, 10, random);
    REQUIRE(arrivals.size() == 1);
    CHECK(arrivals[0].time_ns == now);
    CHECK(arrivals[0].flips == 0);
    CHECK(link.deliver(10));
  }
  CHECK(link.statistics().sent == 100);
  CHECK(link.statistics().delivered_bytes == 1000);
}

TEST_CASE("a flapping link is cut in every second period") {
  Random random(1);
  Link link;
  link.set_faults(with([](LinkFaults& faults) { faults.flapping = milliseconds(3); }));
  for (std::int64_t now_ms = 0; now_ms < 60; ++now_ms) {
    CHECK(link.send(now_ms * kMillisecond, 10, random).empty() == (now_ms / 3 % 2 == 0));
  }
  CHECK(link.statistics().cut == 30);
}

TEST_CASE("a cut drops what comes and what is on the way") {
  Random random(1);
  Link link;
  REQUIRE(link.send(0, 10, random).size() == 1);
  link.set_faults(with([](auto& faults) { faults.cut = true; }));
  CHECK_FALSE(link.deliver(10));
  CHECK(link.send(1, 10, random).empty());
  CHECK(link.statistics().cut == 2);
  link.set_faults({});
  CHECK(link.send(2, 10, random).size() == 1);
  CHECK(link.deliver(10));
}

TEST_CASE("jitter lies between its bounds and keeps the order") {
  Random random(2);
  Link link;
  link.set_faults(with([](auto& faults) {
    faults.delay = milliseconds(10);
    faults.jitter = milliseconds(5);
  }));
  std::int64_t latest = 0, least = 1'000'000'000, most = 0;
  for (std::int64_t now = 0; now < 1000 * kMillisecond; now += kMillisecond) {
    const std::int64_t arrival = link.send(now, 10, random).at(0).time_ns;
    CHECK(arrival >= latest);
    latest = arrival;
    least = std::min(least, arrival - now);
    most = std::max(most, arrival - now);
  }
  CHECK(least >= 10 * kMillisecond);
  CHECK(least < 14 * kMillisecond);
  CHECK(most > 14 * kMillisecond);
  CHECK(most <= 15 * kMillisecond);
}

TEST_CASE("loss, duplication, reordering and corruption hit the shares they are told") {
  Random random(3);
  Link link;
  link.set_faults(with([](auto& faults) {
    faults.loss = 0.5;
    faults.duplication = 0.2;
    faults.reordering = 0.25;
    faults.corruption = 0.1;
    faults.flipped_bits = 3;
  }));
  std::uint64_t arrived = 0, late = 0, flipped = 0;
  for (std::int64_t now = 0; now < 20'000; ++now) {
    for (const Arrival& arrival : link.send(now, 10, random)) {
      ++arrived;
      late += arrival.time_ns > now ? 1 : 0;
      flipped += arrival.flips == 3 ? 1 : 0;
    }
  }
  const LinkStatistics& statistics = link.statistics();
  CHECK(statistics.lost > 9'500);
  CHECK(statistics.lost < 10'500);
  CHECK(arrived == 20'000 - statistics.lost + statistics.duplicated);
  CHECK(statistics.duplicated > 1'800);
  CHECK(statistics.duplicated < 2'200);
  CHECK(statistics.reordered > 2'700);
  CHECK(late <= statistics.reordered);
  CHECK(late > statistics.reordered * 99 / 100);
  CHECK(flipped == statistics.corrupted);
  CHECK(flipped > 1'000);
}

TEST_CASE("shares of 0 and 1 are never and always") {
  Random random(4);
  Link link;
  link.set_faults(with([](auto& faults) { faults.duplication = 1; }));
  for (int n = 0; n < 1000; ++n) CHECK(link.send(0, 10, random).size() == 2);
  link.set_faults(with([](auto& faults) { faults.loss = 1; }));
  for (int n = 0; n < 1000; ++n) CHECK(link.send(0, 10, random).empty());
}

TEST_CASE(
    "a limited link sends one packet after the other, and drops what does not fit its queue") {
  Random random(5);
  Link link;
  link.set_faults(with([](auto& faults) { faults.bytes_per_s = 1'000'000; }));
  CHECK(link.send(0, 1000, random).at(0).time_ns == kMillisecond);
  CHECK(link.send(0, 1000, random).at(0).time_ns == 2 * kMillisecond);
  CHECK(link.send(10 * kMillisecond, 1000, random).at(0).time_ns == 11 * kMillisecond);
  std::uint64_t queued = 0;
  while (!link.send(20 * kMillisecond, 1000, random).empty()) ++queued;
  CHECK(queued * 1000 >= Link::kBacklogBytes);
  CHECK(queued * 1000 <= Link::kBacklogBytes + 2000);
  CHECK(link.statistics().overflowed == 1);
}

TEST_CASE("a link that is healed does not keep new packets behind those that were delayed") {
  Random random(6);
  Link link;
  link.set_faults(with([](auto& faults) {
    faults.delay = std::chrono::seconds(10);
    faults.bytes_per_s = 10;
  }));
  CHECK(link.send(0, 1000, random).at(0).time_ns > 10'000 * kMillisecond);
  link.set_faults({});
  CHECK(link.send(kMillisecond, 1000, random).at(0).time_ns == kMillisecond);
}

TEST_CASE("bits are flipped behind the header") {
  Random random(7);
  unsigned hit = 0;
  for (int round = 0; round < 1000; ++round) {
    unsigned char packet[28] = {0x45};
    unsigned char before[28];
    std::memcpy(before, packet, sizeof packet);
    flip_bits(packet, sizeof packet, 1, random);
    CHECK(std::memcmp(packet, before, 20) == 0);
    int bits = 0;
    for (int at = 20; at < 28; ++at) bits += std::popcount(packet[at]);
    CHECK(bits == 1);
    hit |= packet[27];
  }
  CHECK(hit == 255);
  unsigned char header[20] = {0x45};
  flip_bits(header, sizeof header, 1, random);
}

}  // namespace
}  // namespace ticketd::jepsen
