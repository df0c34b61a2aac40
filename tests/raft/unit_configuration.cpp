#include <rapidcheck.h>

#include <limits>
#include <string>

#include "base/random.h"
#include "raft/configuration.h"
#include "tests/raft/fixture.h"

namespace ticketd::raft::testing {
namespace {

std::string random_address(Random& random) {
  return std::string(random.chance(1, 3) ? 0 : random.between(1, Configuration::kMaxAddressBytes),
                     'a');
}

std::uint64_t random_number(Random& random) {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
  return random.chance(1, 4) ? kLargest - random.below(2) : random.below(8);
}

Configuration random_configuration(Random& random) {
  Configuration configuration;
  for (std::uint64_t count = random.below(Configuration::kMaxMembers) + 1; count > 0; --count) {
    Member one;
    one.id = {NodeId(random_number(random)), Incarnation(random_number(random))};
    one.voter = configuration.empty() || random.chance(1, 2) || count == 1;
    one.promote = random.chance(1, 2);
    if (random.chance(1, 3)) {
      one.replaces = MemberId{NodeId(random_number(random)), Incarnation(random_number(random))};
    }
    one.join_token = random.next();
    one.addresses = {random_address(random), random_address(random), random_address(random)};
    configuration = configuration.with(one);
  }
  return configuration;
}

TEST_CASE("a configuration survives its encoding") {
  CHECK(Configuration::decode(Configuration().encode()).value().empty());
  CHECK(rc::check([](std::uint64_t seed) {
    Random random(seed);
    const Configuration configuration = random_configuration(random);
    RC_ASSERT(Configuration::decode(configuration.encode()).value() == configuration);
  }));
}

TEST_CASE("bytes that were damaged are refused, or mean a configuration that encodes to them") {
  CHECK(rc::check([](std::uint64_t seed) {
    Random random(seed);
    std::string bytes = random_configuration(random).encode();
    switch (random.below(3)) {
      case 0:
        bytes.resize(random.below(bytes.size()));
        break;
      case 1:
        bytes[random.below(bytes.size())] = static_cast<char>(random.next());
        break;
      default:
        bytes += '\0';
    }
    const Result<Configuration> decoded = Configuration::decode(bytes);
    RC_ASSERT((!decoded || decoded->encode() == bytes));
    RC_ASSERT((!decoded || decoded->empty() || decoded->voter_count() > 0));
  }));
}

TEST_CASE("members without a voter, or too many, are refused") {
  CHECK(!Configuration::decode(with_learner({}, 1).encode()));
  std::string too_many = voters({1}).encode();
  too_many[1] = 33;
  CHECK(!Configuration::decode(too_many));
  std::string other_version = voters({1}).encode();
  other_version[0] = 2;
  CHECK(!Configuration::decode(other_version));
}

TEST_CASE("of two incarnations of a node the newest is found") {
  Member old_one;
  old_one.id = {NodeId(4), Incarnation(3)};
  old_one.voter = true;
  Member new_one;
  new_one.id = {NodeId(4), Incarnation(9)};
  const Configuration configuration({new_one, old_one});
  CHECK(configuration.find_node(NodeId(4))->id == new_one.id);
  CHECK(configuration.find_node(NodeId(5)) == nullptr);
  CHECK(configuration.is_voter(old_one.id));
  CHECK(!configuration.is_voter(new_one.id));
  CHECK(configuration.without(new_one.id).find_node(NodeId(4))->id == old_one.id);
}

TEST_CASE("changing a configuration leaves the original and its order alone") {
  const Configuration three = voters({1, 2, 3});
  const Configuration four = with_learner(three, 0);
  CHECK(three.members().size() == 3);
  CHECK(four.members().front().id == member(0));
  CHECK(four.voter_count() == 3);
  CHECK(four.quorum_size() == 2);
  CHECK(voters({1, 2, 3, 4}).quorum_size() == 3);
}

}  // namespace
}  // namespace ticketd::raft::testing
