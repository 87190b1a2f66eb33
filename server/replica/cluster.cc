#include "server/replica/cluster.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/byte_codec.h"
#include "base/fault_point.h"
#include "server/replica/downgrade_codec.h"
#include "server/storage/fatal.h"

namespace pintle::server::replica {
namespace {

MemberList Sorted(std::vector<ClusterMember> members) {
  std::ranges::sort(members, {}, &ClusterMember::id);
  return {.members = std::move(members)};
}

// A member's own words about itself, in `member`.
bool DecodeAttributes(std::string_view body, ClusterMember& member) {
  base::ByteReader reader(body);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.number == 1) member.id = field.integer;
    if (field.number == 4) member.feature_level = static_cast<uint32_t>(field.integer);
    if (field.number == 3) {
      base::ByteReader id(field.bytes);
      if (!id.TakeFixed64(member.data_dir.high) || !id.TakeFixed64(member.data_dir.low)) {
        return false;
      }
    }
    if (field.number != 2) continue;
    base::ByteReader attributes(field.bytes);
    base::WireField attribute;
    while (base::NextField(attributes, attribute)) {
      if (attribute.number == 1) member.name = std::string(attribute.bytes);
      if (attribute.number == 2) member.client_urls.emplace_back(attribute.bytes);
    }
  }
  return reader.ok();
}

bool SaysTheSame(const ClusterMember& a, const ClusterMember& b) {
  return a.name == b.name && a.client_urls == b.client_urls && a.data_dir == b.data_dir &&
         a.feature_level == b.feature_level;
}

}  // namespace

std::string EncodeAttributes(const ClusterMember& member) {
  std::string attributes;
  base::AppendBytesField(attributes, 1, member.name);
  for (const auto& url : member.client_urls) base::AppendMessageField(attributes, 2, url);
  std::string data_dir;
  base::AppendFixed64(data_dir, member.data_dir.high);
  base::AppendFixed64(data_dir, member.data_dir.low);
  std::string out;
  base::AppendVarintField(out, 1, member.id);
  base::AppendMessageField(out, 2, attributes);
  base::AppendMessageField(out, 3, data_dir);
  base::AppendVarintField(out, 4, member.feature_level);
  return out;
}

std::string EncodeFeatureLevel(uint32_t level) {
  std::string out;
  base::AppendFixed32(out, level);
  return out;
}

Cluster::Cluster(std::vector<ClusterMember> initial, kv::Store& store)
    : store_(store), initial_(Sorted(std::move(initial))) {
  Reload();
}

void Cluster::Reload() {
  MemberList list = initial_;
  const std::optional<std::string> bytes = store_.GetMeta(kMembersMeta);
  if (bytes && !DecodeMemberList(*bytes, list)) {
    return storage::Fatal(
        "the list of members in the store cannot be read: it is of a newer version");
  }
  {
    const std::lock_guard lock(mutex_);
    list_ = std::make_shared<const MemberList>(std::move(list));
    recorded_ = bytes.has_value();
    downgrade_target_ = store_.GetMeta(kDowngradeMeta).value_or("");
  }
  on_change_();
}

void Cluster::Store(MemberList list) {
  base::FaultPoint("apply.members");
  store_.PutMeta(kMembersMeta, EncodeMemberList(list));
  {
    const std::lock_guard lock(mutex_);
    list_ = std::make_shared<const MemberList>(std::move(list));
    recorded_ = true;
  }
  on_change_();
}

void Cluster::Begin(std::string_view first_members) {
  MemberList list;
  if (!recorded() && DecodeMemberList(first_members, list)) Store(std::move(list));
}

void Cluster::Publish(std::string_view attributes) {
  ClusterMember said;
  if (!recorded() || !DecodeAttributes(attributes, said)) return;
  MemberList now = *list();
  const auto member = std::ranges::find(now.members, said.id, &ClusterMember::id);
  if (member == now.members.end() || SaysTheSame(*member, said)) return;
  // Whoever lost its data is somebody else.
  if (member->data_dir != storage::DataDirId{} && member->data_dir != said.data_dir) return;
  member->name = std::move(said.name);
  member->client_urls = std::move(said.client_urls);
  member->data_dir = said.data_dir;
  member->feature_level = said.feature_level;
  Store(std::move(now));
}

void Cluster::RaiseFeatureLevel(std::string_view body) {
  base::ByteReader reader(body);
  uint32_t level = 0;
  MemberList now = *list();
  if (!recorded() || !reader.TakeFixed32(level) || level <= now.feature_level) return;
  now.feature_level = level;
  Store(std::move(now));
}

void Cluster::SetDowngrade(std::string_view body) {
  std::string target;
  if (!DecodeDowngrade(body, target) || target == downgrade_target()) return;
  spdlog::info(target.empty() ? "The server is in downgrade cancellation state"
                              : "The server is ready to downgrade");
  store_.PutMeta(kDowngradeMeta, target);
  const std::lock_guard lock(mutex_);
  downgrade_target_ = std::move(target);
}

bool Cluster::Change(uint64_t request_id, std::string_view body, bool joint) {
  MemberChange change;
  if (!recorded() || !DecodeMemberChange(body, change)) return true;
  MemberList now = *list();
  if (joint) {
    now.pending = {request_id, std::move(change)};
  } else {
    Apply(change, now);
  }
  Store(std::move(now));
  return !joint;
}

std::optional<uint64_t> Cluster::FinishChange() {
  MemberList now = *list();
  const std::optional<MemberList::Pending> pending = std::exchange(now.pending, std::nullopt);
  if (!pending) return std::nullopt;
  Apply(pending->change, now);
  Store(std::move(now));
  return pending->request_id;
}

std::shared_ptr<const MemberList> Cluster::list() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

bool Cluster::recorded() const {
  const std::lock_guard lock(mutex_);
  return recorded_;
}

std::string Cluster::downgrade_target() const {
  const std::lock_guard lock(mutex_);
  return downgrade_target_;
}

bool Cluster::Published(const ClusterMember& member) const {
  const std::shared_ptr<const MemberList> now = list();
  const ClusterMember* known = now->Find(member.id);
  return known != nullptr && SaysTheSame(*known, member);
}

}  // namespace pintle::server::replica
