// Programs that keep numbers in files, some so that a power cut takes none of what they told, and
// some not.
//
// Usage: shim_program write|read KIND DIRECTORY. `write` keeps 1, 2, 3, ... and tells each on its
// standard output when it believes it safe; it ends when something fails. `read` ends with 0 when
// all is sound, and tells the last number.
#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

std::string kind, directory;

void must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  std::exit(errno);
}

/// Longer than a sector, and no multiple of one.
struct Record {
  std::array<std::uint64_t, 125> words;
};

Record record_of(std::uint64_t number) {
  Record record;
  record.words.fill(number);
  return record;
}

void tell(std::uint64_t number) {
  const std::string line = std::to_string(number) + "\n";
  must(::write(STDOUT_FILENO, line.data(), line.size()) > 0, "tell");
}

std::string in_directory(const char* name) { return directory + "/" + name; }

int open_file(const char* name, int flags) {
  const int file = ::open(in_directory(name).c_str(), flags | O_CLOEXEC, 0644);
  must(file >= 0, name);
  return file;
}

void sync_directory() {
  const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  must(file >= 0 && ::fsync(file) == 0 && ::close(file) == 0, "sync the directory");
}

void put(int file, std::uint64_t number, off_t offset) {
  const Record record = record_of(number);
  must(::pwrite(file, &record, sizeof record, offset) == sizeof record, "write");
}

// --- Number after number in one file: synced, unsynced, o_dsync, retried, no_directory ----------

[[noreturn]] void append() {
  const int file = open_file("numbers", O_RDWR | O_CREAT | (kind == "o_dsync" ? O_DSYNC : 0));
  if (kind != "no_directory") sync_directory();
  for (std::uint64_t number = 1;; ++number) {
    put(file, number, static_cast<off_t>((number - 1) * sizeof(Record)));
    if (kind == "synced" || kind == "no_directory") must(::fdatasync(file) == 0, "sync");
    while (kind == "retried" && ::fdatasync(file) != 0) {
    }
    tell(number);
  }
}

std::uint64_t read_appended() {
  const int file = ::open(in_directory("numbers").c_str(), O_RDONLY | O_CLOEXEC);
  std::uint64_t number = 0;
  Record record;
  while (file >= 0 && ::read(file, &record, sizeof record) == sizeof record &&
         record.words == record_of(number + 1).words) {
    ++number;
  }
  return number;
}

// --- One number, over and over: in_place --------------------------------------------------------

[[noreturn]] void overwrite() {
  const int file = open_file("number", O_RDWR | O_CREAT);
  sync_directory();
  for (std::uint64_t number = 1;; ++number) {
    put(file, number, 0);
    must(::fdatasync(file) == 0, "sync");
    tell(number);
  }
}

// --- A new file for each number: renamed, renamed_unsynced, renamed_no_directory ----------------

[[noreturn]] void rename_each() {
  for (std::uint64_t number = 1;; ++number) {
    const int file = open_file("number.new", O_RDWR | O_CREAT | O_TRUNC);
    put(file, number, 0);
    must(kind == "renamed_unsynced" || ::fdatasync(file) == 0, "sync");
    ::close(file);
    must(::rename(in_directory("number.new").c_str(), in_directory("number").c_str()) == 0,
         "rename");
    if (kind != "renamed_no_directory") sync_directory();
    tell(number);
  }
}

std::uint64_t read_one() {
  const int file = ::open(in_directory("number").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  Record record;
  if (::read(file, &record, sizeof record) != sizeof record) return 0;
  must(record.words == record_of(record.words[0]).words, "the number is torn");
  return record.words[0];
}

// --- LMDB: lmdb, lmdb_nosync, lmdb_nometasync ---------------------------------------------------

void must_lmdb(int code, const char* what) {
  if (code == MDB_SUCCESS) return;
  std::fprintf(stderr, "%s: %s\n", what, mdb_strerror(code));
  std::exit(1);
}

MDB_env* open_lmdb() {
  MDB_env* environment = nullptr;
  must_lmdb(mdb_env_create(&environment), "create");
  must_lmdb(mdb_env_set_mapsize(environment, 16 << 20), "map");
  const unsigned flags = kind == "lmdb_nosync"       ? static_cast<unsigned>(MDB_NOSYNC)
                         : kind == "lmdb_nometasync" ? static_cast<unsigned>(MDB_NOMETASYNC)
                                                     : 0;
  must_lmdb(mdb_env_open(environment, directory.c_str(), flags, 0644), "open");
  return environment;
}

[[noreturn]] void commit_each() {
  MDB_env* const environment = open_lmdb();
  sync_directory();
  for (std::uint64_t number = 1;; ++number) {
    MDB_txn* transaction = nullptr;
    MDB_dbi table = 0;
    must_lmdb(mdb_txn_begin(environment, nullptr, 0, &transaction), "begin");
    must_lmdb(mdb_dbi_open(transaction, nullptr, MDB_INTEGERKEY, &table), "table");
    Record record = record_of(number);
    MDB_val key = {sizeof number, &number}, value = {sizeof record, &record};
    must_lmdb(mdb_put(transaction, table, &key, &value, MDB_APPEND), "put");
    must_lmdb(mdb_txn_commit(transaction), "commit");
    tell(number);
  }
}

std::uint64_t count_lmdb(MDB_txn* transaction) {
  MDB_dbi table = 0;
  MDB_cursor* cursor = nullptr;
  if (mdb_dbi_open(transaction, nullptr, MDB_INTEGERKEY, &table) != MDB_SUCCESS) return 0;
  must_lmdb(mdb_cursor_open(transaction, table, &cursor), "cursor");
  std::uint64_t number = 0;
  MDB_val key, value;
  while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
    ++number;
    const Record expected = record_of(number);
    must(value.mv_size == sizeof expected &&
             std::memcmp(value.mv_data, &expected, sizeof expected) == 0,
         "the number is not what it was");
  }
  mdb_cursor_close(cursor);
  return number;
}

std::uint64_t read_lmdb() {
  MDB_env* const environment = open_lmdb();
  MDB_txn* transaction = nullptr;
  must_lmdb(mdb_txn_begin(environment, nullptr, MDB_RDONLY, &transaction), "begin");
  const std::uint64_t number = count_lmdb(transaction);
  mdb_txn_abort(transaction);
  mdb_env_close(environment);
  return number;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  const bool writes = std::string_view(arguments[1]) == "write";
  kind = arguments[2];
  directory = arguments[3];
  const bool lmdb = kind.starts_with("lmdb"), one = kind.starts_with("renamed");
  if (!writes) {
    tell(lmdb ? read_lmdb() : one || kind == "in_place" ? read_one() : read_appended());
    return 0;
  }
  if (lmdb) commit_each();
  if (one) rename_each();
  if (kind == "in_place") overwrite();
  append();
}
