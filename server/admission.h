// From a data directory and the operator's wish to a node that knows who it is.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "raft/configuration.h"
#include "server/run.h"
#include "store/lmdb_disk.h"

namespace ticketd::server {

/// Takes the directory for `begin`; refuses to rejoin where there is nothing. The error is for the
/// operator.
Result<store::DirectoryLock> take_directory(const std::string& path, const Begin& begin);

/// Destroys what the directory holds, and takes it again.
Result<store::DirectoryLock> begin_anew(store::DirectoryLock lock);

/// Makes the disk that of a node: the one it holds already (another id is refused), the first of a
/// new cluster, or one that asks to be admitted. Durable when it returns.
Status settle_identity(store::LmdbDisk& disk, const std::string& path, const Begin& begin,
                       const raft::Addresses& addresses);

/// Is this node still to ask for its admission (again)?
bool needs_admission(const store::Opened& opened);

/// What asking for admission came to.
struct Admission {
  /// The cluster's refusal, empty when it admitted this node.
  std::string refusal;
  /// The refusal is that this node is no member any more.
  bool removed = false;
};

/// Does a job that blocks for long, and returns when it is done.
using RunAside = std::function<void(const std::function<void()>&)>;

/// Asks the members until one admits this node or refuses it, and stores the incarnation that it is
/// given. Logs what it waits for: that is done by `aside`. `replace` adds to what the directory
/// says. An error is the disk's.
Result<Admission> ask_for_admission(store::LmdbDisk& disk, const raft::Addresses& addresses,
                                    bool replace, const RunAside& aside);

/// The same for a node in doubt: asks to be admitted as another incarnation in place of this one,
/// and when it is, begins the disk anew, which is then to be opened again. A node that was removed
/// meanwhile does not ask: it would undo what an operator did, or take its id from its successor.
Result<Admission> ask_for_readmission(store::LmdbDisk& disk, const raft::Addresses& addresses,
                                      const RunAside& aside);

}  // namespace ticketd::server
