#include "store/state_check.h"

#include <string>

#include "ticket/records.h"

namespace ticketd::store {
namespace {

Error wrong_number(std::uint64_t held, std::uint64_t expected, const std::string& what) {
  return Error{"it holds " + std::to_string(held) + " " + what + ", and should hold " +
               std::to_string(expected)};
}

}  // namespace

bool StateCheck::add(std::string_view key, std::string_view value) {
  if (!ticket::is_record(key, value) || value.size() > ticket::kMaxRecordValueBytes) {
    return false;
  }
  ++records_;
  if (ticket::sequence_name(key)) {
    ++sequences_;
  }
  digest_ += ticket::record_hash(key, value);
  return true;
}

Status StateCheck::matches(const ticket::Summary& summary) const {
  if (sequences_ != summary.sequences) {
    return wrong_number(sequences_, summary.sequences, "sequences");
  }
  // The first relation alone would let a number of keys pass that makes the sum run over.
  if (summary.keys() > records_ || records_ != summary.records()) {
    return wrong_number(records_, summary.records(), "records");
  }
  if (digest_ + ticket::beginning_hash(summary.beginning) != summary.digest) {
    return Error{"its records do not match their digest (as of log entry " +
                 std::to_string(summary.applied_index.value) + ")"};
  }
  return {};
}

}  // namespace ticketd::store
