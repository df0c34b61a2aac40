// The names of the files in a data directory.
#pragma once

#include <string>
#include <string_view>

namespace ticketd::store {

inline constexpr std::string_view kLockFile = "lock";
inline constexpr std::string_view kDatabaseFile = "data.mdb";
/// LMDB's table of readers; holds nothing that lasts.
inline constexpr std::string_view kReadersFile = "lock.mdb";
inline constexpr std::string_view kNewDatabaseFile = "data.mdb.new";
/// What data.mdb is called from the moment that the directory is to be destroyed.
inline constexpr std::string_view kDestroyedFile = "data.mdb.destroyed";
inline constexpr std::string_view kJournalFile = "journal";
inline constexpr std::string_view kNewJournalFile = "journal.new";
/// Empty: below durability high a flush of the journal has failed, which may have lost what was
/// acknowledged.
inline constexpr std::string_view kFlushFailedFile = "journal.failed";
/// A snapshot that is being received, and one that is being put in force.
inline constexpr std::string_view kIncomingFile = "incoming.snap";
inline constexpr std::string_view kInstallingFile = "installing.snap";
inline constexpr std::string_view kSnapshotPrefix = "snapshot-";
inline constexpr std::string_view kSnapshotSuffix = ".snap";
inline constexpr std::string_view kUnfinishedSuffix = ".snap.new";

inline std::string in_directory(const std::string& directory, std::string_view name) {
  return directory + "/" + std::string(name);
}

}  // namespace ticketd::store
