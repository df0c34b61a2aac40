// The JSON documents that are answered. Text that is not UTF-8, which no client of this front end
// can have named, is written with U+FFFD in place of what is not.
#pragma once

#include <cstdint>
#include <string>

#include "ticket/service.h"

namespace ticketd::http {

/// {"first":"1","last":"2","count":2}: numbers that may pass 2^53 are strings.
std::string ticket_json(std::uint64_t first, std::uint64_t count);
/// {"a":1,"b":-1}: sequences and the last numbers given of them as numbers, -1 for none.
std::string lookup_json(const ticket::QueryResult& result);
/// {"sequences":[{"key":"a","last":"1"}],"next":"a"}; `next` is null when there are no more.
std::string page_json(const ticket::QueryResult& result);

}  // namespace ticketd::http
