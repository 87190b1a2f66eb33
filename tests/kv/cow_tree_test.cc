// The copy-on-write tree against std::map, old roots included.
#include "kv/cow_tree.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <new>
#include <random>
#include <string>

namespace pintle::kv {
namespace {

int entries_alive = 0;

struct Item {
  std::string name;
  int number = 0;

  std::string_view key() const { return name; }
  bool live() const { return number % 3 != 0; }
  bool dirty() const { return number % 5 == 0; }
  size_t bytes() const { return sizeof(Item); }
  static Item* New(std::string name, int number) {
    ++entries_alive;
    return new Item{std::move(name), number};
  }
  static void Free(void* item) {
    --entries_alive;
    delete static_cast<Item*>(item);
  }
};

using Tree = CowTree<Item>;
using Model = std::map<std::string, int>;

std::string KeyOf(uint32_t number, bool long_keys) {
  std::string key = std::to_string(number % 7) + "/" + std::to_string(number);
  return long_keys ? "/registry/pods/namespace-" + key : key;
}

template <Visiting kWhich>
void ExpectWalk(const Tree::Node* root, const Model& model, const KeyBounds& bounds) {
  std::vector<std::pair<std::string, int>> expected;
  for (const auto& [key, number] : model) {
    const Item item{key, number};
    if (key < bounds.first || (!bounds.unbounded && key >= bounds.last)) continue;
    if (kWhich == Visiting::kLive && !item.live()) continue;
    if (kWhich == Visiting::kDirty && !item.dirty()) continue;
    expected.emplace_back(key, number);
  }
  std::vector<std::pair<std::string, int>> walked;
  Tree::Walk<kWhich>(root, bounds, [&](const Item& item) {
    walked.emplace_back(item.name, item.number);
    return true;
  });
  EXPECT_EQ(walked, expected);
  if (kWhich == Visiting::kLive) {
    EXPECT_EQ(Tree::CountLive(root, bounds), static_cast<int64_t>(expected.size()));
  }
}

void ExpectSame(const Tree::Node* root, const Model& model, std::mt19937& random, bool long_keys) {
  Tree::CheckInvariants(root);
  ExpectWalk<Visiting::kAll>(root, model, {});
  for (int i = 0; i < 4; ++i) {
    const std::string first = KeyOf(random() % 3000, long_keys);
    const std::string last = KeyOf(random() % 3000, long_keys);
    const KeyBounds bounds{.first = first, .last = last, .unbounded = random() % 4 == 0};
    ExpectWalk<Visiting::kAll>(root, model, bounds);
    ExpectWalk<Visiting::kLive>(root, model, bounds);
    ExpectWalk<Visiting::kDirty>(root, model, bounds);
    auto it = model.find(first);
    const Item* found = Tree::Find(root, first);
    ASSERT_EQ(found != nullptr, it != model.end());
    if (found != nullptr) {
      EXPECT_EQ(found->number, it->second);
    }
  }
}

struct OldRoot {
  const Tree::Node* root;
  Model model;
  Pin pin;
};

class CowTreeModel : public testing::TestWithParam<int> {};

TEST_P(CowTreeModel, AgreesWithMapAndKeepsOldRoots) {
  const bool long_keys = GetParam() % 2 == 1;
  std::mt19937 random(static_cast<uint32_t>(GetParam()));
  entries_alive = 0;
  {
    Reclaimer reclaimer;
    Tree tree(reclaimer);
    Model model;
    std::deque<OldRoot> old;
    for (int batch = 0; batch < 150; ++batch) {
      // Grows first, shrinks to nothing at the end.
      const uint32_t erase_percent = batch < 70 ? 20 : 75;
      for (int i = 0; i < 120; ++i) {
        const std::string key = KeyOf(random() % 3000, long_keys);
        if (random() % 100 < erase_percent) {
          EXPECT_EQ(tree.Erase(key), model.erase(key) == 1);
        } else {
          const int number = static_cast<int>(random() % 1000);
          tree.Put(Item::New(key, number));
          model[key] = number;
        }
      }
      old.push_back({tree.root(), model, reclaimer.Seal()});
      if (old.size() > 10) old.erase(old.begin() + static_cast<int>(random() % old.size()));
      if (batch % 10 == 0) {
        for (const OldRoot& root : old) ExpectSame(root.root, root.model, random, long_keys);
      }
    }
    while (!model.empty()) {
      EXPECT_TRUE(tree.Erase(model.begin()->first));
      model.erase(model.begin());
    }
    for (const OldRoot& root : old) ExpectSame(root.root, root.model, random, long_keys);
    ExpectSame(tree.root(), model, random, long_keys);
  }
  EXPECT_EQ(entries_alive, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CowTreeModel, testing::Range(1, 5));

TEST(CowTree, TakesKeysInOrderIntoFullLeaves) {
  Reclaimer reclaimer;
  Tree tree(reclaimer);
  for (int i = 0; i < 20'000; ++i) {
    char key[16];
    std::snprintf(key, sizeof(key), "%08d", i);
    tree.Put(Item::New(key, 1));
  }
  Tree::CheckInvariants(tree.root());
  EXPECT_EQ(Tree::CountLive(tree.root(), {}), 20'000);
  EXPECT_EQ(
      Tree::CountLive(tree.root(), {.first = "00000100", .last = "00000200", .unbounded = false}),
      100);
}

TEST(CowTree, CountsNothingInAnIntervalThatEndsBeforeItBegins) {
  Reclaimer reclaimer;
  Tree tree(reclaimer);
  for (const char* key : {"a", "b", "c"}) tree.Put(Item::New(key, 1));
  EXPECT_EQ(Tree::CountLive(tree.root(), {.first = "c", .last = "a", .unbounded = false}), 0);
  EXPECT_EQ(Tree::CountLive(tree.root(), {.first = "a", .last = "c", .unbounded = false}), 2);
}

TEST(Reclaimer, FreesWhatARootNeededWhenItsLastReaderGoes) {
  entries_alive = 0;
  Reclaimer reclaimer;
  Tree tree(reclaimer);
  tree.Put(Item::New("a", 1));
  Pin first = reclaimer.Seal();
  tree.Put(Item::New("a", 2));
  Pin second = reclaimer.Seal();
  tree.Put(Item::New("a", 4));
  EXPECT_EQ(entries_alive, 3);
  second = reclaimer.Seal();  // the first root still needs what came between
  EXPECT_EQ(entries_alive, 3);
  first = Pin();
  EXPECT_EQ(entries_alive, 1);
}

TEST(Reclaimer, LetsGoOfALongChainWithoutRecursion) {
  Reclaimer reclaimer;
  Pin oldest = reclaimer.Seal();
  for (int i = 0; i < 300'000; ++i) reclaimer.Seal();
  oldest = Pin();
}

}  // namespace
}  // namespace pintle::kv
