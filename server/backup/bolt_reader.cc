#include "server/backup/bolt_reader.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_codec.h"
#include "base/status_macros.h"

namespace pintle::server::backup {
namespace {

absl::Status Damaged(uint64_t page, const char* what) {
  return absl::DataLossError(absl::StrCat("page ", page, " of the file ", what));
}

uint16_t Fixed16(std::string_view bytes) {
  return static_cast<uint16_t>(static_cast<unsigned char>(bytes[0]) |
                               (static_cast<unsigned char>(bytes[1]) << 8));
}

bool IsPageSize(uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= 512 && bytes <= 65536;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BoltReader>> BoltReader::Open(const storage::File& file,
                                                             uint64_t bytes) {
  std::unique_ptr<BoltReader> reader(new BoltReader(file));
  PINTLE_RETURN_IF_ERROR(reader->FindMeta(bytes));
  BoltReader& self = *reader;
  PINTLE_ASSIGN_OR_RETURN(Step root, self.ReadPage(self.meta_.root));
  PINTLE_RETURN_IF_ERROR(self.Walk(std::move(root), [&self](const Element& element) {
    if ((element.flags & kBucketElement) == 0 || element.value.size() < kBucketHeadBytes)
      return absl::DataLossError("the file has something beside its buckets");
    if (self.names_.size() == kMaxBuckets)
      return absl::DataLossError("the file has too many buckets");
    self.names_.emplace_back(element.key);
    self.heads_.emplace_back(element.value);
    return absl::OkStatus();
  }));
  return reader;
}

// As bbolt does: of the two meta pages the newer one that is whole; the second lies at one of the
// page sizes if the first does not tell.
absl::Status BoltReader::FindMeta(uint64_t bytes) {
  bool found = ReadMeta(0, bytes);
  if (found) {
    const uint64_t second = page_bytes_;
    ReadMeta(second, bytes);
  }
  for (uint64_t size = 1024; !found && size <= 65536; size *= 2) found = ReadMeta(size, bytes);
  if (found) return absl::OkStatus();
  return absl::DataLossError(
      "this is not a database file of etcd's, or both of its meta pages are damaged");
}

// Takes the meta page at `offset` if it is whole and newer than what is known.
bool BoltReader::ReadMeta(uint64_t offset, uint64_t bytes) {
  std::string page(kPageHeadBytes + kMetaBytes, '\0');
  const auto read = file_.ReadAt(offset, page.size(), page.data());
  if (!read.ok() || *read != page.size()) return false;
  const std::string_view body = std::string_view(page).substr(kPageHeadBytes);
  uint32_t magic = 0;
  uint32_t version = 0;
  uint32_t page_bytes = 0;
  uint32_t flags = 0;
  uint64_t sequence = 0;
  uint64_t checksum = 0;
  BoltMeta meta;
  base::ByteReader reader(body);
  reader.TakeFixed32(magic);
  reader.TakeFixed32(version);
  reader.TakeFixed32(page_bytes);
  reader.TakeFixed32(flags);
  reader.TakeFixed64(meta.root);
  reader.TakeFixed64(sequence);
  reader.TakeFixed64(meta.free_list);
  reader.TakeFixed64(meta.pages);
  reader.TakeFixed64(meta.transaction);
  reader.TakeFixed64(checksum);
  const bool whole = magic == kBoltMagic && version == kBoltVersion && IsPageSize(page_bytes) &&
                     checksum == BoltChecksum(body.substr(0, kMetaChecksumOffset)) &&
                     meta.pages <= bytes / page_bytes;
  if (!whole || (page_bytes_ != 0 && meta.transaction <= meta_.transaction)) return false;
  page_bytes_ = page_bytes;
  meta_ = meta;
  return true;
}

absl::StatusOr<BoltReader::Step> BoltReader::ReadPage(uint64_t id) const {
  if (id < 2 || id >= meta_.pages) return Damaged(id, "is asked for, which has no such page");
  std::string bytes(page_bytes_, '\0');
  PINTLE_ASSIGN_OR_RETURN(size_t read, file_.ReadAt(id * page_bytes_, bytes.size(), bytes.data()));
  if (read != bytes.size()) return Damaged(id, "is cut off");
  uint32_t overflow = 0;
  base::ByteReader(std::string_view(bytes).substr(12)).TakeFixed32(overflow);
  if (overflow > 0) {
    const uint64_t all = (uint64_t{overflow} + 1) * page_bytes_;
    if (overflow >= meta_.pages - id || all > kMaxPageBytes)
      return Damaged(id, "claims to be larger than there is room for");
    bytes.resize(all);
    PINTLE_ASSIGN_OR_RETURN(
        read, file_.ReadAt((id + 1) * page_bytes_, all - page_bytes_, bytes.data() + page_bytes_));
    if (read != all - page_bytes_) return Damaged(id, "is cut off");
  }
  return ParsePage(id, std::move(bytes));
}

absl::StatusOr<BoltReader::Step> BoltReader::ParsePage(uint64_t id, std::string bytes) {
  if (bytes.size() < kPageHeadBytes) return Damaged(id, "holds a bucket that is cut off");
  Step step{.id = id, .bytes = std::move(bytes)};
  const std::string_view head = step.bytes;
  uint64_t own_id = 0;
  base::ByteReader(head).TakeFixed64(own_id);
  step.flags = Fixed16(head.substr(8));
  step.count = Fixed16(head.substr(10));
  if (id != 0 && own_id != id) return Damaged(id, "says that it is another one");
  if (step.flags != kLeafPage && step.flags != kBranchPage)
    return Damaged(id, "is neither a branch nor a leaf");
  if (kPageHeadBytes + step.count * kElementBytes > step.bytes.size())
    return Damaged(id, "has more elements than room");
  return step;
}

absl::StatusOr<BoltReader::Element> BoltReader::ElementAt(const Step& step, size_t index) {
  const uint64_t at = kPageHeadBytes + index * kElementBytes;
  base::ByteReader reader(std::string_view(step.bytes).substr(at, kElementBytes));
  Element element;
  uint32_t offset = 0;
  uint32_t key_bytes = 0;
  uint32_t value_bytes = 0;
  const bool leaf = step.flags == kLeafPage;
  if (leaf) reader.TakeFixed32(element.flags);
  reader.TakeFixed32(offset);
  reader.TakeFixed32(key_bytes);
  if (leaf) {
    reader.TakeFixed32(value_bytes);
  } else {
    reader.TakeFixed64(element.page);
  }
  const uint64_t begin = at + offset;
  if (begin > step.bytes.size() || uint64_t{key_bytes} + value_bytes > step.bytes.size() - begin)
    return Damaged(step.id, "has an element that lies outside of it");
  const std::string_view body = std::string_view(step.bytes).substr(begin);
  element.key = body.substr(0, key_bytes);
  element.value = body.substr(key_bytes, value_bytes);
  return element;
}

absl::Status BoltReader::Walk(Step root, const VisitElement& visit) const {
  std::vector<bool> seen(meta_.pages);
  std::vector<Step> path;
  path.push_back(std::move(root));
  std::optional<std::string> last_key;
  while (!path.empty()) {
    Step& step = path.back();
    if (step.next == step.count) {
      path.pop_back();
      continue;
    }
    PINTLE_ASSIGN_OR_RETURN(const Element element, ElementAt(step, step.next++));
    if (step.flags == kBranchPage) {
      if (path.size() == kMaxDepth) return Damaged(step.id, "lies too deep");
      PINTLE_ASSIGN_OR_RETURN(Step child, ReadPage(element.page));
      if (seen[child.id]) return Damaged(child.id, "is used twice");
      seen[child.id] = true;
      path.push_back(std::move(child));
      continue;
    }
    if (element.key.empty() || (last_key && element.key <= *last_key))
      return Damaged(step.id, "has keys that are not in order");
    last_key = element.key;
    PINTLE_RETURN_IF_ERROR(visit(element));
  }
  return absl::OkStatus();
}

absl::Status BoltReader::ForEach(std::string_view bucket, const Visit& visit) const {
  const auto found = std::find(names_.begin(), names_.end(), bucket);
  if (found == names_.end()) return absl::OkStatus();
  const std::string_view head = heads_[static_cast<size_t>(found - names_.begin())];
  uint64_t root = 0;
  base::ByteReader(head).TakeFixed64(root);
  // A small bucket's only page stands where its name does.
  PINTLE_ASSIGN_OR_RETURN(
      Step step,
      root != 0 ? ReadPage(root) : ParsePage(0, std::string(head.substr(kBucketHeadBytes))));
  return Walk(std::move(step), [&visit](const Element& element) {
    if ((element.flags & kBucketElement) != 0)
      return absl::DataLossError("the file has a bucket within a bucket");
    return visit(element.key, element.value);
  });
}

}  // namespace pintle::server::backup
