#include "base/result.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>

namespace ticketd {
namespace {

Result<std::string> greet(std::string_view name) {
  if (name.empty()) {
    return Error{"the name is empty"};
  }
  return "hello " + std::string(name);
}

Status refuse(bool refused) {
  if (refused) {
    return Error{"refused"};
  }
  return {};
}

TEST_CASE("a result holds the value that was returned") {
  const Result<std::string> result = greet("ada");
  CHECK(result.ok());
  CHECK(static_cast<bool>(result));
  CHECK(result.value() == "hello ada");
  CHECK(*result == "hello ada");
  CHECK(result->size() == 9);
}

TEST_CASE("a result holds the error that was returned") {
  const Result<std::string> result = greet("");
  CHECK_FALSE(result.ok());
  CHECK_FALSE(static_cast<bool>(result));
  CHECK(result.error().message == "the name is empty");
}

TEST_CASE("a value that cannot be copied can be moved out") {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(17));
  const std::unique_ptr<int> value = std::move(result).value();
  CHECK(*value == 17);
}

TEST_CASE("a status is done or an error") {
  CHECK(refuse(false).ok());
  CHECK_FALSE(refuse(true).ok());
  CHECK(refuse(true).error().message == "refused");
}

}  // namespace
}  // namespace ticketd
