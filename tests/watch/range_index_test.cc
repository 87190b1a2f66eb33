#include "watch/range_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace pintle::watch {
namespace {

struct Item {
  int id = 0;
  kv::KeyRange range;
};

std::vector<int> Found(const RangeIndex<Item>& index, std::string_view key) {
  std::vector<int> ids;
  index.ForEach(key, [&](Item& item) { ids.push_back(item.id); });
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string RandomKey(std::mt19937& random) {
  std::string key;
  for (size_t n = 1 + random() % 3; n > 0; --n)
    key.push_back(static_cast<char>('a' + random() % 4));
  return key;
}

kv::KeyRange RandomRange(std::mt19937& random) {
  const std::string key = RandomKey(random);
  switch (random() % 4) {
    case 0:
      return {key, ""};
    case 1:
      return {key, std::string(1, '\0')};
    default:
      return {key, RandomKey(random)};  // now and then empty
  }
}

TEST(RangeIndexTest, AgreesWithAListUnderRandomChange) {
  std::mt19937 random(7);
  std::vector<std::unique_ptr<Item>> items;
  RangeIndex<Item> index;
  for (int step = 0; step < 4000; ++step) {
    if (items.empty() || random() % 5 != 0) {
      items.push_back(std::make_unique<Item>(Item{step, RandomRange(random)}));
      index.Add(items.back()->range, items.back().get());
    }
    if (items.size() > 120 || random() % 5 == 0) {
      const size_t i = random() % items.size();
      index.Remove(items[i]->range, items[i].get());
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
    }
    const std::string key = RandomKey(random);
    std::vector<int> expected;
    for (const auto& item : items) {
      if (item->range.Contains(key)) expected.push_back(item->id);
    }
    ASSERT_EQ(Found(index, key), expected) << "step " << step << " key " << key;
    ASSERT_EQ(index.size(), items.size());
  }
}

TEST(RangeIndexTest, SortedArrivalKeepsTheTreeFlat) {
  std::vector<Item> items(4096);
  RangeIndex<Item> index;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string begin = "k" + std::to_string(10000 + i);
    items[i] = {static_cast<int>(i), {begin, begin + "z"}};
    index.Add(items[i].range, &items[i]);
  }
  EXPECT_LT(index.height(), 48);  // 4096 without balance
  EXPECT_EQ(Found(index, "k10007a"), std::vector<int>{7});
}

TEST(RangeIndexTest, RemovingWhatIsNotThereChangesNothing) {
  Item a{1, {"a", "b"}};
  Item b{2, {"a", ""}};
  RangeIndex<Item> index;
  index.Add(a.range, &a);
  index.Remove({"a", "c"}, &a);
  index.Remove(b.range, &b);
  index.Remove(a.range, &b);
  EXPECT_EQ(index.size(), 1u);
  EXPECT_EQ(Found(index, "a"), std::vector<int>{1});
}

}  // namespace
}  // namespace pintle::watch
