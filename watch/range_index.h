// RangeIndex: which subscriptions want a key. Single keys by hash; intervals in a balanced tree
// ordered by where they begin, each node knowing how far its subtree reaches, so that a look-up
// costs O(log n + found) whatever the mixture of intervals.
//
// Equal intervals share a node. Subscriptions of one key or interval are visited in the order in
// which they came. Not synchronised: Hub keeps it behind a kv::Guarded.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "kv/types.h"

namespace pintle::watch {

template <typename T>
class RangeIndex {
 public:
  // The same pointer may be there once per interval. An empty interval is found by no key.
  void Add(const kv::KeyRange& range, T* item) {
    ++size_;
    if (range.single()) {
      std::vector<T*>& items = keys_[range.key];
      if (items.empty()) sorted_keys_.insert(range.key);
      items.push_back(item);
      return;
    }
    Insert(root_, range, item);
  }

  void Remove(const kv::KeyRange& range, T* item) {
    if (range.single()) {
      auto it = keys_.find(range.key);
      if (it == keys_.end() || !Erase(it->second, item)) return;
      if (it->second.empty()) {
        keys_.erase(it);
        sorted_keys_.erase(range.key);
      }
      --size_;
      return;
    }
    if (Delete(root_, range, item)) --size_;
  }

  void ForEach(std::string_view key, absl::FunctionRef<void(T&)> visit) const {
    if (auto it = keys_.find(key); it != keys_.end()) {
      for (T* item : it->second) visit(*item);
    }
    Stab(root_.get(), key, visit);
  }

  // Everything, in an order that is the same in every run.
  void ForEachItem(absl::FunctionRef<void(T&)> visit) const {
    for (const std::string& key : sorted_keys_) {
      for (T* item : keys_.find(key)->second) visit(*item);
    }
    Visit(root_.get(), visit);
  }

  size_t size() const { return size_; }
  int height() const { return Height(root_.get()); }  // of the tree of intervals

 private:
  // Where an interval ends: an exclusive key, or nowhere.
  struct End {
    std::string key;
    bool open = false;
    bool Covers(std::string_view k) const { return open || k < key; }
    bool operator<(const End& other) const {
      if (open || other.open) return !open && other.open;
      return key < other.key;
    }
    bool operator==(const End&) const = default;
  };

  // A treap. The priorities are a fixed scramble of a counter: balanced like random ones, and the
  // same in every run.
  struct Node {
    std::string begin;
    End end;
    End reach;  // furthest end in this subtree
    uint64_t priority = 0;
    std::vector<T*> items;
    std::unique_ptr<Node> left;
    std::unique_ptr<Node> right;
  };
  using Link = std::unique_ptr<Node>;

  static End EndOf(const kv::KeyRange& range) {
    return range.to_the_end() ? End{{}, true} : End{range.end, false};
  }

  static bool Erase(std::vector<T*>& items, T* item) {
    for (size_t i = 0; i < items.size(); ++i) {
      if (items[i] != item) continue;
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    return false;
  }

  static bool Before(std::string_view begin, const End& end, const Node& node) {
    return begin != node.begin ? begin < node.begin : end < node.end;
  }

  uint64_t NextPriority() {
    uint64_t z = (counter_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  static void Refresh(Node& node) {
    node.reach = node.end;
    if (node.left != nullptr && node.reach < node.left->reach) node.reach = node.left->reach;
    if (node.right != nullptr && node.reach < node.right->reach) node.reach = node.right->reach;
  }

  static void RotateRight(Link& link) {
    Link left = std::move(link->left);
    link->left = std::move(left->right);
    Refresh(*link);
    left->right = std::move(link);
    link = std::move(left);
    Refresh(*link);
  }

  static void RotateLeft(Link& link) {
    Link right = std::move(link->right);
    link->right = std::move(right->left);
    Refresh(*link);
    right->left = std::move(link);
    link = std::move(right);
    Refresh(*link);
  }

  void Insert(Link& link, const kv::KeyRange& range, T* item) {
    const End end = EndOf(range);
    if (link == nullptr) {
      link = std::make_unique<Node>(Node{.begin = range.key,
                                         .end = end,
                                         .reach = end,
                                         .priority = NextPriority(),
                                         .items = {item}});
      return;
    }
    if (link->begin == range.key && link->end == end) {
      link->items.push_back(item);
      return;
    }
    if (Before(range.key, end, *link)) {
      Insert(link->left, range, item);
      Refresh(*link);
      if (link->left->priority > link->priority) RotateRight(link);
    } else {
      Insert(link->right, range, item);
      Refresh(*link);
      if (link->right->priority > link->priority) RotateLeft(link);
    }
  }

  bool Delete(Link& link, const kv::KeyRange& range, T* item) {
    if (link == nullptr) return false;
    const End end = EndOf(range);
    bool found = false;
    if (link->begin == range.key && link->end == end) {
      found = Erase(link->items, item);
      if (link->items.empty()) {
        Unlink(link);
        return found;
      }
    } else {
      found = Delete(Before(range.key, end, *link) ? link->left : link->right, range, item);
    }
    Refresh(*link);
    return found;
  }

  // Rotates the node down until it is a leaf or has one child, then takes it out.
  static void Unlink(Link& link) {
    if (link->left == nullptr || link->right == nullptr) {
      Link rest = std::move(link->left != nullptr ? link->left : link->right);
      link = std::move(rest);
      return;
    }
    if (link->left->priority > link->right->priority) {
      RotateRight(link);
      Unlink(link->right);
    } else {
      RotateLeft(link);
      Unlink(link->left);
    }
    Refresh(*link);
  }

  static void Stab(const Node* node, std::string_view key, absl::FunctionRef<void(T&)> visit) {
    if (node == nullptr || !node->reach.Covers(key)) return;
    Stab(node->left.get(), key, visit);
    if (key < node->begin) return;
    if (node->end.Covers(key)) {
      for (T* item : node->items) visit(*item);
    }
    Stab(node->right.get(), key, visit);
  }

  static void Visit(const Node* node, absl::FunctionRef<void(T&)> visit) {
    if (node == nullptr) return;
    Visit(node->left.get(), visit);
    for (T* item : node->items) visit(*item);
    Visit(node->right.get(), visit);
  }

  static int Height(const Node* node) {
    if (node == nullptr) return 0;
    return 1 + std::max(Height(node->left.get()), Height(node->right.get()));
  }

  // Looked up by std::string_view, which this Abseil does not take for its own.
  struct KeyHash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  absl::flat_hash_map<std::string, std::vector<T*>, KeyHash, std::equal_to<>> keys_;
  std::set<std::string> sorted_keys_;  // the same keys
  Link root_;
  uint64_t counter_ = 0;
  size_t size_ = 0;
};

}  // namespace pintle::watch
