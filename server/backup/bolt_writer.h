// BoltWriter: a sorted data set as a bbolt database, in one pass, page behind page.
//
//     writer.BeginBucket("key");  writer.Put(key, value); …  writer.EndBucket();  writer.Finish();
//
// Pages come in the order of their numbers: who takes them with TakePages as they are made holds
// one open page per level of the tree and no more. The first pages of a file, which name the root
// (BoltPreface), are known only at the end: write them last, or write twice and throw the first
// away (etcd_export.h). The same calls make the same bytes.
//
// Buckets and keys are given in ascending order, each once: anything else is a broken invariant.
// Limits: INVALID_ARGUMENT for a key that is empty or longer than kMaxBoltKeyBytes, or a value of 2
// GiB: bbolt takes no such thing. Owner and thread: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/backup/bolt_format.h"

namespace pintle::server::backup {

// Pages 0 to 2 of a file: two copies of the meta page, an empty list of free pages.
std::string BoltPreface(const BoltMeta& meta);

class BoltWriter {
 public:
  void BeginBucket(std::string_view name);
  absl::Status Put(std::string_view key, std::string_view value);
  void EndBucket();
  // After the last bucket; then meta() is what BoltPreface needs.
  void Finish();
  const BoltMeta& meta() const { return meta_; }

  // The pages that are complete, and not taken yet.
  std::string TakePages() { return std::exchange(pages_, {}); }
  size_t untaken_bytes() const { return pages_.size(); }

 private:
  struct Element {
    uint32_t flags = 0;
    uint32_t key_bytes = 0;
    uint32_t value_bytes = 0;
    uint64_t page = 0;  // branches
  };
  // The page of one level that is being filled.
  struct OpenPage {
    std::vector<Element> elements;
    std::string bodies;  // keys and values behind each other
    std::string first_key;
    uint64_t flushed = 0;  // pages of this level before it

    size_t bytes() const {
      return kPageHeadBytes + elements.size() * kElementBytes + bodies.size();
    }
  };
  // Bottom first: leaves, then branches.
  using Tree = std::vector<OpenPage>;

  void Add(Tree& tree, size_t level, const Element& element, std::string_view key,
           std::string_view value);
  void Flush(Tree& tree, size_t level);
  uint64_t FinishTree(Tree& tree);

  std::string pages_;
  uint64_t next_page_ = 3;  // behind the preface
  Tree bucket_;
  Tree root_;
  std::string bucket_name_;
  std::string last_key_;
  bool in_bucket_ = false;
  BoltMeta meta_;
};

}  // namespace pintle::server::backup
