// What the log holds when tickets are taken.
#pragma once

#include <vector>

#include "raft/entry.h"
#include "ticket/command.h"

namespace ticketd {

/// The batch of so many requests that waited together for a number of the unnamed sequence.
inline ticket::Batch take_batch(std::uint64_t requests) {
  ticket::Operation operation;
  operation.values.assign(requests, 1);
  return {1'000'000, {}, {operation}};
}

inline raft::Entry take_entry(std::uint64_t index, std::uint64_t requests) {
  raft::Entry entry;
  entry.index = raft::Index(index);
  entry.term = raft::Term(7);
  entry.type = raft::EntryType::kCommand;
  entry.payload = raft::Payload(ticket::encode(take_batch(requests)));
  return entry;
}

}  // namespace ticketd
