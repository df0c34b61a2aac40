#include "base/hash.h"

#include <doctest/doctest.h>

namespace ticketd {
namespace {

TEST_CASE("hash64 is XXH64, by the values its specification gives") {
  CHECK(hash64("") == 0xef46db3751d8e999);
  CHECK(hash64("a") == 0xd24ec4f1a98c6e5b);
  CHECK(hash64("abc") == 0x44bc2cf5ad770999);
}

TEST_CASE("hash64 depends on its seed") {
  CHECK(hash64("abc", 0) == hash64("abc"));
  CHECK(hash64("abc", 1) != hash64("abc"));
}

}  // namespace
}  // namespace ticketd
