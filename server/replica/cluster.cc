#include "server/replica/cluster.h"

#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/byte_codec.h"

namespace pintle::server::replica {
namespace {

uint64_t FirstBytesOfSha1(std::string_view text) {
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  uint64_t id = 0;
  for (int i = 0; i < 8; ++i) id = (id << 8) | digest[i];
  return id;
}

std::string MetaName(uint64_t member_id) { return absl::StrFormat("member/%016x", member_id); }

}  // namespace

uint64_t MemberIdOf(std::vector<std::string> peer_urls, std::string_view token) {
  std::sort(peer_urls.begin(), peer_urls.end());
  std::string text;
  for (const auto& url : peer_urls) text += url;
  text += token;
  return FirstBytesOfSha1(text);
}

uint64_t ClusterIdOf(std::vector<uint64_t> member_ids) {
  std::sort(member_ids.begin(), member_ids.end());
  std::string text;
  for (const uint64_t id : member_ids) base::AppendBigEndian64(text, id);
  return FirstBytesOfSha1(text);
}

std::string EncodeAttributes(uint64_t member_id, const std::string& name,
                             const std::vector<std::string>& client_urls) {
  std::string attributes;
  base::AppendBytesField(attributes, 1, name);
  for (const auto& url : client_urls) base::AppendMessageField(attributes, 2, url);
  std::string out;
  base::AppendVarintField(out, 1, member_id);
  base::AppendMessageField(out, 2, attributes);
  return out;
}

Cluster::Cluster(std::vector<ClusterMember> members, kv::Store& store)
    : store_(store), members_(std::move(members)) {
  std::sort(members_.begin(), members_.end(),
            [](const ClusterMember& a, const ClusterMember& b) { return a.id < b.id; });
  Reload();
}

void Cluster::Reload() {
  for (const ClusterMember& member : members()) {
    uint64_t id = 0;
    if (const auto body = store_.GetMeta(MetaName(member.id))) Remember(*body, id);
  }
}

bool Cluster::Remember(std::string_view body, uint64_t& member_id) {
  std::string name;
  std::vector<std::string> client_urls;
  base::ByteReader reader(body);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.number == 1) member_id = field.integer;
    if (field.number != 2) continue;
    base::ByteReader attributes(field.bytes);
    base::WireField attribute;
    while (base::NextField(attributes, attribute)) {
      if (attribute.number == 1) name = std::string(attribute.bytes);
      if (attribute.number == 2) client_urls.emplace_back(attribute.bytes);
    }
  }
  const std::lock_guard lock(mutex_);
  for (ClusterMember& member : members_) {
    if (member.id != member_id || !reader.ok()) continue;
    member.name = std::move(name);
    member.client_urls = std::move(client_urls);
    return true;
  }
  return false;
}

void Cluster::Publish(std::string_view body) {
  uint64_t member_id = 0;
  if (Remember(body, member_id)) store_.PutMeta(MetaName(member_id), std::string(body));
}

std::vector<ClusterMember> Cluster::members() const {
  const std::lock_guard lock(mutex_);
  return members_;
}

bool Cluster::published(uint64_t member_id, const std::string& name,
                        const std::vector<std::string>& client_urls) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(members_.begin(), members_.end(), [&](const ClusterMember& member) {
    return member.id == member_id && member.name == name && member.client_urls == client_urls;
  });
}

}  // namespace pintle::server::replica
