// The preloaded disk, proved on programs that are known to be safe and on some that are not.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "jepsen/node_shim.h"
#include "jepsen/process.h"

namespace ticketd::jepsen {
namespace {

using std::chrono::seconds;

constexpr seconds kPatience(60);

/// A directory with data and a shim, and one program at a time. What it tells comes by a pipe with
/// a name, so that the test waits for it and does not look again and again.
class Stage {
 public:
  explicit Stage(std::string kind) : kind_(std::move(kind)) {
    std::filesystem::create_directories(data());
    auto shim = NodeShim::create(TICKETD_SHIM, root_ / "shim", data());
    REQUIRE_MESSAGE(shim.ok(), shim.error().message);
    shim_ = std::move(*shim);
    REQUIRE(::mkfifo(pipe().c_str(), 0600) == 0);
  }
  ~Stage() {
    process_.reset();
    std::filesystem::remove_all(root_);
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  NodeShim& shim() { return *shim_; }
  std::filesystem::path data() const { return root_ / "data"; }

  void start() {
    told_ = Descriptor(::open(pipe().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(told_);
    process_.emplace(launch("write", pipe()));
  }

  /// Waits for a number; none when the program ended before it told it.
  std::optional<std::uint64_t> wait_number(std::uint64_t wanted) {
    while (last_ < wanted) {
      if (!read_more()) return std::nullopt;
    }
    return last_;
  }

  /// The program is in the middle of a sync from now on.
  void wait_in_sync() {
    shim_->hang(shim::kSync);
    while (shim_->hanging() == 0) {
    }
  }

  /// Kills the program; the last number it told.
  std::uint64_t kill() {
    process_->kill();
    while (read_more()) {
    }
    return last_;
  }

  std::optional<Ending> wait_end() { return process_->wait(kPatience); }

  /// What is found now; none when that is not sound.
  std::optional<std::uint64_t> found() {
    const auto output = root_ / "output";
    std::filesystem::remove(output);
    Process reader = launch("read", output);
    REQUIRE(reader.wait(kPatience).has_value());
    std::uint64_t number = 0;
    std::ifstream text(output);
    if (reader.kill() != Ending{} || !(text >> number)) return std::nullopt;
    return number;
  }

 private:
  std::filesystem::path pipe() const { return root_ / "pipe"; }

  Process launch(const char* what, const std::filesystem::path& output) {
    Launch launch;
    launch.command = {TICKETD_SHIM_PROGRAM, what, kind_, data()};
    launch.environment = shim_->environment();
    launch.log = output;
    auto process = Process::start(launch);
    REQUIRE_MESSAGE(process.ok(), process.error().message);
    return std::move(*process);
  }

  /// False at the end of what is told.
  bool read_more() {
    pollfd watched = {told_.get(), POLLIN, 0};
    const auto patience_ms = std::chrono::milliseconds(kPatience).count();
    REQUIRE(::poll(&watched, 1, static_cast<int>(patience_ms)) == 1);
    char bytes[4096];
    const ssize_t count = ::read(told_.get(), bytes, sizeof bytes);
    if (count <= 0) return false;
    for (const char c : std::string_view(bytes, static_cast<std::size_t>(count))) {
      if (c >= '0' && c <= '9') {
        number_ = number_ * 10 + static_cast<std::uint64_t>(c - '0');
      } else {
        if (c == '\n' && number_ > 0) last_ = number_;
        number_ = 0;
      }
    }
    return true;
  }

  static inline int count_ = 0;
  std::string kind_;
  std::filesystem::path root_ =
      std::filesystem::canonical(std::filesystem::temp_directory_path()) /
      ("ticketd-shim-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count_));
  std::unique_ptr<NodeShim> shim_;
  Descriptor told_;
  std::optional<Process> process_;
  std::uint64_t number_ = 0, last_ = 0;
};

bool ever_syncs(const std::string& kind) {
  return kind != "unsynced" && kind != "o_dsync" && kind != "lmdb_nosync";
}

/// The first power cut, of so many, that took a number which had been told, or tore one.
std::optional<std::string> first_loss(const std::string& kind, std::uint64_t cuts,
                                      std::int64_t failing_syncs = 0) {
  for (std::uint64_t cut = 0; cut < cuts; ++cut) {
    Random random(cut);
    Stage stage(kind);
    if (failing_syncs > 0) stage.shim().fail(shim::kSync, EIO, 5, failing_syncs);
    stage.start();
    REQUIRE(stage.wait_number(random.between(1, 20)));
    // Half of them when something is written for sure and not synced: in_place has no other moment.
    if (ever_syncs(kind) && random.chance(1, 2)) stage.wait_in_sync();
    const std::uint64_t told = stage.kill();
    const auto lost = stage.shim().cut_power(random);
    REQUIRE_MESSAGE(lost.ok(), lost.error().message);
    stage.shim().heal();
    const auto found = stage.found();
    if (found && *found >= told && *found <= told + 1) continue;
    return kind + ", seed " + std::to_string(cut) + ": told " + std::to_string(told) + ", found " +
           (found ? std::to_string(*found) : "nothing sound") + "; lost " + describe(*lost);
  }
  return std::nullopt;
}

TEST_CASE("a power cut takes nothing from programs that sync all that they tell") {
  for (const char* kind : {"synced", "o_dsync", "renamed", "lmdb", "retried"}) {
    CHECK(first_loss(kind, 10).value_or("") == "");
  }
}

TEST_CASE("power cuts find each program that does not") {
  for (const char* kind : {"unsynced", "no_directory", "in_place", "renamed_unsynced",
                           "renamed_no_directory", "lmdb_nosync", "lmdb_nometasync"}) {
    CAPTURE(std::string(kind));
    CHECK(first_loss(kind, 40));
  }
}

TEST_CASE("what a failed sync was to keep is lost, though the next sync does well") {
  CHECK(first_loss("retried", 40, 1));
}

TEST_CASE("without a power cut nothing is lost, and what is not synced stays at risk") {
  Stage stage("unsynced");
  stage.start();
  REQUIRE(stage.wait_number(10));
  const std::uint64_t told = stage.kill();
  CHECK(stage.found() >= told);
  Random random(1);
  const auto lost = stage.shim().cut_power(random);
  REQUIRE(lost.ok());
  CHECK(lost->sectors_at_risk > 10);
  const auto again = stage.shim().cut_power(random);
  REQUIRE(again.ok());
  CHECK(*again == Lost{});  // what is left is on the disk
}

TEST_CASE("the n-th call fails as it was told to") {
  struct Case {
    shim::Operations operations;
    int error;
  };
  for (const Case& each :
       {Case{shim::kSync, EIO}, Case{shim::kWrite, EIO}, Case{shim::kGrow, ENOSPC}}) {
    Stage stage("synced");
    // Making the file grows the disk once, and its directory is synced once.
    const std::uint64_t passes = each.operations == shim::kWrite ? 7 : 8;
    stage.shim().fail(each.operations, each.error, passes);
    stage.start();
    CHECK(stage.wait_end() == Ending{each.error, 0});
    CHECK(stage.kill() == 7);
    CHECK(stage.shim().failed() == 1);
  }
}

TEST_CASE("a hung disk keeps calls until it is healed") {
  Stage stage("synced");
  stage.start();
  REQUIRE(stage.wait_number(5));
  stage.shim().hang();
  while (stage.shim().hanging() == 0) {
  }
  const std::uint64_t synced = stage.shim().synced();
  stage.shim().heal();
  CHECK(stage.wait_number(synced + 5));
  CHECK(stage.shim().hanging() == 0);
}

TEST_CASE("a slow disk takes its time for each sync") {
  constexpr std::chrono::milliseconds kDelay(20);
  Stage stage("synced");
  stage.shim().slow_syncs(kDelay);
  const auto began = std::chrono::steady_clock::now();
  stage.start();
  REQUIRE(stage.wait_number(4));
  CHECK(std::chrono::steady_clock::now() - began >= 5 * kDelay);  // and that of the directory
}

}  // namespace
}  // namespace ticketd::jepsen
