#include "base/hash.h"

#define XXH_INLINE_ALL  // most of what is hashed is a few bytes
#include <xxhash.h>

namespace ticketd {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  return XXH64(bytes.data(), bytes.size(), seed);
}

}  // namespace ticketd
