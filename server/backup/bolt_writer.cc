#include "server/backup/bolt_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_codec.h"
#include "base/check.h"

namespace pintle::server::backup {
namespace {

void AppendFixed16(std::string& out, uint16_t value) {
  out.push_back(static_cast<char>(value & 0xff));
  out.push_back(static_cast<char>(value >> 8));
}

}  // namespace

std::string PageHead(uint64_t id, uint16_t flags, uint16_t count, uint32_t overflow) {
  std::string head;
  base::AppendFixed64(head, id);
  AppendFixed16(head, flags);
  AppendFixed16(head, count);
  base::AppendFixed32(head, overflow);
  return head;
}

std::string EncodeMeta(const BoltMeta& meta) {
  std::string bytes;
  base::AppendFixed32(bytes, kBoltMagic);
  base::AppendFixed32(bytes, kBoltVersion);
  base::AppendFixed32(bytes, kBoltPageBytes);
  base::AppendFixed32(bytes, 0);  // flags
  base::AppendFixed64(bytes, meta.root);
  base::AppendFixed64(bytes, 0);  // sequence of the root bucket
  base::AppendFixed64(bytes, meta.free_list);
  base::AppendFixed64(bytes, meta.pages);
  base::AppendFixed64(bytes, meta.transaction);
  base::AppendFixed64(bytes, BoltChecksum(bytes));
  return bytes;
}

std::string BoltPreface(const BoltMeta& meta) {
  std::string pages;
  BoltMeta copy = meta;
  for (uint64_t id = 0; id < 2; ++id) {
    copy.transaction = meta.transaction - id;  // the one in front is the newer one
    pages += PageHead(id, kMetaPage, 0, 0) + EncodeMeta(copy);
    pages.resize((id + 1) * kBoltPageBytes);
  }
  pages += PageHead(meta.free_list, kFreeListPage, 0, 0);
  pages.resize(3 * kBoltPageBytes);
  return pages;
}

void BoltWriter::BeginBucket(std::string_view name) {
  PINTLE_CHECK(!in_bucket_ && name > bucket_name_, "buckets come in ascending order");
  in_bucket_ = true;
  bucket_name_ = name;
  last_key_.clear();
  bucket_.assign(1, OpenPage());
}

absl::Status BoltWriter::Put(std::string_view key, std::string_view value) {
  if (key.empty() || key.size() > kMaxBoltKeyBytes || value.size() >= (size_t{1} << 31)) {
    return absl::InvalidArgumentError(absl::StrCat("a name of ", key.size(), " bytes with ",
                                                   value.size(),
                                                   " bytes under it has no place in a "
                                                   "snapshot file: bbolt takes names of 1 to ",
                                                   kMaxBoltKeyBytes, " bytes"));
  }
  PINTLE_CHECK(in_bucket_ && key > last_key_, "keys come in ascending order");
  last_key_ = key;
  Add(bucket_, 0, {}, key, value);
  return absl::OkStatus();
}

void BoltWriter::EndBucket() {
  std::string head;
  base::AppendFixed64(head, FinishTree(bucket_));
  base::AppendFixed64(head, 0);
  in_bucket_ = false;
  if (root_.empty()) root_.resize(1);
  Add(root_, 0, {.flags = kBucketElement}, bucket_name_, head);
}

void BoltWriter::Finish() {
  PINTLE_CHECK(!in_bucket_, "a bucket is still open");
  if (root_.empty()) root_.resize(1);
  meta_ = {.root = FinishTree(root_), .free_list = 2, .pages = next_page_, .transaction = 2};
}

// A leaf takes one element, a branch two, however large: else there would be no end of levels.
void BoltWriter::Add(Tree& tree, size_t level, const Element& element, std::string_view key,
                     std::string_view value) {
  if (level == tree.size()) tree.emplace_back();
  const size_t least = level == 0 ? 1 : 2;
  const size_t added = kElementBytes + key.size() + value.size();
  if (tree[level].elements.size() >= least && tree[level].bytes() + added > kBoltPageBytes) {
    Flush(tree, level);
  }
  OpenPage& page = tree[level];
  if (page.elements.empty()) page.first_key = key;
  page.elements.push_back(element);
  page.elements.back().key_bytes = static_cast<uint32_t>(key.size());
  page.elements.back().value_bytes = static_cast<uint32_t>(value.size());
  page.bodies += key;
  page.bodies += value;
}

// Writes the level's page and names it one level up.
void BoltWriter::Flush(Tree& tree, size_t level) {
  OpenPage page = std::exchange(tree[level], {});
  tree[level].flushed = page.flushed + 1;
  const uint64_t id = next_page_;
  const size_t count = (page.bytes() + kBoltPageBytes - 1) / kBoltPageBytes;
  next_page_ += count;
  const size_t begin = pages_.size();
  pages_ += PageHead(id, level == 0 ? kLeafPage : kBranchPage,
                     static_cast<uint16_t>(page.elements.size()), static_cast<uint32_t>(count - 1));
  size_t body = page.elements.size() * kElementBytes;  // from the present element on
  for (const Element& element : page.elements) {
    if (level == 0) base::AppendFixed32(pages_, element.flags);
    base::AppendFixed32(pages_, static_cast<uint32_t>(body));
    base::AppendFixed32(pages_, element.key_bytes);
    if (level == 0) {
      base::AppendFixed32(pages_, element.value_bytes);
    } else {
      base::AppendFixed64(pages_, element.page);
    }
    body += element.key_bytes + element.value_bytes - kElementBytes;
  }
  pages_ += page.bodies;
  pages_.resize(begin + count * kBoltPageBytes);
  Add(tree, level + 1, {.page = id}, page.first_key, {});
}

// The page of the tree's root: the only page of the topmost level.
uint64_t BoltWriter::FinishTree(Tree& tree) {
  for (size_t level = 0;; ++level) {
    const bool only = level > 0 && tree[level].flushed == 0 && tree[level].elements.size() == 1;
    if (only) return tree[level].elements.front().page;
    Flush(tree, level);
  }
}

}  // namespace pintle::server::backup
