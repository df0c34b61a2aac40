#include "store/verify.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <limits>
#include <utility>

#include "store/database.h"
#include "store/file.h"
#include "store/log_table.h"
#include "store/pages.h"
#include "store/schema.h"
#include "store/state_check.h"

namespace ticketd::store {
namespace {

constexpr std::size_t kReportBytesMax = 4096;
constexpr int kDamagedExit = 1;
constexpr int kRefusedExit = 2;

/// It may be whole, but this program does not understand it.
struct Refused {
  Error why;
};

std::optional<Tables> open_tables_to_read(const Transaction& transaction) {
  Tables tables;
  const std::pair<const char*, Table*> names[] = {{"meta", &tables.meta},
                                                  {"log.0", &tables.logs[0]},
                                                  {"log.1", &tables.logs[1]},
                                                  {"state.0", &tables.states[0]},
                                                  {"state.1", &tables.states[1]}};
  for (const auto& [name, table] : names) {
    if (mdb_dbi_open(transaction.handle(), name, 0, table) != MDB_SUCCESS) {
      return std::nullopt;
    }
  }
  return tables;
}

Result<std::string> get_required(const Transaction& transaction, const Tables& tables,
                                 std::string_view key) {
  Result<std::optional<std::string>> value = get_value(transaction, tables.meta, key);
  if (!value) {
    return value.error();
  }
  if (!*value) {
    // Never taken for an empty one: a node without its term would vote twice.
    return Error{"its value \"" + std::string(key) + "\" is missing"};
  }
  return **std::move(value);
}

Result<MetaRecord> verify_values(const Transaction& transaction, const Tables& tables) {
  for (std::string_view key : {kConfigurationKey, kLogConfigurationKey}) {
    Result<std::string> value = get_required(transaction, tables, key);
    if (!value) {
      return value.error();
    }
    if (Result<raft::ConfigurationAt> decoded = decode_configuration(*value); !decoded) {
      return decoded.error();
    }
  }
  Result<std::optional<std::string>> identity = get_value(transaction, tables.meta, kIdentityKey);
  if (!identity) {
    return identity.error();
  }
  if (*identity) {
    if (Result<Identity> decoded = decode_identity(**identity); !decoded) {
      return decoded.error();
    }
  }
  Result<std::string> record = get_required(transaction, tables, kRecordKey);
  if (!record) {
    return record.error();
  }
  return decode_meta_record(*record);
}

Error bad_entry(raft::Index index, const std::string& what) {
  return Error{"log entry " + std::to_string(index.value) + " " + what};
}

Status verify_log(const Transaction& transaction, const Tables& tables, const MetaRecord& record) {
  LogReader reader(transaction, tables.log(record.generation));
  reader.seek(raft::Index(0));
  raft::Index index = record.compacted.index;
  raft::Term term = record.compacted.term;
  std::uint64_t chain = record.compacted_chain;
  std::uint64_t bytes = 0;
  while (true) {
    Result<std::optional<StoredEntry>> stored = reader.next();
    if (!stored) {
      return stored.error();
    }
    if (!*stored) {
      break;
    }
    const raft::Entry& entry = (*stored)->entry;
    ++index;
    if (entry.index != index) {
      return bad_entry(index, "is missing");
    }
    chain = chain_hash(chain, entry);
    if (chain != (*stored)->chain) {
      return bad_entry(index, "does not match its hash");
    }
    if (entry.term < term || entry.term > record.hard_state.current_term) {
      return bad_entry(index, "has an impossible term");
    }
    if (entry.type == raft::EntryType::kConfiguration &&
        !raft::Configuration::decode(entry.payload.view()).ok()) {
      return bad_entry(index, "holds a configuration of no known form");
    }
    term = entry.term;
    bytes += entry.charge();
  }
  if (index != record.last_index || chain != record.last_chain) {
    return bad_entry(
        index + 1, "is missing: the log should end at " + std::to_string(record.last_index.value));
  }
  if (bytes != record.log_bytes) {
    return Error{"the log has another size than its record says"};
  }
  return {};
}

Status verify_state(const Transaction& transaction, const Tables& tables,
                    const MetaRecord& record) {
  StateCheck check;
  Cursor cursor(transaction, tables.state(record.generation));
  for (bool more = cursor.first(); more; more = cursor.next()) {
    if (!check.add(cursor.key(), cursor.value())) {
      return Error{"a record of the state has no known form (number " +
                   std::to_string(check.records()) + " in the order of keys)"};
    }
  }
  return check.matches(record.summary);
}

/// Before anything whose form depends on it.
Status verify_schema(const Transaction& transaction) {
  Table meta = 0;
  if (mdb_dbi_open(transaction.handle(), "meta", 0, &meta) != MDB_SUCCESS) {
    return Error{"the table \"meta\" is missing"};
  }
  Tables tables;
  tables.meta = meta;
  Result<std::string> schema = get_required(transaction, tables, kSchemaKey);
  if (!schema) {
    return schema.error();
  }
  if (Status known = check_schema(*schema); !known) {
    throw Refused{known.error()};
  }
  return {};
}

Result<Environment::Options> options_to_read(const std::string& path) {
  const Result<File> file = File::open(path, File::Mode::kRead);
  if (!file) {
    return file.error();
  }
  return Environment::Options{
      .path = path, .map_bytes = file->size(), .read_only = true, .bare_file = true};
}

Status verify_contents(const std::string& path) {
  const Result<Environment::Options> options = options_to_read(path);
  if (!options) {
    return options.error();
  }
  Environment environment(*options);
  ReadTransaction transaction(environment);
  if (Status schema = verify_schema(transaction); !schema) {
    return schema;
  }
  const std::optional<Tables> tables = open_tables_to_read(transaction);
  if (!tables) {
    return Error{"a table is missing"};
  }
  const Result<MetaRecord> record = verify_values(transaction, *tables);
  if (!record) {
    return record.error();
  }
  if (Status log = verify_log(transaction, *tables, *record); !log) {
    return log;
  }
  return verify_state(transaction, *tables, *record);
}

struct Verdict {
  int exit_status = 0;
  std::string report;
};

Verdict look_for_schema(const std::string& path) {
  try {
    const Result<Environment::Options> options = options_to_read(path);
    if (!options) {
      return {kDamagedExit, options.error().message};
    }
    Environment environment(*options);
    ReadTransaction transaction(environment);
    const Status schema = verify_schema(transaction);
    return schema ? Verdict{} : Verdict{kDamagedExit, schema.error().message};
  } catch (const Refused&) {
    return {};  // of another version, and still ours
  } catch (const std::exception& error) {
    return {kDamagedExit, error.what()};
  }
}

Verdict verify_in_this_process(const std::string& path) {
  try {
    Status verified = verify_pages(path);
    if (verified.ok()) {
      verified = verify_contents(path);
    }
    return verified ? Verdict{} : Verdict{kDamagedExit, verified.error().message};
  } catch (const Refused& refused) {
    return {kRefusedExit, refused.why.message};
  } catch (const std::exception& error) {
    return {kDamagedExit, error.what()};
  }
}

using Work = Verdict (*)(const std::string& path);

/// The process that looks: it ends here.
[[noreturn]] void work_and_exit(Work work, const std::string& path, int report_to) {
  // It must not outlive the process that holds the directory's lock, nor share that lock: a process
  // that is killed now ends before this one does, and the next may start in between.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto kept = static_cast<unsigned>(report_to);
  if (kept > STDERR_FILENO + 1) {
    ::close_range(STDERR_FILENO + 1, kept - 1, 0);
  }
  ::close_range(kept + 1, std::numeric_limits<unsigned>::max(), 0);
  for (int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE}) {
    ::signal(signal, SIG_DFL);
  }
  const Verdict verdict = work(path);
  const std::string report = verdict.report.substr(0, kReportBytesMax);
  if (::write(report_to, report.data(), report.size()) < 0) {
    ::_exit(kDamagedExit);
  }
  // Not exit(): what the parent registered to run at its end is not ours to run.
  ::_exit(verdict.exit_status);
}

std::string read_all(int descriptor) {
  std::string text;
  char buffer[512];
  while (true) {
    const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count > 0) {
      text.append(buffer, static_cast<std::size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      return text;
    }
  }
}

struct Ended {
  int status = 0;  // as wait() tells
  std::string report;
};

Result<Ended> run_in_child(Work work, const std::string& path) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return system_error("verify", path, errno);
  }
  // A thread that stood in an allocation just now would leave its lock to the child for ever; the C
  // library sees to its own, but a sanitizer's allocator does not.
  const pid_t child = ::fork();
  if (child < 0) {
    const int error = errno;
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    return system_error("start a process to verify", path, error);
  }
  if (child == 0) {
    ::close(pipe_ends[0]);
    work_and_exit(work, path, pipe_ends[1]);
  }
  ::close(pipe_ends[1]);
  Ended ended;
  ended.report = read_all(pipe_ends[0]);
  ::close(pipe_ends[0]);
  while (::waitpid(child, &ended.status, 0) < 0 && errno == EINTR) {
  }
  return ended;
}

Status child_verdict(const std::string& path, int status, const std::string& report) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return {};
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kRefusedExit) {
    return Error{"the database " + path + " is not for this program: " + report};
  }
  std::string what = report;
  if (what.empty()) {
    what = WIFSIGNALED(status)
               ? std::string("reading it ends in signal ") + std::to_string(WTERMSIG(status)) +
                     " (" + strsignal(WTERMSIG(status)) + ")"
               : std::string("reading it fails");
  }
  return damage_error("the database " + path + " is damaged: " + what);
}

}  // namespace

Error damage_error(const std::string& what) {
  return Error{what +
               ". Nothing of it is used. To restore this node from the others, remove its data "
               "with `ticketd drop` and join it anew with `ticketd join --replace`"};
}

Status verify_database(const std::string& path) {
  const Result<Ended> ended = run_in_child(verify_in_this_process, path);
  return ended ? child_verdict(path, ended->status, ended->report) : ended.error();
}

bool holds_our_schema(const std::string& path) {
  const Result<Ended> ended = run_in_child(look_for_schema, path);
  return ended && WIFEXITED(ended->status) && WEXITSTATUS(ended->status) == 0;
}

}  // namespace ticketd::store
