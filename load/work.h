// What is asked of a server, again and again.
#pragma once

#include <cstdint>
#include <string>

namespace ticketd::load {

enum class Protocol : std::uint8_t { kHttp, kRedis };

/// One request, or a family of requests that differ in a number. With an empty `command` and an
/// empty `target` tickets are taken; else the request is what they say, and its answer is looked at
/// no closer than `expect` wants.
struct Work {
  Protocol protocol = Protocol::kHttp;

  /// Whose tickets; empty: the unnamed sequence's.
  std::string sequence;
  /// With 2 or more, requests go to SEQUENCE-00000000, SEQUENCE-00000001, ...: to each of them once
  /// before any comes again, in scattered order. From 1 to kKeysMax; needs a `sequence`.
  std::uint64_t keys = 1;
  /// Tickets a request; 0: the request does not say how many, and gets one.
  std::uint64_t count = 0;

  /// Redis protocol: words with blanks between them.
  std::string command;
  /// HTTP: the path and query.
  std::string target;
  std::string method = "GET";
  std::string body;
  /// What the answer must hold to be a good one; empty: anything that is no error.
  std::string expect;

  bool takes_tickets() const { return command.empty() && target.empty(); }
};

inline constexpr std::uint64_t kKeysMax = 100'000'000;
/// Of a key's number in a sequence's name.
inline constexpr std::size_t kKeyDigits = 8;

}  // namespace ticketd::load
