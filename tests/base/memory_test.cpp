#include "base/memory.h"

#include <doctest/doctest.h>

#include <string>

namespace ticketd {
namespace {

TEST_CASE("a string that grew beyond what it may keep is freed, another one cleared") {
  std::string text(1000, 'x');
  clear_keeping(text, text.capacity());
  CHECK(text.empty());
  CHECK(text.capacity() >= 1000);
  text.assign(1000, 'x');
  clear_keeping(text, 999);
  CHECK(text.empty());
  CHECK(text.capacity() == std::string().capacity());
  clear_keeping(text, 0);
  CHECK(text.capacity() == std::string().capacity());
}

}  // namespace
}  // namespace ticketd
