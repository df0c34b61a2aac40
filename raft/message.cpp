#include "raft/message.h"

namespace ticketd::raft {

Term term_of(const Message& message) {
  return std::visit([](const auto& typed) { return typed.term; }, message);
}

}  // namespace ticketd::raft
