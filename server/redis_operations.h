// What the Redis front end asks of a node, from its replica.
#pragma once

#include "redis/operations.h"
#include "server/replica.h"

namespace ticketd::server {

class RedisOperations final : public redis::Operations {
 public:
  /// `replica` must outlive this.
  explicit RedisOperations(Replica& replica) : replica_(replica) {}

  redis::NodeView view() override;
  void add_voter(redis::AddVoter call, Done done) override;
  void remove_server(redis::RemoveServer call, Done done) override;
  void make_snapshot(Done done) override;

 private:
  Replica& replica_;
};

}  // namespace ticketd::server
