#include "store/directory_snapshots.h"

#include <utility>

#include "store/layout.h"

namespace ticketd::store {

DirectorySnapshots::DirectorySnapshots(const Environment& environment, const Tables& tables,
                                       std::string path, std::uint64_t spare_bytes,
                                       std::uint64_t seed)
    : path_(std::move(path)),
      made_(environment, tables, Snapshots::Options{path_, spare_bytes, seed}),
      received_(Staging::Options{path_, spare_bytes}) {}

Status DirectorySnapshots::tidy() {
  if (Status cleaned = received_.clean(); !cleaned) {
    return cleaned;
  }
  return made_.adopt();
}

Result<std::unique_ptr<BlockFile>> DirectorySnapshots::open_received() {
  Result<File> file = File::open(in_directory(path_, kInstallingFile), File::Mode::kRead);
  if (!file) {
    return file.error();
  }
  return std::unique_ptr<BlockFile>(std::make_unique<File>(*std::move(file)));
}

void DirectorySnapshots::discard_received() {
  (void)remove_file(in_directory(path_, kInstallingFile));  // or at the next start
}

}  // namespace ticketd::store
