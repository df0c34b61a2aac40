// LMDB with owners for its handles and errors as exceptions. Nothing above the store sees either.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ticketd::store {

/// An LMDB call failed. Thrown inside the store, caught before the seam.
class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(int code, const std::string& what);

  int code() const { return code_; }
  /// For want of space in the map or on the disk: nothing was changed, it may be tried again.
  bool is_full() const;

 private:
  int code_;
};

class Environment;

/// A named database; valid for as long as its Environment.
using Table = MDB_dbi;

/// What a transaction of either kind can read. Views point into the map and live as long as the
/// transaction stands, and until its next write.
class Transaction {
 public:
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  std::optional<std::string_view> get(Table table, std::string_view key) const;
  MDB_stat stat(Table table) const;
  MDB_txn* handle() const { return transaction_; }

 protected:
  Transaction() = default;
  ~Transaction() = default;

  MDB_txn* transaction_ = nullptr;
};

/// A consistent view. It keeps every page of that state from being used again, so none may wait for
/// anything slower than the disk. One thread at a time, any thread.
class ReadTransaction : public Transaction {
 public:
  explicit ReadTransaction(const Environment& environment);
  ~ReadTransaction();

  /// Lets go of the view.
  void reset();
  /// A view of the newest state.
  void renew();

 private:
  bool live_ = true;
};

/// The one writing transaction; aborted unless committed. Stays on one thread.
class WriteTransaction : public Transaction {
 public:
  explicit WriteTransaction(const Environment& environment);
  ~WriteTransaction();

  Table open_table(const char* name);
  void put(Table table, std::string_view key, std::string_view value);
  /// Does nothing when there is no such record.
  void remove(Table table, std::string_view key);
  /// Requires a key above all others in the table.
  void append(Table table, std::string_view key, std::string_view value);
  /// Both metadata and data are on the disk when it returns.
  void commit();
};

class Cursor {
 public:
  Cursor(const Transaction& transaction, Table table);
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  /// Each is false at the end of the table.
  bool first() { return move(MDB_FIRST); }
  bool last() { return move(MDB_LAST); }
  bool next() { return move(MDB_NEXT); }
  /// The first record whose key is not below `key`.
  bool seek(std::string_view key);

  std::string_view key() const { return view(key_); }
  std::string_view value() const { return view(value_); }
  /// Removes the record; the cursor then stands on the one after it, which next() yields.
  void remove();

 private:
  static std::string_view view(const MDB_val& value) {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
  }
  bool move(MDB_cursor_op operation);

  MDB_cursor* cursor_ = nullptr;
  MDB_val key_{};
  MDB_val value_{};
};

struct MapUse {
  std::uint64_t page_bytes = 0;
  /// Pages that were ever used, and how many of those are free again.
  std::uint64_t pages = 0;
  std::uint64_t free_pages = 0;

  std::uint64_t used_bytes() const { return (pages - free_pages) * page_bytes; }
};

class Environment {
 public:
  struct Options {
    std::string path;
    std::uint64_t map_bytes = 0;
    bool read_only = false;
    /// `path` is the file itself, and no table of readers is kept: for making and verifying.
    bool bare_file = false;
  };

  explicit Environment(const Options& options);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  MapUse map_use(const Transaction& transaction) const;
  std::uint64_t map_bytes() const;
  MDB_env* handle() const { return environment_; }

 private:
  MDB_env* environment_ = nullptr;
};

}  // namespace ticketd::store
