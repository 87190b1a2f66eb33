// BoltReader: what a bbolt database holds, in order. The file is taken for hostile: every number in
// it is checked before it is used, no page counts twice, and a chain of pages has an end.
//
// Errors: DATA_LOSS with the page, for anything that bbolt cannot have written; and what the disk
// says. bbolt has no checksums but those of its two meta pages, so that damage inside a value is
// not found here: a snapshot file has a hash over all of it behind it (etcd_snapshot.h).
//
// Owner and thread: one at a time. Memory: one page for each level of the tree, kMaxPageBytes at
// most, and a bit for each page. Time: that of reading what is visited, once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/backup/bolt_format.h"
#include "server/storage/file_system.h"

namespace pintle::server::backup {

class BoltReader {
 public:
  // A value and its page: etcd's are as large as a request.
  static constexpr uint64_t kMaxPageBytes = uint64_t{256} << 20;
  static constexpr size_t kMaxDepth = 32;
  static constexpr size_t kMaxBuckets = 1000;

  // The database fills the first `bytes` of `file`, which outlives this.
  static absl::StatusOr<std::unique_ptr<BoltReader>> Open(const storage::File& file,
                                                          uint64_t bytes);

  // Of the newest transaction that is whole.
  const BoltMeta& meta() const { return meta_; }
  uint64_t page_bytes() const { return page_bytes_; }
  // Names, ascending. Buckets within buckets are damage: etcd has none.
  const std::vector<std::string>& buckets() const { return names_; }

  // Everything in the bucket, by key; nothing when there is no such bucket. An error of `visit`
  // ends it.
  using Visit = std::function<absl::Status(std::string_view key, std::string_view value)>;
  absl::Status ForEach(std::string_view bucket, const Visit& visit) const;

 private:
  struct Element {
    uint32_t flags = 0;
    uint64_t page = 0;  // branches
    std::string_view key;
    std::string_view value;
  };
  struct Step {  // a page on the way down
    uint64_t id = 0;
    std::string bytes;
    uint16_t flags = 0;
    size_t count = 0;
    size_t next = 0;
  };
  using VisitElement = std::function<absl::Status(const Element&)>;

  explicit BoltReader(const storage::File& file) : file_(file) {}

  absl::Status FindMeta(uint64_t bytes);
  bool ReadMeta(uint64_t offset, uint64_t bytes);
  absl::StatusOr<Step> ReadPage(uint64_t id) const;
  static absl::StatusOr<Step> ParsePage(uint64_t id, std::string bytes);
  static absl::StatusOr<Element> ElementAt(const Step& step, size_t index);
  absl::Status Walk(Step root, const VisitElement& visit) const;

  const storage::File& file_;
  uint64_t page_bytes_ = 0;
  BoltMeta meta_;
  std::vector<std::string> names_;
  std::vector<std::string> heads_;  // what stands under them
};

}  // namespace pintle::server::backup
