#include "jepsen/pipeline_checker.h"

#include <cstdint>
#include <unordered_map>

#include "jepsen/fast_checker.h"

namespace ticketd::jepsen {

void check_pipelines(const History& history, std::vector<Finding>& findings) {
  // By pipeline and sequence, the latest request that was answered.
  std::unordered_map<std::uint64_t, std::uint32_t> latest;
  unsigned found = 0;
  for (std::uint32_t index = 0; index < history.operations.size(); ++index) {
    const Operation& operation = history.operations[index];
    if (operation.pipeline == 0 || operation.key != 0 || operation.outcome != Outcome::kOk) {
      continue;
    }
    const std::uint64_t place = std::uint64_t{operation.pipeline} << 32 | operation.sequence;
    const auto [before, first] = latest.try_emplace(place, index);
    if (first) continue;
    const bool read = operation.function == Function::kRead;
    const std::uint64_t begin = read ? operation.end : operation.begin;
    if (begin < history.operations[before->second].end && found++ < kFindingsMax) {
      findings.push_back({"answers of one pipeline are not in the order of the requests",
                          {before->second, index}});
    }
    before->second = index;
  }
}

}  // namespace ticketd::jepsen
