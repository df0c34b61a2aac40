#pragma once

#include <cstdint>
#include <string_view>

namespace ticketd {

/// XXH64 of `bytes`: the checksum of every frame and record, so its result is part of the disk and
/// wire formats and never changes. It finds damage, not forgery.
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace ticketd
