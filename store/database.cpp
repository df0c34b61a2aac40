#include "store/database.h"

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace ticketd::store {
namespace {

/// LMDB's table of free pages: key a transaction's number, value a count and that many page
/// numbers.
constexpr Table kFreeTable = 0;
constexpr unsigned kTablesMax = 8;
constexpr mdb_mode_t kFileMode = 0640;

void check(int code, const char* what) {
  if (code != MDB_SUCCESS) {
    throw DatabaseError(code, what);
  }
}

MDB_val to_val(std::string_view bytes) {
  // LMDB does not write through it.
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

}  // namespace

DatabaseError::DatabaseError(int code, const std::string& what)
    : std::runtime_error(what + ": " + mdb_strerror(code)), code_(code) {}

bool DatabaseError::is_full() const {
  return code_ == MDB_MAP_FULL || code_ == ENOSPC || code_ == EDQUOT;
}

std::optional<std::string_view> Transaction::get(Table table, std::string_view key) const {
  MDB_val wanted = to_val(key);
  MDB_val found{};
  const int code = mdb_get(transaction_, table, &wanted, &found);
  if (code == MDB_NOTFOUND) {
    return std::nullopt;
  }
  check(code, "reading the database");
  return std::string_view(static_cast<const char*>(found.mv_data), found.mv_size);
}

MDB_stat Transaction::stat(Table table) const {
  MDB_stat stat{};
  check(mdb_stat(transaction_, table, &stat), "reading the database");
  return stat;
}

ReadTransaction::ReadTransaction(const Environment& environment) {
  check(mdb_txn_begin(environment.handle(), nullptr, MDB_RDONLY, &transaction_),
        "beginning to read the database");
}

ReadTransaction::~ReadTransaction() { mdb_txn_abort(transaction_); }

void ReadTransaction::reset() {
  if (live_) {
    mdb_txn_reset(transaction_);
    live_ = false;
  }
}

void ReadTransaction::renew() {
  reset();
  check(mdb_txn_renew(transaction_), "beginning to read the database");
  live_ = true;
}

WriteTransaction::WriteTransaction(const Environment& environment) {
  check(mdb_txn_begin(environment.handle(), nullptr, 0, &transaction_),
        "beginning to write the database");
}

WriteTransaction::~WriteTransaction() {
  if (transaction_ != nullptr) {
    mdb_txn_abort(transaction_);
  }
}

Table WriteTransaction::open_table(const char* name) {
  Table table = 0;
  check(mdb_dbi_open(transaction_, name, MDB_CREATE, &table), "opening a table of the database");
  return table;
}

void WriteTransaction::put(Table table, std::string_view key, std::string_view value) {
  MDB_val key_val = to_val(key);
  MDB_val value_val = to_val(value);
  check(mdb_put(transaction_, table, &key_val, &value_val, 0), "writing the database");
}

void WriteTransaction::remove(Table table, std::string_view key) {
  MDB_val key_val = to_val(key);
  const int code = mdb_del(transaction_, table, &key_val, nullptr);
  check(code == MDB_NOTFOUND ? MDB_SUCCESS : code, "removing from the database");
}

void WriteTransaction::append(Table table, std::string_view key, std::string_view value) {
  MDB_val key_val = to_val(key);
  MDB_val value_val = to_val(value);
  check(mdb_put(transaction_, table, &key_val, &value_val, MDB_APPEND), "writing the database");
}

void WriteTransaction::commit() {
  MDB_txn* transaction = transaction_;
  transaction_ = nullptr;  // gone, whatever comes of it
  check(mdb_txn_commit(transaction), "committing to the database");
}

Cursor::Cursor(const Transaction& transaction, Table table) {
  check(mdb_cursor_open(transaction.handle(), table, &cursor_), "reading the database");
}

Cursor::~Cursor() { mdb_cursor_close(cursor_); }

bool Cursor::move(MDB_cursor_op operation) {
  const int code = mdb_cursor_get(cursor_, &key_, &value_, operation);
  if (code == MDB_NOTFOUND) {
    return false;
  }
  check(code, "reading the database");
  return true;
}

bool Cursor::seek(std::string_view key) {
  key_ = to_val(key);
  return move(MDB_SET_RANGE);
}

void Cursor::remove() { check(mdb_cursor_del(cursor_, 0), "removing from the database"); }

Environment::Environment(const Options& options) {
  check(mdb_env_create(&environment_), "opening the database");
  try {
    check(mdb_env_set_maxdbs(environment_, kTablesMax), "opening the database");
    check(mdb_env_set_mapsize(environment_, options.map_bytes), "mapping the database");
    // Never NOSYNC, NOMETASYNC or WRITEMAP: each lets a power cut lose or break what was committed.
    // NOTLS ties a read transaction to its object, not to the thread that began it.
    unsigned flags = MDB_NOTLS;
    flags |= options.read_only ? static_cast<unsigned>(MDB_RDONLY) : 0U;
    flags |= options.bare_file ? static_cast<unsigned>(MDB_NOSUBDIR | MDB_NOLOCK) : 0U;
    check(mdb_env_open(environment_, options.path.c_str(), flags, kFileMode),
          "opening the database");
  } catch (...) {
    mdb_env_close(environment_);
    throw;
  }
}

Environment::~Environment() { mdb_env_close(environment_); }

std::uint64_t Environment::map_bytes() const {
  MDB_envinfo info{};
  check(mdb_env_info(environment_, &info), "reading the database");
  return info.me_mapsize;
}

MapUse Environment::map_use(const Transaction& transaction) const {
  MDB_envinfo info{};
  check(mdb_env_info(environment_, &info), "reading the database");
  MapUse use;
  use.page_bytes = transaction.stat(kFreeTable).ms_psize;
  use.pages = info.me_last_pgno + 1;
  Cursor cursor(transaction, kFreeTable);
  for (bool more = cursor.first(); more; more = cursor.next()) {
    std::size_t count = 0;
    ENSURE_GE(cursor.value().size(), sizeof count);
    std::memcpy(&count, cursor.value().data(), sizeof count);
    use.free_pages += count;
  }
  ENSURE_LE(use.free_pages, use.pages);
  return use;
}

}  // namespace ticketd::store
