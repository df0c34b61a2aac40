// A ticket state in memory, for tests.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "ticket/machine.h"

namespace ticketd::ticket {

class MapState : public State {
 public:
  std::optional<std::uint64_t> find(std::string_view sequence) override {
    const auto found = records.find(std::string(sequence));
    return found == records.end() ? std::nullopt : std::optional(found->second);
  }
  void put(std::string_view sequence, std::uint64_t last) override {
    records[std::string(sequence)] = last;
  }

  std::map<std::string, std::uint64_t> records;
};

}  // namespace ticketd::ticket
