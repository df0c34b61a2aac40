#include "store/pages.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "store/file.h"

namespace ticketd::store {
namespace {

// From LMDB's mdb.c, which has no header for them.
constexpr std::uint32_t kMetaMagic = 0xBEEFC0DE;
constexpr std::uint32_t kDataVersion = 1;
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};
constexpr std::size_t kPageHeaderBytes = 16;
constexpr std::size_t kNodeHeaderBytes = 8;
constexpr std::size_t kTableBytes = 48;
constexpr unsigned kDepthMax = 32;
constexpr std::uint16_t kBranch = 0x01;
constexpr std::uint16_t kLeaf = 0x02;
constexpr std::uint16_t kOverflow = 0x04;
constexpr std::uint16_t kMeta = 0x08;
constexpr unsigned kIntegerKeys = 0x08;
/// How the environment was opened when the file was made; kept among the first table's flags.
constexpr unsigned kNoSubdirectory = 0x4000;
constexpr std::uint16_t kBigData = 0x01;
constexpr std::uint16_t kSubTable = 0x02;

struct Damage {
  std::string what;
};

[[noreturn]] void damage(std::uint64_t page, const std::string& what) {
  throw Damage{"page " + std::to_string(page) + " " + what};
}

template <class T>
T load(std::string_view bytes, std::size_t offset) {
  ENSURE_LE(offset + sizeof(T), bytes.size());
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// MDB_db
struct Tree {
  std::uint32_t page_bytes = 0;  // of the first table in a meta only
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint64_t branch_pages = 0;
  std::uint64_t leaf_pages = 0;
  std::uint64_t overflow_pages = 0;
  std::uint64_t entries = 0;
  std::uint64_t root = kNoPage;

  bool operator==(const Tree&) const = default;
};

Tree load_tree(std::string_view bytes, std::size_t offset) {
  Tree tree;
  tree.page_bytes = load<std::uint32_t>(bytes, offset);
  tree.flags = load<std::uint16_t>(bytes, offset + 4);
  tree.depth = load<std::uint16_t>(bytes, offset + 6);
  tree.branch_pages = load<std::uint64_t>(bytes, offset + 8);
  tree.leaf_pages = load<std::uint64_t>(bytes, offset + 16);
  tree.overflow_pages = load<std::uint64_t>(bytes, offset + 24);
  tree.entries = load<std::uint64_t>(bytes, offset + 32);
  tree.root = load<std::uint64_t>(bytes, offset + 40);
  return tree;
}

struct Meta {
  Tree free;
  Tree main;
  std::uint64_t last_page = 0;
  std::uint64_t transaction = 0;
};

struct Node {
  std::string_view key;
  std::uint16_t flags = 0;
  std::uint64_t child = 0;      // of a branch
  std::uint32_t data_size = 0;  // of a leaf
  std::string_view data;        // what of it lies in this page
};

class Walk {
 public:
  explicit Walk(const File& file) : file_(file) {}

  void run() {
    read_metas();
    seen_.assign(meta_.last_page + 1, false);
    walk_table("the list of free pages", meta_.free, true);
    walk_table("the table of tables", meta_.main, false);
    for (const auto& [name, tree] : tables_) {
      walk_table("table " + name, tree, false);
    }
    for (const std::string& list : free_lists_) {
      check_free_list(list);
    }
  }

 private:
  struct Order {
    std::string name;
    bool integer_keys = false;
    std::optional<std::string> last;   // key of the leaves so far
    std::optional<std::string> bound;  // the next key is not below it
    Tree counted;
  };

  void read_metas() {
    std::string head(kPageHeaderBytes + 2 * 4 + 2 * 8 + 2 * kTableBytes + 16, '\0');
    if (!file_.read(0, head)) {
      throw Damage{"it is too short to be one"};
    }
    const Meta first = read_meta(head, 0);
    page_bytes_ = first.free.page_bytes;
    if (page_bytes_ < 512 || page_bytes_ > 65536 || (page_bytes_ & (page_bytes_ - 1)) != 0) {
      damage(0, "has an impossible page size");
    }
    if (!file_.read(page_bytes_, head)) {
      throw Damage{"it is too short to be one"};
    }
    const Meta second = read_meta(head, 1);
    // Transactions write the two in turn. A lost or rolled-back meta would hide what was committed.
    const bool fresh = first.transaction == 0 && second.transaction <= 1;
    if (!fresh && (first.transaction % 2 != 0 || second.transaction % 2 != 1 ||
                   std::max(first.transaction, second.transaction) -
                           std::min(first.transaction, second.transaction) !=
                       1)) {
      throw Damage{"pages 0 and 1 are not those of two successive transactions"};
    }
    meta_ = first.transaction > second.transaction ? first : second;
    if (second.free.page_bytes != page_bytes_ || meta_.last_page < 1 ||
        meta_.last_page > file_.size() / page_bytes_ * 2 + 1024) {
      throw Damage{"page 0 or 1 has an impossible size"};
    }
  }

  static Meta read_meta(std::string_view page, std::uint64_t number) {
    Meta meta;
    if ((load<std::uint16_t>(page, 10) & kMeta) == 0 ||
        load<std::uint32_t>(page, kPageHeaderBytes) != kMetaMagic ||
        load<std::uint32_t>(page, kPageHeaderBytes + 4) != kDataVersion) {
      damage(number, "does not begin as a database does");
    }
    const std::size_t trees = kPageHeaderBytes + 24;
    meta.free = load_tree(page, trees);
    meta.main = load_tree(page, trees + kTableBytes);
    meta.last_page = load<std::uint64_t>(page, trees + 2 * kTableBytes);
    meta.transaction = load<std::uint64_t>(page, trees + 2 * kTableBytes + 8);
    return meta;
  }

  std::string read_page(std::uint64_t number, std::uint64_t count, const Order& order) {
    if (number < 2 || number > meta_.last_page || count > meta_.last_page - number + 1) {
      throw Damage{order.name + " leads to page " + std::to_string(number) +
                   ", which is none of the file's"};
    }
    for (std::uint64_t page = number; page < number + count; ++page) {
      if (seen_[page]) {
        damage(page, "is used twice, also by " + order.name);
      }
      seen_[page] = true;
    }
    std::string bytes(count * page_bytes_, '\0');
    if (Status read = file_.read(number * page_bytes_, bytes); !read) {
      throw Damage{order.name + ": " + read.error().message};
    }
    if (load<std::uint64_t>(bytes, 0) != number) {
      damage(number, "of " + order.name + " has another number in it");
    }
    return bytes;
  }

  void walk_table(const std::string& name, const Tree& tree, bool integer_keys) {
    Order order;
    order.name = name;
    order.integer_keys = integer_keys;
    const unsigned flags = integer_keys ? tree.flags & ~kNoSubdirectory : tree.flags;
    if (flags != (integer_keys ? kIntegerKeys : 0)) {
      throw Damage{name + " is of an unknown kind"};
    }
    if (tree.root != kNoPage) {
      if (tree.depth == 0 || tree.depth > kDepthMax) {
        throw Damage{name + " has an impossible depth"};
      }
      walk_page(tree.root, tree.depth, order);
    }
    Tree& counted = order.counted;
    counted.page_bytes = tree.page_bytes;
    counted.flags = tree.flags;
    counted.depth = tree.depth;
    counted.root = tree.root;
    if (counted != tree) {
      throw Damage{name + " has other counts of pages or records than are in it"};
    }
  }

  void walk_page(std::uint64_t number, unsigned depth, Order& order) {
    const std::string page = read_page(number, 1, order);
    const std::uint16_t flags = load<std::uint16_t>(page, 10);
    if (flags != (depth == 1 ? kLeaf : kBranch)) {
      damage(number, "of " + order.name + " is of the wrong kind");
    }
    ++(depth == 1 ? order.counted.leaf_pages : order.counted.branch_pages);
    const std::size_t lower = load<std::uint16_t>(page, 12);
    const std::size_t upper = load<std::uint16_t>(page, 14);
    if (lower < kPageHeaderBytes || lower % 2 != 0 || lower > upper || upper > page_bytes_ ||
        lower == kPageHeaderBytes) {
      damage(number, "of " + order.name + " has impossible bounds");
    }
    const std::size_t count = (lower - kPageHeaderBytes) / 2;
    for (std::size_t i = 0; i < count; ++i) {
      const Node node = load_node(page, number, i, upper, depth > 1, order);
      if (depth > 1) {
        descend(node, number, i, depth, order);
      } else {
        visit(node, number, order);
      }
    }
  }

  Node load_node(const std::string& page, std::uint64_t number, std::size_t i, std::size_t upper,
                 bool branch, const Order& order) const {
    const std::size_t at = load<std::uint16_t>(page, kPageHeaderBytes + 2 * i);
    Node node;
    bool inside = at >= upper && at + kNodeHeaderBytes <= page_bytes_;
    if (inside) {
      const std::uint32_t low = load<std::uint16_t>(page, at);
      const std::uint32_t high = load<std::uint16_t>(page, at + 2);
      node.flags = load<std::uint16_t>(page, at + 4);
      const std::size_t key_bytes = load<std::uint16_t>(page, at + 6);
      node.data_size = low | high << 16;
      node.child = node.data_size | static_cast<std::uint64_t>(node.flags) << 32;
      const std::size_t held =
          branch ? 0 : ((node.flags & kBigData) != 0 ? sizeof(std::uint64_t) : node.data_size);
      const std::size_t data_at = at + kNodeHeaderBytes + key_bytes;
      inside = data_at + held <= page_bytes_;
      if (inside) {
        node.key = std::string_view(page).substr(at + kNodeHeaderBytes, key_bytes);
        node.data = std::string_view(page).substr(data_at, held);
      }
    }
    if (!inside) {
      damage(number, "of " + order.name + " has a record that reaches out of it");
    }
    return node;
  }

  static bool below(const Order& order, std::string_view a, std::string_view b) {
    return order.integer_keys ? load<std::uint64_t>(a, 0) < load<std::uint64_t>(b, 0) : a < b;
  }

  void check_key(std::string_view key, std::uint64_t number, const Order& order) const {
    if (key.empty() || key.size() > 511 || (order.integer_keys && key.size() != 8)) {
      damage(number, "of " + order.name + " has a key of impossible length");
    }
  }

  void descend(const Node& node, std::uint64_t number, std::size_t i, unsigned depth,
               Order& order) {
    if (i > 0) {  // the first key of a branch is not used
      check_key(node.key, number, order);
      if (order.last && !below(order, *order.last, node.key)) {
        damage(number, "of " + order.name + " is out of order");
      }
      if (!order.bound || below(order, *order.bound, node.key)) {
        order.bound = std::string(node.key);
      }
    }
    walk_page(node.child, depth - 1, order);
  }

  void visit(const Node& node, std::uint64_t number, Order& order) {
    check_key(node.key, number, order);
    if ((order.last && !below(order, *order.last, node.key)) ||
        (order.bound && below(order, node.key, *order.bound))) {
      damage(number, "of " + order.name + " is out of order");
    }
    order.last = std::string(node.key);
    ++order.counted.entries;
    std::string big;
    if ((node.flags & kBigData) != 0) {
      big = read_overflow(node, number, order);
    }
    const std::string_view data = big.empty() ? node.data : std::string_view(big);
    const bool of_tables = order.name == "the table of tables";
    if ((node.flags & ~(kBigData | kSubTable)) != 0 ||
        of_tables != ((node.flags & kSubTable) != 0) || (of_tables && data.size() != kTableBytes)) {
      damage(number, "of " + order.name + " has a record of unknown kind");
    }
    if (of_tables) {
      tables_.emplace_back(std::string(node.key), load_tree(data, 0));
    }
    if (order.integer_keys) {
      if (load<std::uint64_t>(node.key, 0) > meta_.transaction) {
        damage(number, "of " + order.name + " is of a transaction to come");
      }
      free_lists_.emplace_back(data);
    }
  }

  std::string read_overflow(const Node& node, std::uint64_t number, Order& order) {
    const std::uint64_t first = load<std::uint64_t>(node.data, 0);
    const std::uint64_t count =
        (kPageHeaderBytes + std::uint64_t{node.data_size} + page_bytes_ - 1) / page_bytes_;
    const std::string pages = read_page(first, count, order);
    if (load<std::uint16_t>(pages, 10) != kOverflow || load<std::uint32_t>(pages, 12) != count) {
      damage(number, "of " + order.name + " leads to a page that is no overflow page");
    }
    order.counted.overflow_pages += count;
    return pages.substr(kPageHeaderBytes, node.data_size);
  }

  /// A count and that many page numbers, falling.
  void check_free_list(const std::string& list) {
    const std::uint64_t room = list.size() / 8;
    const std::uint64_t count = room == 0 ? 0 : load<std::uint64_t>(list, 0);
    if (room == 0 || count > room - 1) {
      throw Damage{"the list of free pages has an impossible length"};
    }
    std::uint64_t previous = kNoPage;
    for (std::uint64_t i = 1; i <= count; ++i) {
      const std::uint64_t page = load<std::uint64_t>(list, 8 * i);
      if (page < 2 || page > meta_.last_page || page >= previous || seen_[page]) {
        throw Damage{"the list of free pages has page " + std::to_string(page) +
                     ", which is in use, or none"};
      }
      seen_[page] = true;
      previous = page;
    }
  }

  const File& file_;
  std::uint64_t page_bytes_ = 0;
  Meta meta_;
  std::vector<bool> seen_;
  std::vector<std::pair<std::string, Tree>> tables_;
  std::vector<std::string> free_lists_;
};

}  // namespace

Status verify_pages(const std::string& path) {
  Result<File> file = File::open(path, File::Mode::kRead);
  if (!file) {
    return file.error();
  }
  try {
    Walk(*file).run();
  } catch (const Damage& found) {
    return Error{found.what};
  }
  return {};
}

}  // namespace ticketd::store
