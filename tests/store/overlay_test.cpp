// The records as the machine sees them: found, listed, removed, warm and cold.
#include "store/overlay.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "store/lmdb_engine.h"
#include "store/record_cache.h"
#include "tests/store/fixture.h"

namespace ticketd::store::testing {
namespace {

using Keys = std::vector<std::string>;

/// An overlay on a database of its own, without the rest of a disk.
struct LoneOverlay {
  LoneOverlay() : environment({directory.path(), 64 << 20}) {
    WriteTransaction transaction(environment);
    tables = open_tables(transaction);
    transaction.commit();
    overlay.emplace(std::make_unique<LmdbStateView>(environment, tables, 0), 0);
  }

  void put(const std::string& key, const std::string& value) { overlay->put(key, value); }
  void freeze() {
    overlay->settle();
    frozen = overlay->freeze();
  }
  /// As a checkpoint does.
  void land() {
    WriteTransaction transaction(environment);
    for (const auto& [key, value] : *frozen) {
      value ? transaction.put(tables.state(0), key, *value)
            : transaction.remove(tables.state(0), key);
    }
    transaction.commit();
    overlay->landed();
  }
  void store() {
    freeze();
    land();
  }
  /// Forgets everything that is in memory.
  void cool() { overlay->reset(0); }
  Keys list(const std::string& prefix, const std::string& after, std::size_t limit) {
    Keys keys;
    for (const ticket::State::Record& record : overlay->list({prefix, after, limit})) {
      keys.push_back(record.key + "=" + record.value);
    }
    return keys;
  }

  TemporaryDirectory directory;
  Environment environment;
  Tables tables;
  std::optional<Overlay> overlay;
  std::shared_ptr<const Changes> frozen;
};

}  // namespace

TEST_CASE_FIXTURE(LoneOverlay,
                  "a list merges LMDB, the changes on their way there, and newer ones") {
  for (const char* key : {"a1", "b1", "b2", "b3", "b4", "b5", "c1"}) {
    put(key, "stored");
  }
  store();
  cool();
  put("b0", "frozen");
  put("b2", "frozen");
  put("b6", "frozen");
  overlay->remove("b3");
  overlay->remove("b4");
  overlay->remove("b9");
  freeze();
  put("b4", "current");
  put("b7", "current");
  overlay->remove("b5");
  overlay->remove("b6");
  const Keys all = {"b0=frozen", "b1=stored", "b2=frozen", "b4=current", "b7=current"};
  const auto check = [&] {
    CHECK(list("b", "", 100) == all);
    CHECK(list("b", "b0", 2) == Keys{"b1=stored", "b2=frozen"});
    CHECK(list("b", "b00", 2) == Keys{"b1=stored", "b2=frozen"});
    CHECK(list("b", "b2", 1) == Keys{"b4=current"});
    CHECK(list("b", "b3", 1) == Keys{"b4=current"});
    CHECK(list("b", "a1", 1) == Keys{"b0=frozen"});
    CHECK(list("b", "b7", 100).empty());
    CHECK(list("b", "c", 100).empty());
    CHECK(list("b", "", 0).empty());
    CHECK(list("b4", "", 9) == Keys{"b4=current"});
    CHECK(list("bb", "", 9).empty());
    CHECK(list("", "b4", 9) == Keys{"b7=current", "c1=stored"});
    CHECK(list("", "", 1) == Keys{"a1=stored"});
    CHECK(list("", "", 100).size() == all.size() + 2);
    CHECK(list("b", std::string(600, 'b'), 1).empty());
    CHECK(list("a", std::string(600, '\x01'), 1) == Keys{"a1=stored"});
    CHECK(list(std::string(600, 'b'), "", 1).empty());
  };
  check();
  land();
  check();
  store();
  check();
  cool();
  check();
}

TEST_CASE_FIXTURE(LoneOverlay, "bytes above 127 are in order, in memory and in LMDB") {
  put("s\x7f", "1");
  put("s\xff", "2");
  put(std::string("s\0", 2), "3");
  put("s", "4");
  const Keys all = {"s=4", std::string("s\0=3", 4), "s\x7f=1", "s\xff=2"};
  CHECK(list("s", "", 9) == all);
  store();
  CHECK(list("s", "", 9) == all);
  CHECK(list("s", "s\x7f", 9) == Keys{"s\xff=2"});
}

TEST_CASE_FIXTURE(LoneOverlay,
                  "a record is warm once it was put, removed or read, and until forgotten") {
  CHECK_FALSE(overlay->is_warm("a"));
  CHECK(overlay->find("a") == std::nullopt);
  CHECK_FALSE(overlay->is_warm("a"));
  put("a", "1");
  overlay->remove("b");
  CHECK(overlay->is_warm("a"));
  CHECK(overlay->is_warm("b"));
  store();
  CHECK(overlay->is_warm("a"));
  cool();
  CHECK_FALSE(overlay->is_warm("a"));
  CHECK(overlay->find("a") == "1");
  for (const char* key : {"a", "b"}) {
    overlay->warm(key);
    CHECK(overlay->is_warm(key));
  }
  CHECK(overlay->find("a") == "1");
  CHECK(overlay->find("b") == std::nullopt);
}

TEST_CASE_FIXTURE(LoneOverlay, "what is warm is never out of date") {
  put("a", "1");
  store();
  cool();
  overlay->warm("a");
  overlay->warm("b");
  put("a", "2");
  put("b", "2");
  CHECK(overlay->find("a") == "2");
  CHECK(overlay->find("b") == "2");
  freeze();
  overlay->remove("a");
  CHECK(overlay->find("a") == std::nullopt);
  land();
  CHECK(overlay->find("a") == std::nullopt);
  CHECK(overlay->find("b") == "2");
  store();
  CHECK(overlay->find("a") == std::nullopt);
}

TEST_CASE_FIXTURE(LoneOverlay,
                  "what is in memory is bounded, however many records are warmed or put") {
  const std::string value(200, 'x');
  std::uint64_t keys = 0;
  const auto next = [&] { return "s" + std::to_string(++keys); };
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 1000; ++i) {
      put(next(), value);
    }
    store();
  }
  CHECK(overlay->cached_bytes() > Overlay::kCacheBytes / 4);
  for (int round = 0; round < 400; ++round) {
    overlay->hold();
    for (int i = 0; i < 1000; ++i) {
      overlay->warm(next());
    }
    overlay->let_go();
    REQUIRE(overlay->cached_bytes() < Overlay::kCacheBytes + (1 << 20));
  }
  CHECK_FALSE(overlay->is_warm("s1"));
  CHECK(overlay->is_warm("s" + std::to_string(keys)));
}

TEST_CASE_FIXTURE(LoneOverlay,
                  "what one call warms stays warm until it is let go, also when it is a lot") {
  constexpr std::uint64_t kKeys = 300'000;  // more than is kept
  overlay->hold();
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    overlay->warm("s" + std::to_string(i));
  }
  CHECK(overlay->cached_bytes() > Overlay::kCacheBytes);
  overlay->settle();  // the machine has applied something meanwhile
  overlay->settle();
  CHECK(overlay->is_warm("s0"));
  overlay->let_go();
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    overlay->warm("t" + std::to_string(i));
    overlay->let_go();
  }
  CHECK(overlay->cached_bytes() <= Overlay::kCacheBytes + 1000);
  CHECK_FALSE(overlay->is_warm("s0"));
}

TEST_CASE("a cache keeps what is used and drops what is not") {
  RecordCache cache(40 * (RecordCache::kRecordBytes + 4));
  cache.keep("used", std::nullopt);
  cache.keep("last", std::nullopt);
  for (int i = 100; i < 200; ++i) {
    cache.keep(std::to_string(i), "v");
    cache.trim();
    REQUIRE(cache.find("used") != nullptr);
    REQUIRE(cache.bytes() <= 41 * (RecordCache::kRecordBytes + 4));
  }
  CHECK_FALSE(cache.holds("last"));
  CHECK_FALSE(cache.holds("100"));
  CHECK(*cache.find("199") == "v");
  cache.keep("199", "another");
  CHECK(*cache.find("199") == "another");
  cache.clear();
  CHECK(cache.bytes() == 0);
  CHECK_FALSE(cache.holds("used"));
}

}  // namespace ticketd::store::testing
