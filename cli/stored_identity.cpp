#include "cli/stored_identity.h"

#include <optional>

#include "store/database.h"
#include "store/schema.h"

namespace ticketd::cli {
namespace {

Result<store::Identity> read(const std::string& path) {
  store::Environment::Options options;
  options.path = path;
  options.read_only = true;
  const store::Environment environment(options);
  const store::ReadTransaction view(environment);
  store::Table meta = 0;
  if (mdb_dbi_open(view.handle(), "meta", 0, &meta) != MDB_SUCCESS) {
    return Error{"the table \"meta\" is missing"};
  }
  const Result<std::optional<std::string>> value =
      store::get_value(view, meta, store::kIdentityKey);
  if (!value) {
    return value.error();
  }
  if (!*value) {
    return Error{"it belongs to no node yet"};
  }
  return store::decode_identity(**value);
}

}  // namespace

Result<store::Identity> read_identity(const std::string& path) {
  std::string fault;
  try {
    Result<store::Identity> identity = read(path);
    if (identity) {
      return identity;
    }
    fault = identity.error().message;
  } catch (const store::DatabaseError& error) {
    fault = error.what();
  }
  return Error{"whose data is in '" + path + "' cannot be read: " + fault};
}

}  // namespace ticketd::cli
